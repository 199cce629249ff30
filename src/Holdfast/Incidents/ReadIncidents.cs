using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Incidents;

/// <summary>What happened: the list of 90 days, and one as a timeline in the form of a post-mortem. From this node's disk.</summary>
public static class ReadIncidents
{
    public static readonly TimeSpan Shown = TimeSpan.FromDays(90);

    internal static ApiAnswer List(Database database, TimeProvider clock)
    {
        var now = clock.GetUtcNow();
        return ApiAnswer.Ok(new ListedBody([.. database.Read(view => IncidentStore.Since(view, now - Shown)).Select(row => BodyOf(row, null, now))]));
    }

    internal static ApiAnswer Get(string id, Database database, TimeProvider clock) => Find(id, database, clock) is { } incident ? ApiAnswer.Ok(incident) : ApiError.NotFound("Incident", id);

    internal static IncidentBody? Find(string id, Database database, TimeProvider clock) =>
        database.Read(view => IncidentStore.Find(view, id) is { } row ? (row, entries: IncidentStore.Entries(view, id)) : default) is ({ } found, var entries)
            ? BodyOf(found, entries, clock.GetUtcNow())
            : null;

    internal static IncidentBody BodyOf(IncidentRow row, List<EntryRow>? entries, DateTimeOffset now)
    {
        var (since, closed) = (At(row.Since), row.ClosedAt is { } at ? At(at) : (DateTimeOffset?)null);
        return new IncidentBody(
            row.Id, closed is null ? "open" : "closed", since, At(row.OpenedAt), closed, (long)((closed ?? now) - since).TotalSeconds, row.Node, row.Region,
            new CauseBody(row.Dependency, row.How, row.Says ?? ""), row.ProductNames, row.Impacts, entries is null ? null : [.. Timeline(row, entries)]);
    }

    /// <summary>Times are UTC. The first line is when the first call failed, which nobody knew yet.</summary>
    private static IEnumerable<EntryBody> Timeline(IncidentRow row, List<EntryRow> entries) => entries
        .ConvertAll(e => new EntryBody(e.Id, e.Kind, At(e.CreatedAt), e.Node, e.Author, e.Says))
        .Prepend(new EntryBody(null, "began", At(row.Since), row.Node, null, $"The first call of {row.Dependency} failed ({row.How})."));

    private static DateTimeOffset At(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    public sealed record ListedBody(IReadOnlyList<IncidentBody> Data)
    {
        public string Object { get; } = "list";
    }

    /// <param name="Status"><c>open</c> or <c>closed</c>.</param>
    /// <param name="BeganAt">When the first call failed (UTC).</param>
    /// <param name="NamedAt">When it was known what it is.</param>
    /// <param name="Node">Which node found it; <paramref name="Impact"/> is that node's.</param>
    /// <param name="Timeline">Null in a list.</param>
    public sealed record IncidentBody(
        string Id, string Status, DateTimeOffset BeganAt, DateTimeOffset NamedAt, DateTimeOffset? ClosedAt, long DurationS, string? Node, string? Region, CauseBody Cause,
        IReadOnlyList<string> Products, IReadOnlyList<Impact> Impact, IReadOnlyList<EntryBody>? Timeline)
    {
        public string Object { get; } = "incident";
    }

    public sealed record CauseBody(string Dependency, string How, string Text);

    /// <param name="Id">Null for what follows from the incident itself.</param>
    public sealed record EntryBody(string? Id, string Kind, DateTimeOffset At, string? Node, string? Author, string Text);
}
