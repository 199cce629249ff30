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
        var (now, request) = (acts.Of(environmentId), asked.Operation.RequestId);
        var (isGood, found) = database.Read(view => (pending.IsGood(view, now, request), Find(view, environmentId, challengeId, pending)));
        if (!isGood || found is not var (item, factor))
        {
            return isGood ? AuthKitErrors.WrongCode : AuthKitErrors.BadPending;
        }
        if (item.ExpiresAt <= now.Time || database.Read(view => item.IsSpent(view, request)))
        {
            return item.ExpiresAt <= now.Time ? AuthKitErrors.ExpiredCode : AuthKitErrors.UsedCode;
        }
        var taken = await TakeAsync(pending, environmentId, [factor], code, request, asked.Http.RequestAborted);
        if (taken.FactorId is not { } factorId)
        {
            return taken.Verdict switch
            {
                null => AuthKitErrors.TooManyTries,
                CodeVerdict.Used => AuthKitErrors.UsedCode,
                CodeVerdict.Unavailable => MultiFactorErrors.AuthorityUnavailable,
                _ => AuthKitErrors.WrongCode,
            };
        }
        var outcome = await authenticate.DecideAsync(asked, () => database.RecordAsync(asked.Http, view =>
        {
            var act = acts.Of(asked.Operation);
            var (answer, changes) = Decide(view, act, pending, factorId, request, (v, a, signIn, method) => begin.Decide(v, a, signIn, method, origin: asked.Origin));
            return new Decision<BeginSession.Outcome>(answer, changes.Count > 0 ? [.. changes, item.Spent(act, request)] : []);
        }));
        return authenticate.Answer(asked, outcome, pending.Method, why => why == Refusal.ItemSpent ? AuthKitErrors.BadPending : AuthKitErrors.NotAdmitted);
    }

    /// <summary>What became of a code.</summary>
    /// <param name="FactorId">The factor that was shown; null when none was.</param>
    /// <param name="Verdict">Null when too many were tried.</param>
    internal sealed record Taken(string? FactorId, CodeVerdict? Verdict);

    /// <summary>Takes a code of one of these apps, or a recovery code in its place.</summary>
    /// <param name="request">Of whose repeats a use is the same one; null when there are none.</param>
    internal async Task<Taken> TakeAsync(PendingAuthentication pending, string environmentId, IReadOnlyList<Factor> factors, string code, string? request, CancellationToken ct)
    {
        // Before anything of the code is looked at: tries that come at once are counted, too.
        var whose = RateLimits.KeyOf(environmentId, pending.UserId);
        if (limits.Count(RateLimits.TriesPerChallenge, pending.Id) is not null || limits.Count(RateLimits.TriesPerFactor, whose) is not null)
        {
            return new Taken(null, null);
        }
        var (verdict, shown) = (CodeVerdict.Wrong, (Factor?)null);
        if (pending.Asks(PendingAuthentication.Factor) && RecoveryCodes.Normal(code) is not null)   // whoever sets up an app shows that it works
        {
            (verdict, shown) = await codes.TakeRecoveryAsync(environmentId, pending.UserId, code, Caller.Hash($"recovery\n{pending.Id}"), ct);
        }
        for (var n = 0; n < factors.Count && shown is null && verdict == CodeVerdict.Wrong; n++)
        {
            (verdict, shown) = (await codes.TakeStepAsync(environmentId, factors[n], code, request, ct), factors[n]);
            shown = verdict == CodeVerdict.Wrong ? null : shown;
        }
        if (verdict != CodeVerdict.Right)
        {
            if (verdict == CodeVerdict.Wrong && pending.Asks(PendingAuthentication.Factor))
            {
                await database.RecordAsync(view => Storage.Rows.Decide.To(true, [.. FactorEvents.Failed(view, acts.Of(environmentId), pending)]));
            }
            return new Taken(null, verdict);
        }
        limits.GiveBack(RateLimits.TriesPerFactor, whose);
        return new Taken(shown!.Id, verdict);
    }

    /// <summary>What a factor that was shown comes to. The pending authentication is used up by it.</summary>
    public static Decision<BeginSession.Outcome> Decide(View view, Act act, PendingAuthentication pending, string factorId, string? request, BeginSession.Ending then)
    {
        if (!pending.IsGood(view, act, request) || Factor.Find(view, act.EnvironmentId, factorId) is null || pending.IsOvertaken(view, act.EnvironmentId, factorId))   // it may just have been taken away
        {
            return new(new BeginSession.Outcome(Refused: Refusal.ItemSpent), []);
        }
        var (answer, changes) = then(view, act, Rule.Grant(pending.Who with { FactorId = factorId }), pending.Method);
        return answer.Question is null
            ? new Decision<BeginSession.Outcome>(answer, [.. changes, pending.Spent(act, request), .. FactorEvents.Succeeded(view, act, pending)])
            : new Decision<BeginSession.Outcome>(answer, []);
    }

    /// <summary>A challenge of a factor that counts here: one of those that were asked for; when there was none, one that was enrolled since.</summary>
    private static (PendingItem Item, Factor Factor)? Find(View view, string environmentId, string challengeId, PendingAuthentication pending) =>
        Challenges.Find(view, environmentId, challengeId) is var (item, factor) && factor.UserId == pending.UserId && factor.Type == Factor.Totp
        && (pending.Asks(PendingAuthentication.Enrollment) || pending.FactorIds!.Contains(factor.Id, StringComparer.Ordinal))
            ? (item, factor)
            : null;
}
