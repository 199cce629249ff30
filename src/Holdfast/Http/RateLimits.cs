using System.Collections.Concurrent;

namespace Holdfast.Http;

/// <summary>The documented rate limits, counted on this node: its share of them, without shared state.</summary>
/// <remarks>A window begins with its first request. Keys are ids that exist, or hashes of what a client with a key sends, so the table is bounded by what its key may ask.</remarks>
/// <param name="factor">Times the documented limits; <c>dev</c> has 100.</param>
/// <param name="nodes">The number of configured nodes.</param>
public sealed class RateLimits(TimeProvider clock, double factor = 1, int nodes = 1)
{
    /// <summary>All requests of an API key.</summary>
    public static readonly RateLimit PerApiKey = new("api_key", 6000, TimeSpan.FromSeconds(60));

    /// <summary><c>GET /sso/authorize</c>, per connection.</summary>
    public static readonly RateLimit AuthorizePerConnection = new("authorize", 1000, TimeSpan.FromSeconds(60));

    /// <summary>Logout messages of identity providers, per connection: anybody can send one, and each is checked.</summary>
    public static readonly RateLimit LogoutPerConnection = new("logout", 1000, TimeSpan.FromSeconds(60));

    /// <summary><c>DELETE /organizations/{id}</c>, per API key.</summary>
    public static readonly RateLimit DeleteOrganizationPerApiKey = new("delete_organization", 50, TimeSpan.FromSeconds(60));

    /// <summary><c>POST /sso/token</c> without a secret, per environment: anybody can send that.</summary>
    public static readonly RateLimit PublicExchangePerEnvironment = new("public_exchange", 6000, TimeSpan.FromSeconds(60));

    /// <summary>Reading <c>/user_management/…</c>, per environment.</summary>
    public static readonly RateLimit PeopleReads = new("people_reads", 1000, TimeSpan.FromSeconds(10));

    /// <summary>Writing <c>/user_management/…</c>, per environment.</summary>
    public static readonly RateLimit PeopleWrites = new("people_writes", 500, TimeSpan.FromSeconds(10));

    /// <summary><c>POST /user_management/authenticate</c>, per thing that somebody has been asked (a pending authentication).</summary>
    public static readonly RateLimit AuthenticatePerChallenge = new("challenge", 10, TimeSpan.FromSeconds(60));

    /// <summary>The same of an e-mail address, where applications say from where people come: who tries from elsewhere is slowed, and locks nobody out for long.</summary>
    public static readonly RateLimit AuthenticatePerAddressAnywhere = new("authenticate_anywhere", 60, TimeSpan.FromMinutes(5));

    /// <summary><c>POST /user_management/authenticate</c>, per address; and per address and place, where the application names it.</summary>
    public static readonly RateLimit AuthenticatePerAddress = new("authenticate", 10, TimeSpan.FromSeconds(60));

    /// <summary>Tries to sign in at the hosted pages, per e-mail address and the place they come from.</summary>
    public static readonly RateLimit HostedPerAddressAndPlace = new("hosted_address_place", 10, TimeSpan.FromSeconds(60));

    /// <summary>The same, of an e-mail address from anywhere: many who guess together are slowed, and its owner waits minutes at most.</summary>
    public static readonly RateLimit HostedPerAddress = new("hosted_address", 60, TimeSpan.FromMinutes(5));

    /// <summary>The same, and sign-ins that go on to an identity provider, from one place: an office behind one address signs in, a list of stolen passwords is slow work.</summary>
    public static readonly RateLimit HostedPerPlace = new("hosted_place", 1000, TimeSpan.FromSeconds(60));

    /// <summary>Mails that the hosted pages cause, per place: anybody can ask for them.</summary>
    public static readonly RateLimit HostedMailsPerPlace = new("hosted_mails", 30, TimeSpan.FromMinutes(10));

