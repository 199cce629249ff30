using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Refuses what two readers could resolve to two different things: an ID given twice, an attribute given twice under two prefixes.</summary>
internal static class UniqueNames
{
    /// <summary>Checks an element and all inside it, in one pass. Every spelling of ID counts, in any namespace.</summary>
    /// <exception cref="RefusedException">DuplicateId or DuplicateAttribute.</exception>
    public static void Check(XmlElement root) => Check(root, new HashSet<string>(StringComparer.Ordinal));

    private static void Check(XmlElement element, HashSet<string> ids)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (XmlAttribute attribute in element.Attributes)
        {
            if (attribute.NamespaceURI == SamlNames.Declarations)
            {
                continue;
            }
            if (!names.Add(attribute.LocalName))
            {
                throw new RefusedException(
                    SamlRefusal.DuplicateAttribute, $"{element.LocalName} has {RefusedException.Quote(attribute.LocalName)} under two prefixes.");
            }
            if (attribute.LocalName.Equals("ID", StringComparison.OrdinalIgnoreCase) && !ids.Add(attribute.Value))
            {
                throw new RefusedException(SamlRefusal.DuplicateId, $"The ID {RefusedException.Quote(attribute.Value)} is given twice.");
            }
        }
        for (var node = element.FirstChild; node is not null; node = node.NextSibling)
        {
            if (node is XmlElement child)
            {
                Check(child, ids);
            }
        }
    }
}
