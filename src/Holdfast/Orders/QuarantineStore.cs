using System.Globalization;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Orders;

/// <summary>Every statement on quarantines (decision 0034).</summary>
internal static class QuarantineStore
{
    /// <summary>The most that may be in force at a time: each is asked of every version that comes.</summary>
    public const int Most = 100;

    private const string Columns = """
        SELECT q.quarantine_id AS Id, q.node AS Node, q.life AS Life, q.since AS Since, q.author AS Author, q.reason AS Reason, q.created_at AS CreatedAt, q.made_stamp AS Stamp,
          (SELECT min(l.created_at) FROM quarantine_lifts l WHERE l.quarantine_id = q.quarantine_id) AS LiftedAt, (SELECT min(l.author) FROM quarantine_lifts l WHERE l.quarantine_id = q.quarantine_id) AS LiftedBy
        """;

    private const string Sound = """
        q.made_stamp <> '' AND typeof(q.quarantine_id) = 'text' AND typeof(q.node) = 'text' AND typeof(q.life) = 'text' AND typeof(q.since) = 'integer' AND q.since BETWEEN 0 AND 7000000000000
          AND typeof(q.created_at) = 'integer' AND q.created_at BETWEEN 0 AND 7000000000000 AND typeof(q.author) = 'text' AND typeof(q.reason) = 'text'
        """;

    /// <summary>The latest first. A row for each life; what a peer's journal calls one and is none is left out.</summary>
    public static List<QuarantineRow> All(View view, string? id = null, bool inForce = false) => [.. view.Query<Row>(
        $"{Columns} FROM quarantines q WHERE {Sound}{(inForce ? $" AND {Voids.InForce}" : "")} AND (@id IS NULL OR q.quarantine_id = @id) ORDER BY q.created_at DESC, q.id LIMIT 5000", new { id })
        .Where(r => Voids.IsSound(r.Since, r.Stamp))
        .GroupBy(r => r.Id, StringComparer.Ordinal)
        .Select(rows => new QuarantineRow(rows.Key, rows.First().Node, [.. rows.Select(r => r.Life).Distinct(StringComparer.Ordinal)], rows.Min(r => r.Since), rows.First().Author, rows.First().Reason,
            rows.Min(r => r.CreatedAt), Lifted(view, rows.Key) ? rows.First().LiftedAt : null, Lifted(view, rows.Key) ? rows.First().LiftedBy : null))];

    public static QuarantineRow? Find(View view, string id) => All(view, id).FirstOrDefault();

    private static bool Lifted(View view, string id) => view.Find<long>($"SELECT count(*) FROM quarantines q WHERE q.quarantine_id = @id AND {Voids.InForce}", new { id }) == 0;

    /// <summary>All lives of a name that were heard of.</summary>
    public static List<string> LivesOf(View view, string node) => view.Query<string>("SELECT id FROM nodes WHERE name = @node ORDER BY id LIMIT 1000", new { node });

    /// <summary>A life's row: the same one, whoever comes to write it.</summary>
    public static Change Given(QuarantineRow quarantine, string life) => Change.To(Schema.Quarantines, $"{quarantine.Id}/{life}",
        ("quarantine_id", quarantine.Id), ("node", quarantine.Node), ("life", life), ("since", quarantine.Since), ("author", quarantine.Author), ("reason", quarantine.Reason), ("created_at", quarantine.CreatedAt));

    public static Change Lifted(string lift, string id, string author, string reason, DateTimeOffset now) => Change.To(Schema.QuarantineLifts, lift,
        ("quarantine_id", id), ("author", author), ("reason", reason), ("created_at", now.ToUnixTimeMilliseconds()));

    /// <summary>What of these lives is taken back at this node, by table.</summary>
    public static List<TakenBack> Counts(View view, QuarantineRow quarantine) => view.Query<TakenBack>(
        $"SELECT b.table_name AS \"Table\", count(*) AS Count, count(DISTINCT b.row_id) AS Rows {Taken} GROUP BY b.table_name ORDER BY b.table_name", Parameters(quarantine, ""));

    /// <summary>The same, one by one, the earliest first.</summary>
    /// <param name="after">The stamp and id of the last one that was read.</param>
    public static List<TakenRow> Rows(View view, QuarantineRow quarantine, string after, int limit) => view.Query<TakenRow>(
        $"SELECT b.table_name AS \"Table\", b.row_id AS Id, b.group_name AS \"Group\", b.stamp AS Stamp {Taken} AND (b.stamp || ' ' || b.table_name || ' ' || b.row_id || ' ' || b.group_name) > @after "
        + "ORDER BY b.stamp || ' ' || b.table_name || ' ' || b.row_id || ' ' || b.group_name LIMIT " + limit.ToString(CultureInfo.InvariantCulture), Parameters(quarantine, after));

