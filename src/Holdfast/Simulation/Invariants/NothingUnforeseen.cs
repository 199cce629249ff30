using Holdfast.Simulation.Links;
using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Microsoft.Data.Sqlite;

namespace Holdfast.Simulation.Invariants;

/// <summary>What goes wrong is an outage with a name. Any other exception is a mistake in the program.</summary>
internal sealed class NothingUnforeseen : Invariant
{
    public override string Name => "nothing-unforeseen";

    public void Note(string what, Node node, NotAnsweredException fault)
    {
        if (!fault.IsOutage)
        {
            Break($"{what} at {node.Name}: {fault.Details}");
        }
    }

    public void NoteFailedStart(Machine machine, Exception fault)
    {
        if (fault is not (StorageUnavailableException or SqliteException { SqliteErrorCode: not 11 }))
        {
            Break($"{machine.Name} does not start: {fault}");
        }
    }

    public override void Look(Cluster cluster)
    {
        foreach (var node in cluster.Nodes)
        {
            if (node.Host?.Replicator.Health.Text is { } text && text.StartsWith("Replication failed", StringComparison.Ordinal))
            {
                Break($"{node.Name}: {text}");
            }
        }
        foreach (var machine in cluster.Machines)
        {
            if (machine.Disk.Fault is { } fault)
            {
                Break($"the simulated disk of {machine.Name}: {fault}");
            }
        }
    }

    public override void LookAtEnd(Cluster cluster) => Look(cluster);
}
