using Holdfast.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Tests.Peers;

/// <summary>Several whole nodes in one process, on ports of 127.0.0.1. The first has the primary.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-cluster-").FullName;
    private readonly string[] _urls;
    private readonly HoldfastServer?[] _nodes;

    private readonly System.Net.IPEndPoint _dns;

    private Cluster(int count, System.Net.IPEndPoint? dns)
    {
        _dns = dns ?? new Start().Dns;
        _urls = [.. Enumerable.Range(0, count).Select(_ => $"http://127.0.0.1:{HoldfastServer.FreePort()}")];
        _nodes = new HoldfastServer?[count];
    }

    public HeldClock Clock { get; init; } = new();

    public HoldfastServer this[int node] => _nodes[node] ?? throw new InvalidOperationException("The node is stopped.");

    /// <param name="dns">The resolver of all nodes; by default nobody.</param>
    /// <param name="clock">Null for one of its own.</param>
    public static async Task<Cluster> StartAsync(int count, System.Net.IPEndPoint? dns = null, HeldClock? clock = null)
    {
        var cluster = new Cluster(count, dns) { Clock = clock ?? new HeldClock() };
        try
        {
            await cluster.StartNodeAsync(0, alone: true);   // the first node of a cluster starts once without the others
            await cluster.StopNodeAsync(0);
            for (var i = 0; i < count; i++)
            {
                await cluster.StartNodeAsync(i);
            }
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public string Url(int node) => _urls[node];

    /// <summary>Starts a node; one that was stopped goes on with its data.</summary>
    public async Task StartNodeAsync(int node, bool alone = false)
    {
        var first = node == 0 ? null : _nodes[0];
        _nodes[node] = await HoldfastServer.StartAsync(
            new Start(OnNetwork: true, Data: Data(node), Clock: Clock)
            {
                Dns = _dns,
                Place = new Place($"node-{node + 1}", _urls[node], _urls[0], Path.Combine(_folder, "cluster.key"),
                    [.. _urls.Where((_, i) => i != node && !alone).Select(u => new Uri(u))], node == 0 ? null : new Uri(_urls[0])),
            },
            _environments?.A ?? first?.A, _environments?.B ?? first?.B);
        _environments ??= (_nodes[node]!.A, _nodes[node]!.B);
    }

    private (Environments.NewEnvironment A, Environments.NewEnvironment B)? _environments;

    public async Task StopNodeAsync(int node)
    {
        var server = this[node];
        _nodes[node] = null;
        await server.DisposeAsync();
    }

    public string Data(int node) => Directory.CreateDirectory(Path.Combine(_folder, $"node-{node + 1}")).FullName;

    /// <summary>The way from one node to another.</summary>
    public HttpPeer Peer(int from, int to) => (HttpPeer)this[from].Storage.Peers.All.Single(l => l.Peer.Address == _urls[to]).Peer;

    /// <summary>Waits until a node's replica has what this finds.</summary>
    public async Task HasAsync(int node, Func<Storage.View, bool> what)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!this[node].Storage.Database.Read(what))
        {
            await Task.Delay(10, deadline.Token);
        }
    }

    /// <summary>Waits until one node has heard another in its present life, and has its row.</summary>
    public async Task HeardAsync(int by, int whom)
    {
        var incarnation = this[whom].Storage.Database.Incarnation;
        await HasAsync(by, view => view.Find<string>("SELECT id FROM nodes WHERE id = @incarnation", new { incarnation }) is not null);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (this[by].Storage.Peers.Find(incarnation).Peer is null)
        {
            await Task.Delay(10, deadline.Token);
        }
    }

    /// <summary>Waits until a node has its primary again.</summary>
    public async Task LevelAsync(int node)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (this[node].Storage.Replicator.Health.IsAvailable is false)
        {
            await Task.Delay(10, deadline.Token);
        }
    }

    /// <summary>An operator declares a node's life over.</summary>
    public async Task DeclareDeadAsync(int at, string incarnation) => await this[at].Storage.Database.RecordAsync(_ => Decide.To(true, Change.To(
        Storage.Schema.Denies, "deny_" + incarnation, ("environment_id", ""), ("subject", incarnation), ("reason", "declared_dead"), ("created_at", 1L))));

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Reverse().OfType<HoldfastServer>())
        {
            await node.DisposeAsync();
        }
        Directory.Delete(_folder, recursive: true);
    }
}