    /// <summary>Mails that the hosted pages cause to one mailbox, from anywhere: more than one place can ask for, so that a stranger does not use up the owner's.</summary>
    public static readonly RateLimit HostedMailsPerAddress = new("hosted_mails_address", 10, TimeSpan.FromSeconds(60));

    /// <summary>Questions put to passkeys, per place: each is sealed. The page asks as it is opened.</summary>
    public static readonly RateLimit PasskeyQuestionsPerPlace = new("passkey_questions", 1000, TimeSpan.FromSeconds(60));

    /// <summary>Codes made for an address; at the hosted pages for an address from one place.</summary>
    public static readonly RateLimit MagicCodesPerAddress = new("magic_codes", 3, TimeSpan.FromSeconds(60));

    /// <summary>Links to another password made for an address; at the hosted pages for an address from one place.</summary>
    public static readonly RateLimit ResetsPerAddress = new("resets", 3, TimeSpan.FromSeconds(60));

    /// <summary>Codes for another address, and codes that prove one, made for a user.</summary>
    public static readonly RateLimit CodesPerUser = new("user_codes", 3, TimeSpan.FromSeconds(60));

    /// <summary>Requests of devices to be signed in, per place: one place does not use up the environment's.</summary>
    public static readonly RateLimit DevicesPerPlace = new("devices_place", 30, TimeSpan.FromSeconds(60));

    /// <summary>The same, per environment: anybody can send one.</summary>
    public static readonly RateLimit DevicesPerEnvironment = new("devices", 600, TimeSpan.FromSeconds(60));

    /// <summary>Codes of devices typed in, right or wrong, from one address: of sixty-four million that a node may have shown, few are tried.</summary>
    public static readonly RateLimit DeviceCodesPerIp = new("device_codes", 10, TimeSpan.FromSeconds(60));

    /// <summary>Wrong tries of one mailed code; where it is known from where they come, from one place.</summary>
    public static readonly RateLimit GuessesPerCode = new("guesses", 5, TimeSpan.FromMinutes(10)) { IsShared = false };

    /// <summary>Wrong tries of an address's mailed codes, however many there are: of a million, some five hundred a day are tried.</summary>
    public static readonly RateLimit GuessesPerAddress = new("address_guesses", 20, TimeSpan.FromHours(1));

    /// <summary>Tries of one challenge. Each is counted before it is looked at, so that tries at once are too.</summary>
    public static readonly RateLimit TriesPerChallenge = new("challenge_tries", 5, TimeSpan.FromMinutes(10)) { IsShared = false };

    /// <summary>Challenges made of a factor: each is a row.</summary>
    public static readonly RateLimit ChallengesPerFactor = new("challenges", 10, TimeSpan.FromSeconds(60));

    /// <summary>Tries of a factor, or of a person's recovery codes, however many challenges there are; the right ones are given back.</summary>
    public static readonly RateLimit TriesPerFactor = new("factor_tries", 20, TimeSpan.FromHours(1));

    /// <summary>Wrong tries of one mailed code from all places together, where it is known from where they come.</summary>
    public static readonly RateLimit GuessesPerCodeAnywhere = new("guesses_anywhere", 20, TimeSpan.FromMinutes(10)) { IsShared = false };

    /// <summary>The same of an address, from all places together: a stranger who guesses does not keep the owner's own code from being taken.</summary>
    public static readonly RateLimit GuessesPerAddressAnywhere = new("address_guesses_anywhere", 60, TimeSpan.FromHours(1));

    /// <summary>Refreshes of one session. A storm of them is answered; a loop fills no journal.</summary>
    public static readonly RateLimit RefreshesPerSession = new("refreshes", 600, TimeSpan.FromMinutes(10));

    private const int MostWindows = 100_000;

    private readonly ConcurrentDictionary<(string Limit, string Key), Window> _windows = new();
    private long _forgotAt = clock.GetTimestamp() - TimeSpan.TicksPerDay;
    private int _made;   // about as many as there are: the dictionary's own count takes all of its locks

