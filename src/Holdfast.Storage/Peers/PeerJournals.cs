using System.Text;

namespace Holdfast.Storage.Peers;

/// <summary>Every statement on what this node has of other nodes' journals.</summary>
internal static class PeerJournals
{
    /// <summary>How long a fact of another node waits here before it is passed on: who reaches its author has it from there by then.</summary>
    public static readonly TimeSpan PassedOnAfter = TimeSpan.FromSeconds(1);

    private const int MostDroppedAtOnce = 1000;

    /// <summary>What is known of one incarnation's journal.</summary>
    /// <param name="Mark">Of the fact at <paramref name="Position"/>: two journals that differ there are two.</param>
    /// <param name="Shipped">Up to where the primary has it, as was told last.</param>
    /// <param name="ShippedAt">The sequence, and with <paramref name="ShippedHash"/> the very row, of the log in which that is true. A log that lost that row may have lost the facts too.</param>
    /// <param name="Confirmed">Up to where the primary has it for certain: this node offered it, or has read the row of which it was told.</param>
    /// <param name="Stamp">The latest of its own that it told: an honest life's next is later.</param>
    public sealed record State(string Origin, long Position, string Mark, long Shipped, long ShippedAt, string ShippedHash, long Confirmed, long GapEndsAt, string Stamp)
    {
        /// <summary>Of which nothing is known yet.</summary>
        public static State New(string origin) => new(origin, 0, "", 0, 0, "", 0, 0, "");
    }

    private const string Columns =
        "origin AS Origin, position AS Position, mark AS Mark, shipped AS Shipped, shipped_at AS ShippedAt, shipped_hash AS ShippedHash, confirmed AS Confirmed, gap_ends_at AS GapEndsAt, stamp AS Stamp";

    public static List<State> All(View view) => view.Query<State>($"SELECT {Columns} FROM peer_journals ORDER BY origin");

    public static State? Find(View view, string origin) => view.Find<State>($"SELECT {Columns} FROM peer_journals WHERE origin = @origin", new { origin });

    public static void Save(View view, State state) => view.Execute(
        "INSERT INTO peer_journals (origin, position, mark, shipped, shipped_at, shipped_hash, confirmed, gap_ends_at, stamp) "
        + "VALUES (@Origin, @Position, @Mark, @Shipped, @ShippedAt, @ShippedHash, @Confirmed, @GapEndsAt, @Stamp) ON CONFLICT (origin) DO UPDATE SET position = excluded.position, "
        + "mark = excluded.mark, shipped = excluded.shipped, shipped_at = excluded.shipped_at, shipped_hash = excluded.shipped_hash, confirmed = excluded.confirmed, "
        + "gap_ends_at = excluded.gap_ends_at, stamp = excluded.stamp", state);

    public static void Keep(View view, string origin, JournalFact fact, DateTimeOffset now) => view.Execute(
        "INSERT OR IGNORE INTO received (origin, position, at, bytes, version) VALUES (@origin, @Position, @at, @bytes, @Version)",
        new { origin, fact.Position, at = now.ToUnixTimeMilliseconds(), bytes = Encoding.UTF8.GetByteCount(fact.Version), fact.Version });

    /// <summary>Facts of an origin that are held, from after a position, in order.</summary>
    public static List<HeldFact> Held(View view, string origin, long after, int limit) => view.Query<HeldFact>(
        "SELECT position AS Position, at AS At, version AS Version FROM received WHERE origin = @origin AND position > @after ORDER BY position LIMIT @limit",
        new { origin, after, limit });

    /// <param name="At">When it came (Unix milliseconds).</param>
    public sealed record HeldFact(long Position, long At, string Version);

    /// <summary>What was told of a row of the log counts once that very row has been read here.</summary>
    public static void Confirm(View view) => view.Execute(
        "UPDATE peer_journals SET confirmed = shipped WHERE shipped > confirmed "
        + "AND EXISTS (SELECT 1 FROM log_tail t WHERE t.sequence = shipped_at AND t.hash = shipped_hash)");

    /// <summary>Forgets what the primary has for certain, when it has been here for a time.</summary>
    /// <returns>Whether there may be more of it.</returns>
    public static bool Drop(View view, DateTimeOffset cameBefore) => view.Execute(
        "DELETE FROM received WHERE rowid IN (SELECT r.rowid FROM received r JOIN peer_journals j ON j.origin = r.origin WHERE r.at < @before "
        + "AND r.position <= j.confirmed ORDER BY r.at LIMIT @MostDroppedAtOnce)",
        new { before = cameBefore.ToUnixTimeMilliseconds(), MostDroppedAtOnce }) == MostDroppedAtOnce;

    /// <summary>Forgets the oldest when they take more than their room: they stay in the replica, but are passed on no more.</summary>
    public static bool Shrink(View view, long mostBytes) =>
        view.Find<long>("SELECT coalesce(sum(bytes), 0) FROM received") > mostBytes
        && view.Execute("DELETE FROM received WHERE rowid IN (SELECT rowid FROM received ORDER BY at LIMIT @MostDroppedAtOnce)", new { MostDroppedAtOnce }) > 0;

    /// <summary>The primary may have lost what was offered to it.</summary>
    public static void OfferAgain(View view) => view.Execute("UPDATE peer_journals SET confirmed = 0");
}
