using System.Security.Cryptography.Xml;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>One of the two canonicalizations that are accepted: exclusive 1.0, and inclusive 1.0 for older identity providers. Both without
/// comments.</summary>
/// <remarks>Inclusive canonicalization takes in namespaces that are declared outside the element. That is harmless here, because the octets
/// that come out are what is read afterwards.</remarks>
/// <param name="Prefixes">The InclusiveNamespaces PrefixList; null when there is none.</param>
internal sealed record Canonicalization(bool Exclusive, string? Prefixes)
{
    public static Canonicalization Inclusive { get; } = new(false, null);

    /// <summary>Reads a CanonicalizationMethod or Transform.</summary>
    /// <exception cref="RefusedException">AlgorithmNotAllowed, SignatureShape or TooManyPrefixes.</exception>
    public static Canonicalization Read(XmlElement method, SamlLimits limits)
    {
        var children = method.Children();
        return (method.Attribute("Algorithm"), children) switch
        {
            (SamlNames.InclusiveC14n, []) => Inclusive,
            (SamlNames.ExclusiveC14n, []) => new(true, null),
            (SamlNames.ExclusiveC14n, [var list]) when list.Is(SamlNames.ExclusiveC14n, "InclusiveNamespaces") => new(true, PrefixList(list, limits)),
            (SamlNames.InclusiveC14n or SamlNames.ExclusiveC14n, _) =>
                throw new RefusedException(SamlRefusal.SignatureShape, $"{method.LocalName} holds something unexpected."),
            var (other, _) => throw new RefusedException(
                SamlRefusal.AlgorithmNotAllowed, $"The {method.LocalName} {RefusedException.Quote(other ?? "")} is not allowed."),
        };
    }

    private static string PrefixList(XmlElement list, SamlLimits limits)
    {
        var prefixes = (list.Attribute("PrefixList") ?? "").Split([' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        if (prefixes.Length > limits.MaxPrefixes)
        {
            throw new RefusedException(SamlRefusal.TooManyPrefixes, $"The limit is {limits.MaxPrefixes}.");
        }
        return prefixes.All(prefix => prefix == "#default" || SamlElement.IsNcName(prefix))
            ? string.Join(' ', prefixes)
            : throw new RefusedException(SamlRefusal.SignatureShape, "The PrefixList holds something that is no prefix.");
    }

    /// <summary>The octets of an element and all inside it, except <paramref name="without"/>, which is one of its children (the enveloped-signature
    /// transform: XML Signature §6.6.4).</summary>
    /// <exception cref="RefusedException">SignatureInvalid: nothing came out.</exception>
    public byte[] Octets(XmlElement element, XmlElement? without = null)
    {
        var alone = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        var copy = (XmlElement)alone.ImportNode(element, deep: true);
        alone.AppendChild(copy);
        if (without is not null)
        {
            copy.RemoveChild(copy.ChildNodes[Index(element, without)]!);
        }
        Inherit(element, copy);
        Transform transform = Exclusive ? new XmlDsigExcC14NTransform(false, Prefixes) : new XmlDsigC14NTransform(false);
        transform.LoadInput(alone);
        using var octets = (MemoryStream)transform.GetOutput(typeof(Stream));
        // An empty octet stream has a digest that anybody can sign for: no element comes out empty.
        return octets.Length > 0
            ? octets.ToArray()
            : throw new RefusedException(SamlRefusal.SignatureInvalid, "Canonicalization yields nothing.");
    }

    private static int Index(XmlElement parent, XmlElement child)
    {
        var index = 0;
        for (var node = parent.FirstChild; node != child; node = node!.NextSibling)
        {
            index++;
        }
        return index;
    }

    /// <summary>Declares on the copy the namespaces that its ancestors had declared.</summary>
    private void Inherit(XmlElement element, XmlElement copy)
    {
        var seen = copy.Attributes.Cast<XmlAttribute>().Where(IsDeclaration).Select(a => a.Name).ToHashSet(StringComparer.Ordinal);
        for (var ancestor = element.ParentNode as XmlElement; ancestor is not null; ancestor = ancestor.ParentNode as XmlElement)
        {
            foreach (XmlAttribute attribute in ancestor.Attributes)
            {
                if (!Exclusive && attribute.NamespaceURI == SamlNames.Xml)
                {
                    // Inclusive canonicalization would copy it down; no identity provider writes one there.
                    throw new RefusedException(
                        SamlRefusal.AlgorithmNotAllowed, "Inclusive canonicalization below an xml: attribute is not supported.");
                }
                if (IsDeclaration(attribute) && seen.Add(attribute.Name) && attribute.Value.Length > 0)
                {
                    copy.SetAttributeNode((XmlAttribute)copy.OwnerDocument.ImportNode(attribute, deep: true));
                }
            }
        }
    }

    private static bool IsDeclaration(XmlAttribute attribute) => attribute.NamespaceURI == SamlNames.Declarations;
}
