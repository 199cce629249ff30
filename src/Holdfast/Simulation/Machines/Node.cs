using Holdfast.Simulation.Links;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Peers;

namespace Holdfast.Simulation.Machines;

/// <summary>A node of the cluster: the real storage and the products' own functions, on a simulated machine.</summary>
internal sealed class Node(Cluster cluster, string name, string region) : Machine(cluster, name, region)
{
    private StorageHost? _host;

    /// <summary>What a request on this node works with; null while it does not serve.</summary>
    public Products? Products { get; private set; }

    /// <summary>The storage that runs; null while it does not serve.</summary>
    public StorageHost? Host => Products is null ? null : _host;

    protected override bool IsReady => Products is not null;

    protected override async Task OpenAsync(Surroundings surroundings)
    {
        var settings = new StorageSettings(Disk.PathOf(""), "", Name, Region, Zone: Name, new JournalLimits());
        _host = await StorageHost.StartAsync(settings, surroundings, CancellationToken.None, Peers(),
            (_, _, _) => Cluster.Planted.Primary(new SimulatedPrimary(Name, Cluster.Primary, Cluster.Net), this));
        Products = new Products(this, _host, surroundings, Machines.Cluster.KeysFor(surroundings.Entropy));
    }

    protected override void Drop()
    {
        Products = null;
        _host?.Node.Dispose();
        _host = null;
    }

    /// <summary>A table's rows as texts, by id.</summary>
    public Dictionary<string, string> Rows(Storage.Rows.Table table)
    {
        using var connection = Machines.Rows.Open(Disk.PathOf("node.db"));
        return Machines.Rows.ById(connection, table);
    }

    /// <summary>Other nodes, as this one sees them.</summary>
    private IReadOnlyList<IPeer> Peers() =>
        [.. Cluster.Nodes.Where(n => n != this).Select(n => Cluster.Planted.Peer(new SimulatedPeer(Name, n.Name, Cluster.Net, () => n._host?.PeerServer,
            answer => Cluster.Ledger.People.Lies?.AddedTo(answer, n.Name) ?? answer), this))];
}
