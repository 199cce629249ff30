using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>Exchanges a one-time code for a profile and a token that shows it (RFC 6749 §4.1.3).</summary>
internal sealed class ExchangeCode(
    OAuthClients clients, SignInStore signIns, Idempotency idempotency, ProfileToken tokens, RateLimits limits, Ids ids, SsoOptions options, ToCodesAuthority authority,
    Connections connections, Freshness freshness)
{
    public async Task<IResult> HandleAsync(HttpContext http)
    {
        var (asked, refusal) = await OAuthParameters.ReadAsync(http, fromQuery: true);
        if (asked is null)
        {
            return refusal!;
        }
        if (asked.Find("grant_type") is not { } grant || asked.Find("client_id") is not { } clientId || asked.Find("code") is not { } code)
        {
            return ApiError.OAuth("invalid_request", "grant_type, client_id and code are needed.");
        }
        if (grant != "authorization_code")
        {
            return ApiError.OAuth("unsupported_grant_type", "grant_type must be authorization_code.");
        }
        var (client, unknown) = clients.Find(http, asked, clientId);
        if (client is null)
        {
            return unknown!;
        }
        var shown = new ShownCode(code, asked.Find("redirect_uri"), asked.Find("code_verifier"), client.IsPublic);
        if (shown.Verifier is null && client.IsPublic)
        {
            return ApiError.OAuth("invalid_client", "Without client_secret, code_verifier is needed.");
        }
        if (client.IsPublic && !signIns.Knows(shown) && limits.Count(RateLimits.PublicExchangePerEnvironment, client.EnvironmentId) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var operation = await idempotency.BeginAsync(http, client.EnvironmentId, client.Owner);
        if (await authority.TryAsync(http, code) is { } answer)
        {
            return answer;
        }
        var redeemed = await signIns.RedeemAsync(shown, client, operation.RequestId, ids, (view, redemption) =>
        {
            freshness.Require(view, client.EnvironmentId, redemption.Profile?.OrganizationId);
            return Decide.Nothing(redemption.Profile is null ? null : redemption);
        });
        return redeemed is null
            ? SsoErrors.InvalidCode
            : ApiAnswer.Ok(new Body("Bearer", tokens.Make(redeemed), (int)options.ProfileTokenLifetime.TotalSeconds, redeemed.Profile!.ToBody(connections.Find(redeemed.Profile!.ConnectionId))));
    }

    internal sealed record Body(string TokenType, string AccessToken, int ExpiresIn, ProfileBody Profile);
}

/// <summary>The token that shows one profile for ten minutes: sealed, so that any node reads it and no table is needed.</summary>
internal sealed class ProfileToken(ClusterKeys keys, SsoOptions options, TimeProvider clock)
{
    private const string Purpose = "sso-profile-token";

    public string Make(Redemption redeemed) => SealedToken.Make(keys, Purpose, redeemed.Profile!.EnvironmentId,
        new Content(redeemed.Profile!.Id, redeemed.CodeId, (clock.GetUtcNow() + options.ProfileTokenLifetime).ToUnixTimeMilliseconds()));

    /// <summary>What a token says; null when it is not ours, was changed, or is over.</summary>
    public (string EnvironmentId, string ProfileId, string CodeId)? Read(string token) =>
        SealedToken.Read<Content>(keys, Purpose, token) is var (environmentId, content) && content.ExpiresAt > clock.GetUtcNow().ToUnixTimeMilliseconds()
            ? (environmentId, content.ProfileId, content.CodeId)
            : null;

    private sealed record Content(string ProfileId, string CodeId, long ExpiresAt);
}
