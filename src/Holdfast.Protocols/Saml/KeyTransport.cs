using System.Security.Cryptography;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>The ways in which a content key may be encrypted for us: RSA-OAEP in its two usual forms (XML Encryption 1.1 §5.5.2).</summary>
/// <remarks>The framework knows OAEP only with one hash for both of its uses, which is what these two have.</remarks>
internal sealed record KeyTransport(string Uri, RSAEncryptionPadding Padding)
{
    private const string Oaep11 = SamlNames.Encryption11 + "rsa-oaep";
    private const string OaepMgf1p = SamlNames.Encryption + "rsa-oaep-mgf1p";
    private const string Mgf1Sha256 = SamlNames.Encryption11 + "mgf1sha256";

    /// <summary>With SHA-256 throughout.</summary>
    public static KeyTransport OaepSha256 { get; } = new(Oaep11, RSAEncryptionPadding.OaepSHA256);

    /// <summary>With SHA-1 throughout, as most identity providers send it. OAEP does not lean on the hash's resistance to collisions.</summary>
    public static KeyTransport OaepSha1 { get; } = new(OaepMgf1p, RSAEncryptionPadding.OaepSHA1);

    /// <summary>Reads an EncryptionMethod.</summary>
    /// <exception cref="RefusedException">EncryptionNotAllowed: told before any private key is touched.</exception>
    public static KeyTransport Find(XmlElement method)
    {
        var digest = method.Child(SamlNames.Signature, "DigestMethod")?.Required("Algorithm");
        var mask = method.Child(SamlNames.Encryption11, "MGF")?.Required("Algorithm");
        var others = method.Children().Count - (digest is null ? 0 : 1) - (mask is null ? 0 : 1);
        return (method.Attribute("Algorithm"), digest, mask, others) switch
        {
            (Oaep11, SamlNames.Sha256, Mgf1Sha256, 0) => OaepSha256,
            (OaepMgf1p, null or SamlNames.Sha1, null, 0) => OaepSha1,
            var (uri, _, _, _) => throw new RefusedException(
                SamlRefusal.EncryptionNotAllowed,
                $"The key transport {RefusedException.Quote(uri ?? "")} is not allowed, or not with this digest, mask or parameter."),
        };
    }

    /// <summary>Writes the EncryptionMethod that says this: of an EncryptedKey, or of metadata.</summary>
    public void WriteMethod(XmlWriter xml, string prefix = "xenc", string ns = SamlNames.Encryption)
    {
        xml.WriteStartElement(prefix, "EncryptionMethod", ns);
        xml.WriteAttributeString("Algorithm", Uri);
        xml.WriteAlgorithm("ds", "DigestMethod", SamlNames.Signature, this == OaepSha256 ? SamlNames.Sha256 : SamlNames.Sha1);
        if (this == OaepSha256)
        {
            xml.WriteAlgorithm("xenc11", "MGF", SamlNames.Encryption11, Mgf1Sha256);
        }
        xml.WriteEndElement();
    }

    /// <summary>Null when it does not decrypt, or is no key of that length.</summary>
    public byte[]? Unwrap(RSA key, byte[] value, int keyBytes)
    {
        try
        {
            var unwrapped = key.Decrypt(value, Padding);
            return unwrapped.Length == keyBytes ? unwrapped : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
