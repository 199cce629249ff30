using System.Text;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Reads XML: once, from bytes, with every bound, no document type and no resolver.</summary>
/// <remarks>The tree is made node by node, so that a bound is met before anything beyond it is built. White space is kept, for signatures.
/// UTF-8 and UTF-16 only, and a declared encoding must be the one that the bytes are in.</remarks>
internal static class SamlXml
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <param name="dropComments">Signed messages refuse comments: dropping them would join texts that their writer kept apart. Metadata
    /// files are full of them and carry no such risk, since every value there is read from the same joined text.</param>
    /// <exception cref="RefusedException"/>
    public static XmlElement Read(ReadOnlySpan<byte> xml, SamlLimits limits, bool dropComments = false)
    {
        if (xml.Length > limits.MaxDecodedBytes)
        {
            throw new RefusedException(SamlRefusal.TooLarge, $"The XML has more than {limits.MaxDecodedBytes} bytes.");
        }
        var text = Decode(xml, out var encoding);
        try
        {
            using var reader = XmlReader.Create(new StringReader(text), new XmlReaderSettings
            {
                DtdProcessing = DtdProcessing.Prohibit,
                XmlResolver = null,
                MaxCharactersInDocument = Math.Max(text.Length, 1),
                IgnoreComments = dropComments,
            });
            return Build(reader, encoding, limits);
        }
        catch (XmlException e)
        {
            // The reader stops at a document type but says so only in prose; the text tells which name the refusal gets.
            throw text.Contains("<!DOCTYPE", StringComparison.Ordinal)
                ? new RefusedException(SamlRefusal.DocumentTypeForbidden, "A document type declaration is not allowed.")
                : new RefusedException(SamlRefusal.NotXml, $"Not well-formed XML at line {e.LineNumber}, position {e.LinePosition}.");
        }
    }

    /// <summary>Reads what we wrote ourselves, however long it is.</summary>
    public static XmlElement ReadOwn(ReadOnlySpan<byte> xml) => Read(xml, SamlLimits.Default with { MaxDecodedBytes = int.MaxValue });

    private static string Decode(ReadOnlySpan<byte> xml, out string encoding)
    {
        // XML 1.0, appendix F: the mark, or the first "<", tells UTF-16.
        Encoding decoder = xml switch
        {
            [0xFF, 0xFE, ..] or [(byte)'<', 0, ..] => new UnicodeEncoding(bigEndian: false, byteOrderMark: true, throwOnInvalidBytes: true),
            [0xFE, 0xFF, ..] or [0, (byte)'<', ..] => new UnicodeEncoding(bigEndian: true, byteOrderMark: true, throwOnInvalidBytes: true),
            _ => Utf8,
        };
        encoding = decoder is UTF8Encoding ? "utf-8" : "utf-16";
        try
        {
            var text = decoder.GetString(xml);
            return text.StartsWith('\uFEFF') ? text[1..] : text;
        }
        catch (DecoderFallbackException)
        {
            throw new RefusedException(SamlRefusal.EncodingNotAllowed, $"The bytes are not {encoding}.");
        }
    }

    private static XmlElement Build(XmlReader reader, string encoding, SamlLimits limits)
    {
        var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        XmlNode parent = document;
        var elements = 0;
        var namespaceChars = 0L;
        var inScope = new int[limits.MaxDepth + 1];   // declarations up to each depth
        while (reader.Read())
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.XmlDeclaration:
                    Agree(reader.GetAttribute("encoding"), encoding);
                    break;
                case XmlNodeType.Element:
                    Bound(++elements <= limits.MaxElements, SamlRefusal.TooManyElements, limits.MaxElements);
                    var depth = reader.Depth;
                    Bound(depth < limits.MaxDepth, SamlRefusal.TooDeep, limits.MaxDepth);
                    Bound(reader.AttributeCount <= limits.MaxAttributesPerElement, SamlRefusal.TooManyAttributes, limits.MaxAttributesPerElement);
                    var isEmpty = reader.IsEmptyElement;
                    var element = document.CreateElement(reader.Prefix, reader.LocalName, reader.NamespaceURI);
                    namespaceChars += reader.NamespaceURI.Length + Attributes(reader, element);
                    Bound(namespaceChars <= limits.MaxNamespaceChars, SamlRefusal.NamespacesTooLong, limits.MaxNamespaceChars);
                    inScope[depth + 1] = inScope[depth]
                        + element.Attributes.Cast<XmlAttribute>().Count(a => a.NamespaceURI == SamlNames.Declarations);
                    Bound(inScope[depth + 1] <= limits.MaxNamespacesInScope, SamlRefusal.TooManyNamespaces, limits.MaxNamespacesInScope);
                    parent.AppendChild(element);
                    parent = isEmpty ? parent : element;
                    break;
                case XmlNodeType.EndElement:
                    parent = parent.ParentNode!;
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA:
                    parent.AppendChild(document.CreateTextNode(reader.Value));   // what canonicalization makes of CDATA
                    break;
                case XmlNodeType.SignificantWhitespace or XmlNodeType.Whitespace when parent is XmlElement:
                    parent.AppendChild(document.CreateTextNode(reader.Value));
                    break;
                case XmlNodeType.Whitespace:
                    break;
                case XmlNodeType.Comment:
                    throw new RefusedException(SamlRefusal.CommentForbidden, "Comments are not allowed.");
                case XmlNodeType.ProcessingInstruction:
                    throw new RefusedException(SamlRefusal.ProcessingInstructionForbidden, "Processing instructions are not allowed.");
                default:
                    throw new RefusedException(SamlRefusal.NotXml, $"A node of type {reader.NodeType} is not allowed.");
            }
        }
        return document.DocumentElement!;
    }

    /// <summary>Copies the attributes; yields how long their namespaces' names are.</summary>
    private static long Attributes(XmlReader reader, XmlElement element)
    {
        var namespaceChars = 0L;
        while (reader.MoveToNextAttribute())
        {
            if (reader.NamespaceURI == SamlNames.Declarations && !IsAbsolute(reader.Value))
            {
                // Canonicalization must fail on a relative name (C14N 1.0 §1), and .NET's does not.
                throw new RefusedException(SamlRefusal.NamespaceForbidden, "A namespace's name is not an absolute URI.");
            }
            var attribute = element.OwnerDocument.CreateAttribute(reader.Prefix, reader.LocalName, reader.NamespaceURI);
            attribute.Value = reader.Value;
            element.SetAttributeNode(attribute);
            namespaceChars += reader.Prefix.Length == 0 ? 0 : reader.NamespaceURI.Length;
        }
        return namespaceChars;
    }

    /// <summary>Has a scheme (RFC 3986 §3.1), or is the empty name that undeclares the default namespace.</summary>
    private static bool IsAbsolute(string name)
    {
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        return name.Length == 0
            || (colon > 0 && char.IsAsciiLetter(name[0]) && name.AsSpan(0, colon).IndexOfAnyExcept(SchemeChars) < 0);
    }

    private static readonly System.Buffers.SearchValues<char> SchemeChars =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    private static void Agree(string? declared, string encoding)
    {
        if (declared is not null && !declared.Equals(encoding, StringComparison.OrdinalIgnoreCase))
        {
            throw new RefusedException(
                SamlRefusal.EncodingNotAllowed, $"The bytes are {encoding}, the declaration says {RefusedException.Quote(declared)}.");
        }
    }

    private static void Bound(bool within, SamlRefusal why, int limit)
    {
        if (!within)
        {
            throw new RefusedException(why, $"The limit is {limit}.");
        }
    }
}
