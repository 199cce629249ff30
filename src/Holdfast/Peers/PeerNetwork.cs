using Holdfast.Keys;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Primary.Remote;
using Holdfast.Storage.Primary.Sqlite;

namespace Holdfast.Peers;

/// <summary>This node among the others: its key, its voice, and the ways to them. It is there before the storage is, which starts by asking them.</summary>
internal sealed class PeerNetwork : IDisposable
{
    private readonly NodeKey _key;
    private readonly OperatorHttp _outbound;
    private readonly HttpPrimaryWire? _wire;
    private readonly KnownNodes _known;
    private readonly PeerVoice _voice;
    private NodeStore? _node;

    /// <param name="peers">Origins of the other nodes.</param>
    /// <param name="primaryNode">Origin of the node that has the primary; null when it is this one's own.</param>
    public PeerNetwork(
        string data, string clusterKeyFile, string name, IReadOnlyList<Uri> peers, Uri? primaryNode, ClusterKeys keys, Dependencies dependencies, Entropy entropy, TimeProvider clock)
    {
        _key = NodeKey.LoadOrCreate(data, keys, clusterKeyFile);
        Tls = new PeerTls(keys, name);
        _outbound = new OperatorHttp(Tls.Accepts);
        _known = new KnownNodes(() => _node, keys);
        _voice = new PeerVoice(_key, _known, name, () => _node?.Incarnation ?? throw new InvalidOperationException("The node's disk is not open yet."), entropy, clock);
        var channels = peers.Append(primaryNode).OfType<Uri>().Distinct().ToDictionary(u => u, u => new PeerChannel(u, _voice, _outbound, clock));
        All = [.. peers.Select(p => new HttpPeer(channels[p], dependencies, clock))];
        _wire = primaryNode is null ? null : new HttpPrimaryWire(channels[primaryNode], clock);
    }

    public IReadOnlyList<HttpPeer> All { get; }

    /// <summary>What it shows where it listens by https, and whom it talks to so.</summary>
    public PeerTls Tls { get; }

    /// <summary>What this node's row says of its key.</summary>
    public string PublicKey => _key.PublicKey;

    /// <summary>Answers others for this node's own primary; null when another node has it.</summary>
    public PrimaryServer? Primary { get; private set; }

    /// <summary>Opens the primary, and takes note of who this node is.</summary>
    public IPrimary OpenPrimary(NodeStore node, Func<string?> cluster, Func<IPrimary> embedded)
    {
        _node = node;
        if (_wire is not null)
        {
            return new RemotePrimary(node, cluster, _wire);
        }
        var own = embedded();
        Primary = own is SqlitePrimary file ? new PrimaryServer(file, cluster) : null;
        return own;
    }

    public void AddTo(IServiceCollection services)
    {
        services.AddSingleton(_known).AddSingleton(_voice).AddSingleton(_outbound);
        services.AddSingleton<PeerGate>().AddSingleton<Authorities>().AddSingleton<ForwardToAuthority>();
        services.AddSingleton<TellRefusals>().AddHostedService(all => all.GetRequiredService<TellRefusals>());
        services.AddHttpForwarder();
    }

    public void Dispose()
    {
        _outbound.Dispose();
        Tls.Dispose();
        _key.Dispose();
    }
}
