using Holdfast.Claims;
using Holdfast.Environments;
using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>Creates an organization. Its <c>stripe_customer_id</c> is given by a change, as the public API has it.</summary>
internal static class CreateOrganization
{
    public static async Task<ApiAnswer> HandleAsync(HttpContext http, Idempotency idempotency, EnvironmentStore environments, TimeProvider clock)
    {
        var (input, refusal) = await JsonBody.ReadAsync<OrganizationInput>(http);
        IReadOnlyList<(string, string)>? domains = null;
        refusal ??= input!.Check(isNew: true, out domains);
        if (refusal is not null)
        {
            return refusal;
        }
        var idKey = environments.IdKey(Caller.Of(http).EnvironmentId);
        return await idempotency.WriteAsync(http, (view, operation) => Decided(view, operation, input!, domains ?? [], idKey, clock.GetUtcNow()));
    }

    /// <summary>The decision: a function of the state and the input, which was checked.</summary>
    internal static Decision<ApiAnswer> Decided(
        View view, Operation operation, OrganizationInput input, IReadOnlyList<(string Domain, string State)> domains, byte[] idKey, DateTimeOffset now)
    {
        var time = now.ToUnixTimeMilliseconds();
        var id = operation.NewId(Ids.Organization);
        var metadata = Metadata.Merge(input.Metadata.Value);
        var outside = input.AllowProfilesOutsideOrganization.Value ?? false;
        var changes = new List<Change>
        {
            Change.To(Schema.Organizations, id,
                ("environment_id", operation.EnvironmentId), ("created_at", time), ("name", input.Name.Value), ("allow_profiles_outside_organization", outside),
                ("metadata", metadata), ("external_id", input.ExternalId.Value), ("updated_at", time)),
        };
        var rows = new List<OrganizationDomainRow>();
        var refused =
            OrganizationChanges.Claim(view, Claim.OrganizationExternalId, "external_id_already_used", input.ExternalId, null, id, operation.EnvironmentId, idKey, changes)
            ?? OrganizationChanges.Domains(view, domains, [], id, operation, idKey, now, changes, rows);
        if (refused is not null)
        {
            return Decide.Nothing(refused);
        }
        var body = new OrganizationRow(
            id, operation.EnvironmentId, input.Name.Value!, outside ? 1 : 0, metadata, input.ExternalId.Value, null, time, time).ToBody(rows);
        changes.Add(EventRow.Of("organization.created", body.ToEvent(), operation.EnvironmentId, idKey, id, now));
        return new(ApiAnswer.Created(body), changes);
    }
}
