using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Orders;

/// <summary>A quarantine is taken back: what its node said counts after all, where it lost to nothing. The node stays out; it comes back under another name.</summary>
internal static class LiftQuarantine
{
    public static async Task<ApiAnswer> HandleAsync(string id, HttpContext http, OperatorKey key, Database database, KeepQuarantines keep, Ids ids, TimeProvider clock, ILogger<KeepQuarantines> log)
    {
        if (!key.IsShownBy(http))
        {
            return ApiError.Unauthorized;
        }
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (refusal is not null)
        {
            return refusal;
        }
        var fields = new Fields();
        var (author, reason) = (fields.Required("author", input!.Author, maxLength: 100), fields.Required("reason", input.Reason, maxLength: 500));
        if (fields.Refusal is { } fault)
        {
            return fault;
        }
        var now = clock.GetUtcNow();
        var (answer, lifted) = await database.RecordAsync(http, view => QuarantineStore.Find(view, id) switch
        {
            null => Decide.Nothing((Refusal: (ApiAnswer?)ApiError.NotFound("Quarantine", id), Lifted: false)),
            { LiftedAt: not null } => Decide.Nothing(((ApiAnswer?)null, false)),
            { } old when now.ToUnixTimeMilliseconds() - old.CreatedAt > (long)Voids.Farthest.TotalMilliseconds => Decide.Nothing(
                ((ApiAnswer?)ApiError.Conflict("too_late", "What was taken back is kept for 30 days, and no longer here."), false)),
            _ => Decide.To(((ApiAnswer?)null, true), QuarantineStore.Lifted(ids.New(Ids.QuarantineLift), id, author, reason, now)),
        });
        if (lifted)
        {
            QuarantineLog.Lifted(log, id, author, reason);
            await keep.RoundAsync();
        }
        return answer ?? ApiAnswer.Ok(database.Read(view => ReadQuarantines.BodyOf(view, QuarantineStore.Find(view, id)!)));
    }

    internal sealed record Input(Given<string> Author, Given<string> Reason);
}
