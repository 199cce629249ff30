using System.Text.Json.Serialization;

namespace Holdfast.Organizations;

/// <summary>A customer of the application: what the API shows of it.</summary>
internal sealed record OrganizationBody(
    string Object, string Id, string Name, bool AllowProfilesOutsideOrganization, IReadOnlyList<OrganizationDomainBody> Domains,
    IReadOnlyDictionary<string, string> Metadata, string? ExternalId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? StripeCustomerId, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>A domain of an organization.</summary>
/// <param name="State"><c>pending</c> or <c>verified</c>; <c>failed</c> comes with verification by DNS.</param>
internal sealed record OrganizationDomainBody(
    string Object, string Id, string OrganizationId, string Domain, string State, string VerificationStrategy, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>An organization as it is stored.</summary>
internal sealed record OrganizationRow(
    string Id, string EnvironmentId, string Name, long Outside, string? Metadata, string? ExternalId, string? StripeCustomerId, long CreatedAt, long UpdatedAt)
{
    public OrganizationBody ToBody(IEnumerable<OrganizationDomainRow> domains) => new(
        "organization", Id, Name, Outside == 1, [.. domains.OrderBy(d => d.CreatedAt).ThenBy(d => d.Id, StringComparer.Ordinal).Select(d => d.ToBody())],
        Http.Metadata.Read(Metadata),
        ExternalId, StripeCustomerId, DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(UpdatedAt));
}

/// <summary>A domain as it is stored.</summary>
internal sealed record OrganizationDomainRow(string Id, string OrganizationId, string Domain, string State, string Strategy, long CreatedAt, long UpdatedAt)
{
    public OrganizationDomainBody ToBody() => new("organization_domain", Id, OrganizationId, Domain, State, Strategy,
        DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(UpdatedAt));
}
