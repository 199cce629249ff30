using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-075 and SAML-078: identity providers' metadata read, ours written.</summary>
public class MetadataTests
{
    private const string Sso = "https://idp.example/sso";
    private const string Redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
    private const string Post = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
    private static readonly string s_idp = Convert.ToBase64String(TestKeys.Idp.RawData);
    private static readonly string s_other = Convert.ToBase64String(TestKeys.Other.RawData);

    private static IdpMetadataVerdict Read(string xml, SamlLimits? limits = null) => IdpMetadata.Read(Encoding.UTF8.GetBytes(xml), limits);

    private static IdpMetadataVerdict.Accepted Accepts(string xml, SamlLimits? limits = null) => Assert.IsType<IdpMetadataVerdict.Accepted>(Read(xml, limits));

    private static void Refuses(SamlRefusal why, string xml, SamlLimits? limits = null) =>
        Assert.Equal(why, Assert.IsType<IdpMetadataVerdict.Refused>(Read(xml, limits)).Why);

    private static string Key(string? use, string certificate) =>
        $"<KeyDescriptor{(use is null ? "" : $" use=\"{use}\"")}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>";

    private static string Service(string name, string binding, string location) => $"<{name} Binding=\"{binding}\" Location=\"{location}\"/>";

    private static string Entity(string role, string id = Sample.Idp, string around = "") =>
        $"""
        <EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="{id}" validUntil="2027-01-01T00:00:00Z">{around}<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{role}</IDPSSODescriptor></EntityDescriptor>
        """;

    private static string Simple(string id = Sample.Idp) => Entity(Key("signing", s_idp) + Service("SingleSignOnService", Redirect, Sso), id);

    [Fact]
    public void What_our_issuer_publishes_is_read()
    {
        var idp = Accepts(SamlIssuer.Metadata(Sample.Idp, Sso, TestKeys.Idp));
        Assert.Equal((Sample.Idp, Sso, true, null), (idp.EntityId, idp.SsoUrl, idp.SsoIsRedirect, idp.SloUrl));
        Assert.Equal(TestKeys.Idp.RawData, Assert.Single(idp.SigningCertificates).RawData);
        Sample.Accepts(Sample.Signed(), Sample.Trust with { Certificates = idp.SigningCertificates });
    }

    [Fact]
    public void All_signing_keys_count_and_one_without_a_use_is_one()
    {
        var wrapped = string.Join("\r\n    ", s_other.Chunk(64).Select(line => new string(line)));
        var idp = Accepts(Entity(
            Key("encryption", "AAAA") + Key("signing", s_idp) + Key(null, "\n" + wrapped + "\n") + Key("signing", s_idp)
            + Service("SingleLogoutService", Post, "https://idp.example/slo-post") + Service("SingleLogoutService", Redirect, "https://idp.example/slo")
            + "<NameIDFormat>urn:a</NameIDFormat><NameIDFormat>urn:b</NameIDFormat>"
            + Service("SingleSignOnService", Post, "https://idp.example/post") + Service("SingleSignOnService", Redirect, Sso)));
        Assert.Equal([TestKeys.Idp.RawData, TestKeys.Other.RawData], idp.SigningCertificates.Select(c => c.RawData));
        Assert.Equal((Sso, true, "https://idp.example/slo"), (idp.SsoUrl, idp.SsoIsRedirect, idp.SloUrl));
        Assert.Equal(["urn:a", "urn:b"], idp.NameIdFormats);
        Assert.Equal(new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero), idp.ValidUntil);
    }

    [Fact]
    public void Post_is_noted_where_there_is_no_redirect()
    {
        var idp = Accepts(Entity(Key("signing", s_idp)
            + Service("SingleSignOnService", "urn:oasis:names:tc:SAML:2.0:bindings:SOAP", "https://idp.example/soap")
            + Service("SingleSignOnService", Post, Sso)));
        Assert.Equal((Sso, false), (idp.SsoUrl, idp.SsoIsRedirect));
    }

    [Fact] // the shape of Entra ID and ADFS: other roles, comments, a signature, a role whose type has a prefix
    public void Other_roles_and_comments_and_a_signature_are_passed_over()
    {
        const string Around =
            """
            <!-- made by hand --><ds:Signature><ds:SignedInfo/></ds:Signature><RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="urn:fed" xsi:type="fed:SecurityTokenServiceType" protocolSupportEnumeration="urn:fed"><KeyDescriptor use="signing"/></RoleDescriptor>
            """;
        var xml = "\uFEFF<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + Entity(Key("signing", s_idp) + Service("SingleSignOnService", Redirect, Sso), around: Around);
        Assert.Equal(Sample.Idp, Accepts(xml).EntityId);
    }

    [Fact]
    public void A_list_with_one_identity_provider_is_read_and_several_are_refused()
    {
        const string Sp = "<EntityDescriptor entityID=\"sp\"><SPSSODescriptor/></EntityDescriptor>";
        string List(string inside) => $"<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{inside}</EntitiesDescriptor>";
        Assert.Equal(Sample.Idp, Accepts(List(Sp + List(Simple()))).EntityId);
        Refuses(SamlRefusal.MoreThanOneIdentityProvider, List(Simple() + Simple("https://other.example")));
        Refuses(SamlRefusal.MoreThanOneIdentityProvider, List(Simple() + List(Simple("https://other.example"))));
        Refuses(SamlRefusal.IdentityProviderMissing, List(Sp));
        Refuses(SamlRefusal.IdentityProviderMissing, List(""));
    }

    [Fact]
    public void What_is_missing_or_unusable_is_named()
    {
        Refuses(SamlRefusal.NotXml, "");
        Refuses(SamlRefusal.NotXml, "{}");
        Refuses(SamlRefusal.IdentityProviderMissing, "<html/>");
        Refuses(SamlRefusal.SignOnServiceMissing, Entity(Key("signing", s_idp)));
        Refuses(SamlRefusal.SigningCertificateMissing, Entity(Service("SingleSignOnService", Redirect, Sso)));
        Refuses(SamlRefusal.SigningCertificateMissing, Entity(Key("encryption", s_idp) + Service("SingleSignOnService", Redirect, Sso)));
        Refuses(SamlRefusal.CertificateUnreadable, Entity(Key("signing", "AAAA") + Service("SingleSignOnService", Redirect, Sso)));
        Refuses(SamlRefusal.CertificateUnreadable, Entity(Key("signing", "!") + Service("SingleSignOnService", Redirect, Sso)));
        Refuses(SamlRefusal.Malformed, Entity(Key("signing", s_idp) + Service("SingleSignOnService", Redirect, "javascript:alert(1)")));
        Refuses(SamlRefusal.Malformed, Entity(Key("signing", s_idp) + Service("SingleSignOnService", Redirect, "/sso")));
        Refuses(SamlRefusal.Malformed, Simple(""));
    }

    [Fact]
    public void Size_and_certificates_are_bounded()
    {
        var size = Encoding.UTF8.GetByteCount(Simple());
        Accepts(Simple(), new(MaxDecodedBytes: size));
        Refuses(SamlRefusal.TooLarge, Simple(), new(MaxDecodedBytes: size - 1));
        var two = Entity(Key("signing", s_idp) + Key("signing", s_other) + Service("SingleSignOnService", Redirect, Sso));
        Accepts(two, new(MaxCertificates: 2));
        Refuses(SamlRefusal.TooManyCertificates, two, new(MaxCertificates: 1));
    }

    [Fact] // SAML-078
    public void Our_metadata_says_who_we_are_and_nothing_can_be_put_into_it()
    {
        const string Evil = "\"/><evil a='&<>";
        var root = Xml.Parse(SpMetadata.Write(new SpDescription(Evil, Sample.Acs, Sample.Now.AddDays(7))
        {
            NameIdFormats = ["urn:a"],
            SigningCertificates = [TestKeys.Idp],
        })).DocumentElement!;
        Assert.Equal(Evil, root.GetAttribute("entityID"));
        Assert.Equal("2026-03-08T12:00:00.000Z", root.GetAttribute("validUntil"));
        Assert.Null(root.Find("evil"));
        Assert.Equal("true", root.Get("SPSSODescriptor").GetAttribute("WantAssertionsSigned"));
        Assert.Equal("true", root.Get("SPSSODescriptor").GetAttribute("AuthnRequestsSigned"));
        Assert.Equal("signing", root.Get("KeyDescriptor").GetAttribute("use"));
        Assert.Equal(s_idp, root.Get("X509Certificate").InnerText);
        Assert.Equal("urn:a", root.Get("NameIDFormat").InnerText);
        var acs = root.Get("AssertionConsumerService");
        Assert.Equal((Post, Sample.Acs, "0"), (acs.GetAttribute("Binding"), acs.GetAttribute("Location"), acs.GetAttribute("index")));
        Assert.Throws<ArgumentException>(() => SpMetadata.Write("\0", Sample.Acs, Sample.Now));
    }
}
