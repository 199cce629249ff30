using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Deletes a user: a deny, and so possible with the primary gone.</summary>
internal static class DeleteUser
{
    public static async Task<ApiAnswer> HandleAsync(string id, HttpContext http, Database database, Acts acts)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        return await database.RecordAsync(http, view => Decided(view, act, id));
    }

    /// <summary>The decision: a function of the state.</summary>
    internal static Decision<ApiAnswer> Decided(View view, Act act, string id) =>
        UserStore.Find(view, act.EnvironmentId, id) is { } row
            ? Decide.To(ApiAnswer.Done,
                [.. DenyUser.Delete(view, act, id).Changes, EventRow.Of("user.deleted", row.ToBody(), act.EnvironmentId, act.IdKey, id, act.Now)])
            : Decide.Nothing(ApiError.NotFound("User", id));
}
