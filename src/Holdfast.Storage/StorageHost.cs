using Holdfast.Storage.Node;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Primary.Postgres;
using Holdfast.Storage.Primary.Sqlite;
using Holdfast.Storage.Replication;

namespace Holdfast.Storage;

/// <summary>Where a node's storage is, and who the node is.</summary>
/// <param name="Data">The folder of <c>node.db</c>.</param>
/// <param name="PrimaryFile">The embedded primary's file.</param>
public sealed record StorageSettings(string Data, string PrimaryFile, string Node, string Region, string Zone, JournalLimits Journal)
{
    /// <summary>What the id of a cluster begins with, when this node is the one that makes it.</summary>
    public string ClusterPrefix { get; init; } = "cluster_";

    /// <summary>The key that this node signs with, for its peers; null without one.</summary>
    public string? PublicKey { get; init; }
}

/// <summary>Opens the primary of a node.</summary>
/// <param name="cluster">The cluster that the node belongs to; null as long as it belongs to none.</param>
/// <param name="embedded">Opens the embedded one.</param>
public delegate IPrimary OpenPrimary(NodeStore node, Func<string?> cluster, Func<IPrimary> embedded);

/// <summary>One node's storage, running: opened, its cluster known, the replica level or started cold, and the replicator at work.</summary>
public sealed class StorageHost : IAsyncDisposable
{
    /// <summary>How long a node that has data asks its peers, at its start, whether they know more of its life than its disk.</summary>
    public static readonly TimeSpan AskingPeers = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stop = new();
    private readonly IPrimary _primary;
    private readonly List<Task> _running = [];
    private int _disposed;

    private StorageHost(NodeStore node, IPrimary primary, PeerLinks peers, Surroundings world, string clusterId)
    {
        (Node, _primary, Peers, ClusterId) = (node, primary, peers, clusterId);
        Replicator = new Replicator(node, primary, world) { IsSpeaking = peers.IsSpeaking };
        Database = new Database(node, primary, Replicator, peers, world);
        SingleUse = new SingleUse(node, peers, peers.Copies, world.Clock);
        PeerServer = new PeerServer(node, peers, SingleUse, world);
        NodeList = new NodeListKeeper(Database, peers, world);
    }

    /// <summary>The cluster that this node belongs to.</summary>
    public string ClusterId { get; }

    public NodeStore Node { get; }

    public Replicator Replicator { get; }

    public Database Database { get; }

    public PeerLinks Peers { get; }

    public SingleUse SingleUse { get; }

    /// <summary>What this node answers its peers.</summary>
    public PeerServer PeerServer { get; }

    public NodeListKeeper NodeList { get; }

    /// <summary>Opens the node's disk, and the primary if it can be reached. A node that has data starts without it (law 8); one whose disk is empty is filled by
    /// the primary, or else by a peer.</summary>
    /// <param name="peers">The other nodes, as the operator named them.</param>
    /// <param name="openPrimary">Opens another primary than the file of <paramref name="settings"/>; from that one, when there is to be something before it.</param>
    /// <exception cref="PrimaryUnavailableException">The node's disk is empty, and there is nothing to fill it from.</exception>
    public static async Task<StorageHost> StartAsync(
        StorageSettings settings, Surroundings world, CancellationToken ct, IReadOnlyList<IPeer>? peers = null, OpenPrimary? openPrimary = null)
    {
        var node = NodeStore.Open(Path.Combine(settings.Data, "node.db"), settings.Journal, world, world.OpenLane("holdfast writer"));
        IPrimary? primary = null;
        var cluster = (string?)null;
        try
        {
            var identity = new NodeIdentity(settings.Node, settings.Region, settings.Zone, node.Incarnation);
            var links = new PeerLinks(node, identity, peers ?? [], new Copies(settings.Region, settings.Zone, world.Clock), world) { PublicKey = settings.PublicKey };
            cluster = node.Read(view => view.NodeState.Cluster);
            primary = openPrimary is null ? OpenEmbedded() : openPrimary(node, () => cluster, OpenEmbedded);
            if (cluster is null)
            {
                cluster = await new Filling(node, primary, links, world).FindClusterAsync(settings.ClusterPrefix, ct);
                await node.Writer.EnqueueAsync(session => session.State.Cluster = cluster);
            }
            var host = new StorageHost(node, primary, links, world, cluster);
            if (node.Read(view => view.NodeState.IsFilled))
            {
                await host.AskPeersAsync(world.Clock, ct);
            }
            else
            {
                await new Filling(node, primary, links, world).FillAsync(host.Replicator, ct);
            }
            await links.EnterLifeAsync();
            host.Run();
            return host;
        }
        catch
        {
            if (primary is not null)
            {
                await primary.DisposeAsync();
            }
            node.Dispose();
            throw;
        }

        SqlitePrimary OpenEmbedded() => new(settings.PrimaryFile, () => cluster, node.Clock, world, world.OpenLane("holdfast primary"));
    }

    /// <summary>Before anything is issued: whoever of the peers answers at once says whether this disk was put back in time.</summary>
    private async Task AskPeersAsync(TimeProvider clock, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(AskingPeers, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        foreach (var asked in Peers.All.Select(link => link.StepAsync(TimeSpan.Zero, either.Token)).ToList())
        {
            try
            {
                await asked;
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                // A peer that does not answer at once keeps nobody from starting (law 8).
            }
        }
    }

    private void Run()
    {
        Node.Writer.Journaled += Replicator.Nudge;
        _running.Add(Replicator.RunAsync(_stop.Token));
        (_primary as PostgresPrimary)?.Listen(Replicator.Nudge);
        if (Peers.All.Count > 0)
        {
            _running.Add(Peers.RunAsync(_stop.Token));
            _running.Add(NodeList.RunAsync(_stop.Token));
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }
        await _stop.CancelAsync();
        foreach (var running in _running)
        {
            await running;
        }
        await _primary.DisposeAsync();
        Node.Dispose();
        _stop.Dispose();
    }
}
