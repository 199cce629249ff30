using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>What follows from a proven or vouched-for address: it is its holder's who came, or it makes the one user that any node would make.</summary>
internal static class ProveAddress
{
    /// <summary>Who it is, and what has to be kept. Denies are not asked here: <see cref="Refused"/> is.</summary>
    public static (SignedIn Who, List<Change> Changes) Of(View view, Act act, string address, PersonNames names) =>
        Addresses.HolderOf(view, act.EnvironmentId, address) is { } holder
            ? (new SignedIn(holder), [.. UserStore.Verify(view, act, holder, address), .. Disown(view, act, holder)])
            : Make(view, act, address, names, new UserDetails(IsVerified: true));

    /// <summary>Who comes with the proof need not be who chose the password before there was one: so none that was chosen opens any more, and its sessions end.</summary>
    private static List<Change> Disown(View view, Act act, string holder)
    {
        var standing = UserStore.Find(view, act.EnvironmentId, holder) is { IsVerified: false } ? Credential.Standing(Credential.Of(view, act.EnvironmentId, holder)) : [];
        return standing.Count == 0 ? [] : [Credential.Make(act, holder, Credential.Password, Credential.Nothing, Proof.Mailbox, "address", standing)];
    }

    /// <summary>The user that an address makes. It has no holder.</summary>
    private static (SignedIn Who, List<Change> Changes) Make(View view, Act act, string address, PersonNames names, UserDetails details)
    {
        var (userId, term) = Addresses.NewHolder(view, act, address);
        return (new SignedIn(userId, IsNew: true), [Addresses.Take(act, address, userId, term), .. UserStore.Make(act, userId, address, names, details)]);
    }

    /// <summary>Why a user may not sign in; null when they may.</summary>
    public static Refusal? Refused(View view, string userId) => Http.Denied.Is(view, userId) ? Refusal.Denied : null;

    /// <summary>An administrator vouches for an address: the user that it makes. A primary write. Whether the mailbox is proven, too, the administrator says.</summary>
    public static Decision<Ruling<SignedIn>> ByAdministrator(View view, Act act, string address, PersonNames names, UserDetails details)
    {
        if (Addresses.HolderOf(view, act.EnvironmentId, address) is not null)
        {
            return Rule.Refuse<SignedIn>(Refusal.AddressTaken);
        }
        var (who, changes) = Make(view, act, address, names, details);
        return Rule.Grant(who, changes);
    }
}
