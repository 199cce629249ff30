using System.Data.Common;
using System.Globalization;
using Dapper;
using Holdfast.Storage.ChangeLog;

namespace Holdfast.Storage.Node;

/// <summary>What a node remembers of itself: small values by name.</summary>
internal sealed class NodeState(DbConnection connection)
{
    public string? Find(string name) => connection.QueryFirstOrDefault<string>("SELECT value FROM node_state WHERE name = @name", new { name });

    public void Set(string name, string value) => connection.Execute(
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

    /// <summary>The last change-log row that was applied here.</summary>
    public LogPosition Position
    {
        get => ParsePosition(Find("position"));
        set => Set("position", Format(value));
    }

    /// <summary><see cref="Position"/>, for who only reads.</summary>
    public static LogPosition PositionOf(View view) => ParsePosition(ValueOf(view, "position"));

    /// <summary><see cref="Shipped"/>, for who only reads.</summary>
    public static long ShippedOf(View view) => long.Parse(ValueOf(view, "shipped") ?? "0", CultureInfo.InvariantCulture);

    /// <summary><see cref="Cluster"/>, for who only reads.</summary>
    public static string? ClusterOf(View view) => ValueOf(view, "cluster");

    /// <summary><see cref="IsFilled"/>, for who only reads.</summary>
    public static bool IsFilledOf(View view) => ValueOf(view, "filled") is not null;

    /// <summary>As text: <c>epoch/sequence/hash</c>.</summary>
    public static string Format(LogPosition position) => string.Create(CultureInfo.InvariantCulture, $"{position.Epoch}/{position.Sequence}/{position.Hash}");

    /// <summary>Reads <see cref="Format"/>.</summary>
    public static LogPosition ParsePosition(string? text) => text?.Split('/') is [var epoch, var sequence, var hash]
        ? new LogPosition(long.Parse(epoch, CultureInfo.InvariantCulture), long.Parse(sequence, CultureInfo.InvariantCulture), hash)
        : LogPosition.Start;

    private static string? ValueOf(View view, string name) => view.Find<string>("SELECT value FROM node_state WHERE name = @name", new { name });

    /// <summary>The journal's last position that the primary has confirmed.</summary>
    public long Shipped
    {
        get => long.Parse(Find("shipped") ?? "0", CultureInfo.InvariantCulture);
        set => Set("shipped", value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>While the whole replica is offered to a primary that shares no row with us: the table and id reached.</summary>
    public (string Table, string Id)? OfferingAll
    {
        get => Find("offering_all")?.Split('/', 2) is [var table, var id] && table.Length > 0 ? (table, id) : null;
        set => Set("offering_all", value is { } at ? $"{at.Table}/{at.Id}" : "");
    }
}
