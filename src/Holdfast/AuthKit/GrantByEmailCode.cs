using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Who has given their password now types in the code that was mailed to them: the mailbox is proven, and the session begins.</summary>
internal sealed class GrantByEmailCode(Database database, ClusterKeys keys, Acts acts, BeginSession begin, RateLimits limits)
{
    public async Task<IResult> HandleAsync(Authenticate.Asked asked, Authenticate authenticate)
    {
        if (asked.Find("pending_authentication_token") is not { } token || asked.Find("code") is not { } code)
        {
            return AuthKitErrors.Missing("pending_authentication_token and code");
        }
        if (PendingAuthentication.Open(keys, asked.Client.EnvironmentId, token) is not { EmailVerificationId: { } itemId } pending || !pending.Asks(PendingAuthentication.Mailbox))
        {
            return AuthKitErrors.BadPending;
        }
        if (await authenticate.SendOnAsync(asked, pending.Authority, AuthKitErrors.BadPending) is { } elsewhere)
        {
            return elsewhere;
        }
        if (AuthenticateLimits.CountChallenge(limits, asked, pending.Id) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var whose = RateLimits.KeyOf(asked.Client.EnvironmentId, pending.UserId);
        (RateLimit, string)[] guesses = [(RateLimits.GuessesPerCode, itemId), (RateLimits.GuessesPerAddress, whose)];
        if (limits.IsOneTooMany(guesses))
        {
            return AuthKitErrors.TooManyTries;
        }
        var request = asked.Operation.RequestId;
        var outcome = await authenticate.DecideAsync(asked, () => database.RecordAsync(asked.Http, view =>
            Decide(view, acts.Of(asked.Operation), pending, itemId, code, request, (v, a, signIn, method) => begin.Decide(v, a, signIn, method, origin: asked.Origin))));
        if (outcome.Refused != Refusal.ItemUnknown)
        {
            limits.GiveBack(guesses);
        }
        return authenticate.Answer(asked, outcome, pending.Method, why => why switch
        {
            Refusal.SessionUnknown => AuthKitErrors.BadPending,
            Refusal.ItemUnknown => AuthKitErrors.WrongCode,
            Refusal.ItemExpired or Refusal.ItemElsewhere => AuthKitErrors.ExpiredCode,
            Refusal.ItemSpent => AuthKitErrors.UsedCode,
            _ => AuthKitErrors.NotAdmitted,
        });
    }

    /// <summary>What the code comes to. A right one uses up the pending authentication, and itself.</summary>
    public static Decision<BeginSession.Outcome> Decide(View view, Act act, PendingAuthentication pending, string itemId, string code, string? request, BeginSession.Ending then)
    {
        if (!pending.IsGood(view, act, request))
        {
            return new(new BeginSession.Outcome(Refused: Refusal.SessionUnknown), []);
        }
        var (proven, wrong) = VerifyAddress.Redeem(view, act, itemId, code, pending.UserId);
        if (proven is null)
        {
            return new(new BeginSession.Outcome(Refused: wrong), wrong == Refusal.ItemUnknown ? FactorEvents.MailboxFailed(view, act, pending) : []);
        }
        var (answer, changes) = then(view, act, Rule.Grant(pending.Who, proven), pending.Method);
        return answer.Question is null
            ? new Decision<BeginSession.Outcome>(answer, [.. changes, pending.Spent(act, request)])
            : new Decision<BeginSession.Outcome>(answer, []);
    }
}
