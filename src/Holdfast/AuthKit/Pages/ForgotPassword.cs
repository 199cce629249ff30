using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit.Pages;

/// <summary>Mails a link to another password to whoever has an address. What is shown, kept and waited for is the same for an address that nobody has.</summary>
internal sealed class ForgotPassword(Database database, Acts acts, PasswordResets resets, ItemSecrets secrets, PersonMails mails, PublicAddress publicAddress, RateLimits limits, AuthKitOptions options) : Step
{
    public const string Path = "/sign-in/forgot";

    public override IResult Show(Visit visit) => visit.Page<ForgotPage>();

    public override async Task<IResult> TakeAsync(Visit visit)
    {
        var typed = visit["email"]?.Trim() ?? "";
        if (!Addresses.IsAddress(typed))
        {
            return visit.Again<ForgotPage>(new Fault("email", visit.Texts[typed.Length == 0 ? "address.missing" : "address.malformed"]), (nameof(ForgotPage.Address), typed));
        }
        var (environmentId, address) = (visit.Flow.EnvironmentId, Addresses.Normal(typed));
        if (HostedLimits.CountMail(limits, visit, RateLimits.ResetsPerAddress, RateLimits.KeyOf(environmentId, address)) is { } seconds)
        {
            return visit.Again<ForgotPage>(new Fault("email", visit.Texts["forgot.too_often"], seconds), (nameof(ForgotPage.Address), typed));
        }
        await database.RecordAsync(visit.Http, view => Asked(view, acts.Of(environmentId), address, visit));
        return visit.GoOn(ForgotSent.Path, visit.Flow.For(typed));
    }

    private Decision<bool> Asked(View view, Act act, string address, Visit visit)
    {
        var id = act.NewId(Ids.PasswordReset);
        var secret = secrets.Token(act.EnvironmentId, id);
        var (ruling, changes) = Passwords.RequestReset(view, act, address, secret, options.ResetLifetime, id);
        // For nobody, and for who has no use for a password, an item that opens nothing: whoever measures how long a disk takes learns nothing by it.
        return Decide.To(true, ruling.Answer is null || SsoRequired.Of(view, act.EnvironmentId, address) is not null
            ? [PendingItem.Issue(act, Ids.PasswordReset, Addresses.NewHolder(view, act, address).UserId, secret, address, options.ResetLifetime, id).Row]
            :
            [
                .. changes,
                .. mails.PasswordReset(view, act, id, address, $"{resets.LinkTo(act.EnvironmentId, id, ServedUnder.BaseOf(visit.Http, publicAddress))}&flow={Uri.EscapeDataString(visit.Flow.Id)}", act.Now + options.ResetLifetime, visit.Texts.Language),
            ]);
    }
}

/// <summary>Says where to look for the link.</summary>
internal sealed class ForgotSent : Step
{
    public const string Path = "/sign-in/forgot/sent";

    public override IResult Show(Visit visit) => visit.Flow.Address is null ? visit.GoOn(ForgotPassword.Path, visit.Flow) : visit.Page<ForgotSentPage>();

    public override Task<IResult> TakeAsync(Visit visit) => Task.FromResult(Show(visit));
}
