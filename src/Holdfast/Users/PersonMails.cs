using System.Globalization;
using Holdfast.Mail;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>What people are mailed, and what the application is told of it by an event (it may mail by itself). Each is changes to be added to the decision that gives reason for it; without the
/// mail when the environment has switched it off.</summary>
/// <remarks>Nobody waits for a mail, and no answer tells whether there is one.</remarks>
internal sealed class PersonMails(Mails mails, Http.PublicAddress publicAddress)
{
    /// <summary>The code to sign in with.</summary>
    /// <param name="locale">The page's language; null for the user's, if somebody has the address.</param>
    /// <param name="byApi">The application made it by API: it sends it by itself, unless the environment says otherwise.</param>
    public IReadOnlyList<Change> MagicCode(View view, Act act, string itemId, string address, string code, DateTimeOffset until, string? locale = null, bool byApi = false) =>
    [
        PersonEvents.MagicCodeCreated(act, itemId, Addresses.HolderOf(view, act.EnvironmentId, address) ?? Addresses.NewHolder(view, act, address).UserId, address, until),
        .. Want(view, act, new WantedMail(MailKind.MagicCode, address, itemId, locale ?? LocaleOf(view, act, address), until, new Dictionary<string, string> { ["code"] = code, ["until"] = Time(until) }),
            byApi ? MailSettings.MagicCodeByApi : null),
    ];

    /// <summary>The code that proves the mailbox, of a user or of a sign-up.</summary>
    /// <param name="userId">Null for a sign-up: there is no user yet, and no event.</param>
    public IReadOnlyList<Change> EmailVerification(View view, Act act, string itemId, string address, string code, DateTimeOffset until, string? locale = null, string? userId = null) =>
    [
        .. userId is null ? [] : (Change[])[PersonEvents.EmailVerificationCreated(act, itemId, userId, address, until)],
        .. Want(view, act, new WantedMail(MailKind.EmailVerification, address, itemId, locale ?? LocaleOf(view, act, address), until, new Dictionary<string, string> { ["code"] = code, ["until"] = Time(until) })),
    ];

    /// <summary>The link to another password.</summary>
    public IReadOnlyList<Change> PasswordReset(View view, Act act, string itemId, string address, string link, DateTimeOffset until, string? locale = null, bool byApi = false) =>
    [
        .. Addresses.HolderOf(view, act.EnvironmentId, address) is { } userId ? (Change[])[PersonEvents.PasswordResetCreated(act, itemId, userId, address, until)] : [],
        .. Want(view, act, new WantedMail(MailKind.PasswordReset, address, itemId, locale ?? LocaleOf(view, act, address), until, new Dictionary<string, string> { ["link"] = link, ["until"] = Time(until) }),
            byApi ? MailSettings.PasswordResetByApi : null),
    ];

    /// <summary>The link of an invitation.</summary>
    /// <param name="organization">Its name; null when it is to none.</param>
    /// <param name="inviter">Who invites; null for nobody.</param>
    /// <param name="sentAt">Since when this sending is wanted: another sending is another mail.</param>
    public IReadOnlyList<Change> Invitation(View view, Act act, InvitationRow row, string token, string? organization, UserRow? inviter, string? locale, long sentAt)
    {
        var values = new Dictionary<string, string> { ["link"] = LinkTo(token), ["until"] = row.ExpiresAt.ToString(CultureInfo.InvariantCulture) };
        if (organization is not null)
        {
            values["organization"] = organization;
        }
        if ((inviter?.ToBody().Name is { Length: > 0 } name ? name : inviter?.Email) is { } who)
        {
            values["inviter"] = who;
        }
        return Want(view, act, new WantedMail(MailKind.Invitation, row.Email, row.Id, locale ?? LocaleOf(view, act, row.Email), DateTimeOffset.FromUnixTimeMilliseconds(row.ExpiresAt), values)
        {
            Occasion = sentAt.ToString(CultureInfo.InvariantCulture),
        });
    }

    /// <summary>Tells a person that they have another password now.</summary>
    /// <param name="credentialId">The new one.</param>
    public IReadOnlyList<Change> PasswordChanged(View view, Act act, string userId, string credentialId, string? locale = null) =>
        UserStore.Find(view, act.EnvironmentId, userId) is { Email: { } address } user
            ? Want(view, act, new WantedMail(MailKind.PasswordChanged, address, userId, locale ?? user.Locale, act.Now + MailKind.PasswordChanged.MostAge, new Dictionary<string, string> { ["address"] = address })
            {
                Occasion = credentialId,
            })
            : [];

    /// <summary>Tells who has an address that somebody tried to sign up with it; nothing for an address that nobody has. The page answers as if there were nobody.</summary>
    /// <param name="occasion">Of this attempt: the id of the sign-up.</param>
    public IReadOnlyList<Change> SignUpAttempt(View view, Act act, string address, string occasion, string? locale = null) =>
        UserStore.FindByAddress(view, act.EnvironmentId, address) is { Email: { } held } user
            ? Want(view, act, new WantedMail(MailKind.SignUpAttempt, held, user.Id, locale ?? user.Locale, act.Now + MailKind.SignUpAttempt.MostAge, new Dictionary<string, string> { ["address"] = held })
            {
                Occasion = occasion,
            })
            : [];

    /// <summary>Where an invitation is accepted.</summary>
    public string LinkTo(string token) => $"{publicAddress.Url}/invite?invitation_token={token}";

    private IReadOnlyList<Change> Want(View view, Act act, WantedMail wanted, string? setting = null) =>
        mails.Want(view, act.EnvironmentId, act.Incarnation, act.IdKey, act.Now, wanted, setting);

    private static string? LocaleOf(View view, Act act, string address) => UserStore.FindByAddress(view, act.EnvironmentId, address)?.Locale;

    private static string Time(DateTimeOffset at) => at.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
}
