using System.Data.Common;
using System.Text;
using Dapper;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Holdfast.Storage.Node;

/// <summary>How much the journal may hold.</summary>
/// <param name="MaxBytes">Of facts that the primary has not confirmed, and of confirmed ones that are still kept. The default holds 72 hours at ten
/// sign-ins a second (some 3 kB each: six facts of about 0.3 kB, what is kept for the administrator, and the session for single logout).</param>
/// <param name="KeepShipped">How long a confirmed fact is kept, to be offered again after a primary lost its tail.</param>
public sealed record JournalLimits(long MaxBytes = 8L << 30, TimeSpan? KeepShipped = null)
{
    /// <summary>The share that audit events may use.</summary>
    public long MaxAuditBytes => MaxBytes / 2;

    /// <summary>The share that everything but denies may use: a tenth is theirs alone.</summary>
    public long MaxFactBytes => MaxBytes / 10 * 9;

    public TimeSpan Keep => KeepShipped ?? TimeSpan.FromHours(24);
}

/// <summary>A fact as the journal holds it.</summary>
public sealed record JournalRow(long Position, string Version);

/// <summary>Every statement on the journal, and the count of its bytes. Used by the node's writer alone.</summary>
internal sealed class Journal : IDisposable
{
    private const int MostDroppedAtOnce = 1000;

    private readonly SqliteConnection _connection;
    private readonly View _view;
    private readonly JournalLimits _limits;
    private readonly DbCommand _append;
    private long _bytes;
    private long _auditBytes;
    private (long Bytes, long AuditBytes) _before;

    public Journal(SqliteConnection connection, JournalLimits limits)
    {
        (_connection, _view, _limits) = (connection, new View(connection), limits);
        _append = connection.CreateCommand();
        _append.CommandText = "INSERT INTO journal (at, share, bytes, version) VALUES (@at, @share, @bytes, @version)";
        foreach (var name in (string[])["@at", "@share", "@bytes", "@version"])
        {
            var parameter = _append.CreateParameter();
            parameter.ParameterName = name;
            _append.Parameters.Add(parameter);
        }
        (_bytes, _auditBytes) = _view.NodeState.JournalBytes ?? connection.QueryFirst<(long, long)>(
            "SELECT coalesce(sum(bytes), 0), coalesce(sum(CASE WHEN share = 1 THEN bytes ELSE 0 END), 0) FROM journal");   // 1: JournalShare.Audit
    }

    /// <summary>Its last facts, in memory.</summary>
    public JournalTail Tail { get; } = new();

    /// <summary>Bytes of all versions held.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Refuses what would go over its share, before anything of it is applied.</summary>
    /// <exception cref="JournalFullException">The share of one of these is full.</exception>
    public void MakeRoom(IReadOnlyList<(JournalShare Share, int Bytes)> wanted, long shipped)
    {
        var all = wanted.Sum(w => (long)w.Bytes);
        var audit = wanted.Where(w => w.Share == JournalShare.Audit).Sum(w => (long)w.Bytes);
        while ((_bytes + all > _limits.MaxFactBytes || (audit > 0 && _auditBytes + audit > _limits.MaxAuditBytes)) && DropShipped(shipped, long.MaxValue))
        {
            // What the primary has makes room for what it has not.
        }
        if (audit > 0 && _auditBytes + audit > _limits.MaxAuditBytes)
        {
            throw new JournalFullException("The journal's share for audit events is full until the primary database is back.");
        }
        // A deny brings its event with it, and both go in: the request as a whole is a deny.
        var most = wanted.Any(w => w.Share == JournalShare.Deny) ? _limits.MaxBytes : _limits.MaxFactBytes;
        if (_bytes + all > most)
        {
            throw new JournalFullException("The journal is full until the primary database is back.");
        }
    }

    public void Append(RowVersion version, string text, DateTimeOffset now)
    {
        _append.Parameters[0].Value = now.ToUnixTimeMilliseconds();
        _append.Parameters[1].Value = (int)version.Table.Share;
        var bytes = Encoding.UTF8.GetByteCount(text);
        _append.Parameters[2].Value = bytes;
        _append.Parameters[3].Value = text;
        _append.ExecuteNonQuery();
        Tail.Add(new JournalFact(raw.sqlite3_last_insert_rowid(_connection.Handle), text));
        _bytes += bytes;
        _auditBytes += version.Table.Share == JournalShare.Audit ? bytes : 0;
    }

    /// <summary>Drops facts that the primary confirmed and that were made before a time, some at once.</summary>
    /// <returns>Whether there may be more of them.</returns>
    public bool DropShipped(long shipped, long madeBefore)
    {
        // In order, and no further than the first that stays: most journals hold millions that do.
        var old = _connection.Query<(long Position, long At, long Share, long Bytes)>(
                "SELECT position, at, share, bytes FROM journal WHERE position <= @shipped ORDER BY position LIMIT @MostDroppedAtOnce", new { shipped, MostDroppedAtOnce }, buffered: false)
            .TakeWhile(row => row.At < madeBefore).ToList();
        if (old.Count > 0)
        {
            _connection.Execute("DELETE FROM journal WHERE position <= @last", new { last = old[^1].Position });
            _bytes -= old.Sum(row => row.Bytes);
            _auditBytes -= old.Where(row => row.Share == (long)JournalShare.Audit).Sum(row => row.Bytes);
        }
        return old.Count > 0;
    }

    /// <summary>The transaction is about to be kept: what was counted in it is kept with it, so that no start counts millions of rows.</summary>
    public void KeepCount()
    {
        if (_before != (_bytes, _auditBytes))
        {
            _view.NodeState.JournalBytes = (_bytes, _auditBytes);
        }
    }

    /// <summary>A transaction begins: what is counted now is what counts again if it is undone.</summary>
    public void Begin() => _before = (_bytes, _auditBytes);

    /// <summary>The transaction was undone.</summary>
    public void Undone()
    {
        (_bytes, _auditBytes) = _before;
        Tail.Undone();
    }

    /// <summary>Lets go of its statements, and not of the connection.</summary>
    public void Dispose()
    {
        _append.Dispose();
        _view.Dispose();
    }

    /// <summary>Facts after a position, in order.</summary>
    public static List<JournalRow> ReadAfter(View view, long position, int limit) => view.Query<JournalRow>(
        "SELECT position AS Position, version AS Version FROM journal WHERE position > @position ORDER BY position LIMIT @limit", new { position, limit });
}
