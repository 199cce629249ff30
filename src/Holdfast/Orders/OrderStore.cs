using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Orders;

/// <summary>Every statement on orders.</summary>
internal static class OrderStore
{
    /// <summary>How long an order is kept after its end, to be read.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(90);

    /// <summary>The most that may be in force at a time, everywhere.</summary>
    public const int Most = 100;

    /// <summary>The last millisecond of a time that can be told.</summary>
    private const string Last = "253402300799999";

    /// <summary>What an order must be to be one. A peer's journal, a younger release's or a thief's, may say anything: what is none is not followed, shown or lifted, and <see cref="Unsound"/> tells of it.</summary>
    private static readonly string s_sound = $"""
        typeof(o.created_at) = 'integer' AND typeof(o.ends_at) = 'integer' AND o.created_at BETWEEN 0 AND {Last} AND o.ends_at BETWEEN o.created_at AND o.created_at + {(long)GiveOrder.Longest.TotalMilliseconds}
          AND o.ends_at <= {Last} AND o.author IS NOT NULL AND o.reason IS NOT NULL AND (o.scope = 'all' OR (o.scope IN ('node', 'region') AND o.place IS NOT NULL))
          AND ((o.kind = '{OrderKind.End}' AND o.setting IS NOT NULL AND o.ends_at = o.created_at)
            OR {string.Join(" OR ", OrderKind.Settings.Select(k => $"(o.kind = '{k.Key}' AND o.setting IN ({string.Join(", ", k.Value.Select(s => $"'{s}'"))}))"))})
          AND (o.kind NOT IN ('{OrderKind.Dependency}', '{OrderKind.Log}') OR o.target IS NOT NULL) AND (o.kind <> '{OrderKind.Log}' OR o.target = 'Holdfast' OR o.target GLOB 'Holdfast.*')
        """;

    private static readonly string s_columns = $"""
        SELECT o.id AS Id, o.kind AS Kind, o.target AS Target, o.setting AS Setting, o.scope AS Scope, o.place AS Place, o.author AS Author, o.reason AS Reason, o.created_at AS CreatedAt,
          o.ends_at AS EndsAt, (SELECT min(CASE WHEN l.created_at BETWEEN 0 AND {Last} THEN l.created_at ELSE o.created_at END) FROM order_lifts l WHERE l.order_id = o.id) AS LiftedAt, (SELECT min(l.author) FROM order_lifts l WHERE l.order_id = o.id) AS LiftedBy
        FROM orders o WHERE {s_sound}
        """;

    public static OrderRow? Find(View view, string id) => view.Find<OrderRow>($"{s_columns} AND o.id = @id", new { id });

    /// <summary>Those that are in force somewhere, the latest first. What two nodes were told apart may be some more than <see cref="Most"/>.</summary>
    public static List<OrderRow> InForce(View view, DateTimeOffset now) => view.Query<OrderRow>(
        $"{s_columns} AND o.ends_at > @now AND NOT EXISTS (SELECT 1 FROM order_lifts l WHERE l.order_id = o.id) ORDER BY o.made_stamp DESC LIMIT {10 * Most}", new { now = now.ToUnixTimeMilliseconds() });

    /// <summary>Ids of what came as an order and is none.</summary>
    public static List<string> Unsound(View view) => view.Query<string>($"SELECT o.id FROM orders o WHERE NOT coalesce(({s_sound}), 0) ORDER BY o.id LIMIT {Most}");

    /// <summary>All that are kept, the latest first.</summary>
    public static List<OrderRow> All(View view) => view.Query<OrderRow>($"{s_columns} ORDER BY o.made_stamp DESC LIMIT 500");

    public static bool IsNode(View view, string name) => view.Find<long>("SELECT count(*) FROM nodes WHERE name = @name", new { name }) > 0;

    public static bool IsRegion(View view, string name) => view.Find<long>("SELECT count(*) FROM nodes WHERE region = @name", new { name }) > 0;

