using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Signing in by password, and the ways to get another one. Checking a password is slow, so it is done outside the node's writer: the rules take the id
/// of the credential that was proven, and ask whether it is still the effective one.</summary>
internal static class Passwords
{
    /// <summary>What a password that was typed in may be checked against: one, or several after changes on nodes apart; none for an unknown address.</summary>
    public static List<Credential> Candidates(View view, string environmentId, string address) =>
        Addresses.HolderOf(view, environmentId, address) is { } holder
            ? [.. Credential.Standing(Credential.Of(view, environmentId, holder)).Where(c => c.Secret != Credential.Nothing)]
            : [];

    /// <summary>What a password is checked against for show, where the address has none: the candidates of somebody of the environment, always of the same one for one address. Ids of
    /// people are spread evenly, so the many who are not there cost what those who are there cost. Empty when nobody has a password.</summary>
    public static List<Credential> StandIn(View view, Act act, string address)
    {
        var point = Ids.Derived(Ids.User, act.IdKey, "stand-in", Addresses.Normal(address));
        string? Next(string from) => view.Find<string>(
            "SELECT user_id FROM credentials WHERE environment_id = @EnvironmentId AND user_id >= @from AND kind = 'password' ORDER BY user_id LIMIT 1", new { act.EnvironmentId, from });
        return (Next(point) ?? Next("")) is { } somebody
            ? [.. Credential.Standing(Credential.Of(view, act.EnvironmentId, somebody)).Where(c => c.Secret != Credential.Nothing)]
            : [];
    }

    /// <param name="proven">The candidate that the password opened; null when it opened none.</param>
    /// <param name="renewed">The same password hashed anew, to take the place of an imported hash; null to keep what there is.</param>
    public static Decision<Ruling<SignedIn>> SignIn(View view, Act act, string address, string? proven, string? renewed = null)
    {
        if (Addresses.HolderOf(view, act.EnvironmentId, address) is not { } userId)
        {
            return Rule.Refuse<SignedIn>(Refusal.WrongCredential);
        }
        var all = Credential.Of(view, act.EnvironmentId, userId);
        if ((Refused(all, proven) ?? ProveAddress.Refused(view, userId)) is { } why)
        {
            return why == Refusal.ResetNeeded ? Rule.Refuse<SignedIn>(why, TellApart(act, userId, address, all)) : Rule.Refuse<SignedIn>(why);
        }
        if (renewed is null)
        {
            return Rule.Grant(new SignedIn(userId, proven));
        }
        var credential = Credential.Make(act, userId, Credential.Password, renewed, ProofBy(all, proven!), proven!, Credential.Standing(all));
        return Rule.Grant(new SignedIn(userId, credential.Id), credential);
    }

    /// <summary>Several passwords were set apart, and none counts until the mailbox decides. Whoever finds that out, by knowing one of them, makes the same event: it is told once.</summary>
    private static Change TellApart(Act act, string userId, string address, List<Credential> all) => EventRow.Of(
        SetApart, new SetApartData(userId, address), act.EnvironmentId, act.IdKey, string.Join('\n', Credential.Standing(all).Select(c => c.Id).Order(StringComparer.Ordinal)), act.Now);

    /// <summary>Of our own: the published list has nothing like it.</summary>
    public const string SetApart = "user.password_reset_required";

    private sealed record SetApartData(string UserId, string Email);

    /// <summary>Another password, by the old one. It names all that stand, so that it follows the later of several.</summary>
    public static Decision<Ruling<string>> Change(View view, Act act, string userId, string? proven, string newHash)
    {
        var all = Credential.Of(view, act.EnvironmentId, userId);
        if (Refused(all, proven) is { } wrong)
        {
            return Rule.Refuse<string>(wrong);
        }
        if (ProveAddress.Refused(view, userId) is { } why)
        {
            return Rule.Refuse<string>(why);
        }
        var credential = Credential.Make(act, userId, Credential.Password, newHash, ProofBy(all, proven!), proven!, Credential.Standing(all));
        return Rule.Grant(credential.Id, credential);
    }

