using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>Keys made once per run.</summary>
internal static class TestKeys
{
    public static X509Certificate2 Idp { get; } = Make(2048);
    public static X509Certificate2 Other { get; } = Make(2048);
    public static X509Certificate2 Weak { get; } = Make(1024);
    public static X509Certificate2 Elliptic { get; } = MakeElliptic();

    private static X509Certificate2 Make(int bits)
    {
        using var key = RSA.Create(bits);
        return SelfSigned(new CertificateRequest("CN=idp", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    private static X509Certificate2 MakeElliptic()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return SelfSigned(new CertificateRequest("CN=idp", key, HashAlgorithmName.SHA256));
    }

    // Long lapsed on purpose: dates of a pinned certificate are not enforced.
    private static X509Certificate2 SelfSigned(CertificateRequest request) =>
        request.CreateSelfSigned(new DateTimeOffset(2001, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2002, 1, 1, 0, 0, 0, TimeSpan.Zero));
}
