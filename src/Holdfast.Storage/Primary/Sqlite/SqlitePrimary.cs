using Dapper;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Migrations;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Primary.Sqlite;

/// <summary>The embedded primary: one file, one connection, one lane (decision 0003).</summary>
/// <param name="path">The file.</param>
/// <param name="clusterId">The cluster that this node belongs to; null as long as it belongs to none.</param>
/// <param name="clock">The node's clock: stamps of primary writes.</param>
public sealed class SqlitePrimary(string path, Func<string?> clusterId, HybridClock clock, Surroundings world, Lane lane) : IPrimary
{
    /// <summary>How long a transaction waits for another process's lock. Short: every waiting caller waits behind it.</summary>
    public static readonly TimeSpan LockTimeout = TimeSpan.FromMilliseconds(100);

    private const int MostRowsPrunedAtOnce = 1000;

    private readonly ClockJumps _jumps = new(world.Clock);
    private Session? _session;
    private long _largestSize;
    private (string Device, ulong Inode)? _sound;   // the file that was checked whole: once a process, for that takes long

    public Task<string?> FindClusterAsync(CancellationToken ct) => lane.RunAsync(
        () =>
        {
            var facts = world.Disk.Look(path);
            return facts is null or { Size: 0 } && clusterId() is null
                ? null
                : InTransaction<string?>("BEGIN", mayCreate: false, session => session.ClusterId);
        },
        ct);

    public Task<string> BootstrapAsync(string newClusterId, CancellationToken ct) => lane.RunAsync(
        () => InTransaction("BEGIN IMMEDIATE", mayCreate: true, session =>
        {
            if (session.ClusterId is null)
            {
                session.Connection.Execute("INSERT INTO cluster VALUES (@newClusterId, @now)",
                    new { newClusterId, now = world.Clock.GetUtcNow().ToUnixTimeMilliseconds() });
                session.ClusterId = newClusterId;
            }
            return session.ClusterId;
        }),
        ct);

    public Task<(T Answer, LogPosition Head)> WriteAsync<T>(Func<View, Decision<T>> decide, LogPosition seen, CancellationToken ct) => lane.RunAsync(
        () => InTransaction("BEGIN IMMEDIATE", mayCreate: false, session =>
        {
            RefuseLostTail(session, seen);
            var decision = decide(session.View);
            foreach (var change in decision.Changes)
            {
                if (session.Rows.Put(change, clock) is { } version)
                {
                    session.Log.Append(version);
                }
            }
            return (decision.Answer, session.Log.Head());
        }),
        ct);

    public Task<LogPosition> OfferAsync(IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct) => lane.RunAsync(
        () => InTransaction("BEGIN IMMEDIATE", mayCreate: false, session =>
        {
            RefuseLostTail(session, seen);
            var (now, hasJumped) = (world.Clock.GetUtcNow(), _jumps.HasJumped());
            foreach (var text in versions)
            {
                var version = RowVersion.FromJson(text, Schema.ByName) ?? throw new PrimaryUnavailableException(PrimaryFault.TooNew,
                    "A node of a younger release offers what this primary does not know. Its facts wait in its journal until the node of the primary is upgraded.");
                if ((hasJumped || !Digest.HasExpired(version, now - Expiry.Kept)) && session.Rows.Apply(version))
                {
                    session.Log.Append(version);
                }
            }
            return session.Log.Head();
        }),
        ct);

    /// <summary>Keeps what was decided elsewhere, on a state that was read up to a row of the log, if the log still ends at that row.</summary>
    /// <returns>Where the log stands after it; null when it ended elsewhere, and nothing was kept.</returns>
    public Task<LogPosition?> CommitAsync(LogPosition expected, IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct) => lane.RunAsync(
        () => InTransaction<LogPosition?>("BEGIN IMMEDIATE", mayCreate: false, session =>
        {
            RefuseLostTail(session, seen);
            if (session.Log.Head() != expected)
            {
                return null;
            }
            foreach (var text in versions)
            {
                var version = RowVersion.FromJson(text, Schema.ByName)
                    ?? throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The node that has the primary is of an elder release, which does not know what is to be written.");
                if (session.Rows.Apply(version))
                {
                    session.Log.Append(version);
                }
            }
            return session.Log.Head();
        }),
        ct);

    public Task<LogPage> ReadLogAsync(LogPosition after, int limit, CancellationToken ct) =>
        lane.RunAsync(() => InTransaction("BEGIN", mayCreate: false, session => session.Log.Read(after, limit)), ct);

    public Task<LogPosition> FindCommonAsync(IReadOnlyList<LogPosition> positions, CancellationToken ct) => lane.RunAsync(
        () => InTransaction("BEGIN", mayCreate: false, session =>
            positions.OrderByDescending(p => p.Sequence).Cast<LogPosition?>().FirstOrDefault(p => session.Log.Has(p!.Value)) ?? LogPosition.Start),
        ct);

