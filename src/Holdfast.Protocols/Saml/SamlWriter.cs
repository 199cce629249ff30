using System.Text;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Writes XML so that reading it back gives the same tree, line breaks included: a signature depends on it.</summary>
internal static class SamlWriter
{
    /// <returns>UTF-8, without mark and declaration.</returns>
    /// <exception cref="ArgumentException">A value holds a character that XML cannot carry.</exception>
    public static byte[] Write(Action<XmlWriter> write)
    {
        using var bytes = new MemoryStream();
        using (var xml = XmlWriter.Create(bytes, new XmlWriterSettings
        {
            Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            OmitXmlDeclaration = true,
            NewLineHandling = NewLineHandling.Entitize,
        }))
        {
            write(xml);
        }
        return bytes.ToArray();
    }

    /// <summary>An element that says nothing but which algorithm.</summary>
    public static void WriteAlgorithm(this XmlWriter xml, string prefix, string name, string ns, string uri)
    {
        xml.WriteStartElement(prefix, name, ns);
        xml.WriteAttributeString("Algorithm", uri);
        xml.WriteEndElement();
    }
}
