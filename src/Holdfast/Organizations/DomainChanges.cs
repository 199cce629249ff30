using Holdfast.Claims;
using Holdfast.Events;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>What becomes of a domain: each change with the claim and the event that belong to it, in one decision.</summary>
/// <param name="Changes">Where they are gathered.</param>
internal sealed record DomainChanges(View View, string EnvironmentId, byte[] IdKey, DateTimeOffset Now, List<Change> Changes)
{
    /// <summary>The proof was looked for as long as it is.</summary>
    public const string PeriodExpired = "domain_verification_period_expired";

    /// <summary>Another organization has it.</summary>
    public const string VerifiedByAnother = "domain_verified_by_other_organization";

    private long Time => Now.ToUnixTimeMilliseconds();

    /// <summary>Whether it is verified for another organization.</summary>
    public bool IsTaken(string domain, string organizationId) => Claim.IsTaken(View, EnvironmentId, Claim.VerifiedDomain, domain, organizationId);

    /// <summary>A new one, whose proof is looked for.</summary>
    public OrganizationDomainRow Make(string id, string organizationId, string domain)
    {
        var made = Make(id, organizationId, domain, "pending", "dns");
        Tell("created", made, made.Id);
        return made;
    }

    /// <summary>A new one that an administrator vouches for. The caller has seen that it is not taken.</summary>
    public OrganizationDomainRow MakeVerified(string id, string organizationId, string domain)
    {
        var made = Make(id, organizationId, domain, "verified", "manual");
        Changes.Add(Claim.Give(View, EnvironmentId, IdKey, Claim.VerifiedDomain, domain, organizationId, verified: true));
        Tell("created", made, made.Id);
        Tell("verified", made, Version(made));
        return made;
    }

    /// <summary>Its proof is looked for from now on.</summary>
    public OrganizationDomainRow Await(OrganizationDomainRow row)
    {
        var proof = DomainProof.Of(IdKey, row.Id);
        var after = Move(row with { State = "pending", Strategy = "dns", Prefix = proof.Prefix, Token = proof.Token, PendingSince = Time }, row);
        Changes.Add(Change.To(Schema.OrganizationDomains, row.Id,
            ("state", after.State), ("verification_strategy", after.Strategy), ("verification_prefix", after.Prefix), ("verification_token", after.Token),
            ("pending_since", after.PendingSince), ("updated_at", after.UpdatedAt)));
        Tell("updated", after, Version(after));
        return after;
    }

    /// <summary>It is the organization's. The caller has seen that it is not taken.</summary>
    public OrganizationDomainRow Verify(OrganizationDomainRow row, string strategy)
    {
        var after = SetState(row, "verified", strategy);
        Changes.Add(Claim.Give(View, EnvironmentId, IdKey, Claim.VerifiedDomain, row.Domain, row.OrganizationId, verified: true));
        Tell("verified", after, Version(after));
        return after;
    }

    /// <summary>It is not, for one of the reasons above.</summary>
    public OrganizationDomainRow Fail(OrganizationDomainRow row, string reason)
    {
        var after = SetState(row, "failed", row.Strategy);
        Changes.Add(EventRow.Of("organization_domain.verification_failed", new Failure(reason, after.ToBody()), EnvironmentId, IdKey, Version(after), Now));
        return after;
    }

    /// <summary>The organization has it no more, and with it goes the claim.</summary>
    public void GiveUp(OrganizationDomainRow row)
    {
        if (Claim.GiveUp(View, EnvironmentId, IdKey, Claim.VerifiedDomain, row.Domain, row.OrganizationId) is { } given)
        {
            Changes.Add(given);
        }
        Tell("deleted", row, row.Id);
    }

    private OrganizationDomainRow Make(string id, string organizationId, string domain, string state, string strategy)
    {
        var proof = state == "pending" ? DomainProof.Of(IdKey, id) : null;
        var made = new OrganizationDomainRow(id, EnvironmentId, organizationId, domain, state, strategy, proof?.Prefix, proof?.Token, proof is null ? null : Time, Time, Time);
        Changes.Add(Change.To(Schema.OrganizationDomains, id,
            ("environment_id", EnvironmentId), ("organization_id", organizationId), ("domain", domain), ("created_at", Time), ("state", state), ("verification_strategy", strategy),
            ("present", true), ("verification_prefix", made.Prefix), ("verification_token", made.Token), ("pending_since", made.PendingSince), ("updated_at", Time)));
        return made;
    }

    private OrganizationDomainRow SetState(OrganizationDomainRow row, string state, string strategy)
    {
        var after = Move(row with { State = state, Strategy = strategy }, row);
        Changes.Add(Change.To(Schema.OrganizationDomains, row.Id, ("state", state), ("verification_strategy", strategy), ("updated_at", after.UpdatedAt)));
        return after;
    }

    private OrganizationDomainRow Move(OrganizationDomainRow after, OrganizationDomainRow before) => after with { UpdatedAt = Math.Max(Time, before.UpdatedAt + 1) };

    private static string Version(OrganizationDomainRow row) => $"{row.Id}/{row.UpdatedAt}";

    private void Tell(string what, OrganizationDomainRow row, string derivedFrom) =>
        Changes.Add(EventRow.Of($"organization_domain.{what}", row.ToBody(), EnvironmentId, IdKey, derivedFrom, Now));

    /// <summary>What <c>organization_domain.verification_failed</c> holds.</summary>
    internal sealed record Failure(string Reason, OrganizationDomainBody OrganizationDomain);
}
