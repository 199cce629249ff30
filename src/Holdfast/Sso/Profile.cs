using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>What an identity provider says of a person, mapped.</summary>
/// <param name="IdpId">Identifies the person within the connection.</param>
/// <param name="Raw">Everything that it said, by its own names.</param>
internal sealed record Attributes(
    string IdpId, string Email, string? FirstName, string? LastName, IReadOnlyList<string> Groups, IReadOnlyDictionary<string, JsonElement> Raw)
{
    /// <summary>Names that it did not say this time are as they were: it says them once, or could not be asked.</summary>
    public bool KeepsNames { get; init; }

    /// <summary>It could not be asked for all of it this time: groups, which decide about roles, and what it says by its own names are as they were.</summary>
    public bool IsPartial { get; init; }

    private const string Transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    private const int LongestText = 1024;

    /// <summary>All that an identity provider says of a person, in characters of JSON: it is journaled, and the journal is everybody's.</summary>
    private const int LongestRaw = 64 * 1024;

    private static readonly string[] Emails =
        ["email", "Email", "mail", "emailAddress", "urn:oid:0.9.2342.19200300.100.1.3", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"];

    private static readonly string[] FirstNames =
        ["firstName", "first_name", "FirstName", "givenName", "given_name", "urn:oid:2.5.4.42", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname"];

    private static readonly string[] LastNames =
        ["lastName", "last_name", "LastName", "surname", "sn", "family_name", "urn:oid:2.5.4.4", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"];

    private static readonly string[] GroupNames = ["groups", "Groups", "group", "memberOf", "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"];

    /// <summary>From an assertion. The refusal is a stable code when it does not say who somebody is.</summary>
    public static (Attributes? Attributes, string? Refusal) Of(SamlAssertion assertion, AttributeMap? map)
    {
        string? First(IEnumerable<string> names) =>
            names.Select(n => assertion.Attributes.GetValueOrDefault(n)?.FirstOrDefault(v => v.Length > 0)).FirstOrDefault(v => v is not null);
        var id = map?.Id is { } named ? First([named]) : assertion.NameIdFormat == Transient ? null : assertion.NameId;
        var email = First(map?.Email is { } mapped ? [mapped] : Emails) ?? (map?.Email is null && assertion.NameId.Contains('@', StringComparison.Ordinal) ? assertion.NameId : null);
        var groups = (map?.Groups is { } place ? [place] : GroupNames).Select(n => assertion.Attributes.GetValueOrDefault(n)).FirstOrDefault(v => v is not null) ?? [];
        var raw = assertion.Attributes.ToDictionary(a => a.Key, a => JsonSerializer.SerializeToElement(a.Value.Count == 1 ? a.Value[0] : (object)a.Value), StringComparer.Ordinal);
        return Complete(id, email, First(map?.FirstName is { } first ? [first] : FirstNames), First(map?.LastName is { } last ? [last] : LastNames), groups, raw);
    }

    /// <summary>From an ID token's claims and those of the UserInfo endpoint.</summary>
    public static (Attributes? Attributes, string? Refusal) Of(string subject, IReadOnlyDictionary<string, JsonElement> claims, AttributeMap? map)
    {
        string? Text(string name) => claims.TryGetValue(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
        var groups = claims.TryGetValue(map?.Groups ?? "groups", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Where(g => g.ValueKind == JsonValueKind.String).Select(g => g.GetString()!).ToList()
            : [];
        return Complete(
            map?.Id is { } id ? Text(id) : subject, Text(map?.Email ?? "email"), Text(map?.FirstName ?? "given_name"), Text(map?.LastName ?? "family_name"), groups, claims);
    }

    private static (Attributes?, string?) Complete(
        string? id, string? email, string? first, string? last, IReadOnlyList<string> groups, IReadOnlyDictionary<string, JsonElement> raw)
    {
        static bool Fits(string? text) => text is null || (text.Length <= LongestText && !text.Contains('\0', StringComparison.Ordinal));
        return string.IsNullOrWhiteSpace(id) ? (null, "StableIdMissing")
            : string.IsNullOrWhiteSpace(email) ? (null, "EmailMissing")
            : raw.Sum(a => a.Key.Length + a.Value.GetRawText().Length) > LongestRaw ? (null, "AttributesTooLarge")
            : !Fits(id) || !Fits(email) || !Fits(first) || !Fits(last) || groups.Count > 2000 || !groups.All(Fits) ? (null, "AttributeTooLong")
            : (new Attributes(id, email, first, last, groups, raw), null);
    }
}

/// <summary>A profile as it is stored.</summary>
internal sealed record ProfileRow(
    string Id, string EnvironmentId, string ConnectionId, string? OrganizationId, string ConnectionType, string IdpId, string Email, string? FirstName, string? LastName,
    string Groups, string RawAttributes)
{
    public const string Columns =
        "id AS Id, environment_id AS EnvironmentId, connection_id AS ConnectionId, organization_id AS OrganizationId, connection_type AS ConnectionType, "
        + "idp_id AS IdpId, email AS Email, first_name AS FirstName, last_name AS LastName, groups AS Groups, raw_attributes AS RawAttributes";

    /// <param name="connection">Whose roles count; null for none.</param>
    public ProfileBody ToBody(ReadyConnection? connection)
    {
        var groups = JsonSerializer.Deserialize<List<string>>(Groups)!;
        var roles = connection?.Settings.Roles?.Of(groups).Select(slug => new RoleBody(slug)).ToList();
        var raw = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(RawAttributes)!;
        var map = connection?.Settings.Saml is { } saml ? saml.AttributeMap : connection?.Settings.Oidc?.AttributeMap;
        return new(
            "profile", Id, ConnectionId, ConnectionType, OrganizationId, IdpId, Email, FirstName, LastName,
            FirstName is null && LastName is null ? null : $"{FirstName} {LastName}".Trim(), roles?[0], roles, groups, map?.CustomOf(raw) ?? [], raw);
    }
}

/// <summary>A person as one connection knows them.</summary>
/// <param name="Role">By the connection's map of groups, like all their roles; absent where it has none.</param>
internal sealed record ProfileBody(
    string Object, string Id, string ConnectionId, string ConnectionType, string? OrganizationId, string IdpId, string Email, string? FirstName, string? LastName,
    string? Name, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] RoleBody? Role,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<RoleBody>? Roles, IReadOnlyList<string> Groups,
    IReadOnlyDictionary<string, JsonElement> CustomAttributes, IReadOnlyDictionary<string, JsonElement> RawAttributes);

/// <summary>A role, by its slug.</summary>
internal sealed record RoleBody(string Slug);
