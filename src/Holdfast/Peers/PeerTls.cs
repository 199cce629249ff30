using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Keys;
using Holdfast.Resilience;

namespace Holdfast.Peers;

/// <summary>TLS between nodes without certificates from elsewhere: whoever has the cluster key can issue a certificate of the cluster, and each node issues its own when it starts (decision 0028).</summary>
/// <remarks>It keeps what nodes say from whoever listens. Who speaks is proven by their signatures (decision 0007), with TLS and without.</remarks>
internal sealed class PeerTls : IDisposable
{
    private readonly PeerAuthority _authority;

    public PeerTls(ClusterKeys keys, string node)
    {
        _authority = PeerAuthority.Of(keys);
        using var issuer = PeerAuthority.Issuer(keys);
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var leaf = new CertificateRequest($"CN={Printable(node)}", own, HashAlgorithmName.SHA256);
        leaf.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        leaf.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        leaf.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(OwnAuthority.ServerAuthentication)], critical: false));
        var serial = SHA256.HashData(own.ExportSubjectPublicKeyInfo())[..16];
        serial[0] &= 0x7f;
        using var issued = leaf.Create(issuer, PeerAuthority.From, PeerAuthority.Until, serial);
        Own = issued.CopyWithPrivateKey(own);
    }

    /// <summary>What this node shows where it listens by <c>https</c>.</summary>
    public X509Certificate2 Own { get; }

    /// <summary>Whether who answers a node's question may be talked to.</summary>
    public bool Accepts(X509Certificate? shown, SslPolicyErrors bySystem) => _authority.Accepts(shown, bySystem);

    public void Dispose()
    {
        Own.Dispose();
        _authority.Dispose();
    }

    private static string Printable(string node)
    {
        var kept = new string([.. node.Where(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_').Take(60)]);
        return kept.Length == 0 ? "node" : kept;
    }
}
