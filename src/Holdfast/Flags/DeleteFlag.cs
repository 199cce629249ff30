using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Flags;

/// <summary>Deletes a feature flag: a deny, and so possible with the primary gone. It is on for nobody from then on, and its slug is free.</summary>
internal sealed class DeleteFlag(Database database, FlagChanges changes, Ids ids)
{
    public Task<ApiAnswer> HandleAsync(string slug, HttpContext http)
    {
        var caller = Caller.Of(http);
        return database.RecordAsync(http, view =>
        {
            if (FlagStore.Find(view, caller.EnvironmentId, slug) is not { } row)
            {
                return Decide.Nothing(ApiError.NotFound("Feature flag", slug));
            }
            var change = changes.Of(view, caller);
            return Decide.To(ApiAnswer.NoContent, Denied.Because("deleted", row.Id, row.EnvironmentId, ids, change.Now), change.Deleted(row));
        });
    }
}
