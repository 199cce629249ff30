using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>What creating and changing an organization share: unique values are claimed, domains are rows of their own.</summary>
internal static class OrganizationChanges
{
    /// <summary>Takes or gives up an external id. A refusal when another organization has it.</summary>
    public static ApiAnswer? Claim(
        View view, string kind, string code, Given<string> wanted, string? held, string organizationId, string environmentId, byte[] idKey, List<Change> changes)
    {
        if (!wanted.Is || wanted.Value == held)
        {
            return null;
        }
        if (wanted.Value is { } value)
        {
            if (Claims.Claim.IsTaken(view, environmentId, kind, value, organizationId))
            {
                return ApiError.BadRequest(code, "Another organization has this value.");
            }
            changes.Add(Claims.Claim.Give(view, environmentId, idKey, kind, value, organizationId, verified: true));
        }
        if (held is not null && Claims.Claim.GiveUp(view, environmentId, idKey, kind, held, organizationId) is { } given)
        {
            changes.Add(given);
        }
        return null;
    }

    /// <summary>Makes the domains of an organization these. A verified domain has one owner in an environment.</summary>
    public static ApiAnswer? Domains(
        View view, IReadOnlyList<(string Domain, string State)> wanted, IReadOnlyList<OrganizationDomainRow> held, string organizationId, Operation operation,
        byte[] idKey, DateTimeOffset now, List<Change> changes, List<OrganizationDomainRow> after)
    {
        var time = now.ToUnixTimeMilliseconds();
        foreach (var (domain, state) in wanted)
        {
            var had = held.FirstOrDefault(h => h.Domain == domain);
            if (had?.State == state || had?.State == "verified")
            {
                after.Add(had);   // naming a verified domain as pending does not unverify it
                continue;
            }
            if (state == "verified")
            {
                if (Claims.Claim.IsTaken(view, operation.EnvironmentId, Claims.Claim.VerifiedDomain, domain, organizationId))
                {
                    return ApiError.Conflict("domain_already_exists", $"The domain {domain} is verified for another organization.");
                }
                changes.Add(Claims.Claim.Give(view, operation.EnvironmentId, idKey, Claims.Claim.VerifiedDomain, domain, organizationId, verified: true));
            }
            var row = new OrganizationDomainRow(had?.Id ?? operation.NewId(Ids.OrganizationDomain), organizationId, domain, state, "manual", had?.CreatedAt ?? time, time);
            after.Add(row);
            changes.Add(had is null
                ? Change.To(Schema.OrganizationDomains, row.Id,
                    ("environment_id", operation.EnvironmentId), ("organization_id", organizationId), ("domain", domain), ("created_at", time),
                    ("state", state), ("verification_strategy", "manual"), ("present", true), ("updated_at", time))
                : Change.To(Schema.OrganizationDomains, row.Id, ("state", state), ("verification_strategy", "manual"), ("updated_at", time)));
        }
        foreach (var gone in held.Where(h => !wanted.Any(w => w.Domain == h.Domain)))
        {
            changes.Add(Change.To(Schema.OrganizationDomains, gone.Id, ("present", false), ("updated_at", time)));
            if (gone.State == "verified"
                && Claims.Claim.GiveUp(view, operation.EnvironmentId, idKey, Claims.Claim.VerifiedDomain, gone.Domain, organizationId) is { } given)
            {
                changes.Add(given);
            }
        }
        return null;
    }
}
