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
        var domains = new DomainChanges(view, operation.EnvironmentId, idKey, now, changes);
        foreach (var (domain, state) in wanted)
        {
            var had = held.FirstOrDefault(h => h.Domain == domain);
            if (had is not null && (had.IsVerified || had.State == state))
            {
                after.Add(had);   // naming a verified domain as pending does not unverify it
                continue;
            }
            if (state == "verified" && domains.IsTaken(domain, organizationId))
            {
                return DomainTaken(domain);
            }
            string NewId() => operation.NewId(Ids.OrganizationDomain);
            after.Add((had, state) switch
            {
                (null, "verified") => domains.MakeVerified(NewId(), organizationId, domain),
                (null, _) => domains.Make(NewId(), organizationId, domain),
                (_, "verified") => domains.Verify(had, "manual"),
                _ => domains.Await(had),
            });
        }
        foreach (var gone in held.Where(h => !wanted.Any(w => w.Domain == h.Domain)))
        {
            changes.Add(Change.To(Schema.OrganizationDomains, gone.Id, ("present", false), ("updated_at", Math.Max(now.ToUnixTimeMilliseconds(), gone.UpdatedAt + 1))));
            domains.GiveUp(gone);
        }
        return null;
    }

    /// <summary>Another organization of the environment has proven it.</summary>
    public static ApiAnswer DomainTaken(string domain) => ApiError.Conflict("domain_already_exists", $"The domain {domain} is verified for another organization.");
}
