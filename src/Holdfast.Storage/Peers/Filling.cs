using Holdfast.Storage.Node;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Replication;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Peers;

/// <summary>What a node does whose disk is empty: finds its cluster, and fills the replica from the primary, or from a peer when that is away (law 8).</summary>
internal sealed class Filling(NodeStore node, IPrimary primary, PeerLinks peers, Surroundings world)
{
    /// <summary>The nearest first: what fills a disk is much, and far is slow.</summary>
    private IEnumerable<PeerLink> Nearest => peers.All.OrderByDescending(link => link.Identity?.Region == peers.Own.Region);

    /// <summary>How long a peer may take for one part of a snapshot.</summary>
    public static readonly TimeSpan PartDeadline = TimeSpan.FromSeconds(10);

    private const int RowsAtOnce = 1000;

    /// <summary>The cluster that the primary, or else a peer, belongs to. A new one is made only when this disk, the primary and all peers are empty.</summary>
    /// <exception cref="PrimaryUnavailableException">None says so, and not all could be asked.</exception>
    public async Task<string> FindClusterAsync(string newPrefix, CancellationToken ct)
    {
        PrimaryUnavailableException? away = null;
        try
        {
            if (await AskPrimaryAsync(primary.FindClusterAsync, ct) is { } cluster)
            {
                return cluster;
            }
        }
        catch (PrimaryUnavailableException fault)
        {
            away = fault;
        }
        var silent = 0;
        foreach (var link in peers.All)
        {
            var answer = await AskAsync(link, new SnapshotQuestion(peers.Own, "", "", 1), ct);
            if (answer?.Cluster is { } cluster)
            {
                return cluster;
            }
            silent += answer is null ? 1 : 0;
        }
        return away is not null ? throw away
            : silent > 0 ? throw new PrimaryUnavailableException(PrimaryFault.Empty,
                "The primary database is empty, and not every peer could be asked whether it is, too. The first node of a new cluster starts once without peers.")
            : await AskPrimaryAsync(deadline => primary.BootstrapAsync(newPrefix + Convert.ToHexStringLower(world.Entropy.Bytes(12)), deadline), ct);
    }

    private async Task<T> AskPrimaryAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(Replicator.StepDeadline, world.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            return await ask(either.Token).Within(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary database does not answer, and this node's disk is empty.");
        }
    }

    /// <summary>Fills the replica before the node says that it is ready; if that is cut off, the next start does it.</summary>
    /// <exception cref="PrimaryUnavailableException">The primary is away, and no peer could fill it.</exception>
    public async Task FillAsync(Replicator replicator, CancellationToken ct)
    {
        while (await replicator.StepAsync(ct))
        {
            // There is more.
        }
        ct.ThrowIfCancellationRequested();
        if (replicator.Health is { IsAvailable: false } health && !await FillFromPeersAsync(ct))
        {
            throw new PrimaryUnavailableException(health.Fault ?? PrimaryFault.Unreachable, health.Text ?? "This node's disk could not be filled.");
        }
        if (node.Read(view => view.Query<string>("SELECT version FROM aside LIMIT 1000")).Exists(v => RowVersion.FromJson(v, Schema.ByName) is not null))
        {
            throw new ClockBehindException();   // it would call itself ready, with next to nothing in its tables
        }
        await node.Writer.EnqueueAsync(session => session.State.IsFilled = true);
    }

    private async Task<bool> FillFromPeersAsync(CancellationToken ct)
    {
        foreach (var link in Nearest)
        {
            if (await FillFromAsync(link, ct))
            {
                return true;
            }
        }
        return false;
    }

    private async Task<bool> FillFromAsync(PeerLink link, CancellationToken ct)
    {
        SnapshotAnswer? first = null;
        var question = new SnapshotQuestion(peers.Own, Schema.Tables[0].Name, "", RowsAtOnce);
        while (true)
        {
            var part = await AskAsync(link, question, ct);
            if (part is null || part.Cluster is null || part.Cluster != node.Read(view => view.NodeState.Cluster))
            {
                return false;
            }
            first ??= part;
            await node.Writer.EnqueueAsync(session => session.TakeSnapshot(part.Versions, part.EventPlaces));
            if (part.ThenTable is null)
            {
                // What the first part said of positions holds for all: later parts are only newer.
                return await node.Writer.EnqueueAsync(session => session.GoOnFrom(NodeState.ParsePosition(first.Position), first.Known));
            }
            question = question with { Table = part.ThenTable, AfterId = part.ThenAfterId };
        }
    }

    private async Task<SnapshotAnswer?> AskAsync(PeerLink link, SnapshotQuestion question, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(PartDeadline, world.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            return await link.Peer.ReadSnapshotAsync(question, either.Token).Within(either.Token);
        }
        catch (Exception fault) when (fault is PeerUnavailableException || (fault is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return null;
        }
    }
}