    public Task BeginEpochAsync(LogPosition head, CancellationToken ct) => lane.RunAsync(
        () => InTransaction("BEGIN IMMEDIATE", mayCreate: false, session =>
        {
            if (session.Log.Head() == head)
            {
                session.Log.BeginEpoch();
            }
            return true;
        }),
        ct);

    public Task PruneAsync(DateTimeOffset expiredBefore, CancellationToken ct) => lane.RunAsync(
        () => InTransaction("BEGIN IMMEDIATE", mayCreate: false, session =>
        {
            // By this clock too: one node's wrong one must not make all forget.
            var here = world.Clock.GetUtcNow() - Expiry.Kept;
            return Expiry.Prune(session.View, expiredBefore < here ? expiredBefore : here, MostRowsPrunedAtOnce);
        }),
        ct);

    /// <summary>What is written on top of a lost tail takes the places of the rows that were lost, and a reader that has those would not notice.</summary>
    private static void RefuseLostTail(Session session, LogPosition seen)
    {
        if (!session.Log.Has(seen))
        {
            throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary database lost its tail. Nothing is written until this node has offered it again.");
        }
    }

    private T InTransaction<T>(string begin, bool mayCreate, Func<Session, T> work)
    {
        try
        {
            var session = Open(mayCreate);
            session.Connection.Execute(begin);
            session.Connection.Execute("PRAGMA data_version");   // the lock of a reader is taken here, where the driver does not try again on its own
            var version = session.View.Find<long>("PRAGMA data_version");
            if (version != session.DataVersion)
            {
                // Another process has written: a younger release, a tool, a person. Is it still ours?
                session.ClusterId = Recognize(session.Connection, clusterId());
                session.DataVersion = version;
            }
            session.Log.Forget();
            session.Rows.Forget();
            var result = work(session);
            session.Connection.Execute("COMMIT");
            _largestSize = Math.Max(_largestSize, world.Disk.Look(path)?.Size ?? 0);
            return result;
        }
        catch (SqliteException fault)
        {
            if (fault.SqliteErrorCode is 8 or 10 or 11 or 13 or 14 or 26)   // READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB
            {
                Close();   // what is open may be of a file that is no more: the next call opens anew
                _sound = fault.SqliteErrorCode is 10 or 11 or 26 ? null : _sound;
            }
            else
            {
                _session?.Connection.RollBack();   // another's lock, say: no reason to read the whole file again
            }
            throw Outage(fault);
        }
        catch
        {
            _session?.Connection.RollBack();
            throw;
        }
    }

    private Session Open(bool mayCreate)
    {
        var expected = clusterId();
        var facts = world.Disk.Look(path);
        if (FaultOf(facts, expected, mayCreate) is { } why)
        {
            Close();
            _sound = null;
            throw new PrimaryUnavailableException(why, Text(why));
        }
        if (_session is not null && facts is not null && (facts.Device, facts.Inode) != (_session.Device, _session.Inode))
        {
            Close();   // another file stands at the path: what we hold open, nobody will find again
        }
        if (_session is not null && facts is not null && facts.Size < _largestSize)
        {
            Close();
            _sound = null;
            throw new PrimaryUnavailableException(PrimaryFault.Damaged, Text(PrimaryFault.Damaged));
        }
        return _session ??= OpenAnew(facts, expected);
    }

    private static PrimaryFault? FaultOf(FileFacts? facts, string? expected, bool mayCreate) => facts switch
    {
        null => mayCreate && expected is null ? null : PrimaryFault.Unreadable,
        { IsRegular: false } or { OwnerMayReadAndWrite: false } => PrimaryFault.Unreadable,
        { Size: 0 } when expected is not null => PrimaryFault.Empty,
        _ => null,
    };

    /// <summary>What is the matter with a file; null when it is sound and the cluster's. Prepares and migrates nothing; only a transaction that was cut off is
    /// undone, as by every reader.</summary>
    internal static PrimaryUnavailableException? Examine(string path, string? cluster, Surroundings world)
    {
        try
        {
            if (FaultOf(world.Disk.Look(path), cluster, mayCreate: false) is { } why)
            {
                return new PrimaryUnavailableException(why, Text(why));
            }
            using var connection = SqliteFile.Open(path, SqliteOpenMode.ReadWrite, LockTimeout, world.SqliteVfs);
            connection.Execute("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; BEGIN; PRAGMA data_version");
            if (connection.ExecuteScalar<string>("PRAGMA quick_check(1)") != "ok")
            {
                return new PrimaryUnavailableException(PrimaryFault.Damaged, Text(PrimaryFault.Damaged));
            }
            _ = Recognize(connection, cluster);
            return null;
        }
        catch (SqliteException fault)
        {
            return Outage(fault);
        }
        catch (PrimaryUnavailableException fault)
        {
            return fault;
        }
    }

