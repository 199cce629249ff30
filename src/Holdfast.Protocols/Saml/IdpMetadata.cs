using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Reads an identity provider's metadata (Metadata §2.3 and §2.4.3). Its signature is not checked: whoever hands it over is trusted
/// for it.</summary>
public static class IdpMetadata
{
    /// <param name="xml">UTF-8 or UTF-16. An EntityDescriptor, or EntitiesDescriptors that hold one identity provider in all.</param>
    /// <returns>A verdict on any input; it never throws.</returns>
    public static IdpMetadataVerdict Read(ReadOnlySpan<byte> xml, SamlLimits? limits = null)
    {
        var bounds = limits ?? SamlLimits.Default;
        // A span cannot go into the closure below, so it is measured before it is copied.
        if (xml.Length > bounds.MaxDecodedBytes)
        {
            return new IdpMetadataVerdict.Refused(SamlRefusal.TooLarge, $"The metadata has more than {bounds.MaxDecodedBytes} bytes.");
        }
        var bytes = xml.ToArray();
        return RefusedException.Catch<IdpMetadataVerdict>(
            () => Read(SamlXml.Read(bytes, bounds, dropComments: true), bounds),
            (why, detail) => new IdpMetadataVerdict.Refused(why, detail));
    }

    private static IdpMetadataVerdict.Accepted Read(XmlElement root, SamlLimits limits)
    {
        UniqueNames.Check(root);
        var entity = OneIdentityProvider(root);
        var roles = entity.Children(SamlNames.Metadata, "IDPSSODescriptor").ToList();
        if (roles is not [var role])
        {
            throw new RefusedException(SamlRefusal.MoreThanOneIdentityProvider, $"The entity has {roles.Count} IDPSSODescriptors.");
        }
        var (ssoUrl, isRedirect) = Endpoint(role, "SingleSignOnService")
            ?? throw new RefusedException(SamlRefusal.SignOnServiceMissing, "There is no SingleSignOnService for HTTP-Redirect or HTTP-POST.");
        var certificates = SigningCertificates(role, limits);
        return new(
            EntityId(entity), ssoUrl, isRedirect, Endpoint(role, "SingleLogoutService")?.Url, certificates,
            [.. role.Children(SamlNames.Metadata, "NameIDFormat").Select(format => format.Text())],
            role.Attribute("WantAuthnRequestsSigned") is "true" or "1",
            entity.Time("validUntil") ?? root.Time("validUntil"));
    }

    private static string EntityId(XmlElement entity) =>
        entity.Required("entityID") is { Length: > 0 and <= 1024 } id   // Metadata §2.2.1
            ? id
            : throw SamlElement.Malformed("The entityID is empty or has more than 1024 characters.");

    private static XmlElement OneIdentityProvider(XmlElement root)
    {
        var found = new List<XmlElement>();
        Collect(root, found);
        return found.Count switch
        {
            1 => found[0],
            0 => throw new RefusedException(SamlRefusal.IdentityProviderMissing, "There is no IDPSSODescriptor for SAML 2.0."),
            _ => throw new RefusedException(
                SamlRefusal.MoreThanOneIdentityProvider, $"There are {found.Count} identity providers: give the metadata of one."),
        };
    }

    private static void Collect(XmlElement element, List<XmlElement> found)
    {
        if (element.Is(SamlNames.Metadata, "EntitiesDescriptor"))
        {
            foreach (var child in element.Children())
            {
                Collect(child, found);
            }
        }
        else if (element.Is(SamlNames.Metadata, "EntityDescriptor") && element.Children(SamlNames.Metadata, "IDPSSODescriptor").Any())
        {
            found.Add(element);
        }
    }

    private static (string Url, bool IsRedirect)? Endpoint(XmlElement role, string name)
    {
        foreach (var binding in new[] { SamlNames.Redirect, SamlNames.Post })
        {
            var service = role.Children(SamlNames.Metadata, name).FirstOrDefault(s => s.Attribute("Binding") == binding);
            if (service?.Required("Location") is { } location)
            {
                // The browser is sent there, so nothing but the web's own schemes may pass: no script, no file.
                return Uri.TryCreate(location, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp)
                    ? (location, binding == SamlNames.Redirect)
                    : throw SamlElement.Malformed($"{name} has no http or https address.");
            }
        }
        return null;
    }

    private static List<X509Certificate2> SigningCertificates(XmlElement role, SamlLimits limits)
    {
        var texts = role.Children(SamlNames.Metadata, "KeyDescriptor")
            .Where(key => key.Attribute("use") is null or "signing")
            .SelectMany(key => key.Children(SamlNames.Signature, "KeyInfo"))
            .SelectMany(info => info.Children(SamlNames.Signature, "X509Data"))
            .SelectMany(data => data.Children(SamlNames.Signature, "X509Certificate"))
            .Select(certificate => string.Concat(certificate.Text().Where(c => !char.IsWhiteSpace(c))))
            .Distinct(StringComparer.Ordinal)
            .ToList();
        return texts.Count switch
        {
            0 => throw new RefusedException(SamlRefusal.SigningCertificateMissing, "There is no signing certificate."),
            var count when count > limits.MaxCertificates => throw new RefusedException(
                SamlRefusal.TooManyCertificates, $"There are {count} signing certificates; the limit is {limits.MaxCertificates}."),
            _ => texts.ConvertAll(Certificate),
        };
    }

    private static X509Certificate2 Certificate(string base64)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(Convert.FromBase64String(base64));
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            throw new RefusedException(SamlRefusal.CertificateUnreadable, "A signing certificate cannot be read.");
        }
    }
}
