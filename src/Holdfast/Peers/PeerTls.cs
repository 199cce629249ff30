using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Keys;

namespace Holdfast.Peers;

/// <summary>TLS between nodes without certificates from elsewhere: whoever has the cluster key can issue a certificate of the cluster, and each node issues its own when it starts (decision 0028).</summary>
/// <remarks>It keeps what nodes say from whoever listens. Who speaks is proven by their signatures (decision 0007), with TLS and without.</remarks>
internal sealed class PeerTls : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    // Between nodes a wrong clock must cut nobody off: a certificate lives as long as the process, and is not judged by the time.
    private static readonly DateTimeOffset From = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Until = new(2120, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly X509Certificate2 _authority;

    public PeerTls(ClusterKeys keys, string node)
    {
        using var issuer = AuthorityKey(keys);
        var authority = new CertificateRequest("CN=Holdfast cluster", issuer, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        authority.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        using var signed = authority.CreateSelfSigned(From, Until);
        _authority = X509CertificateLoader.LoadCertificate(signed.RawData);

        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var leaf = new CertificateRequest($"CN={Printable(node)}", own, HashAlgorithmName.SHA256);
        leaf.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        leaf.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        leaf.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuthentication)], critical: false));
        var serial = SHA256.HashData(own.ExportSubjectPublicKeyInfo())[..16];
        serial[0] &= 0x7f;
        using var issued = leaf.Create(signed, From, Until, serial);
        Own = issued.CopyWithPrivateKey(own);
    }

    /// <summary>What this node shows where it listens by <c>https</c>.</summary>
    public X509Certificate2 Own { get; }

    /// <summary>Whether who answers a node's question may be talked to: somebody with the cluster key, or whom the system trusts under that name (a terminator before the node).</summary>
    public bool Accepts(X509Certificate? shown, SslPolicyErrors bySystem)
    {
        if (bySystem == SslPolicyErrors.None)
        {
            return true;
        }
        if (shown is null)
        {
            return false;
        }
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;   // a stolen node is put out by a deny against its life
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        (chain.ChainPolicy.VerificationTimeIgnored, chain.ChainPolicy.VerificationTime) = (false, From.UtcDateTime.AddDays(1));
        using var certificate = X509CertificateLoader.LoadCertificate(shown.GetRawCertData());
        return chain.Build(certificate);
    }

    public void Dispose()
    {
        Own.Dispose();
        _authority.Dispose();
    }

    /// <summary>The same on every node with the same cluster key. Below 2^255, and so below the order of the curve.</summary>
    private static ECDsa AuthorityKey(ClusterKeys keys)
    {
        var secret = keys.Derive("peer-tls-authority");
        secret[0] &= 0x7f;
        return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = secret });
    }

    private static string Printable(string node)
    {
        var kept = new string([.. node.Where(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_').Take(60)]);
        return kept.Length == 0 ? "node" : kept;
    }
}
