using Dapper;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Migrations;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Primary.Sqlite;

/// <summary>Builds a new embedded primary from a node's disk, when the old one is lost. A person decides that; no node does it by itself.</summary>
public static class PrimaryDoctor
{
    /// <summary>What a restore did.</summary>
    /// <param name="KeptAside">Where the old file is now; null when there was none.</param>
    /// <param name="Rows">Rows of all tables.</param>
    /// <param name="Unshipped">Facts that only the journal had.</param>
    public sealed record Restored(string? KeptAside, long Rows, int Unshipped);

    /// <summary>What is the matter with the primary's file, seen from the node's disk; null when it is sound and ours.</summary>
    public static async Task<PrimaryUnavailableException?> ExamineAsync(string nodeFile, string primaryFile, Surroundings world, CancellationToken ct)
    {
        using var node = OpenNode(nodeFile, world);
        var state = new NodeState(node);
        var cluster = state.Cluster;
        var primary = new SqlitePrimary(primaryFile, () => cluster, new HybridClock(world.Clock, "doctor"), world, Lane.OnThread("doctor"));
        await using (primary.ConfigureAwait(false))
        {
            try
            {
                await primary.ReadLogAsync(state.Position, 1, ct).ConfigureAwait(false);
                return null;
            }
            catch (PrimaryUnavailableException fault)
            {
                return fault;
            }
        }
    }

    /// <summary>Writes the new file beside the old one, syncs it, and only then puts it in its place. The node may run meanwhile.</summary>
    /// <remarks>The log begins with the rows that the node kept, and a new epoch; so this node, and every other that is not further, goes on from where it was.</remarks>
    public static Restored Restore(string nodeFile, string primaryFile, Surroundings world)
    {
        using var node = OpenNode(nodeFile, world);
        var state = new NodeState(node);
        var cluster = state.Cluster ?? throw new InvalidOperationException("This node's disk belongs to no cluster: there is nothing to restore from.");
        var made = primaryFile + ".restoring";
        File.Delete(made);
        long rows = 0;
        List<JournalRow> unshipped;
        using (var primary = SqliteFile.Open(made, SqliteOpenMode.ReadWriteCreate, TimeSpan.FromSeconds(5), world.SqliteVfs))
        {
            primary.Execute("PRAGMA synchronous = FULL");
            Migrator.MoveForward(primary, Migrator.Primary, world.Clock.GetUtcNow());
            node.Execute("BEGIN");   // one snapshot of tables, journal and log
            primary.Execute("BEGIN IMMEDIATE");
            primary.Execute("INSERT INTO cluster VALUES (@cluster, @now)", new { cluster, now = world.Clock.GetUtcNow().ToUnixTimeMilliseconds() });
            using var from = new RowWriter(node);
            using var to = new RowWriter(primary);
            foreach (var row in Schema.Tables.SelectMany(table => from.ReadAll(table)))
            {
                to.Apply(row);
                rows++;
            }
            var log = new ChangeLogTable(primary);
            foreach (var kept in node.Query<(long Sequence, long Epoch, string Hash, string Version)>(
                "SELECT sequence, epoch, hash, version FROM log_tail ORDER BY sequence"))
            {
                log.Insert(new LogRow(new LogPosition(kept.Epoch, kept.Sequence, kept.Hash), kept.Version));
            }
            if (state.Position.Sequence > log.Head().Sequence)
            {
                log.Insert(new LogRow(state.Position, ""));   // the tail was pruned: the log begins where the node is
            }
            log.BeginEpoch();
            // The tables have these already, so shipping them would write no change-log row, and no other reader would ever see them.
            unshipped = Journal.ReadAfter(new View(node), state.Shipped, int.MaxValue);
            foreach (var fact in unshipped)
            {
                log.Append(log.Head().Epoch, fact.Version);
            }
            primary.Execute("COMMIT");
            node.Execute("COMMIT");
        }
        var aside = File.Exists(primaryFile)
            ? $"{primaryFile}.lost-{world.Clock.GetUtcNow():yyyyMMddTHHmmssZ}"
            : null;
        if (aside is not null)
        {
            File.Move(primaryFile, aside);
            File.Delete(primaryFile + "-journal");   // belongs to the old file; beside the new one it would be rolled back into it
        }
        File.Move(made, primaryFile);
        return new Restored(aside, rows, unshipped.Count);
    }

    private static SqliteConnection OpenNode(string nodeFile, Surroundings world)
    {
        if (!File.Exists(nodeFile))
        {
            throw new InvalidOperationException("There is no node.db in this data folder: there is nothing to restore from.");
        }
        return SqliteFile.Open(nodeFile, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), world.SqliteVfs);
    }
}
