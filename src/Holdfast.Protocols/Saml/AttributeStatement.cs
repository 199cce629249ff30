using System.Xml;
using static Holdfast.Protocols.Saml.SamlElement;

namespace Holdfast.Protocols.Saml;

/// <summary>The attributes of an assertion (Core §2.7.3).</summary>
internal static class AttributeStatement
{
    /// <summary>All statements taken together; the values of an attribute that is given twice are joined.</summary>
    /// <exception cref="RefusedException"/>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Read(XmlElement assertion, SamlLimits limits)
    {
        var attributes = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var count = 0;
        foreach (var statement in assertion.Children(SamlNames.Assertion, "AttributeStatement"))
        {
            statement.InOrder(Place.Any(SamlNames.Assertion, "Attribute", "EncryptedAttribute"));
            foreach (var attribute in statement.Children())
            {
                if (attribute.LocalName == "EncryptedAttribute")
                {
                    throw new RefusedException(SamlRefusal.EncryptedNotSupported, "Encrypted attributes are not supported.");
                }
                attribute.InOrder(Place.Any(SamlNames.Assertion, "AttributeValue"));
                var name = attribute.Required("Name");
                if (!attributes.TryGetValue(name, out var values))
                {
                    attributes[name] = values = [];
                }
                foreach (var value in attribute.Children())
                {
                    if (++count > limits.MaxAttributeValues)
                    {
                        throw new RefusedException(SamlRefusal.TooManyAttributeValues, $"The limit is {limits.MaxAttributeValues}.");
                    }
                    if (!IsNil(value))
                    {
                        values.Add(Value(value));
                    }
                }
            }
        }
        return attributes.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<string>)pair.Value, StringComparer.Ordinal);
    }

    private static bool IsNil(XmlElement value) => value.GetAttribute("nil", SamlNames.SchemaInstance) is "true" or "1";

    /// <summary>The text, whatever its xsi:type; eduPersonTargetedID wraps it in one NameID.</summary>
    private static string Value(XmlElement value) =>
        FirstElement(value) is not { } inner
            ? value.Text()
            : inner.Is(SamlNames.Assertion, "NameID") && value.Children().Count == 1
                ? inner.Text()
                : throw Malformed("An AttributeValue holds elements.");

    private static XmlElement? FirstElement(XmlElement value)
    {
        var node = value.FirstChild;
        while (node is not (null or XmlElement))
        {
            node = node.NextSibling;
        }
        return (XmlElement?)node;
    }
}
