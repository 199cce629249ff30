using Holdfast.Edge;
using Holdfast.Incidents;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Verbs;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Tests.Edge;

/// <summary>Nodes that speak https with the cluster's own certificates, and those who stand outside and call them (decision 0036).</summary>
public sealed class EdgeTlsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-edge-tls-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task An_edge_that_was_given_the_authority_serves_and_believes_no_other_cluster_s_node()
    {
        var (keys, others) = (Keys("cluster.key"), Keys("another.key"));
        using var own = new PeerTls(keys, "node-1");
        using var stranger = new PeerTls(others, "node-2");
        using var authority = PeerAuthority.Of(keys);
        await using var edge = await EdgeHost.StartAsync(
            own: [await Backend.StartAsync(1, tls: own), await Backend.StartAsync(2, tls: stranger)], change: s => s with { Authority = authority },
            isReady: h => h.Nodes.All[0] is { State: NodeState.Ready, Said: not null } && h.Nodes.All[1].State == NodeState.Ejected);

        Assert.Equal(Trouble.Certificate, edge.Nodes.All[1].Why);
        for (var n = 0; n < 5; n++)
        {
            Assert.Equal((200, "here"), ((await edge.SendAsync("GET", "/organizations")) is var got ? (got.Status, got.Body) : default));
        }
        Assert.Equal(5, edge.Backends[0].Requests.Count);
        Assert.Empty(edge.Backends[1].Requests);
    }

    [Fact]
    public async Task Without_it_no_node_of_a_cluster_is_believed()
    {
        using var own = new PeerTls(Keys("cluster.key"), "node-1");
        await using var edge = await EdgeHost.StartAsync(own: [await Backend.StartAsync(1, tls: own)], isReady: h => h.Nodes.All[0].State == NodeState.Ejected);
        Assert.Equal(Trouble.Certificate, edge.Nodes.All[0].Why);
    }

    [Fact]
    public async Task The_operator_s_verbs_speak_to_a_node_by_the_cluster_key_and_show_no_key_to_any_other()
    {
        var keys = Keys("cluster.key");
        Keys("another.key");
        using var own = new PeerTls(keys, "node-1");
        await using var node = await Backend.StartAsync(1, tls: own);
        node.Answer = http => http.Response.WriteAsJsonAsync(new { data = Array.Empty<object>() });

        string[] list = ["list", "--url", node.Url, "--cluster-key-file"];
        Assert.Equal(0, await OpsVerb.Create().Parse([.. list, Path.Combine(_folder, "cluster.key")]).InvokeAsync());
        Assert.Equal("Bearer " + new OperatorKey(keys).Value, Assert.Single(node.Requests).Headers["Authorization"]);

        Assert.Equal(1, await OpsVerb.Create().Parse([.. list, Path.Combine(_folder, "another.key")]).InvokeAsync());
        Assert.Equal(1, await OpsVerb.Create().Parse(["incident", "note", "inc_1", "text", "--url", node.Url, "--cluster-key-file", Path.Combine(_folder, "another.key")]).InvokeAsync());
        Assert.Single(node.Requests);
    }

    [Fact]
    public async Task Status_is_asked_for_by_the_authority_s_file()
    {
        var keys = Keys("cluster.key");
        using var own = new PeerTls(keys, "node-1");
        using var authority = PeerAuthority.Of(keys);
        using var other = PeerAuthority.Of(Keys("another.key"));
        await using var node = await Backend.StartAsync(1, tls: own);
        var file = Path.Combine(_folder, "nodes.pem");

        File.WriteAllText(file, authority.Pem);
        Assert.Equal(0, await StatusVerb.Create().Parse(["--url", node.Url, "--authority-file", file]).InvokeAsync());
        File.WriteAllText(file, other.Pem);
        Assert.Equal(1, await StatusVerb.Create().Parse(["--url", node.Url, "--authority-file", file]).InvokeAsync());
        File.WriteAllText(file, "nothing");
        Assert.Equal(2, await StatusVerb.Create().Parse(["--url", node.Url, "--authority-file", file]).InvokeAsync());
    }

    private ClusterKeys Keys(string file) => ClusterKeys.LoadOrCreate(Path.Combine(_folder, file), Entropy.Real);
}
