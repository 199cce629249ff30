using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-082 to SAML-084: each limit at its value, which passes, and one beyond it, which does not.</summary>
public class LimitTests
{
    private static void Bounds(SamlRefusal why, Func<int, string> make, Func<int, SamlLimits> limits, int limit)
    {
        Sample.Accepts(make(limit), limits: limits(limit));
        Sample.Refuses(why, make(limit + 1), limits: limits(limit));
    }

    [Fact]
    public void Bytes_are_bounded()
    {
        var xml = Sample.Signed();
        var size = Encoding.UTF8.GetByteCount(xml);
        Bounds(SamlRefusal.TooLarge, n => xml + new string(' ', n - size), n => new(MaxDecodedBytes: n), size + 100);
    }

    [Fact]
    public void Bytes_are_bounded_by_default_at_512_kB()
    {
        var xml = Sample.Signed();
        var size = Encoding.UTF8.GetByteCount(xml);
        Bounds(SamlRefusal.TooLarge, n => xml + new string(' ', n - size), _ => SamlLimits.Default, 512 * 1024);
    }

    [Theory] // SAML-082: refused by length, before decoding; what is not base64 shows it
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(100)]
    public void A_huge_response_is_refused_undecoded(int megabytes)
    {
        var response = new string('!', megabytes << 20);
        Sample.Refused(SamlRefusal.TooLarge, SamlResponse.Check(response, Sample.Trust, Sample.Request, Sample.Now, Sample.Skew));
    }

    [Fact] // SAML-083
    public void Depth_is_bounded()
    {
        // The Response, its Extensions, then the rest.
        string Nested(int depth) => Sample.Signed().Replace(
            "<samlp:Status>", $"<samlp:Extensions>{Deep(depth - 2)}</samlp:Extensions><samlp:Status>", StringComparison.Ordinal);
        Bounds(SamlRefusal.TooDeep, Nested, n => new(MaxDepth: n), 64);
        Bounds(SamlRefusal.TooDeep, Nested, n => new(MaxDepth: n), 20);
        // Below a signature that has to be canonicalized, too: the canonicalizer has a bound of its own, which must not be lower.
        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.OnResponse.Sign(Nested(64))).NameId);
    }

    [Theory] // SAML-083
    [InlineData("signed", 1_000)]
    [InlineData("signed", 10_000)]
    [InlineData("key info", 10_000)]
    [InlineData("advice", 10_000)]
    [InlineData("signed", 60_000)]
    public void Deep_nesting_anywhere_is_refused(string place, int depth)
    {
        var signed = Sample.Signed(how: Sample.OnAssertion with { KeyInfo = "<ds:KeyInfo></ds:KeyInfo>" });
        var deep = place switch
        {
            "signed" => signed.Replace("alice@example.com</saml:AttributeValue>", Deep(depth) + "</saml:AttributeValue>", StringComparison.Ordinal),
            "key info" => signed.Replace("</ds:KeyInfo>", Deep(depth) + "</ds:KeyInfo>", StringComparison.Ordinal).Replace("<ds:KeyInfo />", "<ds:KeyInfo>" + Deep(depth) + "</ds:KeyInfo>", StringComparison.Ordinal),
            _ => signed.Replace("</saml:Conditions>", "</saml:Conditions><saml:Advice>" + Deep(depth) + "</saml:Advice>", StringComparison.Ordinal),
        };
        Sample.Refuses(SamlRefusal.TooDeep, deep);
    }

    [Fact] // SAML-084
    public void Elements_are_bounded()
    {
        var signed = Sample.Signed();
        var own = Xml.Parse(signed).SelectNodes("//*")!.Count + 1;
        string Many(int n) => signed.Replace(
            "<samlp:Status>", "<samlp:Extensions>" + string.Concat(Enumerable.Repeat("<x/>", n - own)) + "</samlp:Extensions><samlp:Status>", StringComparison.Ordinal);
        Bounds(SamlRefusal.TooManyElements, Many, n => new(MaxElements: n), 100);
        Bounds(SamlRefusal.TooManyElements, Many, _ => SamlLimits.Default, 20_000);
    }

    [Fact] // SAML-084
    public void Attributes_are_bounded()
    {
        string Many(int n) => Sample.Signed("<saml:AuthnContext>", "<saml:AuthnContext " + string.Join(' ', Enumerable.Range(0, n).Select(i => $"a{i}=\"\"")) + ">");
        Bounds(SamlRefusal.TooManyAttributes, Many, _ => SamlLimits.Default, 64);
        Sample.Refuses(SamlRefusal.TooManyAttributes, Many(40_000));
    }

    [Fact] // what canonicalization could make of a small message
    public void Namespaces_are_bounded_by_what_they_could_grow_to()
    {
        const int Length = 2_000;
        var used = "<samlp:Extensions xmlns:p=\"urn:" + new string('x', Length - 4) + "\">";
        string Many(int n) => Sample.Signed(how: Sample.OnResponse).Replace(
            "<samlp:Status>", used + string.Concat(Enumerable.Repeat("<p:x/>", n)) + "</samlp:Extensions><samlp:Status>", StringComparison.Ordinal);
        Sample.Refuses(SamlRefusal.DigestInvalid, Many(900));
        Sample.Refuses(SamlRefusal.NamespacesTooLong, Many(1_000));
    }

    [Fact] // declarations along one path; siblings may repeat theirs
    public void Namespaces_in_scope_are_bounded()
    {
        // Two are the Response's own.
        string Many(int n) => WithExtensions("<x " + Declared(0, 60) + "><x " + Declared(60, n - 62) + "/><x " + Declared(60, n - 62) + "/></x>");
        string Declared(int from, int count) => string.Join(' ', Enumerable.Range(from, count).Select(i => $"xmlns:p{i}=\"urn:x\""));
        Bounds(SamlRefusal.TooManyNamespaces, Many, n => new(MaxNamespacesInScope: n), 100);
        Sample.Refuses(SamlRefusal.TooManyNamespaces, WithExtensions(
            string.Concat(Enumerable.Range(0, 5).Select(i => $"<x {Declared(i * 60, 60)}>")) + string.Concat(Enumerable.Repeat("</x>", 5))));
    }

    [Fact] // SAML-084: counts that a quadratic look-up would feel
    public void Many_ids_and_signatures_are_refused_quickly()
    {
        var ids = string.Concat(Enumerable.Range(0, 50_000).Select(i => $"<x Id=\"i{i}\"/>"));
        Sample.Refuses(SamlRefusal.TooLarge, WithExtensions(ids));
        ids = string.Concat(Enumerable.Range(0, 19_000).Select(i => $"<x Id=\"i{i}\"/>"));
        Assert.Equal(Sample.Alice, Sample.Accepts(WithExtensions(ids)).NameId);
        Sample.Refuses(SamlRefusal.ElementMisplaced, WithExtensions(string.Concat(
            Enumerable.Repeat("<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"/>", 9_000))));
    }

    [Fact] // SAML-062
    public void The_name_identifier_is_bounded() => Bounds(
        SamlRefusal.NameIdTooLong, n => Sample.Signed("alice@example.com</saml:NameID>", new string('a', n) + "</saml:NameID>"), _ => SamlLimits.Default, 1024);

    [Fact]
    public void Attribute_values_are_bounded() => Bounds(
        SamlRefusal.TooManyAttributeValues,
        n => Sample.Signed("<saml:AttributeValue>", string.Concat(Enumerable.Repeat("<saml:AttributeValue/>", n - 1)) + "<saml:AttributeValue>"),
        _ => SamlLimits.Default,
        2_000);

    private static string WithExtensions(string inside) => Sample.Signed().Replace(
        "<samlp:Status>", $"<samlp:Extensions>{inside}</samlp:Extensions><samlp:Status>", StringComparison.Ordinal);

    private static string Deep(int depth) => string.Concat(Enumerable.Repeat("<x>", depth)) + string.Concat(Enumerable.Repeat("</x>", depth));
}