    private Session OpenAnew(FileFacts? facts, string? expected)
    {
        var connection = SqliteFile.Open(path, facts is null ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadWrite, LockTimeout, world.SqliteVfs);
        try
        {
            connection.Execute("PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;");
            connection.Execute("BEGIN; PRAGMA data_version");   // the lock is taken here, where the driver does not try again on its own
            if ((facts is null || _sound != (facts.Device, facts.Inode)) && connection.ExecuteScalar<string>("PRAGMA quick_check(1)") != "ok")
            {
                throw new PrimaryUnavailableException(PrimaryFault.Damaged, Text(PrimaryFault.Damaged));
            }
            var (cluster, version) = (Recognize(connection, expected), connection.ExecuteScalar<long>("PRAGMA data_version"));
            connection.Execute("COMMIT");
            connection.Execute("PRAGMA journal_mode = TRUNCATE");
            Migrator.MoveForward(connection, Migrator.Primary, world.Clock.GetUtcNow());
            facts = world.Disk.Look(path) ?? throw new PrimaryUnavailableException(PrimaryFault.Unreadable, Text(PrimaryFault.Unreadable));
            (_largestSize, _sound) = (facts.Size, (facts.Device, facts.Inode));
            return new Session(connection, facts.Device, facts.Inode, world.Join) { ClusterId = cluster, DataVersion = version };
        }
        catch
        {
            connection.RollBack();
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Whether the file is ours to write: the cluster in it; null when it is empty, or prepared and nobody's yet. Writes nothing.</summary>
    private static string? Recognize(SqliteConnection connection, string? expected)
    {
        PrimaryFault? fault = null;
        string? cluster = null;
        if (!Migrator.IsEmpty(connection))
        {
            if (connection.ExecuteScalar<long>("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('cluster', 'change_log', 'schema_migrations')") != 3)
            {
                fault = PrimaryFault.Foreign;
            }
            else
            {
                RefuseTooNew(connection);
                cluster = connection.ExecuteScalar<string?>("SELECT id FROM cluster");
            }
        }
        fault ??= expected is null || cluster == expected ? null : cluster is null ? PrimaryFault.Empty : PrimaryFault.Foreign;
        return fault is { } why ? throw new PrimaryUnavailableException(why, Text(why)) : cluster;
    }

    private static void RefuseTooNew(SqliteConnection connection)
    {
        try
        {
            _ = Migrator.FindMissing(connection, Migrator.Primary);
        }
        catch (SchemaException tooNew)
        {
            throw new PrimaryUnavailableException(PrimaryFault.TooNew, tooNew.Message, tooNew);
        }
    }

    private static PrimaryUnavailableException Outage(SqliteException fault)
    {
        var why = fault.SqliteErrorCode switch
        {
            3 or 8 or 14 or 23 => PrimaryFault.Unreadable,   // PERM, READONLY, CANTOPEN, AUTH
            11 or 26 => PrimaryFault.Damaged,                // CORRUPT, NOTADB
            5 or 6 or 10 or 13 or 15 => PrimaryFault.Unreachable,   // BUSY, LOCKED, IOERR, FULL, PROTOCOL
            _ => (PrimaryFault?)null,
        };
        return why is { } known
            ? new PrimaryUnavailableException(known, Text(known), fault)
            : throw new InvalidOperationException($"SQLite refused a statement of ours: {fault.Message}", fault);
    }

    private static string Text(PrimaryFault fault) => fault switch
    {
        PrimaryFault.Unreachable => "The primary database does not answer: it is locked, or its disk does not take writes.",
        PrimaryFault.Unreadable => "The primary database's file is not there, or may not be read and written.",
        PrimaryFault.Foreign => "The file at the primary's place belongs to another cluster. Nothing is written into it.",
        PrimaryFault.Empty => "The primary database is empty, but this cluster has written to it. Nothing is written into it until 'holdfast doctor' has decided.",
        _ => "The primary database is cut off or damaged. Nothing is written into it until 'holdfast doctor' has decided.",
    };

    private void Close()
    {
        _session?.Dispose();
        _session = null;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            lane.Post(Close);
        }
        catch (StoppingException)
        {
            return;   // disposed of before
        }
        await lane.CloseAsync();
    }

    private sealed class Session(SqliteConnection connection, string device, ulong inode, JoinVersions join) : IDisposable
    {
        public SqliteConnection Connection { get; } = connection;

        private ChangeLogTable? _log;

        public string Device { get; } = device;

        public ulong Inode { get; } = inode;

        public string? ClusterId { get; set; }

        /// <summary>SQLite's number for what other connections wrote; it changes when one of them commits.</summary>
        public long DataVersion { get; set; }

        public View View { get; } = new(connection);

        public RowWriter Rows { get; } = new(connection, join);

        public ChangeLogTable Log => _log ??= new ChangeLogTable(View);

        public void Dispose()
        {
            Rows.Dispose();
            View.Dispose();
            Connection.RollBack();
            Connection.Dispose();
        }
    }
}
