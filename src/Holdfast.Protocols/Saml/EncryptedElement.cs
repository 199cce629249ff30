using System.Xml;
using static Holdfast.Protocols.Saml.SamlElement;

namespace Holdfast.Protocols.Saml;

/// <summary>An EncryptedAssertion or EncryptedID, taken apart (Core §2.2.4). Nothing here needs a key, so each fault may be told by its
/// name.</summary>
/// <param name="Keys">Those that may hold the content key for us; never empty.</param>
internal sealed record EncryptedElement(ContentCipher Cipher, byte[] Value, IReadOnlyList<EncryptedElement.Key> Keys)
{
    /// <summary>One EncryptedKey.</summary>
    public sealed record Key(KeyTransport Transport, byte[] Value);

    /// <param name="isCovered">Whether a verified signature covers it.</param>
    /// <param name="recipient">Our entity id; a key that is for another Recipient is passed over.</param>
    /// <exception cref="RefusedException">Malformed or EncryptionNotAllowed.</exception>
    public static EncryptedElement Read(XmlElement element, bool isCovered, string recipient, SamlLimits limits)
    {
        element.InOrder(Place.One(SamlNames.Encryption, "EncryptedData"), Place.Any(SamlNames.Encryption, "EncryptedKey"));
        var data = element.Child(SamlNames.Encryption, "EncryptedData")!;
        InOrder(data);
        if (data.Attribute("Type") is not (null or SamlNames.ElementType))
        {
            throw Malformed("EncryptedData does not hold an element.");
        }
        var cipher = ContentCipher.Find(Method(data), isCovered);
        var keys = FindKeys(element, data, limits).Where(key => key.Attribute("Recipient") is not { } other || other == recipient).ToList();
        if (keys.Count == 0 || keys.Count > limits.MaxEncryptedKeys)
        {
            throw Malformed($"There are {keys.Count} EncryptedKeys for us; 1 to {limits.MaxEncryptedKeys} are needed.");
        }
        return new(cipher, CipherValue(data), keys.ConvertAll(key =>
        {
            InOrder(key);
            return new Key(KeyTransport.Find(Method(key)), CipherValue(key));
        }));
    }

    /// <summary>Inside EncryptedData's KeyInfo; or beside EncryptedData, where a RetrievalMethod names one of them by its Id, or all are for
    /// us.</summary>
    private static List<XmlElement> FindKeys(XmlElement element, XmlElement data, SamlLimits limits)
    {
        var info = data.Child(SamlNames.Signature, "KeyInfo")?.Children() ?? [];
        List<XmlElement> inside = [.. info.Where(child => child.Is(SamlNames.Encryption, "EncryptedKey"))];
        List<XmlElement> beside = [.. element.Children(SamlNames.Encryption, "EncryptedKey")];
        if (inside.Count + beside.Count > limits.MaxRecipients)
        {
            throw Malformed($"There are {inside.Count + beside.Count} EncryptedKeys; the limit is {limits.MaxRecipients}.");
        }
        var references = info.Where(child => child.Is(SamlNames.Signature, "RetrievalMethod")).Select(LocalId).ToHashSet(StringComparer.Ordinal);
        return [.. inside, .. beside.Where(key => references.Count == 0 || (key.Attribute("Id") is { } id && references.Contains(id)))];
    }

    /// <summary>Nothing is ever fetched, and nothing looked up outside of the neighbours.</summary>
    private static string LocalId(XmlElement retrieval) =>
        retrieval.Attribute("URI") is ['#', .. var id] && IsNcName(id) && retrieval.Children().Count == 0
            ? id
            : throw Malformed("A RetrievalMethod does not name a neighbour's Id.");

    /// <summary>EncryptedType (XML Encryption 1.1 §3.1) and what EncryptedKey adds to it.</summary>
    private static void InOrder(XmlElement element) => element.InOrder(
        Place.One(SamlNames.Encryption, "EncryptionMethod"),
        Place.Optional(SamlNames.Signature, "KeyInfo"),
        Place.One(SamlNames.Encryption, "CipherData"),
        Place.Optional(SamlNames.Encryption, "EncryptionProperties"),
        Place.Optional(SamlNames.Encryption, "ReferenceList"),
        Place.Optional(SamlNames.Encryption, "CarriedKeyName"));

    private static XmlElement Method(XmlElement element) => element.Child(SamlNames.Encryption, "EncryptionMethod")!;

    private static byte[] CipherValue(XmlElement element)
    {
        var data = element.Child(SamlNames.Encryption, "CipherData")!;
        data.InOrder(Place.One(SamlNames.Encryption, "CipherValue"));   // so a CipherReference is refused
        return Base64Message.TryDecode(data.Children()[0].Text()) ?? throw Malformed("A CipherValue is not base64.");
    }
}
