using Holdfast.Http;

namespace Holdfast.Users;

/// <summary>The body of creating and of changing a membership.</summary>
internal sealed record MembershipInput(Given<string> UserId, Given<string> OrganizationId, Given<string> RoleSlug, Given<List<string?>> RoleSlugs)
{
    /// <summary>The role that it names, null for none; or the refusal.</summary>
    public (string? Role, ApiAnswer? Refusal) Check(bool isNew)
    {
        var fields = new Fields();
        if (isNew)
        {
            fields.Required("user_id", UserId, 128);
            fields.Required("organization_id", OrganizationId, 128);
        }
        return fields.Refusal is { } refusal ? (null, refusal) : Users.RoleSlugs.Read(RoleSlug, RoleSlugs);
    }
}
