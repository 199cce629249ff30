using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Keys;
using Holdfast.Peers;
using Holdfast.Storage;

namespace Holdfast.Tests.Peers;

/// <summary>Whose certificate a node talks to another by (decision 0028).</summary>
public sealed class PeerTlsTests
{
    private readonly ClusterKeys _keys = Keys(1);

    [Fact]
    public void Nodes_of_one_cluster_trust_each_other_and_nobody_of_another()
    {
        using var one = new PeerTls(_keys, "node-1");
        using var two = new PeerTls(_keys, "a node, 2");
        using var other = new PeerTls(Keys(2), "node-1");
        Assert.True(one.Accepts(two.Own, SslPolicyErrors.RemoteCertificateChainErrors | SslPolicyErrors.RemoteCertificateNameMismatch));
        Assert.True(two.Accepts(one.Own, SslPolicyErrors.RemoteCertificateChainErrors | SslPolicyErrors.RemoteCertificateNameMismatch));
        Assert.False(one.Accepts(other.Own, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.False(one.Accepts(null, SslPolicyErrors.RemoteCertificateNotAvailable));
    }

    /// <summary>An edge is told of the authority by a file, which is made once, and of two where the cluster key is about to be changed.</summary>
    [Fact]
    public void What_is_printed_of_the_authority_vouches_for_its_own_nodes_alone()
    {
        using var node = new PeerTls(_keys, "node-1");
        using var other = new PeerTls(Keys(2), "node-1");
        using var printed = PeerAuthority.Of(_keys);
        using var printedOther = PeerAuthority.Of(Keys(2));
        using var one = PeerAuthority.Read(printed.Pem);
        using var both = PeerAuthority.Read(printed.Pem + printedOther.Pem);

        Assert.True(one!.Accepts(node.Own, SslPolicyErrors.RemoteCertificateChainErrors | SslPolicyErrors.RemoteCertificateNameMismatch));
        Assert.False(one.Accepts(other.Own, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.True(both!.Accepts(node.Own, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.True(both.Accepts(other.Own, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.DoesNotContain("PRIVATE", printed.Pem, StringComparison.Ordinal);
    }

    [Fact]
    public void What_anybody_can_make_is_not_trusted()
    {
        using var tls = new PeerTls(_keys, "node-1");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (from, until) = (new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2120, 1, 1, 0, 0, 0, TimeSpan.Zero));

        var request = new CertificateRequest("CN=Holdfast cluster", key, HashAlgorithmName.SHA256);   // the name alone
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        using var named = request.CreateSelfSigned(from, until);
        Assert.False(tls.Accepts(named, SslPolicyErrors.RemoteCertificateChainErrors));

        var leaf = new CertificateRequest("CN=node-2", key, HashAlgorithmName.SHA256);
        leaf.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var issued = leaf.Create(named, from, until, [1, 2, 3]);
        Assert.False(tls.Accepts(issued, SslPolicyErrors.RemoteCertificateChainErrors));

        // A node's own certificate issues none.
        using var borrowed = leaf.Create(tls.Own.SubjectName, X509SignatureGenerator.CreateForECDsa(tls.Own.GetECDsaPrivateKey()!), from, until, [1, 2, 4]);
        Assert.False(tls.Accepts(borrowed, SslPolicyErrors.RemoteCertificateChainErrors));
    }

    /// <summary>A terminator before a node, with a certificate that the system trusts under that name.</summary>
    [Fact]
    public void What_the_system_trusts_under_that_name_is_trusted()
    {
        using var tls = new PeerTls(_keys, "node-1");
        using var other = new PeerTls(Keys(2), "node-1");
        Assert.True(tls.Accepts(other.Own, SslPolicyErrors.None));
    }

    private static ClusterKeys Keys(byte number) => ClusterKeys.Of(Enumerable.Repeat(number, 32).ToArray(), Enumerable.Repeat(number, 32).ToArray(), Entropy.Real);
}
