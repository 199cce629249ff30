using Holdfast.Simulation.Disk;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;
using static Holdfast.Tests.Simulation.SimulatedSqlite;

namespace Holdfast.Tests.Simulation;

/// <summary>What a cut leaves on the simulated disk, and that SQLite and the node's store live through it.</summary>
public sealed class SimulatedCutTests
{
    private const int IoError = 10;

    [Fact]
    public void Between_two_syncs_a_disk_orders_nothing()
    {
        var seen = new HashSet<string>();
        for (var seed = 0; seed < 300; seed++)
        {
            var file = new SimulatedFile(1);
            file.Become(new byte[4096]);
            for (byte page = 1; page <= 3; page++)
            {
                file.Write(Enumerable.Repeat(page, 4096).ToArray(), page * 4096);
            }
            file.Cut(new DiskDice(seed).Below);
            var bytes = file.ToArray();
            // A letter for each page: lost, kept, or torn, which is then between two sectors.
            seen.Add(string.Concat(Enumerable.Range(1, 3).Select(page =>
            {
                var sectors = Enumerable.Range(0, 8).Select(s => bytes.Skip((page * 4096) + (s * 512)).Take(512).ToArray()).ToList();
                Assert.All(sectors, sector => Assert.True(sector.All(b => b == 0) || (sector.Length == 512 && sector.All(b => b == page))));
                var kept = sectors.Count(sector => sector.Contains((byte)page));
                return kept switch { 0 => 'l', 8 => 'k', _ => 't' };
            })));
        }
        Assert.Superset(new HashSet<string>(["lll", "kkk", "kll", "kkl", "ktl", "kkt", "lkk", "llk", "klk", "tkt", "ltk"]), seen);
    }

    [Theory]
    [InlineData("WAL")]
    [InlineData("TRUNCATE")]
    public void What_was_committed_survives_two_hundred_cuts(string journal)
    {
        var seen = new Outcomes();
        for (var seed = 0; seed < 200; seed++)
        {
            Assert.Empty(LostAfterCut(seed, journal, skipSync: false, seen));
        }
        // The cuts fell where they shall: inside commits, with the commit that was cut sometimes kept and sometimes not.
        Assert.True(seen is { CutInside: > 50, CutBetween: > 20, Kept: > 5, Undone: > 5 }, seen.ToString());
    }

    [Theory]
    [InlineData("WAL")]
    [InlineData("TRUNCATE")]
    public void A_disk_that_only_says_it_synced_is_found_out(string journal)
    {
        var lost = Enumerable.Range(0, 200).Count(seed => LostAfterCut(seed, journal, skipSync: true, new Outcomes()).Count > 0);
        Assert.True(lost > 50, $"Only {lost} of 200 showed it.");
    }

