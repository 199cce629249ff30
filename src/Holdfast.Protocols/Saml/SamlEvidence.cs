using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>How an accepted message was proven: for the log, and for telling an administrator what will break next.</summary>
/// <param name="Signatures">In the order in which they were checked, outermost first; never empty on an accepted Response or logout message.</param>
/// <param name="Decryptions">What had to be decrypted, outermost first.</param>
public sealed record SamlEvidence(IReadOnlyList<SamlSignature> Signatures, IReadOnlyList<SamlDecryption> Decryptions)
{
    /// <summary>What was let pass but deserves to be known, each once. Dates are compared with <paramref name="now"/> to the second.</summary>
    public IReadOnlySet<SamlNote> Notes(DateTimeOffset now)
    {
        var notes = new HashSet<SamlNote>();
        foreach (var signature in Signatures)
        {
            Add(signature.UsesSha1, SamlNote.Sha1);
            Add(signature.Certificate.NotAfter.ToUniversalTime() < now.UtcDateTime, SamlNote.CertificateExpired);
            Add(signature.Certificate.NotBefore.ToUniversalTime() > now.UtcDateTime, SamlNote.CertificateNotYetValid);
        }
        Add(Decryptions.Any(decryption => decryption.Content.EndsWith("-cbc", StringComparison.Ordinal)), SamlNote.Cbc);
        return notes;

        void Add(bool holds, SamlNote note)
        {
            if (holds)
            {
                notes.Add(note);
            }
        }
    }
}

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

/// <summary>One element that was decrypted.</summary>
/// <param name="Of">What came out: "Assertion" or "NameID".</param>
/// <param name="Certificate">Ours, whose key it was encrypted for: while the old one still shows up, it must not be retired.</param>
/// <param name="Content">The URI of the block cipher (XML Encryption 1.1 §5.2).</param>
/// <param name="KeyTransport">The URI of the key transport (§5.5).</param>
public sealed record SamlDecryption(string Of, X509Certificate2 Certificate, string Content, string KeyTransport);

/// <summary>Something about an accepted message that somebody should know.</summary>
public enum SamlNote
{
    /// <summary>SHA-1 was used, because the connection allows it.</summary>
    Sha1,

    /// <summary>The identity provider still signs with a certificate that has expired.</summary>
    CertificateExpired,
    CertificateNotYetValid,

    /// <summary>Encrypted with a mode that does not protect itself; the signature around it did.</summary>
    Cbc,
}
