using System.Collections.Concurrent;

namespace Holdfast.Http;

/// <summary>The documented rate limits, counted on this node: its share of them, without shared state.</summary>
/// <remarks>A window begins with its first request. Keys are ids that exist, never what a stranger sends, so the table is bounded by the environment.</remarks>
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

    /// <summary><c>POST /user_management/authenticate</c>, per address.</summary>
    public static readonly RateLimit AuthenticatePerAddress = new("authenticate", 10, TimeSpan.FromSeconds(60));

    /// <summary>Codes made for an address.</summary>
    public static readonly RateLimit MagicCodesPerAddress = new("magic_codes", 3, TimeSpan.FromSeconds(60));

    /// <summary>Tries of a mailed code, right or wrong.</summary>
    public static readonly RateLimit GuessesPerCode = new("guesses", 5, TimeSpan.FromMinutes(10));

    private const int MostWindows = 100_000;

    private readonly ConcurrentDictionary<(string Limit, string Key), Window> _windows = new();
    private int _made;   // about as many as there are: the dictionary's own count takes all of its locks

    /// <summary>Counts one request. Null when it may pass; else the seconds until the window ends.</summary>
    public int? Count(RateLimit limit, string key)
    {
        var now = clock.GetTimestamp();
        if (Volatile.Read(ref _made) > MostWindows)
        {
            foreach (var (old, window) in _windows)
            {
                if (clock.GetElapsedTime(window.BeganAt, now) > TimeSpan.FromMinutes(2))
                {
                    _windows.TryRemove(old, out _);
                }
            }
            Volatile.Write(ref _made, _windows.Count);
        }
        var most = Math.Max(1, (long)(limit.Requests * factor / nodes));
        var current = _windows.AddOrUpdate(
            (limit.Name, key),
            _ =>
            {
                Interlocked.Increment(ref _made);
                return new Window(now, 1);
            },
            (_, window) => clock.GetElapsedTime(window.BeganAt, now) >= limit.Per ? new Window(now, 1) : window with { Requests = window.Requests + 1 });
        return current.Requests <= most
            ? null
            : (int)Math.Max(1, Math.Ceiling((limit.Per - clock.GetElapsedTime(current.BeganAt, now)).TotalSeconds));
    }

    private sealed record Window(long BeganAt, long Requests);
}

/// <summary>So many requests per so much time.</summary>
public sealed record RateLimit(string Name, int Requests, TimeSpan Per);
