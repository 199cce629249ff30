using System.Globalization;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Goes on with a session, in the same organization or another one. Any node does, the primary there or not (RFC 6749 §6; decision 0009).</summary>
internal sealed class GrantByRefreshToken(Database database, RefreshTokens refreshTokens, Acts acts, SessionAnswer answers, RateLimits limits)
{
    public async Task<IResult> HandleAsync(Authenticate.Asked asked)
    {
        if (asked.Find("refresh_token") is not { } text)
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
        var switchTo = organizationId == token.ActsIn ? null : organizationId;
        var ruling = await database.RecordAsync(asked.Http, view =>
        {
            var act = acts.Of(asked.Operation);
            var decided = RefreshSession.Decide(
                view, act, token, key, Births.IsApplied(view, token.Birth.Incarnation, long.Parse(token.Birth.Position, CultureInfo.InvariantCulture)), switchTo: switchTo);
            return decided.Answer.Answer is not null && switchTo is not null
                && SecondFactor.IsMissing(view, act, new SignedIn(token.UserId, token.CredentialId, switchTo, FactorId: token.FactorId), token.Method)
                ? Rule.Refuse<RefreshToken>(Refusal.FactorMissing)   // and the token is as good as it was
                : decided;
        });
        return ruling switch
        {
            { Answer: { } next } => answers.Of(asked.Client, next, shown),
            { Refused: Refusal.NotFound } => AuthKitErrors.NoMembership,
            { Refused: Refusal.FactorMissing } => AuthKitErrors.FactorNeeded,
            _ => AuthKitErrors.SessionEnded,
        };
    }
}
