using Holdfast.Storage.Rows;

namespace Holdfast.Storage.ChangeLog;

/// <summary>Every statement on the primary's change log, within a transaction that the caller holds.</summary>
internal sealed class ChangeLogTable(View view)
{
    private LogPosition? _head;

    /// <summary>The last row.</summary>
    public LogPosition Head() =>
        _head ??= view.Find<Row>("SELECT sequence AS Sequence, epoch AS Epoch, hash AS Hash, '' AS Version FROM change_log ORDER BY sequence DESC LIMIT 1")
            is { } row ? row.Position : LogPosition.Start;

    /// <summary>Forgets what was read of the head: the transaction ended, and another writer may be next.</summary>
    public void Forget() => _head = null;

    public void Append(RowVersion version) => Append(Math.Max(1, Head().Epoch), version.ToJson());

    /// <summary>Appends the row that begins an epoch.</summary>
    public void BeginEpoch() => Append(Head().Epoch + 1, "");

    public void Append(long epoch, string version)
    {
        var next = Head().Next(epoch, version);
        Insert(new LogRow(next, version));
    }

    /// <summary>Puts a row in as another log had it.</summary>
    public void Insert(LogRow row)
    {
        view.Execute("INSERT INTO change_log (sequence, epoch, hash, version) VALUES (@Sequence, @Epoch, @Hash, @Version)",
            new { row.At.Sequence, row.At.Epoch, row.At.Hash, row.Version });
        _head = row.At;
    }

    public LogPage Read(LogPosition after, int limit)
    {
        var rows = view.Query<Row>(
            "SELECT sequence AS Sequence, epoch AS Epoch, hash AS Hash, version AS Version FROM change_log WHERE sequence > @Sequence ORDER BY sequence LIMIT @limit",
            new { after.Sequence, limit }).Select(r => new LogRow(r.Position, r.Version)).ToList();
        return new LogPage(rows, Head(), Has(after));
    }

    /// <summary>Whether the log has this row at its place.</summary>
    public bool Has(LogPosition position) =>
        position.Sequence == 0
        || view.Find<string>("SELECT hash FROM change_log WHERE sequence = @Sequence", new { position.Sequence }) == position.Hash;

    private sealed record Row(long Sequence, long Epoch, string Hash, string Version)
    {
        public LogPosition Position => new(Epoch, Sequence, Hash);
    }
}
