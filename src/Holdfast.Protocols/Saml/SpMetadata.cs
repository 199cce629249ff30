using System.Text;

namespace Holdfast.Protocols.Saml;

/// <summary>Our own metadata, for the identity provider's administrator to load (Metadata §2.4.4).</summary>
public static class SpMetadata
{
    /// <param name="nameIdFormats">In order of preference; none leaves the choice to the identity provider.</param>
    /// <param name="signingCertificate">DER; what we sign requests with. Null when we do not.</param>
    /// <returns>An EntityDescriptor with one SPSSODescriptor.</returns>
    /// <exception cref="ArgumentException">A value holds a character that XML cannot carry.</exception>
    public static string Write(
        string spEntityId, string acsUrl, DateTimeOffset validUntil, IReadOnlyList<string>? nameIdFormats = null, bool wantAssertionsSigned = true,
        ReadOnlyMemory<byte>? signingCertificate = null) => Encoding.UTF8.GetString(SamlWriter.Write(xml =>
    {
        xml.WriteStartElement("md", "EntityDescriptor", SamlNames.Metadata);
        xml.WriteAttributeString("entityID", spEntityId);
        xml.WriteAttributeString("validUntil", SamlTime.Write(validUntil));
        xml.WriteStartElement("md", "SPSSODescriptor", SamlNames.Metadata);
        xml.WriteAttributeString("AuthnRequestsSigned", signingCertificate is null ? "false" : "true");
        xml.WriteAttributeString("WantAssertionsSigned", wantAssertionsSigned ? "true" : "false");
        xml.WriteAttributeString("protocolSupportEnumeration", SamlNames.Protocol);
        if (signingCertificate is { } der)
        {
            xml.WriteStartElement("md", "KeyDescriptor", SamlNames.Metadata);
            xml.WriteAttributeString("use", "signing");
            SignatureWriter.WriteKeyInfo(xml, der.Span);
            xml.WriteEndElement();
        }
        foreach (var format in nameIdFormats ?? [])
        {
            xml.WriteElementString("md", "NameIDFormat", SamlNames.Metadata, format);
        }
        xml.WriteStartElement("md", "AssertionConsumerService", SamlNames.Metadata);
        xml.WriteAttributeString("Binding", SamlNames.Post);
        xml.WriteAttributeString("Location", acsUrl);
        xml.WriteAttributeString("index", "0");
        xml.WriteAttributeString("isDefault", "true");
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
    }));
}
