using System.Globalization;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Goes on with a session, in the same organization or another one. Any node does, the primary there or not (RFC 6749 §6; decision 0009).</summary>
internal sealed class GrantByRefreshToken(Database database, RefreshTokens refreshTokens, Acts acts, SessionAnswer answers, SessionCookies cookies, Freshness freshness, RateLimits limits)
{
    public async Task<IResult> HandleAsync(Authenticate.Asked asked)
    {
        var text = asked.Find("refresh_token");
        if (text is null && asked.IsBrowser)   // a page that is not registered must not use what the browser sends along by itself
        {
            text = cookies.Read(asked.Http, asked.Client.Id);
            asked = asked with { IsByCookie = true };
            if (text is null)
            {
                return AuthKitErrors.SessionEnded;
            }
        }
        if (text is null)
        {
            return AuthKitErrors.Missing("refresh_token");
        }
        var environmentId = asked.Client.EnvironmentId;
        if (refreshTokens.Open(environmentId, text) is not { Session: var token } shown || refreshTokens.FindKey(environmentId, token.KeyId) is not { } key)
        {
            return AuthKitErrors.SessionEnded;
        }
        if (shown.NeedsSecret && asked.Client.IsPublic)
        {
            return ApiError.OAuth("invalid_client", "This session began with client_secret, and needs it.");
        }
        if (limits.Count(RateLimits.RefreshesPerSession, token.SessionId) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var organizationId = asked.Find("organization_id");
        var ruling = await database.RecordAsync(asked.Http, view => Decide(view, acts.Of(asked.Operation), freshness, token, key, organizationId));
        return ruling switch
        {
            { Answer: { } next } => answers.Of(asked, next, shown),
            { Refused: Refusal.NotFound } => AuthKitErrors.NoMembership,
            { Refused: Refusal.FactorMissing } => AuthKitErrors.FactorNeeded,
            { Refused: Refusal.ProviderNeeded } when database.Read(view => SsoRequired.Of(view, environmentId, token.UserId, organizationId!, token.Method)) is { } demand => AuthKitErrors.SsoRequired(demand),
            _ => Ended(asked),
        };
    }

    /// <param name="organizationId">Where they act from now on; null to stay.</param>
    public static Decision<Ruling<RefreshToken>> Decide(View view, Act act, Freshness freshness, RefreshToken token, SuccessorKey key, string? organizationId)
    {
        freshness.Require(view, act.EnvironmentId, organizationId ?? token.ActsIn);
        var isBirthApplied = Births.IsApplied(view, token.Birth.Incarnation, long.Parse(token.Birth.Position, CultureInfo.InvariantCulture));
        var switchTo = organizationId == token.ActsIn ? null : organizationId;
        if (switchTo is not null && token.Impersonator is not null)   // they act where the administrator let them, and nowhere else
        {
            return Rule.Refuse<RefreshToken>(Refusal.NotFound);
        }
        var (ruling, changes) = RefreshSession.Decide(view, act, token, key, isBirthApplied, switchTo: switchTo);
        if (ruling.Answer is not null && switchTo is not null && SwitchTo.Asks(view, act, new SignedIn(token.UserId, token.CredentialId, switchTo, FactorId: token.FactorId), token.Method) is { } asks)
        {
            return Rule.Refuse<RefreshToken>(asks);   // and the token is as good as it was
        }
        return new(ruling, ruling.Refused == Refusal.SessionReplayed ? [.. changes, .. SessionBody.Ended(view, token.SessionId, act)] : changes);
    }

    private ApiAnswer Ended(Authenticate.Asked asked)
    {
        if (asked.IsByCookie)
        {
            cookies.Delete(asked.Http, asked.Client.EnvironmentId, asked.Client.Id);
        }
        return AuthKitErrors.SessionEnded;
    }
}
