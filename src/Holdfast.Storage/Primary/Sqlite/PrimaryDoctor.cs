using Dapper;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Migrations;
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
    public static PrimaryUnavailableException? Examine(string nodeFile, string primaryFile, Surroundings world)
    {
        using var node = OpenNode(nodeFile, world);
        return SqlitePrimary.Examine(primaryFile, new View(node).NodeState.Cluster, world);
    }

    /// <summary>Writes the new file beside the old one, syncs it, and only then puts it in its place. The node may run meanwhile.</summary>
    /// <remarks>The log begins with the rows that the node kept, and a new epoch; so this node, and every other that is not further, goes on from where it was.</remarks>
    public static Restored Restore(string nodeFile, string primaryFile, Surroundings world)
    {
        using var node = OpenNode(nodeFile, world);
        var state = new View(node).NodeState;
        var cluster = state.Cluster ?? throw new InvalidOperationException("This node's disk belongs to no cluster: there is nothing to restore from.");
        var made = primaryFile + ".restoring";
        var folder = Path.GetDirectoryName(Path.GetFullPath(primaryFile))!;
        File.Delete(made);
        File.Delete(made + "-journal");
        long rows = 0;
        int unshipped;
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
            var log = new ChangeLogTable(new View(primary));
            var isWhole = true;
            foreach (var kept in node.Query<(long Sequence, long Epoch, string Hash, string Version)>(
                "SELECT sequence, epoch, hash, version FROM log_tail ORDER BY sequence", buffered: false))
            {
                isWhole &= log.Head() != LogPosition.Start || kept.Sequence == 1;
                log.Insert(new LogRow(new LogPosition(kept.Epoch, kept.Sequence, kept.Hash), kept.Version));
            }
            if (state.Position.Sequence > log.Head().Sequence)
            {
                isWhole = false;
                log.Insert(new LogRow(state.Position, ""));   // the tail was pruned: the log begins where the node is
            }
            log.BeginEpoch();
            // What waits aside here did not wait in the primary: its tables had taken it when it was offered.
            foreach (var waiting in node.Query<string>("SELECT version FROM aside ORDER BY place", buffered: false))
            {
                if (RowVersion.FromJson(waiting, Schema.ByName) is { } version)
                {
                    to.Apply(version);
                }
            }
            unshipped = node.ExecuteScalar<int>("SELECT count(*) FROM journal WHERE position > @Shipped", new { state.Shipped });
            // The tables have these already, so shipping them would write no change-log row, and no other reader would ever see them.
            foreach (var version in isWhole && state.OfferingAll is null
                ? node.Query<string>(
                    "SELECT version FROM (SELECT 0 AS part, place, version FROM offer_again UNION ALL SELECT 1, position, version FROM journal WHERE position > @Shipped) ORDER BY part, place",
                    new { state.Shipped }, buffered: false)
                : Schema.Tables.SelectMany(table => from.ReadAll(table)).Select(row => row.ToJson()))   // the log no longer tells how the tables came to be, so it tells them
            {
                log.Append(log.Head().Epoch, version);
            }
            primary.Execute("COMMIT");
            node.Execute("COMMIT");
        }
        var aside = NameAside(primaryFile, world);
        var wasThere = File.Exists(primaryFile);
        if (wasThere)
        {
            File.Move(primaryFile, aside);
        }
        if (File.Exists(primaryFile + "-journal"))
        {
            File.Move(primaryFile + "-journal", aside + "-journal");   // belongs to the old file; beside the new one it would be rolled back into it
        }
        Disk.SyncFolder(folder);   // in this order on the disk too
        File.Move(made, primaryFile);
        Disk.SyncFolder(folder);
        return new Restored(wasThere ? aside : null, rows, unshipped);
    }

    /// <summary>Reads a node's file beside whoever runs on it.</summary>
    public static T ReadNode<T>(string nodeFile, Surroundings world, Func<View, T> read)
    {
        using var node = OpenNode(nodeFile, world);
        node.Execute("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; BEGIN");
        using var view = new View(node);
        return read(view);
    }

    private static string NameAside(string primaryFile, Surroundings world)
    {
        var name = $"{primaryFile}.lost-{world.Clock.GetUtcNow():yyyyMMddTHHmmssZ}";
        var free = name;
        for (var n = 2; File.Exists(free) || File.Exists(free + "-journal"); n++)
        {
            free = $"{name}-{n}";
        }
        return free;
    }

    internal static SqliteConnection OpenNode(string nodeFile, Surroundings world)
    {
        if (!File.Exists(nodeFile))
        {
            throw new InvalidOperationException("There is no node.db in this data folder: there is nothing to restore from.");
        }
        return SqliteFile.Open(nodeFile, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), world.SqliteVfs);
    }
}
