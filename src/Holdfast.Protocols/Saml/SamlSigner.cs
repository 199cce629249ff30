using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>The key that we sign messages with, and how.</summary>
public sealed class SamlSigner
{
    private readonly SignatureAlgorithm _algorithm;

    /// <param name="certificate">With its private key, of the kind that the algorithm needs.</param>
    /// <exception cref="ArgumentException">The certificate has no such private key.</exception>
    public SamlSigner(X509Certificate2 certificate, SamlSignatureAlgorithm algorithm)
    {
        _algorithm = SignatureAlgorithm.Of(algorithm);
        Certificate = certificate;
        using var key = PrivateKey();
    }

    public X509Certificate2 Certificate { get; }

    internal string AlgorithmUri => _algorithm.Uri;

    internal string DigestUri => _algorithm.DigestUri;

    /// <summary>RSA-SHA256 or ECDSA-SHA256: what every identity provider understands that takes the certificate's kind of key.</summary>
    /// <exception cref="ArgumentException">The certificate has neither an RSA nor an elliptic private key.</exception>
    public static SamlSigner With(X509Certificate2 certificate) => new(
        certificate,
        certificate.PublicKey.Oid.Value == "1.2.840.10045.2.1" ? SamlSignatureAlgorithm.EcdsaSha256 : SamlSignatureAlgorithm.RsaSha256);

    internal byte[] Digest(ReadOnlySpan<byte> octets) => CryptographicOperations.HashData(_algorithm.Hash, octets);

    internal byte[] Sign(byte[] octets)
    {
        using var key = PrivateKey();
        return key is RSA rsa ? rsa.SignData(octets, _algorithm.Hash, _algorithm.Padding!) : ((ECDsa)key).SignData(octets, _algorithm.Hash);
    }

    // Taken anew each time: a key object is not promised to bear two threads.
    private AsymmetricAlgorithm PrivateKey() =>
        (_algorithm.Padding is null ? (AsymmetricAlgorithm?)Certificate.GetECDsaPrivateKey() : Certificate.GetRSAPrivateKey())
        ?? throw new ArgumentException($"The certificate has no private key for {_algorithm.Uri}.");
}
