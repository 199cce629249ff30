using System.Text.Json;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Protocols.OpenIdConnect;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>Exchanges a one-time code for a profile and a token that shows it (RFC 6749 §4.1.3).</summary>
/// <remarks>SDKs send a form, others JSON, the description has a query: all are read. The client's secret is an API key of the environment.</remarks>
internal sealed class ExchangeCode(
    Database database, EnvironmentStore environments, SignInStore signIns, Idempotency idempotency, ProfileToken tokens, RateLimits limits, Ids ids, SsoOptions options,
    ForwardToAuthority authority, Connections connections)
{
    private const int MaxBytes = 64 * 1024;
    private const int LongestCode = 256;

    public async Task<IResult> HandleAsync(HttpContext http)
    {
        var (asked, refusal) = await ReadAsync(http);
        if (asked is null)
        {
            return refusal!;
        }
        string? Get(string name) => asked.TryGetValue(name, out var value) && value.Length > 0 ? value : null;
        if (Get("grant_type") is not { } grant || Get("client_id") is not { } clientId || Get("code") is not { } code)
        {
            return ApiError.OAuth("invalid_request", "grant_type, client_id and code are needed.");
        }
        if (grant != "authorization_code")
        {
            return ApiError.OAuth("unsupported_grant_type", "grant_type must be authorization_code.");
        }
        if (environments.FindByClient(clientId) is not { } environmentId)
        {
            return ApiError.OAuth("invalid_client", "There is no such client.");
        }
        var verifier = Get("code_verifier");
        Caller? caller = null;
        if ((Get("client_secret") ?? Bearer(http)) is { } secret)
        {
            if ((caller = Caller.Find(secret, database)) is null || caller.EnvironmentId != environmentId)
            {
                return ApiError.OAuth("invalid_client", "The client's secret is not right.");
            }
            if (ForwardedRequest.Of(http) is null && limits.Count(RateLimits.PerApiKey, caller.ApiKeyId) is { } wait)   // once, where it came in
            {
                return ApiError.TooManyRequests(wait);
            }
        }
        else if (verifier is null)
        {
            return ApiError.OAuth("invalid_client", "Without client_secret, code_verifier is needed.");
        }
        else if (limits.Count(RateLimits.PublicExchangePerEnvironment, environmentId) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var operation = await idempotency.BeginAsync(http, environmentId, caller?.ApiKeyId ?? clientId);
        if (code.IndexOf('.', StringComparison.Ordinal) is var end and > 0 && code[..end] is var incarnation && incarnation != database.Incarnation)
        {
            switch (await authority.TryAsync(http, incarnation, ForwardToAuthority.CodeBudget))
            {
                case Forwarded.Answered:
                    return Results.Empty;
                case Forwarded.Away:
                    return SsoErrors.AuthorityUnavailable;
            }
        }
        var isPublic = caller is null;
        var redeemed = code.Length > LongestCode
            ? null
            : await signIns.RedeemAsync(code, environmentId, clientId, Get("redirect_uri"), challenge => Proves(challenge, verifier, isPublic), operation.RequestId, ids);
        return redeemed is null
            ? ApiError.OAuth("invalid_grant", "The code is not valid: it was used, has expired, or was made for something else.")
            : ApiAnswer.Ok(new Body("Bearer", tokens.Make(redeemed), (int)options.ProfileTokenLifetime.TotalSeconds, redeemed.Profile.ToBody(connections.Find(redeemed.Profile.ConnectionId))));
    }

    /// <summary>A challenge always needs its verifier, and a verifier a challenge: else either could be stripped (RFC 9700 §4.8.2).</summary>
    private static bool Proves(string? challenge, string? verifier, bool isPublic) =>
        challenge is null ? verifier is null && !isPublic : verifier is not null && Pkce.IsVerifier(verifier) && Pkce.Matches(verifier, challenge);

    private static string? Bearer(HttpContext http) =>
        http.Request.Headers.Authorization.ToString() is var header && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header["Bearer ".Length..] : null;

    private static async Task<(Dictionary<string, string>? Asked, ApiAnswer? Refusal)> ReadAsync(HttpContext http)
    {
        var asked = new Dictionary<string, string>(StringComparer.Ordinal);
        var repeated = ApiError.OAuth("invalid_request", "A parameter stands in the request twice.");
        foreach (var (name, values) in http.Request.Query)
        {
            if (values.Count != 1 || !asked.TryAdd(name, values.ToString()))
            {
                return (null, repeated);
            }
        }
        if ((http.Request.ContentType ?? "").StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase))
        {
            var (form, refusal) = await Forms.ReadAsync(http, MaxBytes);
            foreach (var (name, values) in form ?? [])
            {
                if (values.Count != 1 || !asked.TryAdd(name, values.ToString()))
                {
                    return (null, repeated);
                }
            }
            return form is null ? (null, refusal) : (asked, null);
        }
        if (await JsonBody.ReadBytesAsync(http, MaxBytes) is { Refusal: { } tooLarge })
        {
            return (null, tooLarge);
        }
        var (json, fault) = await JsonBody.ReadAsync<Dictionary<string, JsonElement>>(http);
        try
        {
            foreach (var (name, value) in json ?? [])
            {
                if (value.ValueKind == JsonValueKind.String && !asked.TryAdd(name, value.GetString()!))
                {
                    return (null, repeated);
                }
            }
        }
        catch (InvalidOperationException)
        {
            return (null, ApiError.OAuth("invalid_request", "A parameter holds half of a surrogate pair."));
        }
        return json is null ? (null, fault) : (asked, null);
    }

    internal sealed record Body(string TokenType, string AccessToken, int ExpiresIn, ProfileBody Profile);
}

/// <summary>The token that shows one profile for ten minutes: sealed, so that any node reads it and no table is needed.</summary>
internal sealed class ProfileToken(ClusterKeys keys, SsoOptions options, TimeProvider clock)
{
    private const string Purpose = "sso-profile-token";

    public string Make(Redemption redeemed) => SealedToken.Make(keys, Purpose, redeemed.Profile.EnvironmentId,
        new Content(redeemed.Profile.Id, redeemed.CodeId, (clock.GetUtcNow() + options.ProfileTokenLifetime).ToUnixTimeMilliseconds()));

    /// <summary>What a token says; null when it is not ours, was changed, or is over.</summary>
    public (string EnvironmentId, string ProfileId, string CodeId)? Read(string token) =>
        SealedToken.Read<Content>(keys, Purpose, token) is var (environmentId, content) && content.ExpiresAt > clock.GetUtcNow().ToUnixTimeMilliseconds()
            ? (environmentId, content.ProfileId, content.CodeId)
            : null;

    private sealed record Content(string ProfileId, string CodeId, long ExpiresAt);
}
