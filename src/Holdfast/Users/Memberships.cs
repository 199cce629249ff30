using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>A user in an organization: one row for the two, whoever makes it.</summary>
internal static class Memberships
{
    /// <summary>A condition in SQL: nobody took the membership away, and its user and organization are here and not deleted.</summary>
    public static readonly string Effective =
        "memberships.environment_id = @environmentId AND coalesce(memberships.present, 1) = 1 "
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
        IsPresent(view, act.IdKey, organizationId, userId) is null ? [Begin(act, organizationId, userId)] : [];

    /// <summary>Whether somebody may act in an organization: neither it nor the membership is denied, and nobody took the membership away. One whose row has not
    /// arrived counts: the session that names it has been proven.</summary>
    public static bool Allows(View view, byte[] idKey, string organizationId, string userId) =>
        IsPresent(view, idKey, organizationId, userId) != 0 && !Denied.Is(view, organizationId) && !Denied.Is(view, IdOf(idKey, organizationId, userId));

    private static long? IsPresent(View view, byte[] idKey, string organizationId, string userId) =>
        view.Find<long?>("SELECT coalesce(present, 1) FROM memberships WHERE id = @id", new { id = IdOf(idKey, organizationId, userId) });
}
