using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.MultiFactor;

/// <summary>Shows factors, takes one away, and takes away all that a user has.</summary>
internal static class ManageFactors
{
    public static ApiAnswer Get(string id, HttpContext http, Database database) =>
        database.Read(view => FindShown(view, Caller.Of(http).EnvironmentId, id)) is { } factor ? ApiAnswer.Ok(FactorBody.Of(factor)) : NotFound(id);

    public static ApiAnswer List(string id, HttpContext http, Database database)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => UserStore.Find(view, environmentId, id) is null
            ? ApiError.NotFound("User", id)
            : ApiAnswer.Ok(page.Answer(Factor.List(view, environmentId, id, page), f => f.Id, FactorBody.Of)));
    }

    /// <summary>A deny: possible with the primary gone. Whoever was let in by the factor is out.</summary>
    public static Task<ApiAnswer> DeleteAsync(string id, HttpContext http, Database database, Acts acts)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        return database.RecordAsync(http, view => FindShown(view, act.EnvironmentId, id) is null ? Decide.Nothing(NotFound(id)) : Decide.To(ApiAnswer.NoContent, Factor.Deleted(act, id)));
    }

    /// <summary>The same for all that a user has, passkeys and recovery codes too.</summary>
    public static async Task<ApiAnswer> ResetAsync(string id, HttpContext http, Database database, Acts acts, ILoggerFactory logs)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        var ruling = await database.RecordAsync(http, view => Factor.Reset(view, act, id));
        if (ruling.Answer is not { } gone)
        {
            return ApiError.NotFound("User", id);
        }
        MultiFactorLog.Reset(logs.CreateLogger(typeof(ManageFactors)), id, gone.Count);
        return ApiAnswer.NoContent;
    }

    private static Factor? FindShown(View view, string environmentId, string id) => Factor.Find(view, environmentId, id) is { Type: not Factor.RecoveryCodes } factor ? factor : null;

    private static ApiAnswer NotFound(string id) => ApiError.NotFound("Authentication factor", id);
}
