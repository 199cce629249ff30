using System.Text.Json.Serialization;

namespace Holdfast.Users;

/// <summary>A user in an organization: what the API shows of it. What an event tells of it is the same without the last two, which have lives of their own.</summary>
/// <param name="Status"><c>active</c> or <c>inactive</c>.</param>
/// <param name="Role">The first of <paramref name="Roles"/>.</param>
internal sealed record MembershipBody(
    string Object, string Id, string UserId, string OrganizationId, string Status, bool DirectoryManaged, IReadOnlyDictionary<string, string> CustomAttributes,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, RoleBody Role, IReadOnlyList<RoleBody> Roles,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? OrganizationName,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] UserBody? User);

/// <summary>A role, by its slug.</summary>
internal sealed record RoleBody(string Slug);

/// <summary>A membership in effect.</summary>
/// <param name="RoleSlugs">A JSON array; null for <see cref="RoleSlugs.Default"/>.</param>
/// <param name="Inactive">1 when it is deactivated, else 0.</param>
internal sealed record MembershipRow(
    string Id, string UserId, string OrganizationId, string? OrganizationName, string? RoleSlugs, long Inactive, long CreatedAt, long UpdatedAt)
{
    public MembershipBody ToBody(UserRow? user)
    {
        IReadOnlyList<RoleBody> roles = [.. Users.RoleSlugs.Read(RoleSlugs).Select(slug => new RoleBody(slug))];
        return new MembershipBody(
            "organization_membership", Id, UserId, OrganizationId, Inactive == 1 ? "inactive" : "active", false, new Dictionary<string, string>(),
            DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(UpdatedAt), roles[0], roles,
            user is null ? null : OrganizationName, user?.ToBody());
    }
}
