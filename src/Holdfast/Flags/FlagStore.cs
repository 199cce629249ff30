using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.Flags;

/// <summary>Every statement on feature flags. Each takes the state that it reads: the replica, or a transaction of the primary.</summary>
internal static class FlagStore
{
    private const string Columns =
        "id AS Id, environment_id AS EnvironmentId, slug AS Slug, name AS Name, description AS Description, owner AS Owner, tags AS Tags, coalesce(enabled, 0) AS Enabled, "
        + "coalesce(default_value, 0) AS DefaultValue, created_at AS CreatedAt, coalesce(updated_at, created_at) AS UpdatedAt";

    /// <summary>A slug that another flag has got since, after this one was deleted elsewhere, is that one's.</summary>
    private static readonly string Effective =
        $"environment_id = @environmentId AND {Denied.Not("flags.id")} AND {Claim.IsHeld(Claim.FlagSlug, "flags.environment_id", "flags.slug", "flags.id")}";

    /// <summary>A target counts while it stands, is switched on, and what it names was not deleted.</summary>
    private static readonly string TargetStands = $"t.present = 1 AND {Denied.NotDeleted("t.resource_id")}";

    /// <summary>A flag of this environment; null when there is none, or it was deleted.</summary>
    public static FlagRow? Find(View view, string environmentId, string slug) =>
        Claim.Find(view, environmentId, Claim.FlagSlug, slug) is { Holder: { } id }
            ? view.Find<FlagRow>($"SELECT {Columns} FROM flags WHERE {Effective} AND id = @id", new { environmentId, id })
            : null;

    public static List<FlagRow> List(View view, string environmentId, Page page) =>
        view.Query<FlagRow>(page.Sql($"SELECT {Columns} FROM flags WHERE {Effective}"), page.Parameters(view, "flags", environmentId));

    /// <summary>All of an environment's; at most <see cref="FlagInput.MostFlags"/>, because no more are made.</summary>
    public static List<FlagRow> All(View view, string environmentId) =>
        view.Query<FlagRow>($"SELECT {Columns} FROM flags WHERE {Effective} ORDER BY slug", new { environmentId });

    public static long Count(View view, string environmentId) => view.Find<long>($"SELECT count(*) FROM flags WHERE {Effective}", new { environmentId });

    /// <summary>A page of the flags that are on for an organization.</summary>
    public static List<FlagRow> ListForOrganization(View view, string environmentId, Page page, string organizationId) => view.Query<FlagRow>(
        page.Sql($"SELECT {Columns} FROM flags WHERE {Effective} AND {IsOn("t.kind = 'organization' AND t.resource_id = @organizationId")}"),
        page.Parameters(view, "flags", environmentId, new { organizationId }));

    /// <summary>A page of the flags that are on for a user: by themselves, or by an organization that they are a member of.</summary>
    public static List<FlagRow> ListForUser(View view, string environmentId, Page page, string userId)
    {
        var organizations = $"SELECT organization_id FROM memberships WHERE user_id = @userId AND {Memberships.Effective} AND {Denied.Not("memberships.id")}";
        return view.Query<FlagRow>(
            page.Sql($"SELECT {Columns} FROM flags WHERE {Effective} AND "
                + IsOn($"((t.kind = 'user' AND t.resource_id = @userId) OR (t.kind = 'organization' AND t.resource_id IN ({organizations})))")),
            page.Parameters(view, "flags", environmentId, new { userId }));
    }

    /// <summary>The slugs that are on for somebody who acts in an organization, or in none, in the order of their letters.</summary>
    public static List<string> On(View view, string environmentId, string userId, string? organizationId) => view.Query<string>(
        $"SELECT slug FROM flags WHERE {Effective} AND "
        + IsOn("((t.kind = 'user' AND t.resource_id = @userId) OR (t.kind = 'organization' AND t.resource_id = @organizationId))") + " ORDER BY slug",
        new { environmentId, userId, organizationId });

    /// <summary>The targets of flags, eldest first.</summary>
    public static List<FlagTargetRow> Targets(View view, string environmentId, IReadOnlyCollection<string> flagIds) => flagIds.Count == 0
        ? []
        : view.Query<FlagTargetRow>(
            "SELECT t.id AS Id, t.flag_id AS FlagId, t.kind AS Kind, t.resource_id AS ResourceId, coalesce(t.enabled, 0) AS Enabled, "
            + "CASE t.kind WHEN 'organization' THEN (SELECT o.name FROM organizations o WHERE o.id = t.resource_id) WHEN 'user' THEN (SELECT u.email FROM users u WHERE u.id = t.resource_id) END AS Named "
            + $"FROM flag_targets t WHERE t.environment_id = @environmentId AND t.flag_id IN @flagIds AND {TargetStands} ORDER BY t.created_at, t.id",
            new { environmentId, flagIds });

    public static long CountTargets(View view, string environmentId) =>
        view.Find<long>("SELECT count(*) FROM flag_targets WHERE environment_id = @environmentId AND present = 1", new { environmentId });

    private static string IsOn(string names) =>
        $"enabled = 1 AND (default_value = 1 OR EXISTS (SELECT 1 FROM flag_targets t WHERE t.flag_id = flags.id AND t.enabled = 1 AND {TargetStands} AND {names}))";
}
