namespace Holdfast.Mail;

/// <summary>What a mail is for. Its name is the switch that an environment has for it, and the name of its text.</summary>
/// <param name="Name">Never renamed: rows and settings hold it.</param>
/// <param name="MostAge">After so long nobody wants it any more, however long what it speaks of lasts.</param>
/// <param name="IsOfItem">It carries a secret that one node alone redeems (law 5): when that node is gone the secret is void, and nobody sends it.</param>
internal sealed record MailKind(string Name, TimeSpan MostAge, bool IsOfItem)
{
    /// <summary>A code to sign in with.</summary>
    public static readonly MailKind MagicCode = new("magic_auth", TimeSpan.FromHours(1), IsOfItem: true);

    /// <summary>A code that proves the mailbox.</summary>
    public static readonly MailKind EmailVerification = new("email_verification", TimeSpan.FromHours(1), IsOfItem: true);

    /// <summary>A link to another password.</summary>
    public static readonly MailKind PasswordReset = new("password_reset", TimeSpan.FromHours(1), IsOfItem: true);

    public static readonly MailKind Invitation = new("invitation", TimeSpan.FromDays(3), IsOfItem: false);

    /// <summary>Tells a person that their password was changed, in case it was not they.</summary>
    public static readonly MailKind PasswordChanged = new("password_changed", TimeSpan.FromDays(1), IsOfItem: false);

    /// <summary>Tells a person who has an account that somebody tried to sign up with their address: the page must not say it.</summary>
    public static readonly MailKind SignUpAttempt = new("sign_up_attempt", TimeSpan.FromHours(1), IsOfItem: false);

    public static readonly IReadOnlyList<MailKind> All = [MagicCode, EmailVerification, PasswordReset, Invitation, PasswordChanged, SignUpAttempt];

    private static readonly Dictionary<string, MailKind> s_byName = All.ToDictionary(kind => kind.Name, StringComparer.Ordinal);

    /// <summary>Null for one that a younger release knows.</summary>
    public static MailKind? Find(string name) => s_byName.GetValueOrDefault(name);
}
