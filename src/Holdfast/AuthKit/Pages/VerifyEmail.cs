using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks somebody who has given their password for the code that was mailed to them: their mailbox is not proven yet.</summary>
internal sealed class VerifyEmail(
    Database database, ClusterKeys keys, Acts acts, ToApplication toApplication, Visits visits, RateLimits limits, ItemSecrets secrets, PersonMails mails, AuthKitOptions options) : Step
{
    public const string Path = "/sign-in/verify";

    public override IResult Show(Visit visit) => Read(visit) is null ? visit.GoOn(AskAddress.Path, visit.Flow) : visit.Page<CodePage>(Parameters);

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        if (Read(visit) is not { EmailVerificationId: { } itemId } pending)
        {
            return visit.GoOn(AskAddress.Path, visit.Flow);
        }
        if (visit["again"] is not null && MailedCode.Count(limits, visit, RateLimits.KeyOf(visit.Flow.EnvironmentId, pending.UserId)) is { } wait)   // where it came in
        {
            return visit.Again<CodePage>(new Fault("code", visit.Texts["code.sent_too_often"], wait), Parameters);
        }
        if (await visits.SendOnAsync(visit, pending.Authority) is { } elsewhere)
        {
            return elsewhere;
        }
        if (visit["again"] is not null)
        {
            return await SendAgainAsync(visit, pending);
        }
        var whose = RateLimits.KeyOf(visit.Flow.EnvironmentId, pending.UserId);
        if (MailedCode.Read(visit["code"]) is not { } code)
        {
            return Wrong(visit, visit["code"] is null ? "code.missing" : "code.malformed");
        }
        if (HostedLimits.IsGuessed(limits, visit, itemId, whose))
        {
            return Wrong(visit, "code.too_many");
        }
        var request = Caller.Hash($"{pending.Id}\n{itemId}");
        var ending = toApplication.Ending(visit, request);
        var outcome = await database.RecordAsync(visit.Http, view => GrantByEmailCode.Decide(view, acts.Of(visit.Flow.EnvironmentId), pending, itemId, code, request, ending));
        if (outcome.Refused == Refusal.ItemUnknown)
        {
            HostedLimits.Guessed(limits, visit, whose);
        }
        return toApplication.Answer(visit, outcome, pending.Method, why => why == Refusal.SessionUnknown
            ? visits.AgainFrom(visit.Http, visit.Flow, "notice.used")
            : Wrong(visit, MailedCode.Why(why)));
    }

    private static IEnumerable<(string, object?)> Parameters => [(nameof(CodePage.Action), Path), (nameof(CodePage.Says), "verify")];

    private static IResult Wrong(Visit visit, string why) => visit.Again<CodePage>(new Fault("code", visit.Texts[why]), Parameters);

    /// <summary>Another code for the same person, in the place of the one before.</summary>
    private async Task<IResult> SendAgainAsync(Visit visit, PendingAuthentication pending)
    {
        var environment = visit.Flow.EnvironmentId;
        var next = await database.RecordAsync(visit.Http, view =>
        {
            var act = acts.Of(environment);
            if (!pending.IsGood(view, act, null) || UserStore.Find(view, environment, pending.UserId) is not { Email: { } address })
            {
                return Decide.Nothing<PendingAuthentication?>(null);
            }
            var id = act.NewId(Ids.EmailVerification);
            var code = secrets.Code(environment, id);
            return Decide.To<PendingAuthentication?>(pending with { EmailVerificationId = id },
            [
                VerifyAddress.Issue(act, pending.UserId, address, code, options.MagicCodeLifetime, id),
                .. mails.EmailVerification(view, act, id, address, code, act.Now + options.MagicCodeLifetime, visit.Texts.Language, pending.UserId),
            ]);
        });
        return next is null
            ? visits.AgainFrom(visit.Http, visit.Flow, "notice.used")
            : visit.GoOn(Path, visit.Flow with { Pending = next.Seal(keys, environment), Notice = "code.sent_again" });
    }

    private PendingAuthentication? Read(Visit visit) =>
        visit.Flow.Pending is { } token && PendingAuthentication.Open(keys, visit.Flow.EnvironmentId, token) is { EmailVerificationId: not null } pending && pending.Asks(PendingAuthentication.Mailbox) ? pending : null;
}
