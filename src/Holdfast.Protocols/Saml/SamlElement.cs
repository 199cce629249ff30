using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Reads parts of an element the way the schema means them. Only attributes without a namespace are seen.</summary>
internal static class SamlElement
{
    private static readonly char[] WhiteSpace = [' ', '\t', '\r', '\n'];

    public static bool Is(this XmlElement element, string ns, string name) => element.LocalName == name && element.NamespaceURI == ns;

    /// <summary>The child elements of an element that holds no text of its own.</summary>
    /// <exception cref="RefusedException">Malformed: there is text between them.</exception>
    public static List<XmlElement> Children(this XmlElement element)
    {
        var children = new List<XmlElement>();
        for (var node = element.FirstChild; node is not null; node = node.NextSibling)
        {
            if (node is XmlElement child)
            {
                children.Add(child);
            }
            else if (node.Value.AsSpan().Trim(WhiteSpace).Length > 0)
            {
                throw Malformed($"{element.LocalName} holds text.");
            }
        }
        return children;
    }

    /// <summary>The children of that name, in document order.</summary>
    public static IEnumerable<XmlElement> Children(this XmlElement element, string ns, string name) =>
        element.Children().Where(child => child.Is(ns, name));

    /// <summary>The one child of that name; null when there is none.</summary>
    /// <exception cref="RefusedException">Malformed: there are several.</exception>
    public static XmlElement? Child(this XmlElement element, string ns, string name)
    {
        var found = element.Children(ns, name).ToList();
        return found.Count < 2 ? found.FirstOrDefault() : throw Malformed($"{element.LocalName} holds more than one {name}.");
    }

    /// <summary>Refuses children that the schema does not have, or not in this order.</summary>
    public static void InOrder(this XmlElement element, params ReadOnlySpan<Place> places)
    {
        var at = 0;
        var taken = 0;
        foreach (var child in element.Children())
        {
            while (at < places.Length && !(taken < places[at].Most && places[at].Takes(child)))
            {
                Enough(element, places[at++], taken);
                taken = 0;
            }
            if (at == places.Length)
            {
                throw Malformed($"{element.LocalName} has no place for this {RefusedException.Quote(child.LocalName)}.");
            }
            taken++;
        }
        for (; at < places.Length; taken = 0)
        {
            Enough(element, places[at++], taken);
        }
    }

    private static void Enough(XmlElement element, Place place, int taken)
    {
        if (taken < place.Least)
        {
            throw Malformed($"{element.LocalName} lacks {place.Names[0]}.");
        }
    }

    /// <summary>The text of an element that holds nothing else, without white space at its ends.</summary>
    /// <exception cref="RefusedException">Malformed: there is an element inside, so two readers could see two texts.</exception>
    public static string Text(this XmlElement element)
    {
        for (var node = element.FirstChild; node is not null; node = node.NextSibling)
        {
            if (node is XmlElement)
            {
                throw Malformed($"{element.LocalName} may hold text only.");
            }
        }
        return element.InnerText.Trim(WhiteSpace);
    }

    public static string? Attribute(this XmlElement element, string name) => element.GetAttributeNode(name, "")?.Value;

    /// <exception cref="RefusedException">Malformed: it is missing.</exception>
    public static string Required(this XmlElement element, string name) =>
        element.Attribute(name) ?? throw Malformed($"{element.LocalName} lacks {name}.");

    /// <summary>A required ID: an NCName (XML Schema, xs:ID).</summary>
    public static string RequiredId(this XmlElement element)
    {
        var id = element.Required("ID");
        return IsNcName(id) ? id : throw Malformed($"{element.LocalName} has an ID that is no NCName.");
    }

    public static bool IsNcName(string text) => XmlReader.IsName(text) && !text.Contains(':', StringComparison.Ordinal);

    public static DateTimeOffset? Time(this XmlElement element, string name) =>
        element.Attribute(name) is { } text ? SamlTime.Parse(text) : null;

    public static RefusedException Malformed(string detail) => new(SamlRefusal.Malformed, detail);

    /// <summary>One step of a schema's sequence: any of the names, so many times.</summary>
    public readonly record struct Place(string Namespace, string[] Names, int Least, int Most)
    {
        public bool Takes(XmlElement child) => child.NamespaceURI == Namespace && Names.Contains(child.LocalName);

        public static Place One(string ns, string name) => new(ns, [name], 1, 1);

        public static Place Optional(string ns, string name) => new(ns, [name], 0, 1);

        public static Place Any(string ns, params string[] names) => new(ns, names, 0, int.MaxValue);
    }
}
