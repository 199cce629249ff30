using System.Text;
using Holdfast.AuthKit.Pages;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Devices that ask to be signed in (RFC 8628). A request is a single-use item with a row (decision 0033), bounded for each place, environment and node because anybody can ask. The device's own
/// code is sealed and says which node decides (law 5); the code that a person types in is found by any node that has the row, and its first letters lead to the one that made it where it has not come yet.</summary>
internal sealed class DeviceCodes(Database database, ClusterKeys keys, PublicAddress address, OAuthClients clients, Acts acts, RateLimits limits, Entropy entropy, TimeProvider clock)
{
    /// <summary>How long a request may be answered.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <summary>How long a device pauses between two questions, at least; and what is added when it does not (RFC 8628 §3.5).</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>The most requests of this node that wait at once: each is a row, and they are over in five minutes.</summary>
    public const int Most = 5_000;

    /// <summary>The same, of one environment: what strangers send to one leaves the others theirs.</summary>
    public const int MostOfEnvironment = 1_000;

    private const string Purpose = "device-code";

    /// <summary>No vowels and nothing that is read as a digit (RFC 8628 §6.1).</summary>
    private const string Alphabet = "BCDFGHJKLMNPQRSTVWXZ";

    private const int PlaceLetters = 2;
    private const int RandomLetters = 6;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Pace> _paces = new(StringComparer.Ordinal);

    internal sealed record Body(
        string DeviceCode, string UserCode, string VerificationUri, string VerificationUriComplete, int ExpiresIn, int Interval);

    /// <summary>What the device's code holds.</summary>
    /// <param name="ExpiresAt">Unix milliseconds.</param>
    internal sealed record Request(string Id, string ClientId, string Authority, long ExpiresAt);

    /// <summary>How a device asks. In memory alone: what a restart forgets is that one has asked too often.</summary>
    private sealed class Pace(string environmentId, DateTimeOffset expiresAt)
    {
        public string EnvironmentId { get; } = environmentId;

        public DateTimeOffset ExpiresAt { get; } = expiresAt;

        public TimeSpan Interval { get; set; } = DeviceCodes.Interval;

        public long? AskedAt { get; set; }
    }

