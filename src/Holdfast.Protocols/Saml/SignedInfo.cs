using System.Security.Cryptography;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>A SignedInfo that fits the one template which is accepted (Core §5.4): one Reference, the enveloped transform and then a
/// canonicalization.</summary>
/// <param name="Id">The ID that the Reference names.</param>
internal sealed record SignedInfo(
    Canonicalization Method, SignatureAlgorithm Algorithm, string Id, Canonicalization Content, HashAlgorithmName DigestAlgorithm, string DigestUri,
    byte[] Digest)
{
    /// <exception cref="RefusedException">SignatureShape, SignatureReference, AlgorithmNotAllowed or TooManyPrefixes.</exception>
    public static SignedInfo Read(XmlElement signedInfo, bool allowSha1, SamlLimits limits)
    {
        var parts = Parts(signedInfo, ["Id"], "CanonicalizationMethod", "SignatureMethod", "Reference");
        var (method, algorithm, reference) = (parts[0], parts[1], parts[2]);
        Parts(algorithm, ["Algorithm"]);
        var referenced = Parts(reference, ["Id", "URI"], "Transforms", "DigestMethod", "DigestValue");
        Parts(referenced[1], ["Algorithm"]);
        return new(
            Canonicalization.Read(method, limits),
            SignatureAlgorithm.Find(algorithm.Attribute("Algorithm"), allowSha1),
            ReferencedId(reference.Attribute("URI")),
            ReadTransforms(referenced[0], limits),
            SignatureAlgorithm.FindDigest(referenced[1].Attribute("Algorithm"), allowSha1),
            referenced[1].Required("Algorithm"),
            Base64(referenced[2]));
    }

    /// <summary>The child elements, which must be exactly these, in this order; an attribute that is not named is refused too.</summary>
    public static List<XmlElement> Parts(XmlElement element, string[] attributes, params string[] names)
    {
        var children = element.Children();
        return HasOnly(element, attributes)
            && children.Count == names.Length
            && children.Zip(names).All(pair => pair.First.Is(SamlNames.Signature, pair.Second))
            ? children
            : throw new RefusedException(SamlRefusal.SignatureShape, $"{element.LocalName} is not made as expected.");
    }

    /// <summary>Base64 in an element; white space is allowed in it.</summary>
    public static byte[] Base64(XmlElement element)
    {
        return HasOnly(element, ["Id"]) && Base64Message.TryDecode(element.Text()) is { Length: > 0 } bytes
            ? bytes
            : throw new RefusedException(SamlRefusal.SignatureShape, $"{element.LocalName} is not base64.");
    }

    private static bool HasOnly(XmlElement element, string[] attributes) => element.Attributes.Cast<XmlAttribute>().All(
        a => a.NamespaceURI == SamlNames.Declarations || (a.NamespaceURI.Length == 0 && attributes.Contains(a.LocalName)));

    private static string ReferencedId(string? uri) =>
        uri is ['#', .. var id] && SamlElement.IsNcName(id)
            ? id
            : throw new RefusedException(SamlRefusal.SignatureReference, "The Reference does not name an ID of this document.");

    private static Canonicalization ReadTransforms(XmlElement transforms, SamlLimits limits)
    {
        Parts(transforms, [], [.. Enumerable.Repeat("Transform", Math.Clamp(transforms.Children().Count, 1, 2))]);
        var steps = transforms.Children();
        if (steps[0].Attribute("Algorithm") != SamlNames.Enveloped || steps[0].Children().Count > 0)
        {
            throw new RefusedException(SamlRefusal.SignatureShape, "The first Transform is not the enveloped signature.");
        }
        // Nodes are digested as inclusive C14N 1.0 when no canonicalization is named (XML Signature §4.4.3.2).
        return steps.Count == 2 ? Canonicalization.Read(steps[1], limits) : Canonicalization.Inclusive;
    }
}
