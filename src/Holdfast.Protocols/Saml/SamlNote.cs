namespace Holdfast.Protocols.Saml;

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
