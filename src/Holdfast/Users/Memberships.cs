using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>A user in an organization: one row for the two, whoever makes it.</summary>
internal static class Memberships
{
    /// <summary>The reason of a deny that stops a membership until it is lifted.</summary>
    public const string Deactivated = "deactivated";

    /// <summary>The reason of a deny that ends a membership, until an administrator makes or invites a member again.</summary>
    public const string Removed = "removed";

    /// <summary>A condition in SQL: nobody took the membership away, and its user and organization are here and not deleted.</summary>
    public static readonly string Effective =
        $"memberships.environment_id = @environmentId AND coalesce(memberships.present, 1) = 1 AND NOT {Denied.IsFor(Removed, "memberships.id")} "
        + $"AND EXISTS (SELECT 1 FROM users u WHERE u.id = memberships.user_id AND u.environment_id = memberships.environment_id) AND {Denied.NotDeleted("memberships.user_id")} "
        + $"AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = memberships.organization_id AND o.environment_id = memberships.environment_id) AND {Denied.Not("memberships.organization_id")}";

    /// <summary>A membership's id: denies name it whether or not its row has arrived.</summary>
    public static string IdOf(byte[] idKey, string organizationId, string userId) => Ids.Derived(Ids.Membership, idKey, organizationId, userId);

    /// <summary>Makes or unmakes a membership.</summary>
    public static Change Set(Act act, string organizationId, string userId, bool present) => Change.To(
        Schema.Memberships, IdOf(act.IdKey, organizationId, userId),
        ("environment_id", act.EnvironmentId), ("user_id", userId), ("organization_id", organizationId), ("created_at", act.Time), ("present", present));

    /// <summary>A membership as it begins: whose it is. It is present until somebody says otherwise.</summary>
    private static Change Begin(Act act, string organizationId, string userId) => Change.To(
        Schema.Memberships, IdOf(act.IdKey, organizationId, userId),
        ("environment_id", act.EnvironmentId), ("user_id", userId), ("organization_id", organizationId), ("created_at", act.Time));

    /// <summary>What an identity provider's word adds: a membership where there was none. One that was taken away stays away,
    /// also where that has not been heard of: so nothing is said of its presence, which would be the later word.</summary>
    public static List<Change> JustInTime(View view, Act act, string organizationId, string userId) =>
        IsPresent(view, act.IdKey, organizationId, userId) is null && IdOf(act.IdKey, organizationId, userId) is var id
            ?
            [
                Begin(act, organizationId, userId),
                MembershipStore.EventOf("organization_membership.created", act, new MembershipRow(id, userId, organizationId, null, null, 0, act.Time, act.Time), id),
            ]
            : [];

    /// <summary>An accepted invitation makes a member: where there was none, or one that was taken away before the invitation was sent. Nothing is said of the presence of
    /// what begins: it would be the later word against a removal that this node has not heard of.</summary>
    /// <param name="role">Null for the one that everybody begins with.</param>
    public static List<Change> Join(View view, Act act, string organizationId, string userId, string? role)
    {
        var id = IdOf(act.IdKey, organizationId, userId);
        var present = IsPresent(view, act.IdKey, organizationId, userId);
        if (present == 1)
        {
            return [];
        }
        var before = LastTouched(view, id);
        var roles = role is null ? null : RoleSlugs.Write(role);
        var time = before is null ? act.Time : Math.Max(act.Time, before.UpdatedAt + 1);
        var row = new MembershipRow(id, userId, organizationId, null, roles, Denied.Is(view, id) ? 1 : 0, before?.CreatedAt ?? act.Time, time);
        return
        [
            present is null ? Begin(act, organizationId, userId) : Set(act, organizationId, userId, present: true),
            Change.To(Schema.Memberships, id, ("role_slugs", roles), ("updated_at", time)),
            MembershipStore.EventOf("organization_membership.created", act, row, before is null ? id : $"{id}/{time}"),
        ];
    }

    /// <summary>The roles of somebody who is a member now, as they are stored; null for nobody, and for the default.</summary>
    public static string? RolesOf(View view, byte[] idKey, string organizationId, string userId) =>
        view.Find<string>("SELECT role_slugs FROM memberships WHERE id = @id AND coalesce(present, 1) = 1", new { id = IdOf(idKey, organizationId, userId) });

    /// <summary>Lifts the denies that stand here, and those that were seen elsewhere. A primary write.</summary>
    /// <param name="seen">Ids of denies that the caller's node knows, and the primary perhaps not yet.</param>
    public static IEnumerable<Change> Lift(View view, Act act, string id, IReadOnlyList<string> seen) => Denied.Standing(view, id).Union(seen).Select(deny => Lifted(act, deny));

    public static Change Lifted(Act act, string denyId) => Denied.Lifted(denyId, act.EnvironmentId, act.NewId(Ids.Lift, denyId), act.Now);

    /// <summary>When a membership began and was changed last, whatever became of it; null when there never was one.</summary>
    public static Times? LastTouched(View view, string id) => view.Find<Times>(
        "SELECT created_at AS CreatedAt, coalesce(updated_at, created_at) AS UpdatedAt FROM memberships WHERE id = @id AND created_at IS NOT NULL", new { id });

    /// <summary>Unix milliseconds.</summary>
    public sealed record Times(long CreatedAt, long UpdatedAt);

    /// <summary>Whether somebody may act in an organization: neither it nor the membership is denied, and nobody took the membership away. One whose row has not
    /// arrived counts: the session that names it has been proven.</summary>
    public static bool Allows(View view, byte[] idKey, string organizationId, string userId) =>
        IsPresent(view, idKey, organizationId, userId) != 0 && !Denied.Is(view, organizationId) && !Denied.Is(view, IdOf(idKey, organizationId, userId));

    /// <summary>Whether somebody is known here to be a member, of an organization that is there, and nothing denies it.</summary>
    public static bool IsIn(View view, Act act, string organizationId, string userId) => Of(view, act, userId).Exists(m => m.OrganizationId == organizationId);

    /// <summary>The organizations that a user may act in, eldest membership first; at most <see cref="Most"/>.</summary>
    public static List<Member> Of(View view, Act act, string userId) => view.Query<Member>(
        "SELECT o.id AS OrganizationId, o.name AS Name FROM memberships m JOIN organizations o ON o.id = m.organization_id "
        + "WHERE m.user_id = @userId AND m.environment_id = @EnvironmentId AND o.environment_id = @EnvironmentId AND coalesce(m.present, 1) = 1 "
        + $"AND {Denied.Not("m.id")} AND {Denied.Not("o.id")} ORDER BY m.created_at, m.id LIMIT {Most}",
        new { userId, act.EnvironmentId });

    /// <summary>More organizations than that are not told to choose from.</summary>
    private const int Most = 1000;

    /// <summary>An organization, as one who is in it knows it.</summary>
    public sealed record Member(string OrganizationId, string Name);

    private static long? IsPresent(View view, byte[] idKey, string organizationId, string userId) =>
        view.Find<long?>("SELECT coalesce(present, 1) FROM memberships WHERE id = @id", new { id = IdOf(idKey, organizationId, userId) });
}
