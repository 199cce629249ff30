using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Resilience;

/// <summary>Whether an authority that the operator named vouches for a server. The system's store has no say in it, and nothing is fetched from where a certificate says.</summary>
public static class OwnAuthority
{
    /// <summary>The extended key usage of a server (RFC 5280 §4.2.1.12).</summary>
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>The name is the caller's to compare. Revocation is not asked for: that would be a call to somebody else.</summary>
    /// <param name="at">The time by which the certificates are judged; null for now.</param>
    public static bool Vouches(X509Certificate2 authority, X509Certificate shown, DateTime? at = null)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        if (at is { } time)
        {
            (chain.ChainPolicy.VerificationTimeIgnored, chain.ChainPolicy.VerificationTime) = (false, time);
        }
        using var certificate = X509CertificateLoader.LoadCertificate(shown.GetRawCertData());
        return chain.Build(certificate);
    }
}