    /// <summary>Begins a reset. An address that nobody has is refused; what is answered to the world must be the same.</summary>
    /// <returns>The item's id.</returns>
    public static Decision<Ruling<string>> RequestReset(View view, Act act, string address, string secret, TimeSpan lifetime, string? itemId = null)
    {
        if (Addresses.HolderOf(view, act.EnvironmentId, address) is not { } userId)
        {
            return Rule.Refuse<string>(Refusal.NotFound);
        }
        var (id, row) = PendingItem.Issue(act, Ids.PasswordReset, userId, secret, address, lifetime, itemId);
        return Rule.Grant(id, row);
    }

    /// <summary>Another password, by the mailbox. It replaces all that this node has seen; the sessions of those have ended.</summary>
    public static Decision<Ruling<SignedIn>> Reset(View view, Act act, string itemId, string secret, string newHash)
    {
        var (item, refused) = PendingItem.Redeem(view, act, itemId, Ids.PasswordReset, secret);
        if (item is null)
        {
            return Rule.Refuse<SignedIn>(refused!.Value);
        }
        // The mailbox proves the address; whether the user still has it is asked now.
        if (Addresses.HolderOf(view, act.EnvironmentId, item.Data!) != item.Subject)
        {
            return Rule.Refuse<SignedIn>(Refusal.ItemUnknown, item.Spent(act));
        }
        if (ProveAddress.Refused(view, item.Subject) is { } why)
        {
            return Rule.Refuse<SignedIn>(why, item.Spent(act));
        }
        var all = Credential.Of(view, act.EnvironmentId, item.Subject);
        if (Credential.IsProvenAnewSince(all, item.Stamp))
        {
            return Rule.Refuse<SignedIn>(Refusal.ItemExpired, item.Spent(act));
        }
        var credential = Credential.Make(act, item.Subject, Credential.Password, newHash, Proof.Mailbox, item.Id, all);
        var verified = UserStore.Verify(view, act, item.Subject, item.Data!);
        return Rule.Grant(new SignedIn(item.Subject, credential.Id),
            [item.Spent(act), credential, .. verified, .. verified.Count > 0 ? ProveAddress.TakeAway(view, act, item.Subject) : []]);
    }

    /// <summary>Another password, by an administrator; like a reset, it ends the sessions of all that it replaces.</summary>
    /// <param name="isVouchedFor">The administrator says in the same breath that the mailbox is proven.</param>
    public static Decision<Ruling<string>> SetByAdministrator(View view, Act act, string userId, string newHash, string administratorId, bool isVouchedFor = false)
    {
        if (UserStore.Find(view, act.EnvironmentId, userId) is not { } user)
        {
            return Rule.Refuse<string>(Refusal.NotFound);
        }
        var all = Credential.Of(view, act.EnvironmentId, userId);
        var proof = user.IsVerified || isVouchedFor ? Proof.Administrator : Proof.Unproven;
        var credential = Credential.Make(act, userId, Credential.Password, newHash, proof, administratorId, all);
        return Rule.Grant(credential.Id, credential);
    }

    /// <summary>What a password proves is worth no more than itself.</summary>
    private static Proof ProofBy(List<Credential> all, string proven) => all.Exists(c => c.Id == proven && c.IsUnproven) ? Proof.Unproven : Proof.Credential;

    /// <summary>Whoever opened one that stands, while none is effective, is told to reset; whoever opened none is told nothing.</summary>
    private static Refusal? Refused(List<Credential> all, string? proven) =>
        proven is null || !Credential.Standing(all).Any(c => c.Id == proven) ? Refusal.WrongCredential
        : Credential.Effective(all) is not { } effective ? Refusal.ResetNeeded
        : effective.Id != proven ? Refusal.WrongCredential
        : null;
}
