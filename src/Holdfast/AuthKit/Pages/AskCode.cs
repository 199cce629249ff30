using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Mails a code to who they say they are, and asks for it. Whether somebody has the address makes no difference: whoever has the mailbox has it, or gets it.</summary>
internal sealed class AskCode(
    Database database, Acts acts, ItemSecrets secrets, PersonMails mails, HomeRealm realm, ToApplication toApplication, Visits visits, RateLimits limits, AuthKitOptions options) : Step
{
    public const string Path = "/sign-in/code";

    /// <summary>Of several mails, an elder one may be read first.</summary>
    private const int MostCodes = 2;

    public override IResult Show(Visit visit) =>
        visit.Flow is { Address: not null, MailedCodes: not null } ? visit.Page<CodePage>(Parameters) : visit.GoOn(visit.Flow.Address is null ? AskAddress.Path : AskPassword.Path, visit.Flow);

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        var flow = visit.Flow;
        if (flow.Address is not { } address)
        {
            return visit.GoOn(AskAddress.Path, flow);
        }
        if (realm.Of(flow.EnvironmentId, address) is { } home)
        {
            return await realm.GoAsync(visit.Http, flow, home);
        }
        var normal = Addresses.Normal(address);
        if (visit["again"] is not null || flow is not { MailedCodes: [var newest, ..], MailedBy: { } authority })
        {
            return await SendAsync(visit, normal);
        }
        if (await visits.SendOnAsync(visit, authority) is { } elsewhere)
        {
            return elsewhere;
        }
        if (MailedCode.Read(visit["code"]) is not { } code)
        {
            return Wrong(visit, visit["code"] is null ? "code.missing" : "code.malformed");
        }
        var whose = RateLimits.KeyOf(flow.EnvironmentId, normal);
        if (HostedLimits.IsGuessed(limits, visit, newest, whose))
        {
            return Wrong(visit, "code.too_many");
        }
        var act = acts.Of(flow.EnvironmentId);
        // Those that were mailed from here, and those that the application has mailed to the address.
        var item = database.Read(view => flow.MailedCodes.Select(id => PendingItem.Find(view, act, id, Ids.MagicCode))
            .Concat(PendingItem.Latest(view, flow.EnvironmentId, Ids.MagicCode, normal)).FirstOrDefault(i => i?.Opens(act, code) == true));
        if (item is null)
        {
            HostedLimits.Guessed(limits, visit, whose);
            return Wrong(visit, "code.wrong");
        }
        var ending = toApplication.Ending(visit);
        var outcome = await toApplication.DecideAsync(visit, () => database.RecordAsync(visit.Http, view =>
        {
            var now = acts.Of(flow.EnvironmentId);
            return ending(view, now, MagicCode.Redeem(view, now, item.Id, code), SignInMethod.MagicCode);
        }));
        return toApplication.Answer(visit, outcome, SignInMethod.MagicCode, why => Wrong(visit, MailedCode.Why(why)));
    }

    private static IEnumerable<(string, object?)> Parameters => [(nameof(CodePage.Action), Path), (nameof(CodePage.Says), "mailed")];

    private static IResult Wrong(Visit visit, string why) => visit.Again<CodePage>(new Fault("code", visit.Texts[why]), Parameters);

    private async Task<IResult> SendAsync(Visit visit, string normal)
    {
        var flow = visit.Flow;
        if (MailedCode.Count(limits, visit, RateLimits.KeyOf(flow.EnvironmentId, normal)) is { } wait)
        {
            var fault = new Fault(flow.MailedCodes is null ? "password" : "code", visit.Texts["code.sent_too_often"], wait);
            return flow.MailedCodes is null ? visit.Again<PasswordPage>(fault) : visit.Again<CodePage>(fault, Parameters);
        }
        var (id, by) = await database.RecordAsync(visit.Http, view =>
        {
            var act = acts.Of(flow.EnvironmentId);
            var itemId = act.NewId(Ids.MagicCode);
            var code = secrets.Code(flow.EnvironmentId, itemId);
            return new Decision<(string, string)>((itemId, act.Incarnation),
            [
                .. MagicCode.Issue(act, normal, code, options.MagicCodeLifetime, itemId).Changes,
                .. mails.MagicCode(view, act, itemId, normal, code, act.Now + options.MagicCodeLifetime, visit.Texts.Language),
            ]);
        });
        return visit.GoOn(Path, flow with
        {
            MailedCodes = [id, .. (flow.MailedCodes ?? []).Take(MostCodes - 1)], MailedBy = by, Notice = flow.MailedCodes is null ? null : "code.sent_again",
        });
    }
}
