using Holdfast.Environments;
using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>Deletes an organization: a deny, and so possible with the primary gone. Its connections and profiles have no effect from then on.</summary>
internal static class DeleteOrganization
{
    public static async Task<ApiAnswer> HandleAsync(
        string id, HttpContext http, Database database, EnvironmentStore environments, RateLimits limits, Ids ids, TimeProvider clock)
    {
        var caller = Caller.Of(http);
        if (limits.Count(RateLimits.DeleteOrganizationPerApiKey, caller.ApiKeyId) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var idKey = environments.IdKey(caller.EnvironmentId);
        return await database.RecordAsync(http, view => Decided(view, caller.EnvironmentId, id, idKey, ids, clock.GetUtcNow()));
    }

    /// <summary>The decision: a function of the state.</summary>
    internal static Decision<ApiAnswer> Decided(View view, string environmentId, string id, byte[] idKey, Ids ids, DateTimeOffset now) =>
        OrganizationStore.Find(view, environmentId, id) is { } row
            ? Decide.To(ApiAnswer.Accepted,
                Denied.Because("deleted", id, environmentId, ids, now),
                EventRow.Of("organization.deleted", OrganizationStore.Body(view, row).ToEvent(), environmentId, idKey, id, now))
            : Decide.Nothing(ApiError.NotFound("Organization", id));
}
