using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.MultiFactor;

/// <summary>Tells the application whether a code answers a challenge. It answers once, and its code is used up.</summary>
internal sealed class VerifyChallenge(Database database, Idempotency idempotency, Acts acts, OneTimeCodes codes, ForwardToAuthority authority, RateLimits limits)
{
    internal sealed record Input(Given<string> Code);

    internal sealed record Body(ChallengeBody Challenge, bool Valid);

    public async Task<IResult> HandleAsync(string id, HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Code.Value is not { Length: > 0 } code)
        {
            return ApiError.Validation("code", "required");
        }
        var operation = await idempotency.BeginAsync(http);
        var environmentId = operation.EnvironmentId;
        if (database.Read(view => Challenges.Find(view, environmentId, id)) is not var (item, factor))
        {
            return NotFound(id);
        }
        if (item.Authority != database.Incarnation)
        {
            return await authority.TryAsync(http, item.Authority, MultiFactorErrors.ChallengeExpired, MultiFactorErrors.AuthorityUnavailable) ?? MultiFactorErrors.ChallengeExpired;
        }
        // Before anything of the code is looked at: tries that come at once are counted, too.
        if (limits.Count(RateLimits.TriesPerChallenge, id) is not null || limits.Count(RateLimits.TriesPerFactor, factor.Id) is not null)
        {
            return MultiFactorErrors.TooManyTries;
        }
        if (database.Read(view => Refused(view, acts.Of(operation), item, operation.RequestId)) is { } why)
        {
            limits.GiveBack(RateLimits.TriesPerFactor, factor.Id);   // whatever the code was, nothing was learned of it
            return why;
        }
        var verdict = factor.Type != Factor.Totp
            ? item.Opens(acts.Of(operation), code) ? CodeVerdict.Right : CodeVerdict.Wrong
            : await codes.TakeStepAsync(environmentId, factor, code, operation.RequestId, http.RequestAborted);
        if (verdict == CodeVerdict.Unavailable)
        {
            return MultiFactorErrors.AuthorityUnavailable;
        }
        if (verdict != CodeVerdict.Right)
        {
            return ApiAnswer.Created(new Body(ChallengeBody.Of(item), Valid: false));
        }
        limits.GiveBack(RateLimits.TriesPerFactor, factor.Id);
        return await database.RecordAsync(http, view =>
        {
            var act = acts.Of(operation);
            return Challenges.Find(view, environmentId, id) is null ? Decide.Nothing(NotFound(id))   // it was taken away meanwhile
                : Refused(view, act, item, operation.RequestId) is { } late ? Decide.Nothing(late)
                : Decide.To(ApiAnswer.Created(new Body(ChallengeBody.Of(item), Valid: true)), item.Spent(act, operation.RequestId));
        });
    }

    private static ApiAnswer? Refused(View view, Act act, PendingItem item, string? request) =>
        item.ExpiresAt <= act.Time ? MultiFactorErrors.ChallengeExpired : item.IsSpent(view, request) ? MultiFactorErrors.ChallengeUsed : null;

    private static ApiAnswer NotFound(string id) => ApiError.NotFound("Authentication challenge", id);
}
