using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>Gives an organization a domain, whose proof is looked for in DNS from then on.</summary>
internal static class CreateDomain
{
    internal sealed record Input(Given<string> OrganizationId, Given<string> Domain);

    public static async Task<ApiAnswer> HandleAsync(HttpContext http, Database database, Idempotency idempotency, EnvironmentStore environments, TimeProvider clock)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        var fields = new Fields();
        var organizationId = fields.Required("organization_id", input.OrganizationId);
        var given = fields.Required("domain", input.Domain);
        var domain = OrganizationInput.Normalize(given);
        if (given.Length > 0 && OrganizationInput.FaultOf(domain) is { } fault)
        {
            fields.Fault("domain", fault);
        }
        else if (domain is not null && !DomainProof.HasRoom(domain))
        {
            fields.Fault("domain", "too_long");
        }
        if (fields.Refusal is not null)
        {
            return fields.Refusal;
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        if (database.Read(view => OrganizationStore.Find(view, environmentId, organizationId)) is null)
        {
            return ApiError.NotFound("Organization", organizationId);
        }
        var idKey = environments.IdKey(environmentId);
        return await idempotency.WriteAsync(http, (view, operation) => Decided(
            view, operation, organizationId, domain!, id => database.Read(local => Denied.Is(local, id)), idKey, clock.GetUtcNow()));
    }

    /// <summary>The decision: a function of the state and the input, which was checked.</summary>
    /// <param name="isDeletedHere">Whether this node knows that a domain was deleted: it may have heard of that before the primary.</param>
    private static Decision<ApiAnswer> Decided(
        View view, Operation operation, string organizationId, string domain, Func<string, bool> isDeletedHere, byte[] idKey, DateTimeOffset now)
    {
        if (OrganizationStore.Find(view, operation.EnvironmentId, organizationId) is null)
        {
            return Decide.Nothing(ApiError.NotFound("Organization", organizationId));
        }
        var held = OrganizationStore.Domains(view, [organizationId]);
        if (held.Any(h => h.Domain == domain && !isDeletedHere(h.Id)))
        {
            return Decide.Nothing(ApiError.Conflict("domain_already_exists", "The organization has this domain already."));
        }
        if (held.Count >= OrganizationInput.MostDomains)
        {
            return Decide.Nothing(ApiError.Validation("domain", "too_many"));
        }
        var changes = new DomainChanges(view, operation.EnvironmentId, idKey, now, []);
        return changes.IsTaken(domain, organizationId)
            ? Decide.Nothing(OrganizationChanges.DomainTaken(domain))
            : new(ApiAnswer.Created(changes.Make(operation.NewId(Ids.OrganizationDomain), organizationId, domain).ToBody()), changes.Changes);
    }
}
