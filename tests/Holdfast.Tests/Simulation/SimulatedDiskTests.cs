using Holdfast.Simulation.Disk;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Tests.Simulation;

/// <summary>The disk that the simulator runs SQLite on: as kind as a disk, and as unkind.</summary>
public sealed class SimulatedDiskTests
{
    private const int Busy = 5;
    private const int IoError = 10;
    private const int Full = 13;

    private const string Much = "BEGIN; WITH RECURSIVE s (n) AS (SELECT 11 UNION ALL SELECT n + 1 FROM s WHERE n < 60) "
        + "INSERT INTO t SELECT n, hex(zeroblob(2000)) FROM s; COMMIT";

    private static readonly DateTimeOffset Now = new(2031, 5, 6, 7, 8, 9, TimeSpan.Zero);

    private static int _disks;

    [Theory]
    [InlineData("WAL")]
    [InlineData("TRUNCATE")]
    [InlineData("DELETE")]
    [InlineData("PERSIST")]
    public void Connections_see_what_others_have_committed_and_nothing_else(string journal)
    {
        using var disk = NewDisk();
        using var one = Open(disk, journal);
        using var two = Open(disk, journal);
        Run(one, "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
        Run(one, "BEGIN; INSERT INTO t VALUES (1, 'a')");
        Assert.Equal(0, Count(two));
        Run(one, "COMMIT");
        Assert.Equal(1, Count(two));
        Run(two, "BEGIN; INSERT INTO t VALUES (2, 'b'); ROLLBACK; INSERT INTO t VALUES (3, 'c')");
        Assert.Equal(2, Count(one));
        Assert.Null(disk.Fault);
    }

    [Theory]
    [InlineData("WAL")]
    [InlineData("TRUNCATE")]
    public void What_was_closed_is_there_when_it_is_opened_again(string journal)
    {
        using var disk = NewDisk();
        using (var one = Open(disk, journal))
        {
            Run(one, "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
            Fill(one, 500);
        }
        using var two = Open(disk, journal);
        Assert.Equal(500, Count(two));
        Assert.Equal("ok", Ask(two, "PRAGMA integrity_check"));
    }

    [Theory]
    [InlineData("WAL")]
    [InlineData("TRUNCATE")]
    public void A_second_writer_is_told_at_once_that_it_is_busy(string journal)
    {
        using var disk = NewDisk();
        using var one = Open(disk, journal);
        using var two = Open(disk, journal);
        Run(one, "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
        Run(one, "BEGIN IMMEDIATE; INSERT INTO t VALUES (1, 'a')");
        Assert.Equal(Busy, Refused(two, "BEGIN IMMEDIATE"));
        Run(one, "COMMIT");
        Run(two, "BEGIN IMMEDIATE; INSERT INTO t VALUES (2, 'b'); COMMIT");
        Assert.Equal(2, Count(one));
    }

    [Fact]
    public void With_a_rollback_journal_a_writer_waits_for_readers_and_then_they_for_it()
    {
        using var disk = NewDisk();
        using var one = Open(disk, "TRUNCATE");
        using var two = Open(disk, "TRUNCATE");
        using var three = Open(disk, "TRUNCATE");
        Run(one, "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
        Run(two, "BEGIN; SELECT count(*) FROM t");
        Run(one, "BEGIN; INSERT INTO t VALUES (1, 'a')");   // RESERVED: readers still come
        Assert.Equal(0, Count(three));
        Assert.Equal(Busy, Refused(one, "COMMIT"));         // PENDING: the last reader is there, no other comes
        Assert.Equal(Busy, Refused(three, "SELECT count(*) FROM t"));
        Run(two, "COMMIT");
        Run(one, "COMMIT");
        Assert.Equal(1, Count(three));
    }

    [Fact]
    public void With_a_log_a_reader_keeps_its_snapshot_beside_a_writer()
    {
        using var disk = NewDisk();
        using var one = Open(disk, "WAL");
        using var two = Open(disk, "WAL");
        Run(one, "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT); INSERT INTO t VALUES (1, 'a')");
        Run(two, "BEGIN");
        Assert.Equal(1, Count(two));
        Fill(one, 100, from: 2);
        Assert.Equal("1", Ask(one, "PRAGMA wal_checkpoint(TRUNCATE)"));   // busy: the reader holds it
        Assert.Equal(1, Count(two));
        Run(two, "COMMIT");
        Assert.Equal(101, Count(two));
        Assert.Equal("0", Ask(one, "PRAGMA wal_checkpoint(TRUNCATE)"));
        Assert.Empty(disk.Read("a.db-wal")!);
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

    [Theory]
    [InlineData("WAL")]
    [InlineData("TRUNCATE")]
    public void A_full_disk_refuses_and_keeps_no_half(string journal)
    {
        using var disk = NewDisk();
        using var one = Open(disk, journal);
        Run(one, "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
        Fill(one, 10);
        disk.CapacityBytes = disk.UsedBytes + 40_000;
        Assert.Equal(Full, Refused(one, Much));
        Run(one, "ROLLBACK", mayFail: true);
        Assert.True(disk.UsedBytes <= disk.CapacityBytes);
        Assert.Equal(10, Count(one));
        disk.CapacityBytes = long.MaxValue;
        disk.IsFull = true;
        Assert.Equal(Full, Refused(one, Much));
        Run(one, "ROLLBACK", mayFail: true);
        disk.IsFull = false;
        Assert.Equal(10, Count(one));
        Fill(one, 5, from: 11);
        Assert.Equal("ok", Ask(one, "PRAGMA integrity_check"));
        Assert.Equal(15, Count(one));
    }

    [Fact]
    public void A_disk_can_be_new_and_can_be_yesterdays()
    {
        using var disk = NewDisk();
        var machine = SimulatedDisk.AsDisk(() => "boot");
        using (var one = Open(disk, "TRUNCATE"))
        {
            Run(one, "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
            Fill(one, 10);
        }
        var then = machine.Look(disk.PathOf("a.db"))!;
        var yesterday = disk.Snapshot();
        using (var one = Open(disk, "TRUNCATE"))
        {
            Fill(one, 10, from: 11);
        }
        Assert.Equal(then.Inode, machine.Look(disk.PathOf("a.db"))!.Inode);

        disk.Restore(yesterday, sameInodes: true);
        disk.PowerCut();
        disk.Revive();
        Assert.Equal(then, machine.Look(disk.PathOf("a.db")));
        using (var one = Open(disk, "TRUNCATE"))
        {
            Assert.Equal(10, Count(one));
        }

        disk.Restore(yesterday);
        Assert.NotEqual(then.Inode, machine.Look(disk.PathOf("a.db"))!.Inode);
        Assert.Equal(then.Size, machine.Look(disk.PathOf("a.db"))!.Size);

        disk.Empty();
        Assert.Empty(disk.Names);
        Assert.Equal(0, disk.UsedBytes);
        disk.PowerCut();
        Assert.Empty(disk.Names);
        disk.Revive();

        using var other = NewDisk();
        other.Restore(yesterday);
        using var two = Open(other, "TRUNCATE");
        Assert.Equal(10, Count(two));
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

    [Fact]
    public void The_clock_of_sql_is_the_worlds()
    {
        using var disk = NewDisk();
        using var one = Open(disk, "WAL");
        Assert.Equal("2031-05-06 07:08:09", Ask(one, "SELECT datetime('now')"));
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

    private static SimulatedDisk NewDisk(int seed = 1) => new($"disk-{Interlocked.Increment(ref _disks)}", seed, () => Now);

    private static SqliteConnection Open(SimulatedDisk disk, string journal)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = disk.PathOf("a.db"),
            Pooling = false,
            Vfs = SimulatedDisk.Vfs,
        }.ToString());
        try
        {
            connection.Open();
            Run(connection, $"PRAGMA journal_mode = {journal}; PRAGMA synchronous = FULL");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static NodeStore OpenNode(SimulatedDisk disk)
    {
        var entropy = new Entropy(buffer => buffer.Span.Fill((byte)disk.Id.Length));
        var world = new Surroundings(new HeldClock(), entropy, SimulatedDisk.AsDisk(() => "boot"), SimulatedDisk.Vfs);
        return NodeStore.Open(disk.PathOf("node.db"), new JournalLimits(), world, new Lane(work => work()));
    }

    private static Task<string> RecordAsync(NodeStore node, string id) => node.Writer.RecordAsync(_ => Decide.To(id, Change.To(
        Schema.Events, id, ("environment_id", "environment_1"), ("event", "test"), ("data", "{}"), ("created_at", 1L))));

    /// <summary>Each in a transaction of its own; long enough that pages split and the file grows.</summary>
    private static void Fill(SqliteConnection connection, int count, int from = 1)
    {
        for (var n = from; n < from + count; n++)
        {
            Run(connection, $"INSERT INTO t VALUES ({n}, hex(zeroblob({n * 37 % 900})))");
        }
    }

    private static void Run(SqliteConnection connection, string sql, bool mayFail = false)
    {
        var code = SQLitePCL.raw.sqlite3_exec(connection.Handle, sql);
        if (!mayFail)
        {
            SqliteException.ThrowExceptionForRC(code, connection.Handle);
        }
    }

    private static int Refused(SqliteConnection connection, string sql) => Assert.Throws<SqliteException>(() => Run(connection, sql)).SqliteErrorCode;

    private static string? Ask(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar()?.ToString();
    }

    private static long Count(SqliteConnection connection) => Numbers(connection).Count;

    private static List<long> Numbers(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT n FROM t ORDER BY n";
        using var reader = command.ExecuteReader();
        var numbers = new List<long>();
        while (reader.Read())
        {
            numbers.Add(reader.GetInt64(0));
        }
        return numbers;
    }

    private sealed record Outcomes
    {
        public int CutInside { get; set; }

        public int CutBetween { get; set; }

        public int Kept { get; set; }

        public int Undone { get; set; }
    }
}