    /// <summary>The key of what a client names: an address, a user. As a hash, so that none is long, and none is kept as it is.</summary>
    public static string KeyOf(string environmentId, string what) => Caller.Hash($"{environmentId}\n{what}");

    /// <summary>Counts one request. Null when it may pass; else the seconds until the window ends.</summary>
    public int? Count(RateLimit limit, string key)
    {
        var now = clock.GetTimestamp();
        Forget(now);
        var most = Most(limit);
        var current = _windows.AddOrUpdate(
            (limit.Name, key),
            _ =>
            {
                Interlocked.Increment(ref _made);
                return new Window(now, 1, limit.Per);
            },
            (_, window) => clock.GetElapsedTime(window.BeganAt, now) >= limit.Per ? new Window(now, 1, limit.Per) : window with { Requests = window.Requests + 1 });
        return current.Requests <= most
            ? null
            : (int)Math.Max(1, Math.Ceiling((limit.Per - clock.GetElapsedTime(current.BeganAt, now)).TotalSeconds));
    }

    /// <summary>Counts a guess by all of its bounds, before it is looked at: guesses at once are counted too. Whether one of them was reached already; then the others are as before.</summary>
    public bool IsOneTooMany(params ReadOnlySpan<(RateLimit Limit, string Key)> bounds)
    {
        for (var i = 0; i < bounds.Length; i++)
        {
            if (Count(bounds[i].Limit, bounds[i].Key) is not null)
            {
                GiveBack(bounds[..i]);
                return true;
            }
        }
        return false;
    }

    /// <summary>Takes back one that was counted: it was no guess.</summary>
    public void GiveBack(params ReadOnlySpan<(RateLimit Limit, string Key)> bounds)
    {
        foreach (var (limit, key) in bounds)
        {
            GiveBack(limit, key);
        }
    }

    /// <summary>The same of one.</summary>
    public void GiveBack(RateLimit limit, string key)
    {
        while (_windows.TryGetValue((limit.Name, key), out var window))
        {
            if (window.Requests <= 1)
            {
                if (_windows.TryRemove(KeyValuePair.Create((limit.Name, key), window)))
                {
                    Interlocked.Decrement(ref _made);   // as if it had never begun: whoever types in what is right leaves nothing here
                    return;
                }
            }
            else if (_windows.TryUpdate((limit.Name, key), window with { Requests = window.Requests - 1 }, window))
            {
                return;
            }
            // Somebody counted meanwhile: once more, from what there is now.
        }
    }

    /// <summary>Whether a limit is reached, without counting.</summary>
    public bool IsReached(RateLimit limit, string key) => _windows.TryGetValue((limit.Name, key), out var window)
        && clock.GetElapsedTime(window.BeganAt) < limit.Per && window.Requests >= Most(limit);

    private long Most(RateLimit limit) => Math.Max(1, (long)(limit.Requests * factor / (limit.IsShared ? nodes : 1)));

    /// <summary>Forgets windows that are over, when there are many, and not more often than once a second.</summary>
    private void Forget(long now)
    {
        var last = Volatile.Read(ref _forgotAt);
        if (Volatile.Read(ref _made) <= MostWindows || clock.GetElapsedTime(last, now) < TimeSpan.FromSeconds(1) || Interlocked.CompareExchange(ref _forgotAt, now, last) != last)
        {
            return;
        }
        foreach (var (old, window) in _windows)
        {
            if (clock.GetElapsedTime(window.BeganAt, now) >= window.Per)
            {
                _windows.TryRemove(old, out _);
            }
        }
        Volatile.Write(ref _made, _windows.Count);
    }

    private sealed record Window(long BeganAt, long Requests, TimeSpan Per);
}

/// <summary>So many requests per so much time.</summary>
public sealed record RateLimit(string Name, int Requests, TimeSpan Per)
{
    /// <summary>Whether each node has its share only. What is of one thing, at the one node that decides about it, is not divided.</summary>
    public bool IsShared { get; init; } = true;
}
