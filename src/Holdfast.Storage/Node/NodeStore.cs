using System.Collections.Concurrent;
using System.Globalization;
using Dapper;
using Holdfast.Storage.Migrations;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Node;

/// <summary>A node's own disk: the replica and the journal, in one SQLite file, so that "decide, apply and remember" is one transaction.</summary>
public sealed class NodeStore : IDisposable
{
    private const int MostIdleReaders = 16;

    /// <summary>How long a statement waits for another process's lock on the file; nobody but a tool in a person's hand takes one.</summary>
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(2);

    private readonly string _path;
    private readonly Surroundings _world;
    private readonly ConcurrentBag<Reader> _readers = [];
    private volatile Known? _progress;
    private volatile bool _disposed;

    private NodeStore(string path, Surroundings world, HybridClock clock)
    {
        (_path, _world, Clock) = (path, world, clock);
    }

    /// <summary>This life of the node: the authority of what it issues for single use (law 5).</summary>
    public string Incarnation => Clock.Incarnation;

    /// <summary>Where the journal stood when the file was opened.</summary>
    public long OpenedAt { get; private init; }

    public HybridClock Clock { get; }

    /// <summary>The single writer.</summary>
    public NodeWriter Writer { get; private set; } = null!;

    /// <summary>Opens the file, makes it if it is not there, brings its schema forward, and finds out whether this is still the same life.</summary>
    /// <exception cref="SchemaException">A younger release has written to it.</exception>
    public static NodeStore Open(string path, JournalLimits limits, Surroundings world, Lane lane)
    {
        var connection = OpenFile(path, world, lane);
        try
        {
            // FULL: a commit is on the disk when it returns (law 3). Checkpoints of 1,000 pages were the smoothest of those measured.
            connection.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000; PRAGMA trusted_schema = OFF;");
            Migrator.MoveForward(connection, Migrator.Node, world.Clock.GetUtcNow());
            using var view = new View(connection);
            var state = view.NodeState;
            var (incarnation, isNew) = Incarnate(view, path, world);
            var clock = new HybridClock(world.Clock, incarnation);
            foreach (var version in connection.Query<string>(
                "SELECT version FROM (SELECT version FROM journal ORDER BY position DESC LIMIT 1) UNION ALL "
                + "SELECT version FROM (SELECT version FROM log_tail WHERE version <> '' ORDER BY sequence DESC LIMIT 1)"))
            {
                clock.Observe(RowVersion.FromJson(version, Schema.ByName)?.LatestStamp ?? "");
            }
            if (!isNew)
            {
                clock.GoOnFrom(state.StampMark);   // another life's stamps differ by its name
            }
            var store = new NodeStore(path, world, clock) { IsNewLife = isNew, OpenedAt = Lives.JournalHead(view) };
            store.Writer = new NodeWriter(connection, clock, limits, world, lane);
            return store;
        }
        catch
        {
            connection.Dispose();
            lane.Dispose();
            throw;
        }
    }

    /// <summary>Whether a new incarnation began with this opening.</summary>
    public bool IsNewLife { get; private init; }

    /// <summary>Reads the replica, in one snapshot. Waits for nothing far away.</summary>
    public T Read<T>(Func<View, T> work)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var reader = _readers.TryTake(out var idle) ? idle : new Reader(OpenReader());
        try
        {
            reader.View.Execute("BEGIN");
            var result = work(reader.View);
            reader.View.Execute("COMMIT");
            if (_readers.Count < MostIdleReaders && !_disposed)
            {
                _readers.Add(reader);
                reader = null;
            }
            return result;
        }
        catch (SqliteException fault) when (fault.IsOfTheDisk())
        {
            throw new JournalUnavailableException("This node's own disk cannot be read.", fault);
        }
        finally
        {
            reader?.Dispose();
        }
    }

    /// <summary>The journal's last facts, in memory.</summary>
    internal JournalTail Tail => Writer.Session.Journal.Tail;

    /// <summary>How far everything has got, as of the last commit.</summary>
    internal Progress Progress
    {
        get
        {
            var commits = Writer.Commits;   // before it is read: what is committed meanwhile is read again
            if (_progress is not { } known || known.Commits != commits)
            {
                _progress = known = new Known(commits, Read(Progress.Of));
            }
            return known.Progress;
        }
    }

    /// <summary>Facts that the primary has not confirmed.</summary>
    public long CountUnshipped() => Math.Max(0, Progress.JournalHead - Progress.Shipped);

    /// <summary>The journal's position that the primary has confirmed.</summary>
    public long ShippedTo => Progress.Shipped;

    /// <summary>The place in this node's journal that the first change of a decision will have, asked by the decision itself.</summary>
    /// <param name="view">The state that the node's writer shows a decision.</param>
    public static long NextPosition(View view) => Lives.JournalHead(view) + 1;

    /// <summary>One hash over the replica (<see cref="Rows.Digest"/>).</summary>
    public string Digest()
    {
        using var connection = OpenReader();
        connection.Execute("BEGIN");   // one snapshot of all tables
        return Rows.Digest.Of(connection, Schema.Tables, _world.Clock.GetUtcNow());
    }

    private static SqliteConnection OpenFile(string path, Surroundings world, Lane lane)
    {
        try
        {
            return SqliteFile.Open(path, SqliteOpenMode.ReadWriteCreate, LockTimeout, world.SqliteVfs);
        }
        catch
        {
            lane.Dispose();
            throw;
        }
    }

    private SqliteConnection OpenReader()
    {
        var connection = SqliteFile.Open(_path, SqliteOpenMode.ReadWrite, LockTimeout, _world.SqliteVfs);
        connection.Execute("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;");
        return connection;
    }

    /// <summary>A copied or restored file, and a machine that was booted again, are a new life: what the old one issued may have been spent unseen.</summary>
    private static (string Incarnation, bool IsNew) Incarnate(View view, string path, Surroundings world)
    {
        var state = view.NodeState;
        var facts = world.Disk.Look(path);
        var here = string.Create(CultureInfo.InvariantCulture, $"{facts?.Device}/{facts?.Inode}/{world.Disk.BootId()}");
        if (facts is not null && state.Find("incarnation") is { } known && state.Find("place") == here)
        {
            Remember(known, 0);   // a journal that an elder release began
            return (known, false);
        }
        var incarnation = Convert.ToHexStringLower(world.Entropy.Bytes(6));
        state.Set("incarnation", incarnation);
        state.Set("place", here);
        Remember(incarnation, Lives.JournalHead(view));
        state.StampMark = 0;
        return (incarnation, true);

        void Remember(string life, long after) => view.Execute("INSERT OR IGNORE INTO lives (incarnation, after_position) VALUES (@life, @after)", new { life, after });
    }

    public void Dispose()
    {
        _disposed = true;
        Writer.Dispose();
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }
    }

    private sealed record Known(long Commits, Progress Progress);

    /// <summary>A connection that reads, with its statements.</summary>
    private sealed class Reader(SqliteConnection connection) : IDisposable
    {
        public View View { get; } = new(connection);

        public void Dispose()
        {
            View.Dispose();
            connection.Dispose();
        }
    }
}
