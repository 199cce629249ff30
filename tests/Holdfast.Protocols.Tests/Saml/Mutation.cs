using System.Xml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>Breaks a message, in its bytes or in its structure. The same dice break it the same way.</summary>
internal static class Mutation
{
    public static byte[] Bytes(byte[] original, Dice dice)
    {
        var bytes = original.ToList();
        for (var changes = 1 + dice.Roll(3); changes > 0 && bytes.Count > 1; changes--)
        {
            var at = dice.Roll(bytes.Count);
            switch (dice.Roll(5))
            {
                case 0:
                    bytes[at] = (byte)dice.Roll(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << dice.Roll(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(1 + dice.Roll(40), bytes.Count - at));
                    break;
                case 3:
                    var from = dice.Roll(bytes.Count / 2);
                    bytes.InsertRange(at, bytes.GetRange(from, Math.Min(1 + dice.Roll(40), bytes.Count - from)));
                    break;
                default:
                    bytes.InsertRange(at, "<>&\"'=/ -:#]["u8.Slice(dice.Roll(13), 1).ToArray());
                    break;
            }
        }
        return [.. bytes];
    }

    public static string Structure(string original, Dice dice) => Xml.Change(original, document =>
    {
        for (var changes = 1 + dice.Roll(3); changes > 0; changes--)
        {
            Change(document, dice);
        }
    });

    /// <summary>What leaves a signature whole more often than not: white space, prefixes, key hints, what stands around.</summary>
    public static string Gently(string original, Dice dice) => Xml.Change(original, document =>
    {
        for (var changes = 1 + dice.Roll(3); changes > 0; changes--)
        {
            var elements = document.SelectNodes("//*")!.Cast<XmlElement>().ToList();
            var one = elements[dice.Roll(elements.Count)];
            switch (dice.Roll(7))
            {
                case 0:
                    one.AppendChild(document.CreateTextNode("\n "));
                    break;
                case 1:
                    one.PrependChild(document.CreateTextNode(" "));
                    break;
                case 2:
                    document.DocumentElement!.SetAttribute("xmlns:extra", "urn:extra");
                    break;
                case 3 when document.Find("KeyInfo") is { } info:
                    info.Remove();
                    break;
                case 4:
                    document.DocumentElement!.SetAttribute("Consent", "urn:x");
                    break;
                case 5:
                    one.SetAttribute("xmlns:unused" + dice.Roll(3), "urn:unused");
                    break;
                case 6 when document.Find("SignatureValue") is { } value:
                    value.InnerText = value.InnerText.Insert(dice.Roll(value.InnerText.Length), "\n");
                    break;
            }
        }
    });

    private static void Change(XmlDocument document, Dice dice)
    {
        var elements = document.SelectNodes("//*")!.Cast<XmlElement>().ToList();
        var one = elements[dice.Roll(elements.Count)];
        var other = elements[dice.Roll(elements.Count)];
        var isMovable = one != document.DocumentElement && !other.SelectNodes("ancestor-or-self::*")!.Cast<XmlElement>().Contains(one);
        switch (dice.Roll(8))
        {
            case 0 when isMovable:
                other.AppendChild(one.Remove());
                break;
            case 1 when isMovable:
                other.PrependChild(one.Copy());
                break;
            case 2 when one != document.DocumentElement:
                one.Remove();
                break;
            case 3 when other != document.DocumentElement && isMovable:
                other.ParentNode!.InsertBefore(Forgery(one), other);
                break;
            case 4 when one.Attributes.Count > 0 && other.Attributes.Count > 0:
                one.Attributes[dice.Roll(one.Attributes.Count)].Value = other.Attributes[dice.Roll(other.Attributes.Count)].Value;
                break;
            case 5 when one.Attributes.Count > 0:
                one.Attributes.RemoveAt(dice.Roll(one.Attributes.Count));
                break;
            case 6 when one.ChildNodes.Count == 1 && one.FirstChild is XmlText text:
                text.Value = dice.Roll(2) == 0 ? Sample.Mallory : other.InnerText;
                break;
            default:
                one.SetAttribute(dice.Roll(2) == 0 ? "Id" : "ID", other.GetAttribute("ID") is { Length: > 0 } id ? id : "_new");
                break;
        }
    }

    private static XmlElement Forgery(XmlElement element)
    {
        var copy = element.Copy();
        if (copy.Find("NameID") is { } nameId)
        {
            nameId.InnerText = Sample.Mallory;
        }
        return copy;
    }
}
