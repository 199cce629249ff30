using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>What a response says of itself, for explaining a refusal: never the person, never an exception.</summary>
public sealed class SamlSurfaceTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static SamlIssue Issue => new("_r", "_a", "https://idp.test", "urn:sp", "https://sp.test/acs", "_q", "ada@acme.test", Now)
    {
        Attributes = new Dictionary<string, IReadOnlyList<string>> { ["mail"] = ["ada@acme.test"], ["sn"] = ["Lovelace"] },
    };

    [Fact]
    public void It_tells_what_an_administrator_compares_and_nothing_of_the_person()
    {
        var key = TestKeys.Idp;
        var response = SamlIssuer.Issue(Issue with { Signed = SamlSigned.Both }, key);
        var surface = SamlSurface.Read(response)!;

        Assert.Equal(("https://idp.test", "https://sp.test/acs", "_q", "urn:sp"), (surface.Issuer, surface.Destination, surface.InResponseTo, Assert.Single(surface.Audiences)));
        Assert.Equal(("https://sp.test/acs", "2026-01-01T12:05:00Z"), (Assert.Single(surface.Recipients), surface.Times.NotOnOrAfter![..19] + "Z"));
        Assert.Equal(["Response", "Assertion"], surface.Signed.Order().Reverse());
        Assert.Equal(key.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256).ToLowerInvariant(), Assert.Single(surface.Certificates));
        Assert.Equal(["mail", "sn"], surface.AttributeNames);
        var text = System.Text.Json.JsonSerializer.Serialize(surface);
        Assert.DoesNotContain("ada@", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Lovelace", text, StringComparison.Ordinal);

        var accepted = Assert.IsType<SamlVerdict.Accepted>(SamlResponse.Check(
            response, new SamlTrust("https://idp.test", [key], "urn:sp", "https://sp.test/acs"), "_q", Now, TimeSpan.FromSeconds(60)));
        var of = SamlSurface.Of(accepted.Assertion, accepted.Evidence, new SamlTrust("https://idp.test", [key], "urn:sp", "https://sp.test/acs"));
        Assert.Equal((surface.Issuer, surface.InResponseTo, surface.NameIdFormat, surface.Times.Made), (of.Issuer, of.InResponseTo, of.NameIdFormat, of.Times.Made));
        Assert.Equal(surface.Certificates, of.Certificates);
        Assert.Equal(surface.AttributeNames, of.AttributeNames);
    }

    [Fact]
    public void It_is_cut_short_and_bounded()
    {
        var key = TestKeys.Idp;
        var many = Enumerable.Range(0, 60).ToDictionary(i => $"{i:00}" + new string('n', 400), _ => (IReadOnlyList<string>)["v"]);
        var surface = SamlSurface.Read(SamlIssuer.Issue(Issue with { Attributes = many, Issuer = "https://idp.test/" + new string('x', 900) }, key))!;

        Assert.Equal(50, surface.AttributeNames.Count);
        Assert.All(surface.AttributeNames.Append(surface.Issuer!), t => Assert.Equal(301, t.Length));
    }

    [Fact]
    public void Whatever_comes_it_answers()
    {
        var key = TestKeys.Idp;
        var sound = Encoding.UTF8.GetString(Convert.FromBase64String(SamlIssuer.Issue(Issue, key)));
        var dice = new Dice(4711);
        SamlSurface? Read(string xml) => SamlSurface.Read(Convert.ToBase64String(Encoding.UTF8.GetBytes(xml)));
        foreach (var text in new[] { "", "x", "<", "<!DOCTYPE a><a/>", "\0" })
        {
            Assert.Null(SamlSurface.Read(text));
            Assert.Null(Read(text));
        }
        Assert.Null(SamlSurface.Read("no base64!"));
        Assert.Equal((null, false, 0), (Read("<a/>")!.Issuer, Read("<a/>")!.HasNameId, Read("<a/>")!.CountCharacters()));
        var answered = 0;
        for (var i = 0; i < 300; i++)
        {
            var (at, length) = (dice.Roll(sound.Length), dice.Roll(40));
            var broken = sound[..at] + (dice.Roll(2) == 0 ? "" : sound[dice.Roll(sound.Length)..].PadRight(40)[..40]) + sound[Math.Min(sound.Length, at + length)..];
            // Another parser says whether there is anything to tell of; a fault of ours would show as a null too many.
            Assert.True(IsXml(broken) == Read(broken) is not null, broken);
            answered += IsXml(broken) ? 1 : 0;
        }
        Assert.InRange(answered, 10, 290);
    }

    private static bool IsXml(string text)
    {
        try
        {
            return Xml.Parse(text) is not null;
        }
        catch (System.Xml.XmlException)
        {
            return false;
        }
    }
}
