using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>A user in an organization: one row for the two, whoever makes it.</summary>
internal static class Memberships
{
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
