namespace Holdfast.Storage.Peers;

/// <summary>A stretch of this file's journal that one incarnation wrote: after a position, up to another.</summary>
internal sealed record Life(string Incarnation, long After, long To);

/// <summary>Whose an incarnation is (law 5).</summary>
public enum Whose
{
    /// <summary>This node's, now.</summary>
    Ours,

    /// <summary>Another node's, and that node has begun no newer life that was heard of.</summary>
    Peers,

    /// <summary>Its node began a newer life, or an operator declared it dead: what it issued for single use is void.</summary>
    Gone,

    /// <summary>Nobody here has heard of it.</summary>
    Unknown,
}

/// <summary>Lives of nodes, as rows.</summary>
public static class Lives
{
    /// <summary>A node's life, as its row has it.</summary>
    /// <param name="BornAt">Unix milliseconds, by its own clock.</param>
    public sealed record LifeRow(string Id, string? Name, long BornAt, string? PublicKey)
    {
        /// <summary>Two things were said of it, of which it can have said one: it is over, and nobody speaks in its name.</summary>
        public bool IsVoid => Name is not { Length: > 0 } || PublicKey is "";
    }

    private const string Columns = "id AS Id, name AS Name, born_at AS BornAt, public_key AS PublicKey";

    /// <summary>The life with this id; null when its row has not come here.</summary>
    public static LifeRow? Find(View view, string incarnation) =>
        view.Find<LifeRow>($"SELECT {Columns} FROM nodes WHERE id = @incarnation AND made_stamp <> ''", new { incarnation });

    /// <summary>Whose an incarnation is.</summary>
    /// <param name="ours">This node's present one.</param>
    public static Whose Of(View view, string incarnation, string ours) =>
        incarnation == ours ? Whose.Ours
        : Find(view, incarnation) is not { } life ? Whose.Unknown
        : life.IsVoid || IsDeclaredDead(view, incarnation) || HasSuccessor(view, life) ? Whose.Gone
        : Whose.Peers;

    /// <summary>When the latest life of a name began (Unix milliseconds); 0 when none is known.</summary>
    public static long LatestBirth(View view, string name) => view.Find<long>("SELECT coalesce(max(born_at), 0) FROM nodes WHERE name = @name", new { name });

    /// <summary>Whether a node was put out: a deny stands against each of its lives.</summary>
    public static bool AreOver(View view, string name) =>
        view.Query<string>("SELECT id FROM nodes WHERE name = @name", new { name }) is { Count: > 0 } lives && lives.TrueForAll(life => IsDeclaredDead(view, life));

    /// <summary>Lives of a node that began before this one. One that is void may have been anybody's.</summary>
    public static bool HasElder(View view, LifeRow life) => view.Find<long>(
        "SELECT count(*) FROM nodes WHERE id <> @Id AND (name = '' OR (name = @Name AND (born_at < @BornAt OR (born_at = @BornAt AND id < @Id))))", life) > 0;

    private static bool HasSuccessor(View view, LifeRow life) => view.Find<long>(
        "SELECT count(*) FROM nodes WHERE name = @Name AND (born_at > @BornAt OR (born_at = @BornAt AND id > @Id))", life) > 0;

    /// <summary>A deny against a life ends it: an operator declared it dead, or put it into quarantine.</summary>
    private static bool IsDeclaredDead(View view, string incarnation) => view.Find<long>(
        "SELECT count(*) FROM denies d WHERE d.subject = @incarnation AND NOT EXISTS (SELECT 1 FROM lifts l WHERE l.deny_id = d.id)", new { incarnation }) > 0;

    /// <summary>The lives that wrote this file's journal, in order.</summary>
    internal static List<Life> OfThisFile(View view)
    {
        var rows = view.Query<Stored>("SELECT incarnation AS Incarnation, after_position AS After FROM lives ORDER BY after_position, rowid");
        var head = JournalHead(view);
        return [.. rows.Select((row, i) => new Life(row.Incarnation, row.After, i + 1 < rows.Count ? rows[i + 1].After : head))];
    }

    /// <summary>The last position that this file's journal gave.</summary>
    internal static long JournalHead(View view) => view.Find<long>("SELECT seq FROM sqlite_sequence WHERE name = 'journal'");

    private sealed record Stored(string Incarnation, long After);
}
