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
    /// <param name="around">Puts something between the node and its primary: an outage.</param>
    /// <exception cref="PrimaryUnavailableException">The node's disk is empty, and there is nothing to fill it from.</exception>
    public static async Task<StorageHost> StartAsync(
        StorageSettings settings, Surroundings world, CancellationToken ct, Func<IPrimary, IPrimary>? around = null)
    {
        Directory.CreateDirectory(settings.Data);
        var node = NodeStore.Open(Path.Combine(settings.Data, "node.db"), settings.Journal, world, Lane.OnThread("holdfast writer"));
        IPrimary? primary = null;
        try
        {
            var cluster = await node.Writer.EnqueueAsync(session => session.State.Cluster).ConfigureAwait(false);
            primary = new SqlitePrimary(settings.PrimaryFile, () => cluster, node.Clock, world, Lane.OnThread("holdfast primary"));
            primary = around?.Invoke(primary) ?? primary;
            if (cluster is null)
            {
                cluster = await FindOrBootstrapAsync(primary, settings.ClusterPrefix, world, ct).ConfigureAwait(false);
                await node.Writer.EnqueueAsync(session => session.State.Cluster = cluster).ConfigureAwait(false);
            }
            await node.Writer.RecordAsync(view => view.Find<string>("SELECT id FROM nodes WHERE id = @Incarnation", new { node.Incarnation }) is not null
                ? Decide.Nothing(true)
                : Decide.To(true, Change.To(Schema.Nodes, node.Incarnation,
                    ("name", settings.Node), ("region", settings.Region), ("zone", settings.Zone), ("born_at", world.Clock.GetUtcNow().ToUnixTimeMilliseconds()))))
                .ConfigureAwait(false);
            var host = new StorageHost(node, primary, new Replicator(node, primary, world), world, cluster!);
            if (!await node.Writer.EnqueueAsync(session => session.State.IsFilled).ConfigureAwait(false))
            {
                await FillAsync(host, ct).ConfigureAwait(false);
            }
            node.Writer.Journaled = host.Replicator.Nudge;
            host._replicating = Task.Run(() => host.Replicator.RunAsync(host._stop.Token), CancellationToken.None);
            return host;
        }
        catch
        {
            if (primary is not null)
            {
                await primary.DisposeAsync().ConfigureAwait(false);
            }
            node.Dispose();
            throw;
        }
    }

    private static async Task<string> FindOrBootstrapAsync(IPrimary primary, string prefix, Surroundings world, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(Replicator.StepDeadline, world.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            return await primary.FindClusterAsync(either.Token).WaitAsync(either.Token).ConfigureAwait(false)
                ?? await primary.BootstrapAsync(prefix + Convert.ToHexStringLower(world.Entropy.Bytes(12)), either.Token)
                    .WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary database does not answer, and this node's disk is empty.");
        }
    }

    /// <summary>An empty disk is filled before the node says that it is ready; if that was cut off, by the next start.</summary>
    private static async Task FillAsync(StorageHost host, CancellationToken ct)
    {
        while (await host.Replicator.StepAsync(ct).ConfigureAwait(false))
        {
            // There is more.
        }
        ct.ThrowIfCancellationRequested();
        if (host.Replicator.Health is { IsAvailable: false } health)
        {
            throw new PrimaryUnavailableException(health.Fault ?? PrimaryFault.Unreachable, health.Text ?? "This node's disk could not be filled.");
        }
        await host.Node.Writer.EnqueueAsync(session => session.State.IsFilled = true).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }
        await _stop.CancelAsync().ConfigureAwait(false);
        await _replicating.ConfigureAwait(false);
        await _primary.DisposeAsync().ConfigureAwait(false);
        Node.Dispose();
        Replicator.Dispose();   // after the writer, which nudges it
        _stop.Dispose();
    }
}