    [Theory]
    [InlineData("WAL")]
    [InlineData("DELETE")]
    public void A_killed_process_loses_nothing_that_was_written(string journal)
    {
        for (var seed = 0; seed < 50; seed++)
        {
            using var disk = NewDisk(seed);
            var done = 0;
            using (var one = Open(disk, journal))
            {
                Run(one, "PRAGMA synchronous = OFF; CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
                disk.FailAfter(20 + seed, withPower: false);
                done = WriteUntilCut(one);
            }
            Assert.True(disk.IsCut);
            disk.Revive();
            using var two = Open(disk, journal);
            Assert.InRange(Count(two), done, done + 1);
            Assert.Equal("ok", Ask(two, "PRAGMA integrity_check"));
        }
    }

    [Fact]
    public void After_a_cut_connections_are_dead_and_none_is_given_until_the_next_life()
    {
        using var disk = NewDisk();
        using var one = Open(disk, "WAL");
        Run(one, "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
        disk.PowerCut();
        Assert.Equal(IoError, Refused(one, "INSERT INTO t VALUES (1, 'a')"));
        Assert.Throws<SqliteException>(() => Open(disk, "WAL"));
        Assert.Null(SimulatedDisk.AsDisk(() => "").Look(disk.PathOf("a.db")));
        disk.Revive();
        using var two = Open(disk, "WAL");
        Run(two, "INSERT INTO t VALUES (1, 'a')");
        Assert.Equal(IoError, Refused(one, "INSERT INTO t VALUES (2, 'b')"));
        Assert.Equal(1, Count(two));
    }

    [Fact]
    public void A_file_that_was_never_synced_may_be_gone_and_may_be_there()
    {
        var there = 0;
        for (var seed = 0; seed < 40; seed++)
        {
            using var disk = NewDisk(seed);
            using var one = Open(disk, "DELETE");
            Run(one, "PRAGMA synchronous = OFF; CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
            disk.PowerCut();
            there += disk.Names.Contains("a.db") ? 1 : 0;
        }
        Assert.InRange(there, 5, 35);
    }

    [Theory]
    [InlineData("WAL")]
    [InlineData("TRUNCATE")]
    public void The_same_seed_is_the_same_world(string journal)
    {
        var (one, two, other) = (Lived(7), Lived(7), Lived(8));
        Assert.Equal(one.Bytes, two.Bytes);
        Assert.Equal(one.Trace, two.Trace);
        Assert.NotEqual(one.Trace, other.Trace);

        (byte[] Bytes, ulong Trace) Lived(int seed)
        {
            using var disk = NewDisk(seed);
            for (var life = 0; life < 20; life++)
            {
                using (var connection = Open(disk, journal))
                {
                    Run(connection, "PRAGMA wal_autocheckpoint = 20; CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, x TEXT)");
                    disk.FailAfter(10 + (seed * life % 60));
                    WriteUntilCut(connection, from: (life * 1000) + 1);
                }
                disk.Revive();
            }
            using (var connection = Open(disk, journal))
            {
                Assert.Equal("ok", Ask(connection, "PRAGMA integrity_check"));
            }
            return (disk.Read("a.db")!, disk.Trace);
        }
    }

    [Fact]
    public async Task Worlds_in_two_threads_do_not_meet()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(world => Task.Factory.StartNew(
            () =>
            {
                for (var seed = 0; seed < 25; seed++)
                {
                    Assert.Empty(LostAfterCut((world * 100) + seed, seed % 2 == 0 ? "WAL" : "TRUNCATE", skipSync: false, new Outcomes()));
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
    }

    [Fact]
    public async Task A_nodes_own_store_lives_on_it_through_cuts()
    {
        using var template = NewDisk();
        using (OpenNode(template))
        {
        }
        var migrated = template.Snapshot();
        for (var seed = 0; seed < 30; seed++)
        {
            using var disk = NewDisk(seed);
            disk.Restore(migrated);
            var kept = new List<string>();
            var life = "";
            using (var node = OpenNode(disk))
            {
                Assert.True(node.IsNewLife);   // another disk than the template's
                life = node.Incarnation;
                disk.FailAfter(seed * 3);
                while (!disk.IsCut)
                {
                    try
                    {
                        kept.Add(await RecordAsync(node, $"event_{kept.Count}"));
                    }
                    catch (JournalUnavailableException)
                    {
                        Assert.True(disk.IsCut);
                    }
                }
            }
            disk.Revive();
            using (var node = OpenNode(disk))
            {
                Assert.Equal((life, false), (node.Incarnation, node.IsNewLife));
                Assert.Empty(kept.Except(node.Read(view => view.Query<string>("SELECT id FROM events"))));
            }
            Assert.Null(disk.Fault);
        }
    }

    /// <summary>Writes until the power is cut, here between two commits and there inside one; then looks for what was acknowledged.</summary>
    private static List<long> LostAfterCut(int seed, string journal, bool skipSync, Outcomes seen)
    {
        using var disk = NewDisk(seed);
        var acknowledged = 0;
        using (var one = Open(disk, journal))
        {
            Run(one, "PRAGMA wal_autocheckpoint = 20; CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
            disk.SkipSync = skipSync;
            if (seed % 4 == 0)
            {
                acknowledged = 1 + (seed / 4);
                Fill(one, acknowledged);
                disk.PowerCut();
                seen.CutBetween++;
            }
            else
            {
                disk.FailAfter(seed * 2);
                acknowledged = WriteUntilCut(one);
                seen.CutInside++;
            }
        }
        Assert.True(disk.IsCut);
        disk.Revive();
        disk.SkipSync = false;
        try
        {
            using var two = Open(disk, journal);
            if (Ask(two, "PRAGMA integrity_check") is var verdict and not "ok")
            {
                Assert.True(skipSync, $"Seed {seed}: {verdict}");
                return [-1];
            }
            var there = Numbers(two);
            if (!skipSync)
            {
                Assert.InRange(there.Count, acknowledged, acknowledged + 1);   // of the one that was cut, all or nothing
                _ = there.Count > acknowledged ? seen.Kept++ : seen.Undone++;
            }
            Assert.Null(disk.Fault);
            return [.. Enumerable.Range(1, acknowledged).Select(n => (long)n).Except(there)];
        }
        catch (SqliteException) when (skipSync)
        {
            return [-1];
        }
    }

    /// <returns>How many were acknowledged.</returns>
    private static int WriteUntilCut(SqliteConnection connection, int from = 1)
    {
        for (var done = 0; ; done++)
        {
            try
            {
                Fill(connection, 1, from: from + done);
            }
            catch (SqliteException fault) when (fault.SqliteErrorCode == IoError)
            {
                return done;
            }
        }
    }

    private static NodeStore OpenNode(SimulatedDisk disk)
    {
        var entropy = new Entropy(buffer => buffer.Span.Fill((byte)disk.Id.Length));
        var world = new Surroundings(new HeldClock(), entropy, SimulatedDisk.AsDisk(() => "boot"), SimulatedDisk.Vfs);
        return NodeStore.Open(disk.PathOf("node.db"), new JournalLimits(), world, new Lane(work => work()));
    }

    private static async Task<string> RecordAsync(NodeStore node, string id) => (await node.Writer.RecordAsync(_ => Decide.To(id, Change.To(
        Schema.Events, id, ("environment_id", "environment_1"), ("event", "test"), ("data", "{}"), ("created_at", 1L))))).Answer;

    private sealed record Outcomes
    {
        public int CutInside { get; set; }

        public int CutBetween { get; set; }

        public int Kept { get; set; }

        public int Undone { get; set; }
    }
}
