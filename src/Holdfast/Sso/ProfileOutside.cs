using Holdfast.Organizations;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>Whether an organization takes a person by their address (<c>allow_profiles_outside_organization</c>).</summary>
internal static class ProfileOutside
{
    /// <summary>The refusal's stable code.</summary>
    public const string Reason = "ProfileOutsideOrganization";

    public const string Detail = "the address is in none of the organization's verified domains, and the organization does not allow others";

    /// <summary>Only an organization that has verified a domain has said who its people are; one that has none, and an environment's own provider, take everybody.</summary>
    public static bool Refuses(View view, string environmentId, string? organizationId, string email)
    {
        if (organizationId is null || OrganizationStore.Find(view, environmentId, organizationId) is not { Outside: 0 })
        {
            return false;
        }
        var verified = OrganizationStore.Domains(view, [organizationId]).Where(d => d.IsVerified).Select(d => d.Domain).ToList();
        return verified.Count > 0 && !verified.Contains(OrganizationInput.Normalize(email[(email.LastIndexOf('@') + 1)..]) ?? "", StringComparer.Ordinal);
    }
}
