using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>Every statement on connections.</summary>
internal static class ConnectionStore
{
    private static readonly string Deactivated =
        "EXISTS (SELECT 1 FROM denies d WHERE d.subject = connections.id AND d.reason = 'deactivated' AND NOT EXISTS (SELECT 1 FROM lifts l WHERE l.deny_id = d.id))";

    private static readonly string Columns =
        "id AS Id, environment_id AS EnvironmentId, organization_id AS OrganizationId, connection_type AS ConnectionType, name AS Name, "
        + $"CASE WHEN {Deactivated} THEN 'inactive' ELSE state END AS State, settings_sealed AS SettingsSealed, domains AS Domains, "
        + "created_at AS CreatedAt, updated_at AS UpdatedAt";

    /// <summary>It was not deleted, and neither was its organization, which must be here; a provider of the whole environment's has none.</summary>
    private static readonly string Effective =
        "NOT EXISTS (SELECT 1 FROM denies d WHERE d.subject = connections.id AND d.reason = 'deleted') "
        + "AND (connections.organization_id IS NULL OR (EXISTS (SELECT 1 FROM organizations o WHERE o.id = connections.organization_id AND o.environment_id = connections.environment_id) "
        + $"AND {Denied.Not("connections.organization_id")}))";

    /// <summary>A connection that was not deleted; null when there is none, whoever asks.</summary>
    public static Connection? Find(View view, string id) =>
        id.Length > 128 ? null : view.Find<Connection>($"SELECT {Columns} FROM connections WHERE id = @id AND {Effective}", new { id });

    /// <summary>The same, of one environment: another's is answered like none.</summary>
    public static Connection? Find(View view, string environmentId, string id) => Find(view, id) is { } found && found.EnvironmentId == environmentId ? found : null;

    /// <summary>All connections of an organization.</summary>
    public static List<Connection> OfOrganization(View view, string environmentId, string organizationId) => view.Query<Connection>(
        $"SELECT {Columns} FROM connections WHERE environment_id = @environmentId AND organization_id = @organizationId AND {Effective} ORDER BY created_at, id",
        new { environmentId, organizationId });

    /// <summary>An environment's connections of one type.</summary>
    public static List<Connection> OfType(View view, string environmentId, string type) => view.Query<Connection>(
        $"SELECT {Columns} FROM connections WHERE environment_id = @environmentId AND connection_type = @type AND {Effective} ORDER BY created_at, id LIMIT 100", new { environmentId, type });

    /// <summary>The providers that anybody of an environment may sign in by, one of each type.</summary>
    public static List<Connection> OfEverybody(View view, string environmentId) =>
    [
        .. view.Query<Connection>(
            $"SELECT {Columns} FROM connections WHERE environment_id = @environmentId AND organization_id IS NULL AND {Effective} ORDER BY created_at, id LIMIT 100", new { environmentId })
            .Where(c => c.IsActive && OAuthProvider.Of(c.ConnectionType) is not null).DistinctBy(c => c.ConnectionType),
    ];

    /// <summary>A page of an environment's connections. Each filter is null for all.</summary>
    public static List<Connection> List(View view, string environmentId, Page page, string? type, string? organizationId, string? domain, string? search)
    {
        var select = $"SELECT {Columns} FROM connections WHERE environment_id = @environmentId AND {Effective}"
            + (type is null ? "" : " AND connection_type = @type")
            + (organizationId is null ? "" : " AND organization_id = @organizationId")
            + (domain is null ? "" : " AND domains LIKE @domainLike ESCAPE '\\'")
            + (search is null ? "" : " AND (lower(name) LIKE @searchLike ESCAPE '\\' OR id = @search)");
        return view.Query<Connection>(page.Sql(select), page.Parameters(view, "connections", environmentId, new
        {
            type,
            organizationId,
            domainLike = domain is null ? null : $"%\"{Like.Escape(domain)}\"%",
            searchLike = search is null ? null : $"%{Like.Escape(search.ToLowerInvariant())}%",
            search,
        }));
    }

    /// <summary>The SAML connections, in the order of their ids.</summary>
    public static List<Connection> OfSaml(View view, string afterId, int limit) => view.Query<Connection>(
        $"SELECT {Columns} FROM connections WHERE id > @afterId AND connection_type LIKE '%SAML' AND {Effective} ORDER BY id LIMIT @limit", new { afterId, limit });

    /// <summary>The SAML connections, by what tells whether they were changed.</summary>
    public static List<(string Id, long UpdatedAt)> SeenOfSaml(View view, string afterId, int limit) => [.. view.Query<Seen>(
        $"SELECT id AS Id, updated_at AS UpdatedAt FROM connections WHERE id > @afterId AND connection_type LIKE '%SAML' AND {Effective} ORDER BY id LIMIT @limit",
        new { afterId, limit }).Select(s => (s.Id, s.UpdatedAt))];

    private sealed record Seen(string Id, long UpdatedAt);

    /// <summary>The connections whose provider may have documents that are kept fresh: those of OpenID Connect, and of OAuth 2.0.</summary>
    public static List<Connection> OfOpenIdConnect(View view, string afterId, int limit) => view.Query<Connection>(
        $"SELECT {Columns} FROM connections WHERE id > @afterId AND (lower(connection_type) LIKE '%oidc' OR lower(connection_type) LIKE '%oauth') AND {Effective} ORDER BY id LIMIT @limit", new { afterId, limit });
}
