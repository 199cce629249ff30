using Holdfast.Http;
using Holdfast.MultiFactor;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks somebody who has a second factor for the code that their app shows.</summary>
internal class ShowFactor(Database database, Acts acts, ToApplication toApplication, Visits visits, GrantByFactor factors) : Step
{
    public const string Path = "/sign-in/factor";

    public override IResult Show(Visit visit) => toApplication.Pending(visit.Flow, PendingAuthentication.Factor) is null ? visit.GoOn(AskAddress.Path, visit.Flow) : Page(visit, null);

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        var flow = visit.Flow;
        if (toApplication.Pending(flow, PendingAuthentication.Factor) is not { } pending)
        {
            return visit.GoOn(AskAddress.Path, flow);
        }
        if (await visits.SendOnAsync(visit, pending.Authority) is { } elsewhere)
        {
            return elsewhere;
        }
        if (Read(visit["code"]) is not { } code)
        {
            return Wrong(visit, visit["code"] is null ? "missing" : "malformed");
        }
        var request = Caller.Hash($"{pending.Id}\n{code}");   // a second click is the same request, and gets the same code
        var now = acts.Of(flow.EnvironmentId);
        var (isGood, asked) = database.Read(view => (pending.IsGood(view, now, request), Factor.Of(view, flow.EnvironmentId, pending.UserId, Factor.Totp)));
        if (!isGood)
        {
            return visits.AgainFrom(visit.Http, flow, "notice.used");
        }
        var taken = await factors.TakeAsync(
            pending, flow.EnvironmentId, [.. asked.Where(f => pending.FactorIds!.Contains(f.Id, StringComparer.Ordinal))], code, request, visit.Http.RequestAborted);
        if (taken.FactorId is not { } factorId)
        {
            return Wrong(visit, taken.Verdict switch
            {
                null => "too_many",
                CodeVerdict.Used => "used",
                CodeVerdict.Unavailable => "unavailable",
                _ => "wrong",
            });
        }
        var ending = toApplication.Ending(visit, request);
        var outcome = await database.RecordAsync(visit.Http, view => GrantByFactor.Decide(view, acts.Of(flow.EnvironmentId), pending, factorId, request, ending));
        return toApplication.Answer(visit, outcome, pending.Method, why => visits.AgainFrom(visit.Http, flow, why == Refusal.ItemSpent ? "notice.used" : "notice.not_admitted"));
    }

    /// <summary>What was typed, when it can be one; null when it cannot.</summary>
    protected virtual string? Read(string? typed) => MailedCode.Read(typed);

    protected virtual IResult Page(Visit visit, Fault? fault) => fault is null ? visit.Page<FactorPage>() : visit.Again<FactorPage>(fault);

    /// <summary>Names the texts that say what is wrong.</summary>
    protected virtual string Says => "factor";

    private IResult Wrong(Visit visit, string why) => Page(visit, new Fault("code", visit.Texts[$"{Says}.{why}"]));
}

/// <summary>The same for somebody who has lost their app, and has a recovery code.</summary>
internal sealed class ShowRecoveryCode(Database database, Acts acts, ToApplication toApplication, Visits visits, GrantByFactor factors)
    : ShowFactor(database, acts, toApplication, visits, factors)
{
    public new const string Path = "/sign-in/recovery";

    protected override string? Read(string? typed) => typed is null ? null : RecoveryCodes.Normal(typed);

    protected override IResult Page(Visit visit, Fault? fault) => fault is null ? visit.Page<RecoveryPage>() : visit.Again<RecoveryPage>(fault);

    protected override string Says => "recovery";
}
