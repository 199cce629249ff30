using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Orders;

/// <summary>Ends the sessions that began at a node, all of them or those since a moment: a deny each. Whoever has them signs in again. A quarantine ends those since its moment by itself; this is for the ones
/// before it, and for a node that was put out without one.</summary>
internal static class EndSessions
{
    /// <summary>In one transaction: so that nobody's sign-in waits for long.</summary>
    private const int MostAtOnce = 500;

    private static readonly TimeSpan s_farthest = TimeSpan.FromDays(3660);

    public static async Task<ApiAnswer> HandleAsync(string node, HttpContext http, OperatorKey key, Database database, KeepQuarantines keep, TimeProvider clock, ILogger<KeepQuarantines> log)
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
        var now = clock.GetUtcNow();
        var fields = new Fields();
        var (author, reason) = (fields.Required("author", input!.Author, maxLength: 100), fields.Required("reason", input.Reason, maxLength: 500));
        var since = Moment.Of("since", fields.Optional("since", input.Since, maxLength: 40) ?? "", fields, now, s_farthest);
        if (fields.Refusal is { } fault)
        {
            return fault;
        }
        var ended = await database.RecordAsync<int?>(http, view =>
        {
            if (QuarantineStore.LivesOf(view, node) is not { Count: > 0 } lives)
            {
                return Decide.Nothing<int?>(null);
            }
            var sessions = QuarantineStore.BegunAt(view, lives, since, now, MostAtOnce);
            return Decide.To<int?>(sessions.Count, [.. sessions.Select(s => keep.Ended(s, now))]);
        });
        if (ended is not { } count)
        {
            return ApiError.NotFound("Node", node);
        }
        if (count > 0)
        {
            QuarantineLog.SessionsEndedByHand(log, count, node, author, reason);
        }
        return ApiAnswer.Ok(new Body(node, count, count == MostAtOnce));
    }

    /// <param name="Since">ISO 8601; without it, all that go on.</param>
    internal sealed record Input(Given<string> Since, Given<string> Author, Given<string> Reason);

    /// <param name="More">Whether there may be more: ask again.</param>
    internal sealed record Body(string Node, int EndedSessions, bool More);
}
