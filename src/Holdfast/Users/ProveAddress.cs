using Holdfast.Claims;
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

    /// <summary>Who comes with the proof need not be who prepared the account before there was one: so no password that was chosen opens any more, and nothing else that was set up.</summary>
    private static List<Change> Disown(View view, Act act, string holder)
    {
        if (UserStore.Find(view, act.EnvironmentId, holder) is not { IsVerified: false })
        {
            return [];
        }
        var standing = Credential.Standing(Credential.Of(view, act.EnvironmentId, holder));
        var changes = TakeAway(view, act, holder);
        if (standing.Count > 0)
        {
            changes.Add(Credential.Make(act, holder, Credential.Password, Credential.Nothing, Proof.Mailbox, "address", standing));
        }
        return changes;
    }

    /// <summary>All but passwords that was set up for a user before their mailbox was proven: factors and passkeys, sessions, and accounts elsewhere that nobody vouches for.</summary>
    public static List<Change> TakeAway(View view, Act act, string userId) =>
    [
        .. Factor.Of(view, act.EnvironmentId, userId).Select(f => Factor.Deleted(act, f.Id)),
        .. view.Query<string>("SELECT id FROM sessions WHERE environment_id = @EnvironmentId AND user_id = @userId AND expires_at > @Time ORDER BY id", new { act.EnvironmentId, userId, act.Time })
            .Select(id => Session.Deny(act, id, "revoked")),
        .. view.Query<string>(
                "SELECT value FROM claims WHERE environment_id = @EnvironmentId AND kind = @kind AND holder = @userId AND verified = 0 ORDER BY value",
                new { act.EnvironmentId, kind = Claim.UserSsoProfile, userId })
            .Select(profile => Claim.GiveUp(view, act.EnvironmentId, act.IdKey, Claim.UserSsoProfile, profile, userId)).OfType<Change>(),
    ];

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
