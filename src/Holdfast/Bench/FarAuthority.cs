using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Holdfast.Storage;

namespace Holdfast.Bench;

/// <summary>Who vouches for the hosts of a run.</summary>
internal sealed class FarAuthority : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public FarAuthority()
    {
        var request = new CertificateRequest("CN=bench authority", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        Root = request.CreateSelfSigned(Now.AddDays(-400), Now.AddDays(400));
    }

    public X509Certificate2 Root { get; }

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    /// <param name="name">A name, or an address.</param>
    public X509Certificate2 Issue(string name, bool isExpired)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out var address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(name);
        }
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(Root, Now.AddDays(-300), isExpired ? Now.AddDays(-1) : Now.AddDays(300), Entropy.Real.Bytes(8));
        using var withKey = certificate.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }

    public void Dispose()
    {
        Root.Dispose();
        _key.Dispose();
    }
}
