using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>What follows from a proven or vouched-for address: it is its holder's who came, or it makes the one user that any node would make.</summary>
internal static class ProveAddress
{
    /// <summary>Who it is, and what has to be kept. Denies are not asked here: <see cref="Refused"/> is.</summary>
    public static (SignedIn Who, List<Change> Changes) Of(View view, Act act, string address, PersonNames names)
    {
        if (Addresses.HolderOf(view, act.EnvironmentId, address) is { } holder)
        {
            return (new SignedIn(holder), []);
        }
        var (userId, term) = Addresses.NewHolder(view, act, address);
        return (new SignedIn(userId, IsNew: true), [Addresses.Take(act, address, userId, term), UserStore.Make(act, userId, address, names)]);
    }

    /// <summary>Why a user may not sign in; null when they may.</summary>
    public static Refusal? Refused(View view, string userId) => Http.Denied.Is(view, userId) ? Refusal.Denied : null;

    /// <summary>An administrator vouches for an address: the user that it makes. A primary write.</summary>
    public static Decision<Ruling<SignedIn>> ByAdministrator(View view, Act act, string address, PersonNames names) =>
        Of(view, act, address, names) is { Who.IsNew: true } made ? Rule.Grant(made.Who, made.Changes) : Rule.Refuse<SignedIn>(Refusal.AddressTaken);
}
