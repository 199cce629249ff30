using System.Text;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Primary.Remote;

/// <summary>A primary that another node has. A decision cannot travel, so it is made here, on this node's state, which has been read up to the log's head; and
/// the versions that it came to are kept there, if the log still ends where it was decided.</summary>
/// <param name="cluster">The cluster that this node belongs to; null as long as it belongs to none.</param>
public sealed class RemotePrimary(NodeStore node, Func<string?> cluster, IPrimaryWire wire) : IPrimary
{
    /// <summary>Rows of the log that are read at once.</summary>
    private const int PageSize = 500;

    /// <summary>About the most bytes of versions that travel at once.</summary>
    private const int MostBytesAtOnce = 4 << 20;

    public async Task<string?> FindClusterAsync(CancellationToken ct) => (await AskAsync(PrimaryCall.FindCluster, ct)).Cluster;

    public async Task<string> BootstrapAsync(string newClusterId, CancellationToken ct) =>
        (await AskAsync(new PrimaryQuestion(PrimaryCall.Bootstrap, cluster()) { NewCluster = newClusterId }, ct)).Cluster ?? throw NoAnswer();

    /// <remarks>Tried again for as long as others write in between and <paramref name="ct"/> lets it.</remarks>
    public async Task<(T Answer, LogPosition Head)> WriteAsync<T>(Func<View, Decision<T>> decide, LogPosition seen, CancellationToken ct)
    {
        while (true)
        {
            var head = await CatchUpAsync(ct);
            var proposal = await node.Writer.EnqueueAsync(session => session.Propose(head, decide)).Within(ct);
            if (proposal is null)
            {
                continue;   // the replicator has read on meanwhile
            }
            if (proposal.Versions.Count == 0)
            {
                return (proposal.Answer, head);
            }
            var commit = new PrimaryQuestion(PrimaryCall.Commit, cluster()) { At = head, Seen = seen, Versions = proposal.Versions };
            if ((await AskAsync(commit, ct)).Position is { } kept)
            {
                return (proposal.Answer, kept);
            }
        }
    }

    public async Task<LogPosition> OfferAsync(IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct)
    {
        var at = 0;
        LogPosition head;
        do
        {
            var (from, bytes) = (at, 0);
            while (at < versions.Count && ((bytes += Encoding.UTF8.GetByteCount(versions[at])) <= MostBytesAtOnce || at == from))
            {
                at++;
            }
            head = (await AskAsync(new PrimaryQuestion(PrimaryCall.Offer, cluster()) { Seen = seen, Versions = [.. versions.Skip(from).Take(at - from)] }, ct)).Position ?? throw NoAnswer();
        }
        while (at < versions.Count);
        return head;
    }

    public async Task<LogPage> ReadLogAsync(LogPosition after, int limit, CancellationToken ct) =>
        (await AskAsync(new PrimaryQuestion(PrimaryCall.ReadLog, cluster()) { At = after, Limit = limit }, ct)).Page ?? throw NoAnswer();

    public async Task<LogPosition> FindCommonAsync(IReadOnlyList<LogPosition> positions, CancellationToken ct) =>
        (await AskAsync(new PrimaryQuestion(PrimaryCall.FindCommon, cluster()) { Positions = positions }, ct)).Position ?? throw NoAnswer();

    public Task PruneAsync(DateTimeOffset expiredBefore, CancellationToken ct) => AskAsync(new PrimaryQuestion(PrimaryCall.Prune, cluster()) { Before = expiredBefore }, ct);

    public Task BeginEpochAsync(LogPosition head, CancellationToken ct) => AskAsync(new PrimaryQuestion(PrimaryCall.BeginEpoch, cluster()) { At = head }, ct);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Reads the log to its head and applies it.</summary>
    /// <returns>Where this node's replica then stands.</returns>
    private async Task<LogPosition> CatchUpAsync(CancellationToken ct)
    {
        while (true)
        {
            var from = await node.Writer.EnqueueAsync(session => session.State.Position).Within(ct);
            var page = await ReadLogAsync(from, PageSize, ct);
            if (!page.Matches)
            {
                // The replicator goes back and begins the epoch; until then nothing is decided on a state that the primary may have lost.
                throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary has lost rows that this node has read. They are being offered again.");
            }
            var reached = await node.Writer.EnqueueAsync(session => session.Absorb(from, page.Rows)).Within(ct);
            if (reached == page.Head)
            {
                return reached;
            }
        }
    }

    private Task<PrimaryAnswer> AskAsync(PrimaryCall call, CancellationToken ct) => AskAsync(new PrimaryQuestion(call, cluster()), ct);

    private Task<PrimaryAnswer> AskAsync(PrimaryQuestion question, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        return wire.AskAsync(question, ct).Within(ct);
    }

    private static PrimaryUnavailableException NoAnswer() => new(PrimaryFault.Unreachable, "The node that has the primary gave an answer that says nothing.");
}

/// <summary>What a decision came to, not kept anywhere yet.</summary>
internal sealed record Proposal<T>(T Answer, IReadOnlyList<string> Versions);
