#pragma warning disable RS0030 // Raw sockets of loopback: to say what no client of HTTP says.
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Storage;

namespace Holdfast.Drills;

/// <summary>Nodes that speak to each other by TLS with the cluster's own certificates: everything that passes between them does (decision 0028).</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class SeveralNodesTls
{
    [Fact]
    public async Task Nodes_speak_by_https_with_no_certificate_from_elsewhere()
    {
        await using var nodes = await Nodes.StartAsync(2, isLinked: false, "https");
        using var people = await SamlPeople.SetUpAsync(nodes);   // by way of the primary at node 1, and read at node 2

        // A request that is sent on, an empty disk that is filled, and a deny that comes over.
        (await people.RedeemInTimeAsync(nodes[2], await people.ObtainCodeAsync(nodes[1], "ada@acme.test"), "the application's")).Is(200);
        var session = await nodes[1].JoinAsync("grace@acme.test");
        await nodes[2].KillAsync();
        nodes[2].EmptyDisk();
        await nodes[2].StartAsync();
        (await nodes[1].RevokeAsync(session)).Is(200);
        await Nodes.UntilAsync("the deny holds elsewhere", TimeSpan.FromSeconds(30), async () => (await nodes[2].CheckAsync(session)).Status == 400);
        await nodes.LevelAsync();

        // Whoever speaks no TLS hears nothing, and whoever has another cluster's key does not trust what is shown.
        Assert.DoesNotContain("live", await AskWithoutTlsAsync(nodes[1].Url), StringComparison.Ordinal);
        using var ours = new PeerTls(ClusterKeys.LoadOrCreate(nodes.ClusterKeyFile, Entropy.Real), "test");
        using var others = new PeerTls(ClusterKeys.LoadOrCreate(Path.Combine(nodes[1].Data, "another.key"), Entropy.Real), "test");
        Assert.True(await IsTrustedAsync(nodes[1].Url, ours));
        Assert.False(await IsTrustedAsync(nodes[1].Url, others));
    }

    private static async Task<bool> IsTrustedAsync(Uri url, PeerTls by)
    {
        using var connection = await ConnectAsync(url);
        await using var tls = new SslStream(connection.GetStream(), leaveInnerStreamOpen: false, (_, shown, _, bySystem) => by.Accepts(shown, bySystem));
        try
        {
            await tls.AuthenticateAsClientAsync(url.Host);
            return true;
        }
        catch (AuthenticationException)
        {
            return false;
        }
    }

    private static async Task<string> AskWithoutTlsAsync(Uri url)
    {
        using var connection = await ConnectAsync(url);
        try
        {
            var stream = connection.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /health/live HTTP/1.1\r\nHost: {url.Authority}\r\nConnection: close\r\n\r\n"));
            using var reader = new StreamReader(stream);
            return await reader.ReadToEndAsync();
        }
        catch (IOException)
        {
            return "";   // cut off
        }
    }

    private static async Task<TcpClient> ConnectAsync(Uri url)
    {
        var connection = new TcpClient();
        await connection.ConnectAsync(url.Host, url.Port);
        return connection;
    }
}
