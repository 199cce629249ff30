using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Orders;

/// <summary>Which nodes are in quarantine, and what of them is taken back at the node that is asked.</summary>
internal static class ReadQuarantines
{
    private const int PageSize = 500;

    /// <summary>All of them, the latest first, also those that were lifted.</summary>
    public static ApiAnswer List(HttpContext http, OperatorKey key, Database database) => key.IsShownBy(http)
        ? ApiAnswer.Ok(new ListedBody(database.Read(view => (List<QuarantineBody>)[.. QuarantineStore.All(view).Select(q => BodyOf(view, q))])))
        : ApiError.Unauthorized;

    /// <summary>What was taken back, one by one: ids and times, and no values. <c>?after=</c> goes on after a page.</summary>
    public static ApiAnswer Taken(string id, HttpContext http, OperatorKey key, Database database)
    {
        if (!key.IsShownBy(http))
        {
            return ApiError.Unauthorized;
        }
        var after = http.Request.Query["after"].ToString();
        return database.Read<ApiAnswer>(view =>
        {
            if (QuarantineStore.Find(view, id) is not { } quarantine)
            {
                return ApiError.NotFound("Quarantine", id);
            }
            var rows = quarantine.LiftedAt is null ? QuarantineStore.Rows(view, quarantine, after, PageSize) : [];
            return ApiAnswer.Ok(new TakenBody(
                [.. rows.Select(r => new TakenGroup(r.Table, r.Id, r.Group, At(HybridClock.MillisecondsOf(r.Stamp)), HybridClock.LifeOf(r.Stamp)))],
                rows.Count == PageSize && rows[^1] is var last ? $"{last.Stamp} {last.Table} {last.Id} {last.Group}" : null));
        });
    }

    public static QuarantineBody BodyOf(View view, QuarantineRow quarantine)
    {
        List<TakenBack> taken = quarantine.LiftedAt is null ? QuarantineStore.Counts(view, quarantine) : [];
        return new QuarantineBody(
            quarantine.Id, quarantine.LiftedAt is null ? "in_force" : "lifted", quarantine.Node, quarantine.Lives, At(quarantine.Since), quarantine.Author, quarantine.Reason, At(quarantine.CreatedAt),
            quarantine.LiftedAt is { } at ? At(at) : null, quarantine.LiftedBy, [.. taken.Select(t => new TakenCount(t.Table, t.Rows, t.Count))], taken.Sum(t => t.Count));
    }

    private static DateTimeOffset At(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    public sealed record ListedBody(IReadOnlyList<QuarantineBody> Data)
    {
        public string Object { get; } = "list";
    }

    /// <param name="Status"><c>in_force</c> or <c>lifted</c>.</param>
    /// <param name="Lives">The node's lives that were heard of.</param>
    /// <param name="TakenBack">By table, as this node holds it.</param>
    /// <param name="Taken">Groups of columns in all.</param>
    public sealed record QuarantineBody(
        string Id, string Status, string Node, IReadOnlyList<string> Lives, DateTimeOffset Since, string Author, string Reason, DateTimeOffset CreatedAt, DateTimeOffset? LiftedAt, string? LiftedBy,
        IReadOnlyList<TakenCount> TakenBack, long Taken)
    {
        public string Object { get; } = "quarantine";

        /// <summary>Of the answer to the order: whether the node is out of the list of those who decide. If not, ask again when the primary is back.</summary>
        public bool? LeftNodeList { get; init; }
    }

    public sealed record TakenCount(string Table, long Rows, long Groups);

    /// <param name="Said">When, by the clock of the node that said it.</param>
    public sealed record TakenGroup(string Table, string Id, string Group, DateTimeOffset Said, string Life);

    /// <param name="After">Where to go on; null at the end.</param>
    public sealed record TakenBody(IReadOnlyList<TakenGroup> Data, string? After)
    {
        public string Object { get; } = "list";
    }
}
