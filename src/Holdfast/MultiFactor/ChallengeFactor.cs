using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.MultiFactor;

/// <summary>Asks for a factor. Of a <c>generic_otp</c> the answer holds the code, for the application to deliver.</summary>
internal sealed class ChallengeFactor(Database database, Idempotency idempotency, Acts acts, ItemSecrets secrets, RateLimits limits)
{
    internal sealed record Input(Given<string> SmsTemplate);

    public async Task<ApiAnswer> HandleAsync(string factorId, HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        var operation = await idempotency.BeginAsync(http);
        if (Find(factorId, operation.EnvironmentId) is not { } factor)
        {
            return NotFound(factorId);
        }
        if (factor.Type == Factor.Passkey)
        {
            return ApiError.Unprocessable("factor_not_challengeable", "A passkey is asked for on the sign-in pages.");
        }
        if (limits.Count(RateLimits.ChallengesPerFactor, factorId) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var id = operation.NewId(Ids.FactorChallenge, database.Incarnation);
        var code = factor.Type == Factor.GenericOtp ? secrets.Code(operation.EnvironmentId, id) : null;
        var made = await database.RecordAsync<ChallengeBody?>(http, view =>
        {
            var act = acts.Of(operation);
            if (PendingItem.FindAny(view, act.EnvironmentId, id, Ids.FactorChallenge) is { } before)
            {
                return Decide.Nothing<ChallengeBody?>(ChallengeBody.Of(before, code));
            }
            return Factor.Find(view, act.EnvironmentId, factorId) is null
                ? Decide.Nothing<ChallengeBody?>(null)
                : Decide.To<ChallengeBody?>(
                    ChallengeBody.Of(id, factorId, act.Time, (act.Now + Challenges.Lifetime).ToUnixTimeMilliseconds(), code), Challenges.Issue(act, factorId, code ?? "", id).Row);
        });
        return made is null ? NotFound(factorId) : ApiAnswer.Created(made);
    }

    private Factor? Find(string id, string environmentId) =>
        database.Read(view => Factor.Find(view, environmentId, id)) is { Type: not Factor.RecoveryCodes } factor ? factor : null;

    private static ApiAnswer NotFound(string id) => ApiError.NotFound("Authentication factor", id);
}
