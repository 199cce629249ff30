using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>Looks for a domain's proof now; and, where that was over or never began, from now on.</summary>
internal static class VerifyDomain
{
    public static async Task<ApiAnswer> HandleAsync(
        string id, HttpContext http, Database database, Idempotency idempotency, EnvironmentStore environments, DomainLookup lookup, TimeProvider clock)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        OrganizationDomainRow? Here() => database.Read(view => OrganizationStore.FindDomain(view, environmentId, id));
        if (Here() is not { } standing)
        {
            return ApiError.NotFound("Organization domain", id);
        }
        var idKey = environments.IdKey(environmentId);
        // Before the transaction and not inside: the primary waits for no resolver.
        var finding = standing.IsVerified ? DomainFinding.Unknown : await lookup.AskAsync(DomainProof.Of(idKey, id), standing.Domain, http.RequestAborted);
        return await idempotency.WriteAsync(http, (view, operation) =>
            Here() is null || OrganizationStore.FindDomain(view, environmentId, id) is not { } row ? Decide.Nothing(ApiError.NotFound("Organization domain", id))
            : row.IsVerified ? Decide.Nothing(ApiError.BadRequest("domain_already_verified", "The domain is verified already."))
            : Decided(new DomainChanges(view, environmentId, idKey, clock.GetUtcNow(), []), row, finding));
    }

    /// <summary>The decision about a domain that is not verified: a function of the state and of what was found.</summary>
    private static Decision<ApiAnswer> Decided(DomainChanges changes, OrganizationDomainRow row, DomainFinding finding)
    {
        var after = changes.IsTaken(row.Domain, row.OrganizationId) ? row.State == "failed" ? row : changes.Fail(row, DomainChanges.VerifiedByAnother)
            : finding == DomainFinding.Proven ? changes.Verify(row, "dns")
            : row.IsAwaited && !row.IsOver(changes.Now) ? row
            : changes.Await(row);
        return new(ApiAnswer.Created(after.ToBody()), changes.Changes);
    }
}
