using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Shows somebody their new recovery codes, this once, and goes on when they have put them by.</summary>
internal sealed class ReadRecoveryCodes(Database database, Acts acts, ToApplication toApplication, Visits visits) : Step
{
    public const string Path = "/sign-in/recovery-codes";

    public override IResult Show(Visit visit) => toApplication.Pending(visit.Flow, PendingAuthentication.RecoveryCodes) is not null && visit.Flow.RecoveryCodes is { } codes
        ? visit.Page<RecoveryCodesPage>((nameof(RecoveryCodesPage.Codes), codes))
        : visit.GoOn(AskAddress.Path, visit.Flow);

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        var flow = visit.Flow;
        if (toApplication.Pending(flow, PendingAuthentication.RecoveryCodes) is not { FactorId: { } factorId } pending)
        {
            return visit.GoOn(AskAddress.Path, flow);
        }
        if (await visits.SendOnAsync(visit, pending.Authority) is { } elsewhere)
        {
            return elsewhere;
        }
        var ending = toApplication.Ending(visit, pending.Id);
        var outcome = await database.RecordAsync(visit.Http, view => GoOn(view, acts.Of(flow.EnvironmentId), pending, factorId, ending));
        return toApplication.Answer(visit, outcome, pending.Method, why => visits.AgainFrom(visit.Http, flow, why == Refusal.ItemSpent ? "notice.used" : "notice.not_admitted"));
    }

    private static Storage.Rows.Decision<BeginSession.Outcome> GoOn(View view, Act act, PendingAuthentication pending, string factorId, BeginSession.Ending then)
    {
        if (!pending.IsGood(view, act, pending.Id) || Factor.Find(view, act.EnvironmentId, factorId) is null)
        {
            return new(new BeginSession.Outcome(Refused: Refusal.ItemSpent), []);
        }
        var (answer, changes) = then(view, act, Rule.Grant(pending.Who), pending.Method);
        return new(answer, [.. changes, pending.Spent(act, pending.Id)]);
    }
}
