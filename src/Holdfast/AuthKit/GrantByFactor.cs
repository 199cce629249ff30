using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.MultiFactor;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Who has proven who they are shows their second factor besides: the code of an app, or one of their recovery codes in its place.</summary>
/// <remarks>What is used up is the code (at the node that decides about it) and the pending authentication (at the node that issued it). The challenge says which factor is
/// asked, and is over when the code was right; it is no secret and proves nothing.</remarks>
internal sealed class GrantByFactor(Database database, ClusterKeys keys, Acts acts, BeginSession begin, OneTimeCodes codes, RateLimits limits)
{
    public async Task<IResult> HandleAsync(Authenticate.Asked asked, Authenticate authenticate)
    {
        if (asked.Find("pending_authentication_token") is not { } token || asked.Find("code") is not { } code || asked.Find("authentication_challenge_id") is not { } challengeId)
        {
            return AuthKitErrors.Missing("pending_authentication_token, authentication_challenge_id and code");
        }
        var environmentId = asked.Client.EnvironmentId;
        if (PendingAuthentication.Open(keys, environmentId, token) is not { } pending || !(pending.Asks(PendingAuthentication.Factor) || pending.Asks(PendingAuthentication.Enrollment)))
        {
            return AuthKitErrors.BadPending;
        }
        if (await authenticate.SendOnAsync(asked, pending.Authority, AuthKitErrors.BadPending) is { } elsewhere)
        {
            return elsewhere;
        }
        var shown = await ShowAsync(new Showing(pending, environmentId, code, challengeId, asked.Operation.RequestId), asked.Http.RequestAborted);
        if (shown is not { FactorId: { } factorId, Item: var item })
        {
            return shown.Refused!;
        }
        var request = asked.Operation.RequestId;
        var outcome = await database.RecordAsync(asked.Http, view =>
        {
            var act = acts.Of(asked.Operation);
            if (!pending.IsGood(view, act, request) || Factor.Find(view, environmentId, factorId) is null)
            {
                return Decide.Nothing(new BeginSession.Outcome(Refused: Refusal.ItemSpent));
            }
            var (answer, changes) = begin.Decide(view, act, Rule.Grant(pending.Who with { FactorId = factorId }), pending.Method);
            return new Decision<BeginSession.Outcome>(answer, [.. changes, pending.Spent(act, request), item!.Spent(act, request), .. FactorEvents.Succeeded(view, act, pending)]);
        });
        return authenticate.Answer(asked, outcome, pending.Method, why => why == Refusal.ItemSpent ? AuthKitErrors.BadPending : AuthKitErrors.NotAdmitted);
    }

    /// <param name="Request">Of whose repeats a use is the same one; null when there are none.</param>
    internal sealed record Showing(PendingAuthentication Pending, string EnvironmentId, string Code, string ChallengeId, string? Request);

    /// <summary>The factor that was shown, and the challenge that asked for it; or why not.</summary>
    internal sealed record Shown(string? FactorId, PendingItem? Item, ApiAnswer? Refused);

    /// <summary>Takes the code.</summary>
    internal async Task<Shown> ShowAsync(Showing showing, CancellationToken ct)
    {
        var (pending, environmentId, code, challengeId, request) = showing;
        var whose = RateLimits.KeyOf(environmentId, pending.UserId);
        if (limits.Count(RateLimits.TriesPerChallenge, pending.Id) is not null || limits.Count(RateLimits.TriesPerFactor, whose) is not null)
        {
            return Refuse(AuthKitErrors.TooManyTries);
        }
        var now = acts.Of(environmentId);
        var (good, found) = database.Read(view => (pending.IsGood(view, now, request), Find(view, environmentId, challengeId, pending)));
        if (!good || found is not var (item, factor) || item.ExpiresAt <= now.Time || database.Read(view => item.IsSpent(view, request)))
        {
            limits.GiveBack(RateLimits.TriesPerFactor, whose);   // nothing was learned of the code
            return Refuse(!good ? AuthKitErrors.BadPending : found is null ? AuthKitErrors.WrongCode : found.Value.Item.ExpiresAt <= now.Time ? AuthKitErrors.ExpiredCode : AuthKitErrors.UsedCode);
        }
        var (verdict, shown) = RecoveryCodes.Normal(code) is null
            ? (await codes.TakeStepAsync(environmentId, factor, code, request, ct), factor)
            : await codes.TakeRecoveryAsync(environmentId, pending.UserId, code, Caller.Hash($"recovery\n{pending.Id}"), ct);
        if (verdict == CodeVerdict.Right)
        {
            limits.GiveBack(RateLimits.TriesPerFactor, whose);
            return new Shown(shown!.Id, item, null);
        }
        return Refuse(verdict switch
        {
            CodeVerdict.Used => AuthKitErrors.UsedCode,
            CodeVerdict.Unavailable => MultiFactorErrors.AuthorityUnavailable,
            _ => AuthKitErrors.WrongCode,
        });
    }

    /// <summary>A challenge of a factor that counts here: one of those that were asked for; when there was none, one that was enrolled since.</summary>
    private static (PendingItem Item, Factor Factor)? Find(View view, string environmentId, string challengeId, PendingAuthentication pending) =>
        Challenges.Find(view, environmentId, challengeId) is var (item, factor) && factor.UserId == pending.UserId && factor.Type == Factor.Totp
        && (pending.Asks(PendingAuthentication.Enrollment) || pending.FactorIds!.Contains(factor.Id, StringComparer.Ordinal))
            ? (item, factor)
            : null;

    private static Shown Refuse(ApiAnswer why) => new(null, null, why);
}
