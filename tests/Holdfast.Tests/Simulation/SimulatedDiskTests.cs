using Holdfast.Simulation.Disk;
using static Holdfast.Tests.Simulation.SimulatedSqlite;

namespace Holdfast.Tests.Simulation;

/// <summary>The disk that the simulator runs SQLite on: as kind as a disk, and as unkind.</summary>
public sealed class SimulatedDiskTests
{
    private const int Busy = 5;
    private const int Full = 13;

    private const string Much = "BEGIN; WITH RECURSIVE s (n) AS (SELECT 11 UNION ALL SELECT n + 1 FROM s WHERE n < 60) "
        + "INSERT INTO t SELECT n, hex(zeroblob(2000)) FROM s; COMMIT";

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
    public void Somebody_may_damage_a_file_and_take_it_away()
    {
        using var disk = NewDisk();
        var machine = SimulatedDisk.AsDisk(() => "boot");
        using var one = Open(disk, "TRUNCATE");
        Run(one, "CREATE TABLE t (n INTEGER PRIMARY KEY, x TEXT)");
        var (inode, bytes) = (machine.Look(disk.PathOf("a.db"))!.Inode, disk.Read("a.db")!);
        disk.Overwrite("a.db", new byte[bytes.Length]);
        Assert.Equal(26, Refused(one, "SELECT count(*) FROM t"));   // SQLITE_NOTADB
        disk.Overwrite("a.db", bytes);
        Fill(one, 3);
        Assert.Equal(inode, machine.Look(disk.PathOf("a.db"))!.Inode);

        disk.Delete("a.db");
        Assert.Equal(8, Refused(one, "INSERT INTO t VALUES (4, 'd')"));   // SQLITE_READONLY, because the file has moved
        disk.PowerCut();
        disk.Revive();
        Assert.Null(disk.Read("a.db"));
    }

    [Fact]
    public void The_clock_of_sql_is_the_worlds()
    {
        using var disk = NewDisk();
        using var one = Open(disk, "WAL");
        Assert.Equal("2031-05-06 07:08:09", Ask(one, "SELECT datetime('now')"));
    }
}
