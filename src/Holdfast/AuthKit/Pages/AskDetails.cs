using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Asks somebody who comes for the first time for a password, and what to call them. Whether somebody has the address already is told by mail alone.</summary>
internal sealed class AskDetails(
    Database database, Acts acts, ItemSecrets secrets, PersonMails mails, PasswordHasher hasher, PasswordPolicy policy, HomeRealm realm, RateLimits limits, AuthKitOptions options) : Step
{
    public const string Path = "/sign-up/details";

    private const int LongestName = 200;

    public override IResult Show(Visit visit) => visit.Flow.Address is null ? visit.GoOn(AskNewAddress.Path, visit.Flow) : visit.Page<DetailsPage>();

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        var flow = visit.Flow;
        if (flow.Address is not { } address)
        {
            return visit.GoOn(AskNewAddress.Path, flow);
        }
        if (realm.Of(flow.EnvironmentId, address) is { } home)
        {
            return await realm.GoAsync(visit.Http, flow, home);
        }
        var names = new PersonNames(visit["first_name"]?.Trim(), visit["last_name"]?.Trim());
        IResult Wrong(string field, string why, int? wait = null) => visit.Again<DetailsPage>(new Fault(field, visit.Texts[why], wait),
            (nameof(DetailsPage.FirstName), names.First), (nameof(DetailsPage.LastName), names.Last));
        if (names.First?.Length > LongestName || names.Last?.Length > LongestName)
        {
            return Wrong(names.First?.Length > LongestName ? "first_name" : "last_name", "details.too_long");
        }
        if (visit["password"] is not { } password)
        {
            return Wrong("password", "details.missing");
        }
        if (HostedLimits.Count(limits, visit, address) is { } pause)   // before anything is weighed
        {
            return Wrong("password", "fault.too_many_tries", pause);
        }
        if (await policy.CheckAsync(flow.EnvironmentId, password, address, [names.First, names.Last], visit.Http.RequestAborted) is [var fault, ..])
        {
            return Wrong("password", $"new_password.{fault.Code}");
        }
        var normal = Addresses.Normal(address);
        if (MailedCode.Count(limits, visit, RateLimits.KeyOf(flow.EnvironmentId, normal)) is { } wait)
        {
            return Wrong("password", "code.sent_too_often", wait);
        }
        var hash = await hasher.HashAsync(flow.EnvironmentId, password, visit.Http.RequestAborted);
        var (begun, by) = await database.RecordAsync(visit.Http, view =>
        {
            var act = acts.Of(flow.EnvironmentId);
            var itemId = act.NewId(Ids.EmailVerification);
            var code = secrets.Code(flow.EnvironmentId, itemId);
            var (answer, changes) = SignUp.Begin(act, address, hash, names, code, options.MagicCodeLifetime, itemId);
            return new Decision<(SignUp.Begun, string)>((answer, act.Incarnation),
                [.. changes, .. SignUpMail.Of(mails, view, act, normal, itemId, code, act.Now + options.MagicCodeLifetime, visit.Texts.Language)]);
        });
        return visit.GoOn(VerifySignUp.Path, flow with { SignUpId = begun.SignUpId, SignUpItemId = begun.ItemId, MailedBy = by, Notice = null });
    }
}

/// <summary>The mail of a sign-up: the code; or, to who has the address already, that somebody tried.</summary>
internal static class SignUpMail
{
    public static IReadOnlyList<Change> Of(PersonMails mails, View view, Act act, string address, string itemId, string code, DateTimeOffset until, string language) =>
        Addresses.HolderOf(view, act.EnvironmentId, address) is null
            ? mails.EmailVerification(view, act, itemId, address, code, until, language)
            : mails.SignUpAttempt(view, act, address, itemId, language);
}
