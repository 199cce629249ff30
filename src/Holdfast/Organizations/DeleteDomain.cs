using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Organizations;

/// <summary>Takes a domain from its organization: a deny, and so possible with the primary gone. It vouches for nobody from then on, and others may have it.</summary>
internal static class DeleteDomain
{
    public static async Task<ApiAnswer> HandleAsync(string id, HttpContext http, Database database, EnvironmentStore environments, Ids ids, TimeProvider clock)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        var idKey = environments.IdKey(environmentId);
        return await database.RecordAsync(http, view =>
        {
            if (OrganizationStore.FindDomain(view, environmentId, id) is not { } row)
            {
                return Decide.Nothing(ApiError.NotFound("Organization domain", id));
            }
            var now = clock.GetUtcNow();
            var changes = new DomainChanges(view, environmentId, idKey, now, [Denied.Because("deleted", id, environmentId, ids, now)]);
            changes.GiveUp(row);
            return new Decision<ApiAnswer>(ApiAnswer.NoContent, changes.Changes);
        });
    }
}