    /// <summary>Where a node is; null for one that nobody knows, or that was put out.</summary>
    public static string? RegionOf(View view, string node) => view.Find<string>(
        "SELECT n.region FROM nodes n WHERE n.name = @node AND NOT EXISTS (SELECT 1 FROM denies d WHERE d.subject = n.id AND NOT EXISTS (SELECT 1 FROM lifts l WHERE l.deny_id = d.id)) ORDER BY n.born_at DESC, n.id LIMIT 1",
        new { node });

    /// <summary>Lives of a node that no deny stands against.</summary>
    public static List<string> LivesInForce(View view, string node, int most) => view.Query<string>(
        "SELECT n.id FROM nodes n WHERE n.name = @node AND NOT EXISTS (SELECT 1 FROM denies d WHERE d.subject = n.id AND NOT EXISTS (SELECT 1 FROM lifts l WHERE l.deny_id = d.id)) ORDER BY n.id LIMIT @most",
        new { node, most = (long)most });

    public static Change Given(OrderRow order) => Change.To(Schema.Orders, order.Id,
        ("kind", order.Kind), ("target", order.Target), ("setting", order.Setting), ("scope", order.Scope), ("place", order.Place), ("author", order.Author), ("reason", order.Reason),
        ("created_at", order.CreatedAt), ("ends_at", order.EndsAt), ("expires_at", order.EndsAt + (long)Kept.TotalMilliseconds));

    /// <summary>Kept as long as its order: one that is forgotten sooner would put it in force again.</summary>
    public static Change Lifted(string id, OrderRow order, string author, string? reason, DateTimeOffset now) => Change.To(Schema.OrderLifts, id,
        ("order_id", order.Id), ("author", author), ("reason", reason), ("created_at", now.ToUnixTimeMilliseconds()), ("expires_at", order.EndsAt + (long)Kept.TotalMilliseconds));
}

/// <summary>Times in Unix milliseconds.</summary>
/// <param name="Kind">One of <see cref="OrderKind"/>.</param>
/// <param name="Target">A dependency's name, or a category of the log; null where there is no choice.</param>
/// <param name="Scope"><c>all</c>, <c>region</c> or <c>node</c>; <paramref name="Place"/> is the name of one.</param>
internal sealed record OrderRow(
    string Id, string Kind, string? Target, string Setting, string Scope, string? Place, string Author, string Reason, long CreatedAt, long EndsAt, long? LiftedAt, string? LiftedBy)
{
    public DateTimeOffset Until => DateTimeOffset.FromUnixTimeMilliseconds(EndsAt);

    public bool IsFor(Incidents.NodePlace here) => Scope switch { "all" => true, "node" => Place == here.Node, "region" => Place == here.Region, _ => false };

    /// <summary>The thing that it is about: of two orders about one, the later holds.</summary>
    public (string, string?) About => (Kind, Target);

    /// <summary>As people read it.</summary>
    public override string ToString() => $"{Kind}{(Target is null ? "" : " " + Target)} {Setting} ({(Scope == "all" ? "every node" : $"{Scope} {Place}")})";
}

/// <summary>What can be ordered, each with its settings.</summary>
internal static class OrderKind
{
    /// <summary>A dependency of the catalogue: <c>closed</c> or <c>open</c>.</summary>
    public const string Dependency = "dependency";

    /// <summary>The operator's flag provider: <c>polling</c>.</summary>
    public const string Flags = "flags";

    /// <summary>A node or a region: <c>drained</c>.</summary>
    public const string Drain = "drain";

    /// <summary>A category of our own log: <c>trace</c>, <c>debug</c> or <c>information</c>.</summary>
    public const string Log = "log";

    /// <summary>A node was put out (<see cref="EndNode"/>). Nobody orders it by itself.</summary>
    public const string End = "end";

    public static readonly IReadOnlyDictionary<string, string[]> Settings = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        [Dependency] = ["closed", "open"], [Flags] = ["polling"], [Drain] = ["drained"], [Log] = ["trace", "debug", "information"],
    };
}
