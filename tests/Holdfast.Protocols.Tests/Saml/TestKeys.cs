using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>Keys made once per run.</summary>
internal static class TestKeys
{
    public static X509Certificate2 Idp { get; } = Make(2048);
    public static X509Certificate2 Other { get; } = Make(2048);
    public static X509Certificate2 Weak { get; } = Make(1024);
    public static X509Certificate2 Elliptic { get; } = MakeElliptic(ECCurve.NamedCurves.nistP256);
    public static X509Certificate2 Elliptic384 { get; } = MakeElliptic(ECCurve.NamedCurves.nistP384);
    public static X509Certificate2 Elliptic521 { get; } = MakeElliptic(ECCurve.NamedCurves.nistP521);

    /// <summary>Of 256 bits too, but on a curve that nobody asked for.</summary>
    public static X509Certificate2 Koblitz { get; } = MakeElliptic(ECCurve.CreateFromFriendlyName("secp256k1"));

    /// <summary>Ours: what assertions are encrypted for.</summary>
    public static X509Certificate2 Sp { get; } = Make(2048);

    /// <summary>Ours, of another size, that is being rolled over.</summary>
    public static X509Certificate2 OldSp { get; } = Make(3072);

    public static X509Certificate2 Signer(string name) => name switch
    {
        "P-256" => Elliptic,
        "P-384" => Elliptic384,
        "P-521" => Elliptic521,
        "secp256k1" => Koblitz,
        _ => Idp,
    };

    /// <summary>One whose dates are of the caller's choice.</summary>
    public static X509Certificate2 Make(int bits, int fromYear = 2001, int toYear = 2002)
    {
        using var key = RSA.Create(bits);
        return SelfSigned(new CertificateRequest("CN=idp", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), fromYear, toYear);
    }

    private static X509Certificate2 MakeElliptic(ECCurve curve)
    {
        using var key = ECDsa.Create(curve);
        return SelfSigned(new CertificateRequest("CN=idp", key, HashAlgorithmName.SHA256));
    }

    // Long lapsed on purpose: dates of a pinned certificate are not enforced.
    private static X509Certificate2 SelfSigned(CertificateRequest request, int fromYear = 2001, int toYear = 2002) => request.CreateSelfSigned(
        new DateTimeOffset(fromYear, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(toYear, 1, 1, 0, 0, 0, TimeSpan.Zero));
}
