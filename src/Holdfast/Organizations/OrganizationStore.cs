using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Organizations;

/// <summary>Every statement on organizations and their domains. Each takes the state that it reads: the replica, or a transaction of the primary.</summary>
internal static class OrganizationStore
{
    /// <summary>An id of outside is shown only while its claim says so: of two organizations that took one apart, one has it.</summary>
    private static string IfHeld(string kind, string column) =>
        $"CASE WHEN {Claim.IsHeld(kind, "organizations.environment_id", $"organizations.{column}", "organizations.id")} THEN {column} END";

    private static readonly string Columns =
        "id AS Id, environment_id AS EnvironmentId, name AS Name, coalesce(allow_profiles_outside_organization, 0) AS Outside, metadata AS Metadata, "
        + $"{IfHeld(Claim.OrganizationExternalId, "external_id")} AS ExternalId, {IfHeld(Claim.StripeCustomer, "stripe_customer_id")} AS StripeCustomerId, "
        + "created_at AS CreatedAt, updated_at AS UpdatedAt";

    /// <summary>A domain is verified only while its claim says so.</summary>
    private static readonly string DomainState =
        $"CASE WHEN state IN ('verified', 'legacy_verified') AND NOT {Claim.IsHeld(Claim.VerifiedDomain, "od.environment_id", "od.domain", "od.organization_id")} THEN 'pending' ELSE state END";

    private static readonly string DomainColumns =
        $"id AS Id, environment_id AS EnvironmentId, organization_id AS OrganizationId, domain AS Domain, {DomainState} AS State, verification_strategy AS Strategy, "
        + "verification_prefix AS Prefix, verification_token AS Token, pending_since AS PendingSince, created_at AS CreatedAt, updated_at AS UpdatedAt";

    /// <summary>It was neither taken away nor deleted.</summary>
    private static readonly string DomainStands = $"od.present = 1 AND {Denied.Not("od.id")}";

    private static readonly string Effective = $"environment_id = @environmentId AND {Denied.Not("organizations.id")}";

    /// <summary>An organization of this environment; null when there is none, or it was deleted.</summary>
    public static OrganizationRow? Find(View view, string environmentId, string id) =>
        view.Find<OrganizationRow>($"SELECT {Columns} FROM organizations WHERE {Effective} AND id = @id", new { environmentId, id });

    public static OrganizationRow? FindByExternalId(View view, string environmentId, string externalId) =>
        Claim.Find(view, environmentId, Claim.OrganizationExternalId, externalId) is { Holder: { } holder } ? Find(view, environmentId, holder) : null;

    /// <summary>A page of organizations.</summary>
    /// <param name="domains">Only those with one of these domains, when there are any.</param>
    /// <param name="search">Only those whose name holds this, or that have this id or external id; null for all.</param>
    public static List<OrganizationRow> List(View view, string environmentId, Page page, IReadOnlyList<string> domains, string? search)
    {
        var select = $"SELECT {Columns} FROM organizations WHERE {Effective}";
        if (domains.Count > 0)
        {
            select += " AND EXISTS (SELECT 1 FROM organization_domains od WHERE od.organization_id = organizations.id AND od.domain IN @domains "
                + $"AND {DomainStands})";
        }
        if (search is not null)
        {
            select += " AND (lower(name) LIKE @like ESCAPE '\\' OR id = @search OR external_id = @search)";
        }
        var like = search is null ? null : $"%{Like.Escape(search.ToLowerInvariant())}%";
        return view.Query<OrganizationRow>(page.Sql(select), page.Parameters(view, "organizations", environmentId, new { domains, search, like }));
    }

    public static List<OrganizationDomainRow> Domains(View view, IReadOnlyCollection<string> organizationIds) => organizationIds.Count == 0
        ? []
        : view.Query<OrganizationDomainRow>(
            $"SELECT {DomainColumns} FROM organization_domains od WHERE organization_id IN @organizationIds AND {DomainStands} ORDER BY created_at, id", new { organizationIds });

    /// <summary>A domain of this environment; null when there is none, or it or its organization was deleted.</summary>
    public static OrganizationDomainRow? FindDomain(View view, string environmentId, string id) =>
        view.Find<OrganizationDomainRow>($"SELECT {DomainColumns} FROM organization_domains od WHERE id = @id AND environment_id = @environmentId AND {DomainStands}", new { id, environmentId })
            is { } row && Find(view, environmentId, row.OrganizationId) is not null ? row : null;

    /// <summary>Domains whose proof is looked for in DNS, of all environments, in the order of their ids.</summary>
    public static List<OrganizationDomainRow> AwaitedDomains(View view, string afterId, int limit) => view.Query<OrganizationDomainRow>(
        $"SELECT {DomainColumns} FROM organization_domains od WHERE state = 'pending' AND id > @afterId AND verification_strategy = 'dns' AND pending_since IS NOT NULL "
        + $"AND {DomainStands} AND {Denied.Not("od.organization_id")} ORDER BY id LIMIT @limit",
        new { afterId, limit });

    /// <summary>Whose a domain is: the organization that it is verified for; null when there is none.</summary>
    /// <param name="domain">In lower case and ASCII.</param>
    public static string? OwnerOf(View view, string environmentId, string domain) =>
        Claim.Find(view, environmentId, Claim.VerifiedDomain, domain) is { Verified: 1, Holder: { } owner } && Find(view, environmentId, owner) is not null
        && Domains(view, [owner]).Any(d => d.Domain == domain && d.IsVerified)
            ? owner
            : null;

    /// <summary>Whether nothing is known against a domain that an organization has the claim on: taken away on a node that had not heard of its proof, the claim stands and the row does not.</summary>
    public static bool MayVouch(View view, string organizationId, string domain) =>
        Domains(view, [organizationId]).Any(d => d.Domain == domain && d.IsVerified)
        || view.Find<long>("SELECT count(*) FROM organization_domains WHERE organization_id = @organizationId AND domain = @domain", new { organizationId, domain }) == 0;

    /// <summary>An organization with its domains, as the API shows it.</summary>
    public static OrganizationBody Body(View view, OrganizationRow row) => row.ToBody(Domains(view, [row.Id]));
}
