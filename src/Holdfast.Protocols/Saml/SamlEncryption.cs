using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>For whom we encrypt, and how: AES-GCM, with the content key under RSA-OAEP.</summary>
/// <param name="Recipient">The other side's certificate, with an RSA key.</param>
/// <param name="KeyBits">Of AES: 128, 192 or 256.</param>
/// <param name="UseSha1Oaep">rsa-oaep-mgf1p, which everybody understands, in place of rsa-oaep with SHA-256.</param>
public sealed record SamlEncryption(X509Certificate2 Recipient, int KeyBits = 256, bool UseSha1Oaep = false)
{
    /// <summary>Puts an EncryptedAssertion or EncryptedID in the place of an element.</summary>
    /// <param name="octets">The element by itself, with every namespace that it uses declared.</param>
    /// <exception cref="ArgumentException">The certificate has no RSA key.</exception>
    internal void Replace(XmlElement element, byte[] octets, string name)
    {
        var made = SamlXml.ReadOwn(SamlWriter.Write(xml => Write(xml, octets, name)));
        element.ParentNode!.ReplaceChild(element.OwnerDocument.ImportNode(made, deep: true), element);
    }

    internal void Write(XmlWriter xml, byte[] octets, string name)
    {
        using var recipient = Recipient.GetRSAPublicKey() ?? throw new ArgumentException("The certificate has no RSA key.");
        var (cipher, transport) = (ContentCipher.Gcm(KeyBits / 8), UseSha1Oaep ? KeyTransport.OaepSha1 : KeyTransport.OaepSha256);
        var key = RandomNumberGenerator.GetBytes(cipher.KeyBytes);
        xml.WriteStartElement("saml", name, SamlNames.Assertion);
        xml.WriteStartElement("xenc", "EncryptedData", SamlNames.Encryption);
        xml.WriteAttributeString("Type", SamlNames.ElementType);
        xml.WriteAlgorithm("xenc", "EncryptionMethod", SamlNames.Encryption, cipher.Uri);
        xml.WriteStartElement("ds", "KeyInfo", SamlNames.Signature);
        xml.WriteStartElement("xenc", "EncryptedKey", SamlNames.Encryption);
        transport.WriteMethod(xml);
        WriteValue(xml, recipient.Encrypt(key, transport.Padding));
        xml.WriteEndElement();
        xml.WriteEndElement();
        WriteValue(xml, ContentCipher.EncryptGcm(key, octets));
        xml.WriteEndElement();
        xml.WriteEndElement();
        CryptographicOperations.ZeroMemory(key);
    }

    private static void WriteValue(XmlWriter xml, byte[] value)
    {
        xml.WriteStartElement("xenc", "CipherData", SamlNames.Encryption);
        xml.WriteElementString("xenc", "CipherValue", SamlNames.Encryption, Convert.ToBase64String(value));
        xml.WriteEndElement();
    }
}
