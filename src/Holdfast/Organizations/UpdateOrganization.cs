using Holdfast.Claims;
using Holdfast.Environments;
using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>Changes the fields of an organization that the body names, and no others.</summary>
internal static class UpdateOrganization
{
    public static async Task<ApiAnswer> HandleAsync(string id, HttpContext http, Database database, Idempotency idempotency, EnvironmentStore environments, TimeProvider clock)
    {
        var (input, refusal) = await JsonBody.ReadAsync<OrganizationInput>(http);
        IReadOnlyList<(string, string)>? domains = null;
        refusal ??= input!.Check(isNew: false, out domains);
        if (refusal is not null)
        {
            return refusal;
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        // The replica knows every deny that this node has taken, shipped or not; the primary may not yet.
        if (database.Read(view => OrganizationStore.Find(view, environmentId, id)) is null)
        {
            return ApiError.NotFound("Organization", id);
        }
        var idKey = environments.IdKey(environmentId);
        return await idempotency.WriteAsync(http, (view, operation) => Decided(view, operation, id, input!, domains, idKey, clock.GetUtcNow()));
    }

    /// <summary>The decision: a function of the state and the input, which was checked.</summary>
    /// <param name="domains">Null when the input says nothing of domains.</param>
    internal static Decision<ApiAnswer> Decided(
        View view, Operation operation, string id, OrganizationInput input, IReadOnlyList<(string, string)>? domains, byte[] idKey, DateTimeOffset now) =>
        OrganizationStore.Find(view, operation.EnvironmentId, id) is { } row
            ? Change(view, operation, row, input, domains, idKey, now)
            : Decide.Nothing(ApiError.NotFound("Organization", id));

    private static Decision<ApiAnswer> Change(
        View view, Operation operation, OrganizationRow row, OrganizationInput input, IReadOnlyList<(string, string)>? domains, byte[] idKey, DateTimeOffset now)
    {
        var held = OrganizationStore.Domains(view, [row.Id]);
        var metadata = input.Metadata.Is ? Metadata.Merge(input.Metadata.Value, row.Metadata) : row.Metadata;
        if (Metadata.Read(metadata).Count > Metadata.MostKeys)
        {
            return Decide.Nothing(Metadata.Invalid);
        }
        var changes = new List<Change>();
        var rows = new List<OrganizationDomainRow>();
        var refused =
            OrganizationChanges.Claim(view, Claim.OrganizationExternalId, "external_id_already_used", input.ExternalId, row.ExternalId, row.Id, row.EnvironmentId, idKey, changes)
            ?? OrganizationChanges.Claim(
                view, Claim.StripeCustomer, "stripe_customer_id_already_used", input.StripeCustomerId, row.StripeCustomerId, row.Id, row.EnvironmentId, idKey, changes)
            ?? (domains is null ? null : OrganizationChanges.Domains(view, domains, held, row.Id, operation, idKey, now, changes, rows));
        if (refused is not null)
        {
            return Decide.Nothing(refused);
        }
        var after = row with
        {
            Name = input.Name.Or(row.Name)!,
            Outside = input.AllowProfilesOutsideOrganization is { Is: true, Value: { } outside } ? (outside ? 1 : 0) : row.Outside,
            Metadata = metadata,
            ExternalId = input.ExternalId.Or(row.ExternalId),
            StripeCustomerId = input.StripeCustomerId.Or(row.StripeCustomerId),
            UpdatedAt = Math.Max(now.ToUnixTimeMilliseconds(), row.UpdatedAt + 1),
        };
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["updated_at"] = after.UpdatedAt };
        void Name(string column, bool given, object? value)
        {
            if (given)
            {
                values.Add(column, value);
            }
        }
        Name("name", input.Name.Is, after.Name);
        Name("allow_profiles_outside_organization", input.AllowProfilesOutsideOrganization.Is, after.Outside);
        Name("metadata", input.Metadata.Is, after.Metadata);
        Name("external_id", input.ExternalId.Is, after.ExternalId);
        Name("stripe_customer_id", input.StripeCustomerId.Is, after.StripeCustomerId);
        changes.Add(new Change(Schema.Organizations, row.Id, values));
        var body = after.ToBody(domains is null ? held : rows);
        changes.Add(EventRow.Of("organization.updated", body.ToEvent(), row.EnvironmentId, idKey, $"{row.Id}/{after.UpdatedAt}", now));
        return new(ApiAnswer.Ok(body), changes);
    }
}
