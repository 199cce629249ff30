using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>One signature that a pinned key made.</summary>
/// <param name="Of">What it covers: the element's local name, or "query" on the HTTP-Redirect binding.</param>
/// <param name="Certificate">The pinned certificate whose key verified it, as it stands in the connection.</param>
/// <param name="Algorithm">The URI of the signature algorithm (RFC 9231).</param>
/// <param name="Digest">The URI of the digest algorithm; null on the HTTP-Redirect binding, which has none of its own.</param>
public sealed record SamlSignature(string Of, X509Certificate2 Certificate, string Algorithm, string? Digest)
{
    /// <summary>Only ever true where the connection's switch allows it.</summary>
    public bool UsesSha1 => Algorithm == SamlNames.RsaSha1 || Digest == SamlNames.Sha1;
}
