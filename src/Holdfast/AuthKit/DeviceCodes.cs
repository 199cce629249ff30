using System.Text;
using Holdfast.AuthKit.Pages;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Devices that ask to be signed in (RFC 8628). Anybody can ask, so a request is kept in the memory of the node that took it, and nowhere else; what somebody who has proven who they
/// are answers to it is a fact (decision 0002). The device's own code is sealed and says which node that is (law 5); the code that a person types in begins with letters that lead there.</summary>
internal sealed class DeviceCodes(Database database, ClusterKeys keys, PublicAddress address, OAuthClients clients, RateLimits limits, Entropy entropy, TimeProvider clock)
{
    /// <summary>How long a request may be answered.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <summary>How long a device pauses between two questions, at least; and what is added when it does not (RFC 8628 §3.5).</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>The most requests that wait at once.</summary>
    public const int Most = 10_000;

    /// <summary>The same, of one environment: what strangers send to one leaves the others theirs.</summary>
    public const int MostOfEnvironment = 1_000;

    private const string Purpose = "device-code";

    /// <summary>No vowels and nothing that is read as a digit (RFC 8628 §6.1).</summary>
    private const string Alphabet = "BCDFGHJKLMNPQRSTVWXZ";

    private const int PlaceLetters = 2;
    private const int RandomLetters = 6;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Waiting> _byUserCode = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Waiting> _byId = new(StringComparer.Ordinal);

    internal sealed record Body(
        string DeviceCode, string UserCode, string VerificationUri, string VerificationUriComplete, int ExpiresIn, int Interval);

    /// <summary>What the device's code holds.</summary>
    /// <param name="ExpiresAt">Unix milliseconds.</param>
    internal sealed record Request(string Id, string ClientId, string Authority, long ExpiresAt);

    /// <summary>A request that waits for its answer.</summary>
    internal sealed class Waiting(string id, string environmentId, string clientId, string userCode, DateTimeOffset expiresAt)
    {
        public string Id { get; } = id;

        public string EnvironmentId { get; } = environmentId;

        public string ClientId { get; } = clientId;

        public string UserCode { get; } = userCode;

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
        if (Add(client) is not { } waiting)
        {
            return ApiError.TooManyRequests((int)Lifetime.TotalSeconds);
        }
        http.Response.Headers.CacheControl = "no-store";
        var (page, shown) = ($"{address.Url}/device", Show(waiting.UserCode));
        return ApiAnswer.Ok(new Body(
            SealedToken.Make(keys, Purpose, client.EnvironmentId, new Request(waiting.Id, client.Id, database.Incarnation, waiting.ExpiresAt.ToUnixTimeMilliseconds())),
            shown, page, $"{page}?user_code={shown}", (int)Lifetime.TotalSeconds, (int)Interval.TotalSeconds));
    }

    /// <summary>What a device's code holds; null when it is not one of this client.</summary>
    public Request? Open(OAuthClients.Client client, string deviceCode) =>
        SealedToken.Read<Request>(keys, Purpose, client.EnvironmentId, deviceCode) is { } request && request.ClientId == client.Id ? request : null;

    /// <summary>A device asks whether it is answered. Whether it may ask already; too soon makes the pause longer.</summary>
    public bool MayAsk(OAuthClients.Client client, Request request)
    {
        lock (_gate)
        {
            var now = clock.GetTimestamp();
            if (!_byId.TryGetValue(request.Id, out var waiting))
            {
                // From before this process began: it can be answered no more, but it may have been.
                Forget();
                _byId[request.Id] = waiting = new Waiting(request.Id, client.EnvironmentId, client.Id, "", DateTimeOffset.FromUnixTimeMilliseconds(request.ExpiresAt));
            }
            var isTooSoon = waiting.AskedAt is { } at && clock.GetElapsedTime(at, now) < waiting.Interval;
            waiting.AskedAt = now;
            waiting.Interval += isTooSoon ? Interval : TimeSpan.Zero;
            return !isTooSoon;
        }
    }

    /// <summary>The request whose code somebody typed in; null when this node has none of it.</summary>
    /// <param name="userCode">In any case, with or without its hyphen.</param>
    public Waiting? Find(string userCode)
    {
        lock (_gate)
        {
            return Normal(userCode) is { } code && _byUserCode.TryGetValue(code, out var waiting) && waiting.ExpiresAt > clock.GetUtcNow() ? waiting : null;
        }
    }

    /// <summary>The request of this id, if this node has it and it is not over.</summary>
    public Waiting? FindById(string id)
    {
        lock (_gate)
        {
            return _byId.TryGetValue(id, out var waiting) && waiting.UserCode.Length > 0 && waiting.ExpiresAt > clock.GetUtcNow() ? waiting : null;
        }
    }

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

    private Waiting? Add(OAuthClients.Client client)
    {
        var now = clock.GetUtcNow();
        lock (_gate)
        {
            Forget();
            if (_byUserCode.Count >= Most || _byUserCode.Values.Count(w => w.EnvironmentId == client.EnvironmentId && w.ExpiresAt > now) >= MostOfEnvironment)
            {
                return null;
            }
            var place = PlaceOf(database.Incarnation);
            string code;
            do
            {
                code = place + Letters(entropy.Bytes(8), RandomLetters);
            }
            while (_byUserCode.ContainsKey(code));
            var waiting = new Waiting(Ids.Of(Ids.DeviceRequest, now, entropy.Bytes(10)), client.EnvironmentId, client.Id, code, now + Lifetime);
            return _byUserCode[code] = _byId[waiting.Id] = waiting;
        }
    }

    /// <summary>Forgets what is over, when there is much.</summary>
    private void Forget()
    {
        if (_byId.Count < Most / 2)
        {
            return;
        }
        var now = clock.GetUtcNow();
        foreach (var over in _byId.Values.Where(w => w.ExpiresAt <= now).ToList())
        {
            _byId.Remove(over.Id);
            _byUserCode.Remove(over.UserCode);
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

/// <summary>What somebody answered to a device.</summary>
/// <param name="UserId">Null for: no.</param>
internal sealed record DeviceAnswer(string? UserId, string? OrganizationId, string? CredentialId, string? FactorId, string Method)
{
    public static DeviceAnswer? Find(View view, string environmentId, string requestId) => view.Find<DeviceAnswer>(
        "SELECT user_id AS UserId, organization_id AS OrganizationId, credential_id AS CredentialId, factor_id AS FactorId, method AS Method FROM device_answers WHERE id = @requestId AND environment_id = @environmentId",
        new { requestId, environmentId });

    /// <summary>The answer of somebody who has proven who they are. The first one stays.</summary>
    /// <param name="who">Null for: no.</param>
    public static Decision<bool> Give(View view, Act act, DeviceCodes.Waiting waiting, SignedIn? who, string method) =>
        waiting.ExpiresAt <= act.Now || waiting.EnvironmentId != act.EnvironmentId || Find(view, act.EnvironmentId, waiting.Id) is not null
            ? Decide.Nothing(false)
            : Decide.To(true, Change.To(Schema.DeviceAnswers, waiting.Id,
                ("environment_id", act.EnvironmentId), ("user_id", who?.UserId), ("organization_id", who?.OrganizationId), ("credential_id", who?.CredentialId), ("factor_id", who?.FactorId),
                ("method", method), ("created_at", act.Time), ("expires_at", (waiting.ExpiresAt + DeviceCodes.Lifetime).ToUnixTimeMilliseconds())));
}
