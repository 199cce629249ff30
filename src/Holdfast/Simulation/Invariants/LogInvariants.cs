using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Invariants;

/// <summary>An event has one place in the change log, by which it is told to whoever reads events: the first. Two nodes that made the same event apart are merged by the
/// smaller stamp, so that it may stand there once more, if that came later: as the same event, under a smaller stamp each time.</summary>
internal sealed class EventHasOnePlace : Invariant
{
    private const string Events = "{\"t\":\"events\"";

    public override string Name => "event-has-one-place";

    public override void LookAtEnd(Cluster cluster)
    {
        foreach (var twice in cluster.Primary.Log().Where(r => r.Version.StartsWith(Events, StringComparison.Ordinal))
            .Select(r => (r.Sequence, Event: RowVersion.FromJson(r.Version, Schema.ByName)!))
            .GroupBy(r => r.Event.Id, StringComparer.Ordinal).Where(g => !g.Zip(g.Skip(1), (before, after) => IsSame(before.Event, after.Event)).All(isSame => isSame)))
        {
            Break($"the event {twice.Key} stands {twice.Count()} times in the log, at {string.Join(", ", twice.Select(t => t.Sequence))}, and is not the same: "
                + string.Join(" | ", twice.Select(t => t.Event.ToJson())));
        }
    }

    /// <summary>The same event of the same thing, made elsewhere before: the merge keeps the version with the smaller stamp, whole (architecture §2). Its data may be what
    /// that node knew of the thing then; who was told of the event by its first place was told what the other one knew.</summary>
    private static bool IsSame(RowVersion before, RowVersion after) => string.CompareOrdinal(after.LatestStamp, before.LatestStamp) < 0
        && Equals(before.Value("event"), after.Value("event")) && SubjectOf(before) == SubjectOf(after);

    private static string? SubjectOf(RowVersion version)
    {
        using var data = System.Text.Json.JsonDocument.Parse((string)version.Value("data")!);
        return data.RootElement.TryGetProperty("id", out var id) ? id.GetString() : null;
    }
}

/// <summary>No reader of the change log skips a row, and all read the same rows.</summary>
internal sealed class LogIsReadWhole : Invariant
{
    public override string Name => "log-is-read-whole";

    public override void LookAtEnd(Cluster cluster)
    {
        var log = cluster.Primary.Log();
        foreach (var node in cluster.Nodes)
        {
            var tail = node.Products!.Database.Read(view => view.Query<Place>("SELECT sequence AS Sequence, hash AS Hash FROM log_tail ORDER BY sequence"));
            var expected = tail.Count == 0 ? 0 : tail[0].Sequence;
            foreach (var row in tail)
            {
                if (row.Sequence != expected++)
                {
                    Break($"{node.Name} has no row {expected - 1} of the log, and one after it");
                    break;
                }
                if (row.Sequence > log.Count || log[(int)row.Sequence - 1].Hash != row.Hash)
                {
                    Break($"{node.Name} has another row {row.Sequence} than the log");
                    break;
                }
            }
        }
    }

    private sealed record Place(long Sequence, string Hash);
}
