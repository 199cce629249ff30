using System.Security.Cryptography.X509Certificates;
using System.Xml;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-078: our own metadata.</summary>
public class SpMetadataTests
{
    private const string Redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
    private const string Post = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
    private static readonly SpDescription s_plain = new(Sample.Sp, Sample.Acs, Sample.Now.AddDays(7));

    private static XmlElement Root(SpDescription sp) => Xml.Parse(SpMetadata.Write(sp)).DocumentElement!;

    private static IEnumerable<XmlElement> All(XmlElement root, string name) =>
        root.SelectNodes("//*")!.Cast<XmlElement>().Where(element => element.LocalName == name);

    [Fact]
    public void It_says_who_we_are_and_nothing_can_be_put_into_it()
    {
        const string Evil = "\"/><evil a='&<>";
        var root = Root(s_plain with { EntityId = Evil, NameIdFormats = ["urn:a"], SigningCertificates = [TestKeys.Idp] });
        Assert.Equal(Evil, root.GetAttribute("entityID"));
        Assert.Equal("2026-03-08T12:00:00.000Z", root.GetAttribute("validUntil"));
        Assert.Null(root.Find("evil"));
        Assert.Equal("true", root.Get("SPSSODescriptor").GetAttribute("WantAssertionsSigned"));
        Assert.Equal("urn:a", root.Get("NameIDFormat").InnerText);
        var acs = root.Get("AssertionConsumerService");
        Assert.Equal((Post, Sample.Acs, "0"), (acs.GetAttribute("Binding"), acs.GetAttribute("Location"), acs.GetAttribute("index")));
        Assert.Throws<ArgumentException>(() => SpMetadata.Write("\0", Sample.Acs, Sample.Now));
    }

    [Fact] // moving in without touching the customer's identity provider
    public void A_foreign_entity_id_and_address_stand_as_they_are()
    {
        var root = Root(new("urn:amazon:cognito:sp:x", "https://old.example/acs?tenant=1&x=2", Sample.Now));
        Assert.Equal("urn:amazon:cognito:sp:x", root.GetAttribute("entityID"));
        Assert.Equal("https://old.example/acs?tenant=1&x=2", root.Get("AssertionConsumerService").GetAttribute("Location"));
    }

    [Fact]
    public void Keys_of_both_uses_roll_over()
    {
        var root = Root(s_plain with { SigningCertificates = [TestKeys.Other, TestKeys.Elliptic], EncryptionCertificates = [TestKeys.Sp, TestKeys.OldSp] });
        Assert.Equal(
            [("signing", TestKeys.Other), ("signing", TestKeys.Elliptic), ("encryption", TestKeys.Sp), ("encryption", TestKeys.OldSp)],
            All(root, "KeyDescriptor").Select(key => (key.GetAttribute("use"), Certificate(key))));
        Assert.All(All(root, "KeyDescriptor"), key => Assert.Equal(key.GetAttribute("use") == "encryption", All(root, "EncryptionMethod").Any(m => m.ParentNode == key)));
        Assert.Equal("true", root.Get("SPSSODescriptor").GetAttribute("AuthnRequestsSigned"));
        Assert.Equal("false", Root(s_plain with { SigningCertificates = [TestKeys.Other], AuthnRequestsSigned = false }).Get("SPSSODescriptor").GetAttribute("AuthnRequestsSigned"));
        Assert.Equal("false", Root(s_plain).Get("SPSSODescriptor").GetAttribute("AuthnRequestsSigned"));
        Assert.Empty(All(Root(s_plain), "KeyDescriptor"));
    }

    private static X509Certificate2 Certificate(XmlElement key) =>
        new[] { TestKeys.Other, TestKeys.Elliptic, TestKeys.Sp, TestKeys.OldSp }.Single(c => Convert.ToBase64String(c.RawData) == key.Get("X509Certificate").InnerText);

    [Fact] // SAML-049: what is preferred stands first, and what would be an oracle is not asked for
    public void Gcm_is_asked_for_and_cbc_is_not()
    {
        var methods = All(Root(s_plain with { EncryptionCertificates = [TestKeys.Sp] }), "EncryptionMethod").Select(m => m.GetAttribute("Algorithm")).ToList();
        Assert.Equal("http://www.w3.org/2009/xmlenc11#aes256-gcm", methods[0]);
        Assert.DoesNotContain(methods, method => method.Contains("cbc", StringComparison.Ordinal) || method.Contains("rsa-1_5", StringComparison.Ordinal));
        Assert.Contains(Encrypting.Oaep11, methods);
        Assert.Contains(Encrypting.OaepMgf1p, methods);
    }

    [Fact]
    public void Logout_stands_there_by_both_bindings_where_there_is_one()
    {
        var root = Root(s_plain with { SloUrl = LogoutSample.Slo });
        Assert.Equal(
            [(Redirect, LogoutSample.Slo), (Post, LogoutSample.Slo)],
            All(root, "SingleLogoutService").Select(s => (s.GetAttribute("Binding"), s.GetAttribute("Location"))));
        Assert.Empty(All(Root(s_plain), "SingleLogoutService"));
    }

    [Fact]
    public void How_long_to_keep_it_is_said_when_known()
    {
        Assert.Equal("PT6H", Root(s_plain with { CacheDuration = TimeSpan.FromHours(6) }).GetAttribute("cacheDuration"));
        Assert.False(Root(s_plain).HasAttribute("cacheDuration"));
    }

    [Fact] // Metadata, schema: KeyDescriptor, SingleLogoutService, NameIDFormat, AssertionConsumerService
    public void Its_children_stand_in_the_schemas_order()
    {
        var role = Root(s_plain with
        {
            SloUrl = LogoutSample.Slo,
            NameIdFormats = ["urn:a", "urn:b"],
            SigningCertificates = [TestKeys.Idp],
            EncryptionCertificates = [TestKeys.Sp],
        }).Get("SPSSODescriptor");
        Assert.Equal(
            ["KeyDescriptor", "KeyDescriptor", "SingleLogoutService", "SingleLogoutService", "NameIDFormat", "NameIDFormat", "AssertionConsumerService"],
            role.ChildNodes.Cast<XmlElement>().Select(child => child.LocalName));
    }
}
