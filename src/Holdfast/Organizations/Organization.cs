using System.Text.Json.Serialization;

namespace Holdfast.Organizations;

/// <summary>A customer of the application: what the API shows of it.</summary>
internal sealed record OrganizationBody(
    string Object, string Id, string Name, bool AllowProfilesOutsideOrganization, IReadOnlyList<OrganizationDomainBody> Domains,
    IReadOnlyDictionary<string, string> Metadata, string? ExternalId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? StripeCustomerId, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public OrganizationEventBody ToEvent() => new(Object, Id, Name, Domains, Metadata, ExternalId, StripeCustomerId, CreatedAt, UpdatedAt);
}

/// <summary>The same as events tell of it, where the public API has one field less.</summary>
internal sealed record OrganizationEventBody(
    string Object, string Id, string Name, IReadOnlyList<OrganizationDomainBody> Domains, IReadOnlyDictionary<string, string> Metadata, string? ExternalId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? StripeCustomerId, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>A domain of an organization.</summary>
/// <param name="State"><c>pending</c>, <c>verified</c>, <c>failed</c>, or <c>legacy_verified</c>: verified before there were proofs.</param>
/// <param name="VerificationPrefix">What stands before the token in DNS (<see cref="DomainProof"/>); null, like the token, while nothing is looked for there.</param>
/// <param name="VerificationStrategy"><c>dns</c>, or <c>manual</c> where an administrator said so.</param>
internal sealed record OrganizationDomainBody(
    string Object, string Id, string OrganizationId, string Domain, string State,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? VerificationPrefix,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? VerificationToken,
    string VerificationStrategy, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

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
/// <param name="State">As its claim has it: a verified one that somebody else holds is pending.</param>
/// <param name="PendingSince">Since when its proof is looked for in DNS (Unix milliseconds); null when it never was.</param>
internal sealed record OrganizationDomainRow(
    string Id, string EnvironmentId, string OrganizationId, string Domain, string State, string Strategy, string? Prefix, string? Token, long? PendingSince, long CreatedAt,
    long UpdatedAt)
{
    public bool IsVerified => State is "verified" or "legacy_verified";

    /// <summary>Whether its proof is looked for in DNS.</summary>
    public bool IsAwaited => State == "pending" && Strategy == "dns" && PendingSince is not null;

    /// <summary>Whether it was looked for as long as it is.</summary>
    public bool IsOver(DateTimeOffset now) => IsAwaited && now - DateTimeOffset.FromUnixTimeMilliseconds(PendingSince!.Value) >= DomainProof.Period;

    public OrganizationDomainBody ToBody() => new("organization_domain", Id, OrganizationId, Domain, State, Prefix, Token, Strategy,
        DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(UpdatedAt));
}
