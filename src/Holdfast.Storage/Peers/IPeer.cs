using System.Security.Cryptography;
using System.Text;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Node;

namespace Holdfast.Storage.Peers;

/// <summary>Another node of the cluster, as far as it can be reached. Two bodies are made: over HTTP, and over a simulated network.</summary>
/// <remarks>Every method throws <see cref="PeerUnavailableException"/> when the other does not answer, and may be called again: nothing takes effect twice.</remarks>
public interface IPeer
{
    /// <summary>Where it is: a base URL, or the name of a simulated node.</summary>
    string Address { get; }

    /// <summary>Facts that the asker does not have. With none there, the answer waits for the first, up to <see cref="JournalQuestion.Patience"/>.</summary>
    Task<JournalAnswer> ReadJournalAsync(JournalQuestion question, CancellationToken ct);

    /// <summary>A part of the other's whole replica, for a disk that is empty while the primary is away.</summary>
    Task<SnapshotAnswer> ReadSnapshotAsync(SnapshotQuestion question, CancellationToken ct);

    /// <summary>Asks the other to spend a single-use item whose authority it is.</summary>
    Task<SpendAnswer> SpendAsync(SpendQuestion question, CancellationToken ct);
}

/// <summary>Who a node is.</summary>
/// <param name="Name">What the operator calls it; it outlives its disk.</param>
/// <param name="Zone">Its failure domain: copies count when they are in another.</param>
/// <param name="Incarnation">Its life: what it issues for single use is void with it (law 5).</param>
public sealed record NodeIdentity(string Name, string Region, string Zone, string Incarnation);

/// <param name="Known">By incarnation: up to which position the asker has its facts, on its disk. What it has is thereby confirmed: this is also the receipt of copies.</param>
/// <param name="NodeList">Number of the node list that the asker goes by.</param>
/// <param name="Limit">The most facts that it takes at once.</param>
/// <param name="Patience">How long the answer may wait for something to tell.</param>
public sealed record JournalQuestion(NodeIdentity From, IReadOnlyDictionary<string, JournalMark> Known, long NodeList, int Limit, TimeSpan Patience);

/// <param name="Now">The answerer's wall clock, Unix milliseconds, at the moment of answering.</param>
/// <param name="NodeList">Number of the node list that it goes by.</param>
/// <param name="HeldOfYou">What the answerer has of the journal of the asker's present life; null when it has nothing.</param>
public sealed record JournalAnswer(NodeIdentity From, long Now, long NodeList, IReadOnlyList<JournalSegment> Segments, JournalMark? HeldOfYou);

/// <summary>How far a journal is known, and by what: a disk that was put back in time goes on with the same positions and other facts.</summary>
/// <param name="Mark">A short hash of the fact at that position; empty when it is not known.</param>
/// <param name="GapEndsAt">Up to this sequence the change log has what was not read of the journal.</param>
public sealed record JournalMark(long Position, string Mark, long GapEndsAt = 0)
{
    /// <summary>A short hash of a fact's version, so that two journals can be told apart by their last one.</summary>
    public static string Of(string version) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(version)).AsSpan(0, 8));
}

/// <summary>A stretch of one incarnation's journal.</summary>
/// <param name="Origin">The incarnation whose facts these are: the answerer's own, or one whose facts it holds for others.</param>
/// <param name="After">What the asker had of it.</param>
/// <param name="To">The position that the asker has after this segment.</param>
/// <param name="Shipped">Up to which position the primary has confirmed that journal, as far as the answerer knows.</param>
/// <param name="ShippedAt">The row of the change log at or before which is all that was shipped: it says nothing to whoever has another row there, or none.</param>
/// <param name="HasGap">Some facts between are no longer here: they are in the primary's log, at or before <paramref name="GapEndsAt"/>.</param>
/// <param name="GapEndsAt">A sequence of the change log; 0 without a gap.</param>
public sealed record JournalSegment(string Origin, long After, long To, long Shipped, LogPosition ShippedAt, bool HasGap, long GapEndsAt, IReadOnlyList<JournalFact> Facts);

/// <param name="Version">A version of a row, as JSON.</param>
public sealed record JournalFact(long Position, string Version);

/// <param name="Table">Where to go on; empty at the beginning.</param>
/// <param name="AfterId">The last id that the asker has of it.</param>
public sealed record SnapshotQuestion(NodeIdentity From, string Table, string AfterId, int Limit);

/// <param name="Cluster">The cluster that the answerer belongs to; null when its own disk is empty.</param>
/// <param name="Position">Its position in the change log before the snapshot was taken, as <c>epoch/sequence/hash</c>.</param>
/// <param name="Known">Its positions in journals before the snapshot was taken.</param>
/// <param name="Versions">Rows as JSON, in the order of tables and ids.</param>
/// <param name="ThenTable">Where to go on; null at the end.</param>
public sealed record SnapshotAnswer(
    string? Cluster, string Position, IReadOnlyDictionary<string, JournalMark> Known, IReadOnlyList<string> Versions, string? ThenTable, string ThenAfterId)
{
    /// <summary>Where the change log told of the events among them.</summary>
    public IReadOnlyList<EventPlace> EventPlaces { get; init; } = [];
}

/// <summary>An item that is used once, to be spent by its authority.</summary>
/// <param name="Item">Id of the spend's row.</param>
/// <param name="Request">What repeats of one request share: the same request is granted again. Null: never again.</param>
/// <param name="MadeAt">When the item came to be (Unix milliseconds): a life that began later cannot know whether its elder spent it.</param>
/// <param name="ExpiresAt">How long the spend must be remembered (Unix milliseconds).</param>
/// <param name="NeedsCopy">Granted only with the spend's copy on another node.</param>
public sealed record SpendQuestion(NodeIdentity From, string EnvironmentId, string Kind, string Item, string? Request, long MadeAt, long ExpiresAt, bool NeedsCopy);

/// <param name="Verdict">What the authority says.</param>
public sealed record SpendAnswer(SpendVerdict Verdict);

/// <summary>What became of the wish to use something once.</summary>
public enum SpendVerdict
{
    /// <summary>It is yours, now and on repeating the same request.</summary>
    Granted,

    /// <summary>It was used.</summary>
    Used,

    /// <summary>It is older than the life of its authority, which cannot know: ask for a new one.</summary>
    Void,

    /// <summary>The authority cannot be reached, or cannot keep it safely: another factor, or later.</summary>
    Unavailable,
}

/// <summary>Another node did not answer in time, or not as a node of this cluster does.</summary>
public sealed class PeerUnavailableException(string message, Exception? inner = null) : StorageUnavailableException(message, inner);
