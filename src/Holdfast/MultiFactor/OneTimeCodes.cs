using System.Globalization;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.OneTimePasswords;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Users;

namespace Holdfast.MultiFactor;

/// <summary>What became of a code that was typed in.</summary>
internal enum CodeVerdict
{
    /// <summary>It was right, and is used up.</summary>
    Right,

    Wrong,

    /// <summary>It was right, and used before.</summary>
    Used,

    /// <summary>The one node that knows whether it was used does not answer, or cannot know.</summary>
    Unavailable,
}

/// <summary>Uses up codes that nobody issued: steps of an app, and recovery codes. One node decides about each (law 5), so none is taken twice anywhere.</summary>
internal sealed class OneTimeCodes(Database database, SingleUse singleUse, PeerLinks peers, ClusterKeys keys, Acts acts, Ids ids, TimeProvider clock)
{
    /// <summary>Longer than a step's code is taken by any node's clock.</summary>
    private static readonly TimeSpan StepRemembered = TimeSpan.FromMinutes(10);

    /// <summary>Recovery codes are good for as long as their set is: so are their spends remembered.</summary>
    private static readonly TimeSpan CodeRemembered = TimeSpan.FromDays(36_500);

    /// <summary>Takes the code of an app.</summary>
    /// <param name="request">Of whose repeats a use is the same one; null when there are none.</param>
    public Task<CodeVerdict> TakeStepAsync(string environmentId, Factor factor, string code, string? request, CancellationToken ct) =>
        TakeStepAsync(environmentId, factor.Id, keys.OpenAtRest(Factor.PlaceOf(factor.Id), factor.SecretSealed!), code, request, ct);

    /// <summary>The same of a factor that is about to be kept.</summary>
    public async Task<CodeVerdict> TakeStepAsync(string environmentId, string factorId, byte[] secret, string code, string? request, CancellationToken ct)
    {
        if (Totp.Find(secret, code, clock.GetUtcNow()) is not { } step)
        {
            return CodeVerdict.Wrong;
        }
        var made = Totp.BeginOf(step);
        return await TakeAsync(
            new SpendQuestion(peers.Own, environmentId, "totp_step", Caller.Hash($"totp_step\n{factorId}\n{step.ToString(CultureInfo.InvariantCulture)}"), request ?? ids.New(Ids.Request),
                made.ToUnixTimeMilliseconds(), (made + StepRemembered).ToUnixTimeMilliseconds(), NeedsCopy: false),
            ct);
    }

    /// <summary>Takes one of a person's recovery codes.</summary>
    /// <param name="request">As above; a use that lacked a copy may be repeated by it.</param>
    /// <returns>Besides, the set that it was of.</returns>
    public async Task<(CodeVerdict Verdict, Factor? Set)> TakeRecoveryAsync(string environmentId, string userId, string code, string request, CancellationToken ct)
    {
        var act = acts.Of(environmentId);
        if (database.Read(view => RecoveryCodes.Find(view, act, userId, code)) is not { } found)
        {
            return (CodeVerdict.Wrong, null);
        }
        // It has no age: what a new life of the deciding node must know of its elder, a copy on another node tells it.
        var question = new SpendQuestion(peers.Own, environmentId, "recovery_code", Caller.Hash($"recovery_code\n{found.Set.Id}\n{found.Place.ToString(CultureInfo.InvariantCulture)}"), request,
            act.Time, (act.Now + CodeRemembered).ToUnixTimeMilliseconds(), NeedsCopy: peers.All.Count > 0);
        return (await TakeAsync(question, ct), found.Set);
    }

    private async Task<CodeVerdict> TakeAsync(SpendQuestion question, CancellationToken ct) => await singleUse.SpendAsync(question, ct) switch
    {
        SpendVerdict.Granted => CodeVerdict.Right,
        SpendVerdict.Used => CodeVerdict.Used,
        _ => CodeVerdict.Unavailable,
    };
}