    private const string Taken = """
        FROM beside b WHERE ((b.life IN @lives AND b.stamp >= @from) OR EXISTS (SELECT 1 FROM quarantine_voids v WHERE v.row_id = b.row_id AND v.quarantine_id = @id
          AND v.table_name = b.table_name AND v.group_name = b.group_name AND v.stamp = b.stamp))
        """;

    private static object Parameters(QuarantineRow quarantine, string after) => new { lives = quarantine.Lives, from = Voids.First(quarantine.Since), after, id = quarantine.Id };

    /// <summary>What these lives' journals told this node since the moment, under stamps that do not show it, and that is not void yet.</summary>
    public static List<DoubtfulRow> Doubtful(View view, QuarantineRow quarantine, int limit) => view.Query<DoubtfulRow>(
        $"""
        SELECT DISTINCT d.table_name AS "Table", d.row_id AS Id, d.group_name AS "Group", d.stamp AS Stamp FROM doubtful d WHERE d.life IN @lives AND d.at >= @since
          AND NOT EXISTS (SELECT 1 FROM quarantine_voids v WHERE v.row_id = d.row_id AND v.quarantine_id = @id AND v.table_name = d.table_name AND v.group_name = d.group_name AND v.stamp = d.stamp) LIMIT {limit}
        """, new { lives = quarantine.Lives, since = quarantine.Since, id = quarantine.Id });

    /// <summary>The same row, whoever comes to write it.</summary>
    public static Change IsVoid(QuarantineRow quarantine, DoubtfulRow one, DateTimeOffset now) => Change.To(Schema.QuarantineVoids, $"{quarantine.Id}/{one.Table}/{one.Id}/{one.Group}/{one.Stamp}",
        ("quarantine_id", quarantine.Id), ("table_name", one.Table), ("row_id", one.Id), ("group_name", one.Group), ("stamp", one.Stamp), ("created_at", now.ToUnixTimeMilliseconds()));

    /// <summary>Sessions that were proven by a password or factor that does not count: of a person who began them elsewhere with what the thief had put there.</summary>
    public static List<SessionRow> ProvenByVoid(View view, QuarantineRow quarantine, int limit) => view.Query<SessionRow>(
        $"""
        SELECT DISTINCT s.id AS Id, s.environment_id AS EnvironmentId FROM beside b JOIN sessions s ON s.user_id = json_extract(b.version, '$.g.made[1].user_id') AND (s.credential_id = b.row_id OR s.factor_id = b.row_id)
        WHERE ((b.life IN @lives AND b.stamp >= @from) OR EXISTS (SELECT 1 FROM quarantine_voids v WHERE v.row_id = b.row_id AND v.quarantine_id = @id AND v.stamp = b.stamp))
          AND b.table_name IN ('credentials', 'factors') AND b.group_name = 'made'
          AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.id = b.row_id) AND NOT EXISTS (SELECT 1 FROM factors f WHERE f.id = b.row_id) AND {Denied.Not("s.id")} LIMIT {limit}
        """, Parameters(quarantine, ""));

    /// <summary>Sessions that go on and began at one of these lives at or after a time.</summary>
    public static List<SessionRow> BegunAt(View view, IReadOnlyList<string> lives, long since, DateTimeOffset now, int limit) => view.Query<SessionRow>(
        $"SELECT s.id AS Id, s.environment_id AS EnvironmentId FROM sessions s WHERE s.birth IN @lives AND s.created_at >= @since AND s.expires_at > @now AND {Denied.Not("s.id")} ORDER BY s.id LIMIT {limit}",
        new { lives, since, now = now.ToUnixTimeMilliseconds() });

    private sealed record Row(string Id, string Node, string Life, long Since, string Author, string Reason, long CreatedAt, string Stamp, long? LiftedAt, string? LiftedBy);
}

/// <param name="Since">Unix milliseconds, by the stamps of the node itself.</param>
internal sealed record QuarantineRow(string Id, string Node, IReadOnlyList<string> Lives, long Since, string Author, string Reason, long CreatedAt, long? LiftedAt, string? LiftedBy);

/// <param name="Count">Groups of columns that were taken back.</param>
/// <param name="Rows">Rows that they are of.</param>
internal sealed record TakenBack(string Table, long Count, long Rows);

internal sealed record TakenRow(string Table, string Id, string Group, string Stamp);

internal sealed record DoubtfulRow(string Table, string Id, string Group, string Stamp);

internal sealed record SessionRow(string Id, string EnvironmentId);
