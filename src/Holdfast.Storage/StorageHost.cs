using Holdfast.Storage.Node;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Primary.Sqlite;
using Holdfast.Storage.Replication;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage;

/// <summary>Where a node's storage is, and who the node is.</summary>
/// <param name="Data">The folder of <c>node.db</c>.</param>
/// <param name="PrimaryFile">The embedded primary's file.</param>
public sealed record StorageSettings(string Data, string PrimaryFile, string Node, string Region, string Zone, JournalLimits Journal)
{
    /// <summary>What the id of a cluster begins with, when this node is the one that makes it.</summary>
    public string ClusterPrefix { get; init; } = "cluster_";
}

/// <summary>Opens the primary of a node.</summary>
/// <param name="cluster">The cluster that the node belongs to; null as long as it belongs to none.</param>
/// <param name="embedded">Opens the embedded one.</param>
public delegate IPrimary OpenPrimary(NodeStore node, Func<string?> cluster, Func<IPrimary> embedded);

/// <summary>One node's storage, running: opened, its cluster known, the replica level or started cold, and the replicator at work.</summary>
public sealed class StorageHost : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly IPrimary _primary;
    private int _disposed;
    private Task _replicating = Task.CompletedTask;

    private StorageHost(NodeStore node, IPrimary primary, Replicator replicator, Surroundings world, string clusterId)
    {
        (Node, _primary, Replicator, ClusterId) = (node, primary, replicator, clusterId);
        Database = new Database(node, primary, replicator, world);
    }

    /// <summary>The cluster that this node belongs to.</summary>
    public string ClusterId { get; }

    public NodeStore Node { get; }

    public Replicator Replicator { get; }

    public Database Database { get; }

    /// <summary>Opens the node's disk, and the primary if it can be reached. A node that has data starts without it (law 8).</summary>
    /// <param name="openPrimary">Opens another primary than the file of <paramref name="settings"/>; from that one, when there is to be something before it.</param>
    /// <exception cref="PrimaryUnavailableException">The node's disk is empty, and there is nothing to fill it from.</exception>
    public static async Task<StorageHost> StartAsync(
        StorageSettings settings, Surroundings world, CancellationToken ct, OpenPrimary? openPrimary = null)
    {
        var node = NodeStore.Open(Path.Combine(settings.Data, "node.db"), settings.Journal, world, world.OpenLane("holdfast writer"));
        IPrimary? primary = null;
        try
        {
            var cluster = await node.Writer.EnqueueAsync(session => session.State.Cluster);
            primary = openPrimary is null ? OpenEmbedded() : openPrimary(node, () => cluster, OpenEmbedded);

            SqlitePrimary OpenEmbedded() => new(settings.PrimaryFile, () => cluster, node.Clock, world, world.OpenLane("holdfast primary"));
            if (cluster is null)
            {
                cluster = await FindOrBootstrapAsync(primary, settings.ClusterPrefix, world, ct);
                await node.Writer.EnqueueAsync(session => session.State.Cluster = cluster);
            }
            await node.Writer.RecordAsync(view => view.Find<string>("SELECT id FROM nodes WHERE id = @Incarnation", new { node.Incarnation }) is not null
                ? Decide.Nothing(true)
                : Decide.To(true, Change.To(Schema.Nodes, node.Incarnation,
                    ("name", settings.Node), ("region", settings.Region), ("zone", settings.Zone), ("born_at", world.Clock.GetUtcNow().ToUnixTimeMilliseconds()))))
                ;
            var host = new StorageHost(node, primary, new Replicator(node, primary, world), world, cluster!);
            if (!await node.Writer.EnqueueAsync(session => session.State.IsFilled))
            {
                await FillAsync(host, ct);
            }
            node.Writer.Journaled = host.Replicator.Nudge;
            host._replicating = host.Replicator.RunAsync(host._stop.Token);
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
    }

    private static async Task<string> FindOrBootstrapAsync(IPrimary primary, string clusterPrefix, Surroundings world, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(Replicator.StepDeadline, world.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            return await primary.FindClusterAsync(either.Token).Within(either.Token)
                ?? await primary.BootstrapAsync(clusterPrefix + Convert.ToHexStringLower(world.Entropy.Bytes(12)), either.Token)
                    .Within(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary database does not answer, and this node's disk is empty.");
        }
    }

    /// <summary>An empty disk is filled before the node says that it is ready; if that was cut off, by the next start.</summary>
    private static async Task FillAsync(StorageHost host, CancellationToken ct)
    {
        while (await host.Replicator.StepAsync(ct))
        {
            // There is more.
        }
        ct.ThrowIfCancellationRequested();
        if (host.Replicator.Health is { IsAvailable: false } health)
        {
            throw new PrimaryUnavailableException(health.Fault ?? PrimaryFault.Unreachable, health.Text ?? "This node's disk could not be filled.");
        }
        await host.Node.Writer.EnqueueAsync(session => session.State.IsFilled = true);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }
        await _stop.CancelAsync();
        await _replicating;
        await _primary.DisposeAsync();
        Node.Dispose();
        _stop.Dispose();
    }
}
