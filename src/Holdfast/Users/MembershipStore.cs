using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Every statement on memberships as administrators see them.</summary>
internal static class MembershipStore
{
    private static readonly string Columns =
        "id AS Id, user_id AS UserId, organization_id AS OrganizationId, "
        + "(SELECT o.name FROM organizations o WHERE o.id = memberships.organization_id) AS OrganizationName, role_slugs AS RoleSlugs, "
        + $"CASE WHEN {Denied.IsFor(Memberships.Deactivated, "memberships.id")} THEN 1 ELSE 0 END AS Inactive, created_at AS CreatedAt, coalesce(updated_at, created_at) AS UpdatedAt";

    /// <summary>A membership in effect; null when there is none.</summary>
    public static MembershipRow? Find(View view, string environmentId, string id) =>
        view.Find<MembershipRow>($"SELECT {Columns} FROM memberships WHERE {Memberships.Effective} AND id = @id", new { environmentId, id });

    /// <summary>A page of memberships. Each filter is null for all.</summary>
    /// <param name="active">Those that are active, or those that are not.</param>
    public static List<MembershipRow> List(View view, string environmentId, Page page, string? userId, string? organizationId, bool? active)
    {
        var inactive = Denied.IsFor(Memberships.Deactivated, "memberships.id");
        var select = $"SELECT {Columns} FROM memberships WHERE {Memberships.Effective}"
            + (userId is null ? "" : " AND user_id = @userId")
            + (organizationId is null ? "" : " AND organization_id = @organizationId")
            + (active is null ? "" : active == true ? $" AND NOT {inactive}" : $" AND {inactive}");
        return view.Query<MembershipRow>(page.Sql(select), page.Parameters(view, "memberships", environmentId, new { userId, organizationId }));
    }

    /// <summary>A membership with its user, as the API shows it.</summary>
    public static MembershipBody Body(View view, string environmentId, MembershipRow row) => row.ToBody(UserStore.Find(view, environmentId, row.UserId));

    /// <summary>The event that tells of a membership.</summary>
    /// <param name="derivedFrom">The change that it tells of.</param>
    public static Change EventOf(string name, Act act, MembershipRow row, string derivedFrom) =>
        EventRow.Of(name, row.ToBody(user: null), act.EnvironmentId, act.IdKey, derivedFrom, act.Now);
}
