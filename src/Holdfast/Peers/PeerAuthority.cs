using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Keys;
using Holdfast.Resilience;

namespace Holdfast.Peers;

/// <summary>Whom to talk to by TLS when a node is called: somebody with the cluster key, or whom the system trusts under that name (a terminator before the node). Decision 0028, 0036.</summary>
/// <remarks>Every node computes the authority from the cluster key. Who stands outside, an edge, is given its certificate, which is no secret.</remarks>
internal sealed class PeerAuthority : IDisposable
{
    private const string Subject = "CN=Holdfast cluster";
    private const string PemLabel = "CERTIFICATE";

    // Between nodes a wrong clock must cut nobody off: a certificate lives as long as the process, and is not judged by the time.
    public static readonly DateTimeOffset From = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    public static readonly DateTimeOffset Until = new(2120, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly X509Certificate2Collection _trusted;

    private PeerAuthority(X509Certificate2Collection trusted) => _trusted = trusted;

    /// <summary>As it is handed to an edge: the certificate, for whoever has no cluster key. Its key is the same each time, its bytes are not.</summary>
    public string Pem => string.Concat(_trusted.Select(t => new string(PemEncoding.Write(PemLabel, t.RawData)) + "\n"));

    public static PeerAuthority Of(ClusterKeys keys)
    {
        using var signed = Issuer(keys);
        return new PeerAuthority([X509CertificateLoader.LoadCertificate(signed.RawData)]);
    }

    /// <summary>Several, where a cluster key is about to be changed; null when one of them is no cluster's, or there is none.</summary>
    public static PeerAuthority? Read(string pem)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPem(pem);
        }
        catch (CryptographicException)
        {
            // Whatever it is, it is none.
        }
        // Another authority's certificate belongs into the system's store: here, names are not looked at.
        if (found.Count > 0 && found.All(f => f.Subject == Subject && f.Extensions.OfType<X509BasicConstraintsExtension>().Any(b => b.CertificateAuthority)))
        {
            return new PeerAuthority(found);
        }
        foreach (var certificate in found)
        {
            certificate.Dispose();
        }
        return null;
    }

    /// <summary>The authority with its key: the same on every node with the same cluster key.</summary>
    public static X509Certificate2 Issuer(ClusterKeys keys)
    {
        var secret = keys.Derive("peer-tls-authority");
        secret[0] &= 0x7f;   // below 2^255, and so below the order of the curve
        using var issuer = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = secret });
        var authority = new CertificateRequest(Subject, issuer, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        authority.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        return authority.CreateSelfSigned(From, Until);
    }

    public bool Accepts(X509Certificate? shown, SslPolicyErrors bySystem)
    {
        if (bySystem == SslPolicyErrors.None)
        {
            return true;
        }
        // One by one: all have the same name, by which a chain is built. A stolen node is put out by a deny against its life.
        return shown is not null && _trusted.Any(authority => OwnAuthority.Vouches(authority, shown, From.UtcDateTime.AddDays(1)));
    }

    public void Dispose()
    {
        foreach (var certificate in _trusted)
        {
            certificate.Dispose();
        }
    }
}
