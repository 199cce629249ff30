using System.Globalization;
using Holdfast.Storage.ChangeLog;

namespace Holdfast.Storage.Node;

/// <summary>What a node remembers of itself: small values by name.</summary>
internal sealed class NodeState(View view)
{
    public string? Find(string name) => view.Find<string>("SELECT value FROM node_state WHERE name = @name", new { name });

    public void Set(string name, string value) => view.Execute(
        "INSERT INTO node_state VALUES (@name, @value) ON CONFLICT (name) DO UPDATE SET value = excluded.value", new { name, value });

    /// <summary>The cluster that this node belongs to.</summary>
    public string? Cluster
    {
        get => Find("cluster");
        set => Set("cluster", value!);
    }

    /// <summary>Whether the replica has once been level with the primary. Before that, the node is not ready.</summary>
    public bool IsFilled
    {
        get => Find("filled") is not null;
        set => Set("filled", value ? "1" : throw new ArgumentOutOfRangeException(nameof(value), "What was filled stays so."));
    }

    /// <summary>When the replica was level with the primary, about; null when nobody has written it down.</summary>
    public DateTimeOffset? LevelAt
    {
        get => Find("level_at") is { } time ? DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(time, CultureInfo.InvariantCulture)) : null;
        set => Set("level_at", value!.Value.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The last change-log row that was applied here.</summary>
    public LogPosition Position
    {
        get => ParsePosition(Find("position"));
        set => Set("position", Format(value));
    }

    /// <summary>As text: <c>epoch/sequence/hash</c>.</summary>
    public static string Format(LogPosition position) => string.Create(CultureInfo.InvariantCulture, $"{position.Epoch}/{position.Sequence}/{position.Hash}");

    /// <summary>Reads <see cref="Format"/>.</summary>
    public static LogPosition ParsePosition(string? text) => text?.Split('/') is [var epoch, var sequence, var hash]
        ? new LogPosition(long.Parse(epoch, CultureInfo.InvariantCulture), long.Parse(sequence, CultureInfo.InvariantCulture), hash)
        : LogPosition.Start;

    /// <summary>Whether this very row of the log was applied here, and is kept still; and not another at its place.</summary>
    public bool HasRead(LogPosition row) =>
        row.Sequence == 0 || view.Find<string>("SELECT hash FROM log_tail WHERE sequence = @Sequence", new { row.Sequence }) == row.Hash;

    /// <summary>The journal's last position that the primary has confirmed.</summary>
    public long Shipped
    {
        get => long.Parse(Find("shipped") ?? "0", CultureInfo.InvariantCulture);
        set => Set("shipped", value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Bytes of the versions that the journal holds, and of those that are audit events; null when nobody has counted them yet.</summary>
    public (long All, long Audit)? JournalBytes
    {
        get => Find("journal_bytes")?.Split('/') is [var all, var audit]
            ? (long.Parse(all, CultureInfo.InvariantCulture), long.Parse(audit, CultureInfo.InvariantCulture))
            : null;
        set => Set("journal_bytes", string.Create(CultureInfo.InvariantCulture, $"{value!.Value.All}/{value.Value.Audit}"));
    }

    /// <summary>Above all stamps that this life has given (<see cref="Rows.HybridClock"/>).</summary>
    public long StampMark
    {
        get => long.Parse(Find("stamp_mark") ?? "0", CultureInfo.InvariantCulture);
        set => Set("stamp_mark", value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>While the whole replica is offered to a primary that shares no row with us: the table and id reached.</summary>
    public (string Table, string Id)? OfferingAll
    {
        get => Find("offering_all")?.Split('/', 2) is [var table, var id] && table.Length > 0 ? (table, id) : null;
        set => Set("offering_all", value is { } at ? $"{at.Table}/{at.Id}" : "");
    }
}
