using System.Globalization;
using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Orders;

/// <summary>A node was stolen: it is put out as by <see cref="EndNode"/>, and what it said since a moment is as if it had never come, at every node and in the primary (decision 0034). A fact: the primary
/// is not needed.</summary>
internal static class QuarantineNode
{
    public static async Task<ApiAnswer> HandleAsync(string node, HttpContext http, OperatorKey key, Database database, KeepQuarantines keep, Ids ids, NodePlace here, TimeProvider clock, ILogger<KeepQuarantines> log)
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
        var since = Moment.Of("since", fields.Required("since", input.Since, maxLength: 40), fields, now, Voids.Farthest);
        if (fields.Refusal is { } fault)
        {
            return fault;
        }
        if (node == here.Node)
        {
            return ApiError.Unprocessable("own_node", "A node does not put itself into quarantine. Ask another one.");
        }
        var answer = await database.RecordAsync<ApiAnswer?>(http, view =>
        {
            if (QuarantineStore.LivesOf(view, node) is not { Count: > 0 } lives)
            {
                return Decide.Nothing<ApiAnswer?>(ApiError.NotFound("Node", node));
            }
            var inForce = QuarantineStore.All(view, inForce: true);
            if (inForce.Find(q => q.Node == node && q.Since <= since && lives.TrueForAll(q.Lives.Contains)) is { } same && OrderStore.LivesInForce(view, node, lives.Count).Count == 0)
            {
                return Decide.Nothing<ApiAnswer?>(ApiAnswer.Ok(ReadQuarantines.BodyOf(view, same)));   // asked again
            }
            if (inForce.Count >= QuarantineStore.Most)
            {
                return Decide.Nothing<ApiAnswer?>(ApiError.Unprocessable("too_many_quarantines", $"At most {QuarantineStore.Most} quarantines are in force at a time."));
            }
            var one = new QuarantineRow(ids.New(Ids.Quarantine), node, lives, since, author, reason, now.ToUnixTimeMilliseconds(), null, null);
            return Decide.To<ApiAnswer?>(null, [.. lives.Select(life => QuarantineStore.Given(one, life)), .. EndNode.Ending(view, node, "quarantined", author, reason, ids, now).Changes]);
        });
        if (answer is not null)
        {
            return answer;
        }
        await keep.RoundAsync();
        var made = database.Read(view => QuarantineStore.All(view, inForce: true).Where(q => q.Node == node).MaxBy(q => q.CreatedAt) is { } one ? ReadQuarantines.BodyOf(view, one) : null)!;
        QuarantineLog.Ordered(log, node, made.Since, author, reason);
        return ApiAnswer.Ok(made with { LeftNodeList = await EndNode.LeaveAsync(database, node, http.RequestAborted) });
    }

    /// <param name="Since">ISO 8601: the moment since which nothing counts that the node said, by its own clock. 30 days back at most.</param>
    internal sealed record Input(Given<string> Since, Given<string> Author, Given<string> Reason);
}

/// <summary>A time that a person gives.</summary>
internal static class Moment
{
    /// <returns>Unix milliseconds; 0 with a fault.</returns>
    public static long Of(string name, string text, Fields fields, DateTimeOffset now, TimeSpan farthest)
    {
        if (text.Length == 0)
        {
            return 0;
        }
        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at))
        {
            fields.Fault(name, "invalid");
            return 0;
        }
        if (at > now.AddMinutes(1) || at < now - farthest)
        {
            fields.Fault(name, "out_of_range");
        }
        return at.ToUnixTimeMilliseconds();
    }
}

internal static partial class QuarantineLog
{
    [LoggerMessage(1560, LogLevel.Warning, "The operator has put the node {Node} into quarantine: what it said since {Since:u} does not count, by {Author}: {Why}")]
    public static partial void Ordered(ILogger log, string node, DateTimeOffset since, string author, string why);

    [LoggerMessage(1561, LogLevel.Warning, "The quarantine {Quarantine} is lifted: what its node said counts after all, by {Author}: {Why}")]
    public static partial void Lifted(ILogger log, string quarantine, string author, string why);

    [LoggerMessage(1562, LogLevel.Warning, "In quarantine here: the node {Node}, since {Since:u}, by {Author}: {Why}. {Taken} things of it are taken back at this node")]
    public static partial void Begins(ILogger log, string node, DateTimeOffset since, string author, string why, long taken);

    [LoggerMessage(1563, LogLevel.Warning, "No longer in quarantine here: {Node}")]
    public static partial void Ends(ILogger log, string node);

    [LoggerMessage(1564, LogLevel.Warning, "{Count} sessions are ended: what proved them came from the quarantined node {Node}")]
    public static partial void SessionsEnded(ILogger log, int count, string node);

    [LoggerMessage(1565, LogLevel.Warning, "The operator has ended {Count} sessions that began at the node {Node}, by {Author}: {Why}")]
    public static partial void SessionsEndedByHand(ILogger log, int count, string node, string author, string why);

    [LoggerMessage(1566, LogLevel.Warning, "The round over quarantines failed; it is tried again")]
    public static partial void NotDone(ILogger log, Exception fault);
}
