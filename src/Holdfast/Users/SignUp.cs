using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>A sign-up is a row that touches nobody, until its mailbox is proven by whoever began it.</summary>
internal static class SignUp
{
    /// <param name="SignUpId">Stays in the browser that began it; the mail does not tell it.</param>
    /// <param name="ItemId">Names the single-use item, whose secret is mailed.</param>
    public sealed record Begun(string SignUpId, string ItemId);

    private sealed record Row(string Email, string? PasswordHash, string? FirstName, string? LastName);

    /// <summary>The same for an address that somebody has and for one that nobody has: nothing is read.</summary>
    /// <param name="passwordHash">Null when none was chosen.</param>
    /// <param name="newItemId">Null for a new one.</param>
    public static Decision<Begun> Begin(Act act, string address, string? passwordHash, PersonNames names, string secret, TimeSpan lifetime, string? newItemId = null)
    {
        var id = act.NewId(Ids.SignUp);
        var (itemId, item) = PendingItem.Issue(act, Ids.EmailVerification, id, secret, null, lifetime, newItemId);
        return Decide.To(new Begun(id, itemId), item, Change.To(Schema.PendingSignUps, id,
            ("environment_id", act.EnvironmentId), ("email", address), ("password_hash", passwordHash), ("first_name", names.First), ("last_name", names.Last),
            ("created_at", act.Time), ("expires_at", (act.Now + lifetime).ToUnixTimeMilliseconds())));
    }

    /// <summary>Another code for the same sign-up.</summary>
    public static Change SendAgain(Act act, string signUpId, string secret, TimeSpan lifetime, string itemId) =>
        PendingItem.Issue(act, Ids.EmailVerification, signUpId, secret, null, lifetime, itemId).Row;

    /// <summary>The mailbox is proven: the address gets its user. The password that was chosen counts only for a user whom this very proof makes.</summary>
    /// <param name="signUpId">From the browser. One who only opens a mail that a stranger's sign-up caused does not know it, and so gives that stranger nothing.</param>
    public static Decision<Ruling<SignedIn>> ProveMailbox(View view, Act act, string signUpId, string itemId, string secret)
    {
        var (item, refused) = PendingItem.Redeem(view, act, itemId, Ids.EmailVerification, secret);
        if (item is null)
        {
            return Rule.Refuse<SignedIn>(refused!.Value);
        }
        var row = view.Find<Row>(
            "SELECT email AS Email, password_hash AS PasswordHash, first_name AS FirstName, last_name AS LastName FROM pending_sign_ups WHERE id = @signUpId",
            new { signUpId });
        if (row is null || item.Subject != signUpId)
        {
            return Rule.Refuse<SignedIn>(Refusal.ItemUnknown);
        }
        var (who, changes) = ProveAddress.Of(view, act, row.Email, new PersonNames(row.FirstName, row.LastName));
        changes.Add(item.Spent(act));
        if (ProveAddress.Refused(view, who.UserId) is { } why)
        {
            return Rule.Refuse<SignedIn>(why, item.Spent(act));
        }
        if (who.IsNew && row.PasswordHash is { } hash)
        {
            var credential = Credential.Make(act, who.UserId, Credential.Password, hash, Proof.Mailbox, item.Id, []);
            changes.Add(credential);
            who = who with { CredentialId = credential.Id };
        }
        return Rule.Grant(who, changes);
    }
}
