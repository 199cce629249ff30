using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>The signature and digest algorithms that are accepted (RFC 9231), and what each asks of a key.</summary>
/// <param name="Padding">Null for ECDSA, whose value is r and s side by side (RFC 9231 §2.3.6).</param>
internal sealed record SignatureAlgorithm(string Uri, HashAlgorithmName Hash, RSASignaturePadding? Padding)
{
    /// <summary>NIST SP 800-131A allows no RSA key below it.</summary>
    public const int MinRsaBits = 2048;

    /// <summary>Above it one check takes so long that a sign-in could be made to.</summary>
    public const int MaxRsaBits = 8192;

    private const string More = "http://www.w3.org/2001/04/xmldsig-more#";
    private const string MorePss = "http://www.w3.org/2007/05/xmldsig-more#";

    private const string Sha384 = More + "sha384";
    private const string Sha512 = SamlNames.Encryption + "sha512";

    private static readonly Dictionary<SamlSignatureAlgorithm, SignatureAlgorithm> s_strong = new()
    {
        [SamlSignatureAlgorithm.RsaSha256] = new(SamlNames.RsaSha256, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        [SamlSignatureAlgorithm.RsaSha384] = new(More + "rsa-sha384", HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1),
        [SamlSignatureAlgorithm.RsaSha512] = new(More + "rsa-sha512", HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1),
        [SamlSignatureAlgorithm.RsaPssSha256] = new(MorePss + "sha256-rsa-MGF1", HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
        [SamlSignatureAlgorithm.RsaPssSha384] = new(MorePss + "sha384-rsa-MGF1", HashAlgorithmName.SHA384, RSASignaturePadding.Pss),
        [SamlSignatureAlgorithm.RsaPssSha512] = new(MorePss + "sha512-rsa-MGF1", HashAlgorithmName.SHA512, RSASignaturePadding.Pss),
        [SamlSignatureAlgorithm.EcdsaSha256] = new(More + "ecdsa-sha256", HashAlgorithmName.SHA256, null),
        [SamlSignatureAlgorithm.EcdsaSha384] = new(More + "ecdsa-sha384", HashAlgorithmName.SHA384, null),
        [SamlSignatureAlgorithm.EcdsaSha512] = new(More + "ecdsa-sha512", HashAlgorithmName.SHA512, null),
    };

    private static readonly Dictionary<string, SignatureAlgorithm> s_byUri = s_strong.Values
        // Without parameters it means its defaults: SHA-256 throughout, and a salt as long as the hash (RFC 9231 §2.3.9).
        .Append(new(MorePss + "rsa-pss", HashAlgorithmName.SHA256, RSASignaturePadding.Pss))
        .ToDictionary(algorithm => algorithm.Uri, StringComparer.Ordinal);

    private static readonly SignatureAlgorithm s_rsaSha1 = new(SamlNames.RsaSha1, HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1);

    /// <summary>P-256, P-384 and P-521.</summary>
    private static readonly string[] s_curves = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];

    public static SignatureAlgorithm Of(SamlSignatureAlgorithm algorithm) => s_strong[algorithm];

    /// <exception cref="RefusedException">AlgorithmNotAllowed.</exception>
    public static SignatureAlgorithm Find(string? uri, bool allowSha1) =>
        uri is not null && s_byUri.TryGetValue(uri, out var found) ? found
        : uri == SamlNames.RsaSha1 && allowSha1 ? s_rsaSha1
        : throw NotAllowed("signature", uri);

    /// <exception cref="RefusedException">AlgorithmNotAllowed.</exception>
    public static HashAlgorithmName FindDigest(string? uri, bool allowSha1) => uri switch
    {
        SamlNames.Sha256 => HashAlgorithmName.SHA256,
        Sha384 => HashAlgorithmName.SHA384,
        Sha512 => HashAlgorithmName.SHA512,
        SamlNames.Sha1 when allowSha1 => HashAlgorithmName.SHA1,
        _ => throw NotAllowed("digest", uri),
    };

    /// <summary>The digest that goes with this signature when we write one: of the same strength.</summary>
    public string DigestUri =>
        Hash == HashAlgorithmName.SHA384 ? Sha384
        : Hash == HashAlgorithmName.SHA512 ? Sha512
        : SamlNames.Sha256;

    /// <summary>The pinned certificate whose key made this signature; null when none did. The kind of key must be the algorithm's.</summary>
    /// <exception cref="RefusedException">KeyNotAllowed or AlgorithmNotAllowed: no key could be tried.</exception>
    public X509Certificate2? FindSigner(
        ReadOnlySpan<byte> octets, ReadOnlySpan<byte> signature, IReadOnlyList<X509Certificate2> certificates, SamlLimits limits)
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
            if (key is null || !IsFit(key))
            {
                continue;
            }
            tried++;
            if (key is RSA rsa ? rsa.VerifyHash(hash, signature, Hash, Padding!) : ((ECDsa)key).VerifyHash(hash, signature))
            {
                return certificate;
            }
        }
        return (ofThisKind, tried) switch
        {
            (0, _) => throw new RefusedException(SamlRefusal.AlgorithmNotAllowed, "No pinned certificate has a key for the signature's algorithm."),
            (_, 0) => throw new RefusedException(SamlRefusal.KeyNotAllowed, Padding is null
                ? "The pinned elliptic keys are on another curve than P-256, P-384 or P-521."
                : $"The pinned RSA keys are below {MinRsaBits} bits or above {MaxRsaBits}."),
            _ => null,
        };
    }

    /// <summary>Whether a certificate's key can check a signature by any algorithm that is accepted.</summary>
    public static bool CanCheck(X509Certificate2 certificate)
    {
        try
        {
            using AsymmetricAlgorithm? key = (AsymmetricAlgorithm?)certificate.GetRSAPublicKey() ?? certificate.GetECDsaPublicKey();
            return key is not null && IsFit(key);
        }
        catch (CryptographicException)
        {
            return false;   // it says what it holds, and holds something else
        }
    }

    private static bool IsFit(AsymmetricAlgorithm key) => key is ECDsa elliptic
        ? elliptic.ExportParameters(includePrivateParameters: false).Curve is { IsNamed: true, Oid.Value: { } curve } && s_curves.Contains(curve)
        : key.KeySize is >= MinRsaBits and <= MaxRsaBits;

    private static RefusedException NotAllowed(string kind, string? uri) =>
        new(SamlRefusal.AlgorithmNotAllowed, $"The {kind} algorithm {RefusedException.Quote(uri ?? "")} is not allowed.");
}
