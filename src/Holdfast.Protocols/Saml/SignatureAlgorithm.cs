using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>The signature and digest algorithms that are accepted (RFC 9231), and what each asks of a key.</summary>
/// <param name="Padding">Null for ECDSA, whose value is r and s side by side (RFC 9231 §2.3.6).</param>
internal sealed record SignatureAlgorithm(HashAlgorithmName Hash, RSASignaturePadding? Padding)
{
    /// <summary>NIST SP 800-131A allows no RSA key below it.</summary>
    public const int MinRsaBits = 2048;

    /// <summary>Above it one check takes so long that a sign-in could be made to.</summary>
    public const int MaxRsaBits = 8192;

    private const int MinEcdsaBits = 256;
    private const string More = "http://www.w3.org/2001/04/xmldsig-more#";
    private const string MorePss = "http://www.w3.org/2007/05/xmldsig-more#";

    /// <exception cref="RefusedException">AlgorithmNotAllowed.</exception>
    public static SignatureAlgorithm Find(string? uri, bool allowSha1) => uri switch
    {
        SamlNames.RsaSha256 => new(HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        More + "rsa-sha384" => new(HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1),
        More + "rsa-sha512" => new(HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1),
        MorePss + "sha256-rsa-MGF1" => new(HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
        MorePss + "sha384-rsa-MGF1" => new(HashAlgorithmName.SHA384, RSASignaturePadding.Pss),
        MorePss + "sha512-rsa-MGF1" => new(HashAlgorithmName.SHA512, RSASignaturePadding.Pss),
        More + "ecdsa-sha256" => new(HashAlgorithmName.SHA256, null),
        More + "ecdsa-sha384" => new(HashAlgorithmName.SHA384, null),
        More + "ecdsa-sha512" => new(HashAlgorithmName.SHA512, null),
        SamlNames.Signature + "rsa-sha1" when allowSha1 => new(HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1),
        _ => throw NotAllowed("signature", uri),
    };

    /// <exception cref="RefusedException">AlgorithmNotAllowed.</exception>
    public static HashAlgorithmName FindDigest(string? uri, bool allowSha1) => uri switch
    {
        SamlNames.Sha256 => HashAlgorithmName.SHA256,
        More + "sha384" => HashAlgorithmName.SHA384,
        "http://www.w3.org/2001/04/xmlenc#sha512" => HashAlgorithmName.SHA512,
        SamlNames.Signature + "sha1" when allowSha1 => HashAlgorithmName.SHA1,
        _ => throw NotAllowed("digest", uri),
    };

    /// <summary>Whether one of the pinned keys made this signature. The kind of key must be the algorithm's.</summary>
    /// <exception cref="RefusedException">KeyNotAllowed or AlgorithmNotAllowed: no key could be tried.</exception>
    public bool Verifies(ReadOnlySpan<byte> octets, ReadOnlySpan<byte> signature, IReadOnlyList<X509Certificate2> certificates, SamlLimits limits)
    {
        if (certificates.Count == 0 || certificates.Count > limits.MaxCertificates)
        {
            throw new RefusedException(
                SamlRefusal.KeyNotAllowed, $"{certificates.Count} certificates are pinned; 1 to {limits.MaxCertificates} are needed.");
        }
        var hash = CryptographicOperations.HashData(Hash, octets);
        var (ofThisKind, tried) = (0, 0);
        foreach (var certificate in certificates)
        {
            using AsymmetricAlgorithm? key = Padding is null ? certificate.GetECDsaPublicKey() : certificate.GetRSAPublicKey();
            ofThisKind += key is null ? 0 : 1;
            if (key is null || !IsStrong(key))
            {
                continue;
            }
            tried++;
            if (key is RSA rsa ? rsa.VerifyHash(hash, signature, Hash, Padding!) : ((ECDsa)key).VerifyHash(hash, signature))
            {
                return true;
            }
        }
        return (ofThisKind, tried) switch
        {
            (0, _) => throw new RefusedException(SamlRefusal.AlgorithmNotAllowed, "No pinned certificate has a key for the signature's algorithm."),
            (_, 0) => throw new RefusedException(
                SamlRefusal.KeyNotAllowed, $"The pinned RSA keys are below {MinRsaBits} bits or above {MaxRsaBits}."),
            _ => false,
        };
    }

    private static bool IsStrong(AsymmetricAlgorithm key) =>
        key is RSA ? key.KeySize is >= MinRsaBits and <= MaxRsaBits : key.KeySize >= MinEcdsaBits;

    private static RefusedException NotAllowed(string kind, string? uri) =>
        new(SamlRefusal.AlgorithmNotAllowed, $"The {kind} algorithm {RefusedException.Quote(uri ?? "")} is not allowed.");
}
