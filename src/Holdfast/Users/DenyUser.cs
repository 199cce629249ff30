using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Suspending and deleting a user are denies: possible with the primary gone, and they win (law 4). Lifting is a primary write.</summary>
internal static class DenyUser
{
    private const string Suspended = "suspended";

    /// <summary>Always a deny of its own: one that stands here may just be lifted elsewhere, by somebody who has not seen this one.</summary>
    /// <returns>The deny's id.</returns>
    public static Decision<Ruling<string>> Suspend(View view, Act act, string userId)
    {
        if (UserStore.Find(view, act.EnvironmentId, userId) is null)
        {
            return Rule.Refuse<string>(Refusal.NotFound);
        }
        var id = act.NewId(Ids.Deny);
        return Rule.Grant(id, Denied.Because(Suspended, userId, act.EnvironmentId, id, act.Now));
    }

    /// <summary>Lifts the suspensions that were seen. One made elsewhere meanwhile stays, and so does what denies the user for another reason.</summary>
    /// <param name="seen">Ids of denies, as whoever lifts them was shown.</param>
    /// <returns>Those that were lifted by it.</returns>
    public static Decision<Ruling<IReadOnlyList<string>>> Lift(View view, Act act, string userId, IReadOnlyCollection<string> seen)
    {
        if (UserStore.Find(view, act.EnvironmentId, userId) is null)
        {
            return Rule.Refuse<IReadOnlyList<string>>(Refusal.NotFound);
        }
        var lifted = Denied.Standing(view, userId, Suspended).Where(seen.Contains).ToList();
        return Rule.Grant<IReadOnlyList<string>>(lifted, [.. lifted.Select(id => Denied.Lifted(id, act.EnvironmentId, act.NewId(Ids.Lift, id), act.Now))]);
    }

    /// <summary>Deletes a user. The deny is the tombstone; the address is free for a new user, under a higher term.</summary>
    public static Decision<Ruling<string>> Delete(View view, Act act, string userId) => UserStore.Find(view, act.EnvironmentId, userId) is null
        ? Rule.Refuse<string>(Refusal.NotFound)
        : Rule.Grant(userId, Denied.Because("deleted", userId, act.EnvironmentId, Ids.Derived(Ids.Deny, act.IdKey, "deleted", userId), act.Now));
}
