using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Our own metadata, for the identity provider's administrator to load.</summary>
public static class SpMetadata
{
    /// <summary>What we can decrypt whoever signed what around it; AES-CBC is not asked for.</summary>
    private static readonly string[] s_ciphers =
        [SamlNames.Encryption11 + "aes256-gcm", SamlNames.Encryption11 + "aes128-gcm", SamlNames.Encryption11 + "aes192-gcm"];

    /// <summary>Without any key: for a connection that neither signs nor decrypts.</summary>
    public static string Write(string spEntityId, string acsUrl, DateTimeOffset validUntil) =>
        Write(new SpDescription(spEntityId, acsUrl, validUntil));

    /// <returns>An EntityDescriptor with one SPSSODescriptor.</returns>
    /// <exception cref="ArgumentException">A value holds a character that XML cannot carry.</exception>
    public static string Write(SpDescription sp) => Encoding.UTF8.GetString(SamlWriter.Write(xml =>
    {
        xml.WriteStartElement("md", "EntityDescriptor", SamlNames.Metadata);
        xml.WriteAttributeString("entityID", sp.EntityId);
        xml.WriteAttributeString("validUntil", SamlTime.Write(sp.ValidUntil));
        if (sp.CacheDuration is { } duration)
        {
            xml.WriteAttributeString("cacheDuration", XmlConvert.ToString(duration));
        }
        xml.WriteStartElement("md", "SPSSODescriptor", SamlNames.Metadata);
        xml.WriteAttributeString("AuthnRequestsSigned", Bool(sp.AuthnRequestsSigned ?? sp.SigningCertificates.Count > 0));
        xml.WriteAttributeString("WantAssertionsSigned", Bool(sp.WantAssertionsSigned));
        xml.WriteAttributeString("protocolSupportEnumeration", SamlNames.Protocol);
        WriteKeys(xml, sp);
        if (sp.SloUrl is { } slo)
        {
            WriteService(xml, "SingleLogoutService", SamlNames.Redirect, slo);
            WriteService(xml, "SingleLogoutService", SamlNames.Post, slo);
        }
        foreach (var format in sp.NameIdFormats)
        {
            xml.WriteElementString("md", "NameIDFormat", SamlNames.Metadata, format);
        }
        WriteService(xml, "AssertionConsumerService", SamlNames.Post, sp.AcsUrl, ("index", "0"), ("isDefault", "true"));
        xml.WriteEndElement();
        xml.WriteEndElement();
    }));

    private static void WriteKeys(XmlWriter xml, SpDescription sp)
    {
        foreach (var certificate in sp.SigningCertificates)
        {
            StartKey(xml, "signing", certificate);
            xml.WriteEndElement();
        }
        foreach (var certificate in sp.EncryptionCertificates)
        {
            StartKey(xml, "encryption", certificate);
            foreach (var cipher in s_ciphers)
            {
                xml.WriteAlgorithm("md", "EncryptionMethod", SamlNames.Metadata, cipher);
            }
            KeyTransport.OaepSha256.WriteMethod(xml, "md", SamlNames.Metadata);
            KeyTransport.OaepSha1.WriteMethod(xml, "md", SamlNames.Metadata);
            xml.WriteEndElement();
        }
    }

    private static void StartKey(XmlWriter xml, string use, X509Certificate2 certificate)
    {
        xml.WriteStartElement("md", "KeyDescriptor", SamlNames.Metadata);
        xml.WriteAttributeString("use", use);
        SignatureWriter.WriteKeyInfo(xml, certificate.RawData);
    }

    private static void WriteService(XmlWriter xml, string name, string binding, string location, params (string Name, string Value)[] more)
    {
        xml.WriteStartElement("md", name, SamlNames.Metadata);
        xml.WriteAttributeString("Binding", binding);
        xml.WriteAttributeString("Location", location);
        foreach (var (attribute, value) in more)
        {
            xml.WriteAttributeString(attribute, value);
        }
        xml.WriteEndElement();
    }

    private static string Bool(bool value) => value ? "true" : "false";
}
