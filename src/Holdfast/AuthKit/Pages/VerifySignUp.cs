using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks somebody who comes for the first time for the code that was mailed to them: with it there is a user.</summary>
internal sealed class VerifySignUp(
    Database database, Acts acts, ItemSecrets secrets, PersonMails mails, ToApplication toApplication, Visits visits, RateLimits limits, AuthKitOptions options) : Step
{
    public const string Path = "/sign-up/verify";

    public override IResult Show(Visit visit) => visit.Flow.SignUpItemId is null ? visit.GoOn(AskNewAddress.Path, visit.Flow) : visit.Page<CodePage>(Parameters);

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        var flow = visit.Flow;
        if (flow is not { SignUpId: { } signUpId, SignUpItemId: { } itemId, Address: { } address, MailedBy: { } authority })
        {
            return visit.GoOn(AskNewAddress.Path, flow);
        }
        var normal = Addresses.Normal(address);
        if (visit["again"] is not null)
        {
            return await SendAgainAsync(visit, signUpId, normal);
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
        if (HostedLimits.IsGuessed(limits, visit, itemId, whose))
        {
            return Wrong(visit, "code.too_many");
        }
        var method = SignInMethod.MagicCode;
        var ending = toApplication.Ending(visit);
        var outcome = await toApplication.DecideAsync(visit, () => database.RecordAsync(visit.Http, view =>
        {
            var act = acts.Of(flow.EnvironmentId);
            var signIn = SignUp.ProveMailbox(view, act, signUpId, itemId, code);
            method = signIn.Answer.Answer?.CredentialId is null ? SignInMethod.MagicCode : SignInMethod.Password;   // of a user who was there already, the password that was chosen is not theirs
            return ending(view, act, signIn, method);
        }));
        if (outcome.Refused == Refusal.ItemUnknown)
        {
            HostedLimits.Guessed(limits, visit, whose);
        }
        return toApplication.Answer(visit, outcome, method, why => Wrong(visit, MailedCode.Why(why)));
    }

    private static IEnumerable<(string, object?)> Parameters => [(nameof(CodePage.Action), Path), (nameof(CodePage.Says), "verify")];

    private static IResult Wrong(Visit visit, string why, int? wait = null) => visit.Again<CodePage>(new Fault("code", visit.Texts[why], wait), Parameters);

    private async Task<IResult> SendAgainAsync(Visit visit, string signUpId, string normal)
    {
        var flow = visit.Flow;
        if (MailedCode.Count(limits, visit, RateLimits.KeyOf(flow.EnvironmentId, normal)) is { } wait)
        {
            return Wrong(visit, "code.sent_too_often", wait);
        }
        var (id, by) = await database.RecordAsync(visit.Http, view =>
        {
            var act = acts.Of(flow.EnvironmentId);
            var itemId = act.NewId(Ids.EmailVerification);
            var code = secrets.Code(flow.EnvironmentId, itemId);
            return new Decision<(string, string)>((itemId, act.Incarnation),
            [
                SignUp.SendAgain(act, signUpId, code, options.MagicCodeLifetime, itemId),
                .. SignUpMail.Of(mails, view, act, normal, itemId, code, act.Now + options.MagicCodeLifetime, visit.Texts.Language),
            ]);
        });
        return visit.GoOn(Path, flow with { SignUpItemId = id, MailedBy = by, Notice = "code.sent_again" });
    }
}
