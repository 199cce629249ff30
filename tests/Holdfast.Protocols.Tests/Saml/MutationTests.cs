using System.Text;
using System.Xml;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>Thousands of broken messages, the same in every run: none throws, none lets somebody else in, none is a fault of ours.</summary>
public class MutationTests
{
    /// <summary>A seeded sequence (xorshift), so that a failure can be run again.</summary>
    private sealed class Dice(ulong seed)
    {
        private ulong _state = (seed * 2654435761) + 88172645463325252;

        public int Roll(int below)
        {
            _state ^= _state << 13;
            _state ^= _state >> 7;
            _state ^= _state << 17;
            return (int)(_state % (ulong)below);
        }
    }

    public static TheoryData<string> Originals => new("assertion", "response", "both");

    private static string Original(string signed) => signed switch
    {
        "assertion" => Sample.Signed(),
        "response" => Sample.Signed(how: Sample.OnResponse),
        _ => Sample.OnResponse.Sign(Sample.Signed()),
    };

    private static void Holds(SamlVerdict verdict, Func<string> input)
    {
        var fault = verdict switch
        {
            SamlVerdict.Accepted { Assertion: var a } => a.NameId != Sample.Alice || a.Id != "_a1" || a.Attributes["email"] is not [Sample.Alice],
            SamlVerdict.Refused refused => refused.Why == SamlRefusal.Unexpected,
            _ => true,
        };
        Assert.False(fault, $"{verdict}\n{(fault ? input() : "")}");
    }

    [Theory]
    [MemberData(nameof(Originals))]
    public void Changed_bytes_never_let_another_in(string signed)
    {
        var original = Encoding.UTF8.GetBytes(Original(signed));
        var dice = new Dice(1);
        for (var i = 0; i < 3_000; i++)
        {
            var bytes = original.ToList();
            for (var changes = 1 + dice.Roll(3); changes > 0; changes--)
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
                        bytes.InsertRange(at, bytes.GetRange(dice.Roll(bytes.Count / 2), 1 + dice.Roll(40)));
                        break;
                    default:
                        bytes.InsertRange(at, "<>&\"'=/ -:#]["u8.Slice(dice.Roll(13), 1).ToArray());
                        break;
                }
            }
            Holds(Sample.Check(bytes.ToArray()), () => Encoding.UTF8.GetString(bytes.ToArray()));
        }
    }

    [Theory]
    [MemberData(nameof(Originals))]
    public void Changed_structure_never_lets_another_in(string signed)
    {
        var original = Original(signed);
        var dice = new Dice(2);
        for (var i = 0; i < 3_000; i++)
        {
            var xml = Xml.Change(original, document =>
            {
                for (var changes = 1 + dice.Roll(3); changes > 0; changes--)
                {
                    Change(document, dice);
                }
            });
            Holds(Sample.Check(xml), () => xml);
        }
    }

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