    public async Task<ApiAnswer> BeginAsync(HttpContext http)
    {
        var (asked, refusal) = await OAuthParameters.ReadAsync(http);
        if (asked is null)
        {
            return refusal!;
        }
        if (asked.Find("client_id") is not { } clientId)
        {
            return AuthKitErrors.Missing("client_id");
        }
        var (client, unknown) = clients.Find(http, asked, clientId);
        if (client is null)
        {
            return unknown!;
        }
        if ((limits.Count(RateLimits.DevicesPerPlace, HostedLimits.PlaceOf(http)) ?? limits.Count(RateLimits.DevicesPerEnvironment, client.EnvironmentId)) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var id = Ids.Of(Ids.DeviceRequest, clock.GetUtcNow(), entropy.Bytes(10));
        if (!TryWait(id, client.EnvironmentId))
        {
            return ApiError.TooManyRequests((int)Lifetime.TotalSeconds);
        }
        var (userCode, expiresAt) = await MakeAsync(http, client, id);
        http.Response.Headers.CacheControl = "no-store";
        var (page, shown) = ($"{ServedUnder.BaseOf(http, address)}{AskDeviceCode.Path}", Show(userCode));
        return ApiAnswer.Ok(new Body(
            SealedToken.MakeFor(keys, Purpose, client.EnvironmentId, database.Incarnation, new Request(id, client.Id, database.Incarnation, expiresAt)),
            shown, page, $"{page}?user_code={shown}", (int)Lifetime.TotalSeconds, (int)Interval.TotalSeconds));
    }

    /// <summary>The row of a request, under a code that no other has here.</summary>
    private async Task<(string UserCode, long ExpiresAt)> MakeAsync(HttpContext http, OAuthClients.Client client, string id)
    {
        var (place, from) = (PlaceOf(database.Incarnation), http.Connection.RemoteIpAddress?.ToString());
        while (true)
        {
            var code = place + Letters(entropy.Bytes(8), RandomLetters);
            var expiresAt = await database.RecordAsync(http, view =>
            {
                var act = acts.Of(client.EnvironmentId);
                return DeviceRequest.OfCode(view, keys, code, act.Time) is not null
                    ? Decide.Nothing<long?>(null)
                    : Decide.To<long?>((act.Now + Lifetime).ToUnixTimeMilliseconds(), DeviceRequest.Issue(act, id, keys, code, client.Id, from, Lifetime));
            });
            if (expiresAt is { } until)
            {
                return (code, until);
            }
        }
    }

    /// <summary>What a device's code holds; null when it is not one of this client.</summary>
    public Request? Open(OAuthClients.Client client, string deviceCode) =>
        SealedToken.ReadFor<Request>(keys, Purpose, client.EnvironmentId, deviceCode, r => r.Authority) is { } request && request.ClientId == client.Id ? request : null;

    /// <summary>A device asks whether it is answered. Whether it may ask already; too soon makes the pause longer.</summary>
    public bool MayAsk(OAuthClients.Client client, Request request)
    {
        lock (_gate)
        {
            var now = clock.GetTimestamp();
            if (!_paces.TryGetValue(request.Id, out var waiting))
            {
                Forget();   // it is from before this process began
                _paces[request.Id] = waiting = new Pace(client.EnvironmentId, DateTimeOffset.FromUnixTimeMilliseconds(request.ExpiresAt));
            }
            var isTooSoon = waiting.AskedAt is { } at && clock.GetElapsedTime(at, now) < waiting.Interval;
            waiting.AskedAt = now;
            waiting.Interval += isTooSoon ? Interval : TimeSpan.Zero;
            return !isTooSoon;
        }
    }

    /// <summary>The request whose code somebody typed in; null when this node knows none of it.</summary>
    /// <param name="userCode">In any case, with or without its hyphen.</param>
    public DeviceRequest? Find(string userCode) =>
        Normal(userCode) is { } code ? database.Read(view => DeviceRequest.OfCode(view, keys, code, clock.GetUtcNow().ToUnixTimeMilliseconds())) : null;

    /// <summary>Which of these lives may have shown a code: its first letters say. By chance several.</summary>
    public IEnumerable<string> MayHaveShown(string userCode, IEnumerable<string> incarnations) =>
        Normal(userCode) is { } code ? incarnations.Where(i => code.StartsWith(PlaceOf(i), StringComparison.Ordinal)) : [];

    /// <summary>The letters of a code; null when it cannot be one.</summary>
    public static string? Normal(string typed)
    {
        if (typed.Length > 32)
        {
            return null;
        }
        var code = new string([.. typed.Where(char.IsAsciiLetter).Select(char.ToUpperInvariant)]);
        return code.Length == PlaceLetters + RandomLetters && code.All(c => Alphabet.Contains(c, StringComparison.Ordinal)) ? code : null;
    }

    /// <summary>As it is shown: two groups.</summary>
    public static string Show(string code) => $"{code[..4]}-{code[4..]}";

    /// <summary>Takes a place for one more; false when there is none.</summary>
    private bool TryWait(string id, string environmentId)
    {
        var now = clock.GetUtcNow();
        lock (_gate)
        {
            Forget();
            if (_paces.Values.Count(w => w.ExpiresAt > now) >= Most || _paces.Values.Count(w => w.EnvironmentId == environmentId && w.ExpiresAt > now) >= MostOfEnvironment)
            {
                return false;
            }
            _paces[id] = new Pace(environmentId, now + Lifetime);
            return true;
        }
    }

    /// <summary>Forgets what is over, when there is much.</summary>
    private void Forget()
    {
        if (_paces.Count < Most / 2)
        {
            return;
        }
        var now = clock.GetUtcNow();
        foreach (var (id, _) in _paces.Where(w => w.Value.ExpiresAt <= now).ToList())
        {
            _paces.Remove(id);
        }
    }

    private string PlaceOf(string incarnation) => Letters(keys.Mac("device-place", "", incarnation), PlaceLetters);

    private static string Letters(ReadOnlySpan<byte> bytes, int count)
    {
        var number = System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes);
        var text = new StringBuilder();
        for (var i = 0; i < count; i++)
        {
            text.Append(Alphabet[(int)(number % (ulong)Alphabet.Length)]);
            number /= (ulong)Alphabet.Length;
        }
        return text.ToString();
    }
}
