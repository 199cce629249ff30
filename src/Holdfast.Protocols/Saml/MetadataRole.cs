using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>What a role of an entity says: its endpoints, its keys and how long that holds (Metadata §2.2.2 and §2.4.1).</summary>
internal static class MetadataRole
{
    /// <summary>The first endpoint of that name and binding; null when there is none.</summary>
    /// <returns>Where requests go, and where responses do.</returns>
    /// <exception cref="RefusedException">Malformed: an address that no browser may be sent to.</exception>
    public static (string Url, string ResponseUrl)? Endpoint(XmlElement role, string name, string binding)
    {
        var service = role.Children(SamlNames.Metadata, name).FirstOrDefault(s => s.Attribute("Binding") == binding);
        if (service is null)
        {
            return null;
        }
        var location = service.Required("Location");
        return (CheckAddress(location, name), CheckAddress(service.Attribute("ResponseLocation") ?? location, name));
    }

    /// <summary>Never empty; a key without a use is for everything.</summary>
    /// <exception cref="RefusedException">SigningCertificateMissing, TooManyCertificates or CertificateUnreadable.</exception>
    public static List<X509Certificate2> SigningCertificates(XmlElement role, SamlLimits limits)
    {
        var texts = Certificates(role, "signing");
        return texts.Count switch
        {
            0 => throw new RefusedException(SamlRefusal.SigningCertificateMissing, "There is no signing certificate."),
            var count when count > limits.MaxCertificates => throw new RefusedException(
                SamlRefusal.TooManyCertificates, $"There are {count} signing certificates; the limit is {limits.MaxCertificates}."),
            _ => texts.ConvertAll(text => Certificate(text)
                ?? throw new RefusedException(SamlRefusal.CertificateUnreadable, "A signing certificate cannot be read.")),
        };
    }

    /// <summary>Those that can be read and that we could encrypt for, which takes an RSA key: nothing depends on them, so another one does not keep the rest
    /// of the metadata out.</summary>
    public static List<X509Certificate2> EncryptionCertificates(XmlElement role, SamlLimits limits) =>
        [.. Certificates(role, "encryption").Take(limits.MaxCertificates).Select(Certificate).OfType<X509Certificate2>().Where(HasRsaKey)];

    /// <exception cref="RefusedException">Malformed: no duration, or a negative one.</exception>
    public static TimeSpan? CacheDuration(XmlElement holder)
    {
        if (holder.Attribute("cacheDuration") is not { } text)
        {
            return null;
        }
        try
        {
            return XmlConvert.ToTimeSpan(text) is var duration && duration >= TimeSpan.Zero ? duration : throw new FormatException();
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw SamlElement.Malformed($"The cacheDuration {RefusedException.Quote(text)} is no duration.");
        }
    }

    private static List<string> Certificates(XmlElement role, string use) => role.Children(SamlNames.Metadata, "KeyDescriptor")
        .Where(key => key.Attribute("use") is not { } own || own == use)
        .SelectMany(key => key.Children(SamlNames.Signature, "KeyInfo"))
        .SelectMany(info => info.Children(SamlNames.Signature, "X509Data"))
        .SelectMany(data => data.Children(SamlNames.Signature, "X509Certificate"))
        .Select(certificate => string.Concat(certificate.Text().Where(c => !char.IsWhiteSpace(c))))
        .Distinct(StringComparer.Ordinal)
        .ToList();

    private static X509Certificate2? Certificate(string base64)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(Convert.FromBase64String(base64));
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            return null;
        }
    }

    private static bool HasRsaKey(X509Certificate2 certificate)
    {
        try
        {
            using var key = certificate.GetRSAPublicKey();
            return key is not null;
        }
        catch (CryptographicException)
        {
            return false;   // it says RSA and holds none
        }
    }

    /// <summary>The browser is sent there, so nothing but the web's own schemes may pass: no script, no file.</summary>
    private static string CheckAddress(string location, string name) =>
        Uri.TryCreate(location, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp)
            ? location
            : throw SamlElement.Malformed($"{name} has no http or https address.");
}
