using Holdfast.Simulation.Machines;

namespace Holdfast.Simulation.Invariants;

/// <summary>An event has one place in the change log, by which it is told to whoever reads events.</summary>
internal sealed class EventHasOnePlace : Invariant
{
    private const string Events = "{\"t\":\"events\"";

    public override string Name => "event-has-one-place";

    public override void LookAtEnd(Cluster cluster)
    {
        foreach (var twice in cluster.Primary.Log().Where(r => r.Version.StartsWith(Events, StringComparison.Ordinal))
            .GroupBy(r => Id(r.Version), StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            Break($"the event {twice.Key} stands {twice.Count()} times in the log, at {string.Join(", ", twice.Select(t => t.Sequence))}");
        }
    }

    private static string Id(string version)
    {
        using var json = System.Text.Json.JsonDocument.Parse(version);
        return json.RootElement.GetProperty("i").GetString()!;
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
