using System.Xml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>What a forger does to a document.</summary>
internal static class Xml
{
    public static XmlDocument Parse(string xml)
    {
        var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        using var reader = XmlReader.Create(new StringReader(xml));
        document.Load(reader);
        return document;
    }

    public static XmlElement ById(this XmlDocument document, string id) =>
        document.SelectNodes("//*")!.Cast<XmlElement>().First(element => element.GetAttribute("ID") == id);

    /// <summary>The first element of that local name, at any depth.</summary>
    public static XmlElement? Find(this XmlNode node, string name) =>
        node.SelectNodes("descendant-or-self::*")!.Cast<XmlElement>().FirstOrDefault(element => element.LocalName == name);

    public static XmlElement Get(this XmlNode node, string name) => node.Find(name)!;

    public static XmlElement Copy(this XmlElement element) => (XmlElement)element.CloneNode(deep: true);

    public static XmlElement Remove(this XmlElement element)
    {
        element.ParentNode!.RemoveChild(element);
        return element;
    }

    /// <summary>A copy with another ID and Mallory's name, without its signature.</summary>
    public static XmlElement Forged(this XmlElement element, string id)
    {
        var copy = element.Copy();
        copy.SetAttribute("ID", id);
        foreach (var signature in copy.SelectNodes(".//*")!.Cast<XmlElement>().Where(e => e.LocalName == "Signature").ToList())
        {
            signature.Remove();
        }
        copy.Get("NameID").InnerText = Sample.Mallory;
        return copy;
    }

    public static string Change(string xml, Action<XmlDocument> change)
    {
        var document = Parse(xml);
        change(document);
        return document.OuterXml;
    }
}
