using System.CommandLine;
using Holdfast.Edge;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Storage;

namespace Holdfast.Tests.Edge;

/// <summary>The options of <c>holdfast edge</c>.</summary>
public sealed class EdgeOptionsTests
{
    private static (EdgeSettings? Settings, IReadOnlyList<string> Faults) Read(params string[] arguments)
    {
        var command = new Command("edge");
        var options = new EdgeOptions(command);
        return options.Read(new RootCommand { command }.Parse(["edge", .. arguments]));
    }

    [Fact]
    public void All_faults_are_told_at_once()
    {
        var (settings, faults) = Read(
            "--nodes", "http://a:1,ftp://b,http://a:1", "--urls", "here", "--hosts", "a b", "--trusted-proxies", "10/x", "--expose", "all", "--max-requests", "0", "--probe-every", "fast",
            "--patience", "0", "--key-file", "/nowhere/edge.key", "--admin-urls", "there");
        Assert.Null(settings);
        string[] options = ["--nodes", "--nodes", "--urls", "--admin-urls", "--key-file", "--hosts", "--trusted-proxies", "--expose", "--max-requests", "--probe-every", "--patience"];
        Assert.Equal(options, faults.Select(f => f.Split(':')[0]));
        Assert.Equal(["--nodes: at least one is needed."], Read().Faults);
    }

    [Fact]
    public void Defaults_are_those_of_the_decision_s_page()
    {
        var (settings, faults) = Read("--nodes", "http://n1:4100, http://n2:4100");
        Assert.Empty(faults);
        Assert.Equal(["http://n1:4100/", "http://n2:4100/"], settings!.Nodes.Select(n => n.AbsoluteUri));
        Assert.Equal(("http://127.0.0.1:4200", "local", 1024, 256, 10_000), (settings.Urls, settings.Region, settings.MaxRequests, settings.MaxPerNode, settings.MaxConnections));
        Assert.Equal((TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(10)), (settings.ProbeEvery, settings.ProbeDeadline, settings.Times.SlowStart));
        Assert.Null(settings.Key);
        Assert.Null(settings.Hosts);
    }

    [Fact]
    public void The_key_is_read_from_its_file_and_nothing_else_is_one()
    {
        var folder = Directory.CreateTempSubdirectory("holdfast-edge-").FullName;
        try
        {
            var (file, key) = (Path.Combine(folder, "edge.key"), EdgeKey.Of(ClusterKeys.Of(new byte[32], new byte[32], Entropy.Real)));
            File.WriteAllText(file, key.Value + "\n");
            Assert.Equal(key.Value, Read("--nodes", "http://a", "--key-file", file).Settings!.Key!.Value);
            File.WriteAllText(file, "sk_live_something");
            var fault = Assert.Single(Read("--nodes", "http://a", "--key-file", file).Faults);
            Assert.DoesNotContain("sk_live", fault, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Who_vouches_for_nodes_is_read_from_its_file_and_a_node_or_nobody_does_not()
    {
        var folder = Directory.CreateTempSubdirectory("holdfast-edge-").FullName;
        try
        {
            var file = Path.Combine(folder, "nodes.pem");
            var keys = ClusterKeys.Of(new byte[32], new byte[32], Entropy.Real);
            using var authority = PeerAuthority.Of(keys);
            using var node = new PeerTls(keys, "node-1");
            File.WriteAllText(file, authority.Pem);
            using var read = Read("--nodes", "https://a", "--authority-file", file).Settings!.Authority;
            Assert.True(read!.Accepts(node.Own, System.Net.Security.SslPolicyErrors.RemoteCertificateChainErrors));

            foreach (var other in (string[])["", "nothing", node.Own.ExportCertificatePem(), authority.Pem + node.Own.ExportCertificatePem()])
            {
                File.WriteAllText(file, other);
                Assert.StartsWith("--authority-file: ", Assert.Single(Read("--nodes", "https://a", "--authority-file", file).Faults), StringComparison.Ordinal);
            }
            Assert.Equal(["--authority-file: /nowhere/nodes.pem cannot be read."], Read("--nodes", "https://a", "--authority-file", "/nowhere/nodes.pem").Faults);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
