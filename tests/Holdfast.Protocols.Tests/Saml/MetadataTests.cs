using System.Security.Cryptography.X509Certificates;
using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-075 and SAML-077: identity providers' metadata.</summary>
public class MetadataTests
{
    private const string Sso = "https://idp.example/sso";
    private const string Redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
    private const string Post = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
    private static readonly string s_idp = Convert.ToBase64String(TestKeys.Idp.RawData);
    private static readonly string s_other = Convert.ToBase64String(TestKeys.Other.RawData);

    private static IdpMetadataVerdict Read(string xml, SamlLimits? limits = null, string? entityId = null, IReadOnlyList<X509Certificate2>? signedBy = null) =>
        IdpMetadata.Read(Encoding.UTF8.GetBytes(xml), limits, entityId, signedBy);

    private static IdpMetadataVerdict.Accepted Accepts(
        string xml, SamlLimits? limits = null, string? entityId = null, IReadOnlyList<X509Certificate2>? signedBy = null) =>
        Read(xml, limits, entityId, signedBy) is var verdict && verdict is IdpMetadataVerdict.Accepted accepted
            ? accepted
            : throw new Xunit.Sdk.XunitException($"Expected Accepted: {verdict}");

    private static void Refuses(
        SamlRefusal why, string xml, SamlLimits? limits = null, string? entityId = null, IReadOnlyList<X509Certificate2>? signedBy = null) =>
        Assert.Equal(why, Assert.IsType<IdpMetadataVerdict.Refused>(Read(xml, limits, entityId, signedBy)).Why);

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

    [Fact]
    public void Every_endpoint_is_told_with_its_binding()
    {
        var idp = Accepts(Entity(
            Key("signing", s_idp) + Key("encryption", s_other)
            + $"<SingleLogoutService Binding=\"{Redirect}\" Location=\"https://idp.example/slo\" ResponseLocation=\"https://idp.example/slo-back\"/>"
            + Service("SingleLogoutService", Post, "https://idp.example/slo-post")
            + Service("SingleSignOnService", Post, "https://idp.example/post") + Service("SingleSignOnService", Redirect, Sso)));
        Assert.Equal((Sso, "https://idp.example/post"), (idp.SsoUrl, idp.SsoPostUrl));
        Assert.Equal(new SamlLogoutService("https://idp.example/slo", "https://idp.example/slo-back"), idp.SloRedirect);
        Assert.Equal(new SamlLogoutService("https://idp.example/slo-post", "https://idp.example/slo-post"), idp.SloPost);
        Assert.Equal(TestKeys.Other.RawData, Assert.Single(idp.EncryptionCertificates).RawData);
        var plain = Accepts(Simple());
        Assert.Equal((null, null, null), (plain.SloRedirect, plain.SloPost, plain.SsoPostUrl));
        Refuses(SamlRefusal.Malformed, Entity(Key("signing", s_idp) + Service("SingleSignOnService", Redirect, Sso)
            + $"<SingleLogoutService Binding=\"{Redirect}\" Location=\"https://idp.example/slo\" ResponseLocation=\"javascript:alert(1)\"/>"));
    }

    [Fact] // what we encrypt takes an RSA key: a partner's other kinds, and what cannot be read, are passed over
    public void Of_the_encryption_keys_those_that_we_can_use_are_told()
    {
        var elliptic = Convert.ToBase64String(TestKeys.Elliptic.RawData);
        var idp = Accepts(Entity(
            Key("signing", elliptic) + Key("encryption", elliptic) + Key("encryption", "AAAA") + Key("encryption", s_other) + Service("SingleSignOnService", Redirect, Sso)));
        Assert.Equal(TestKeys.Other.RawData, Assert.Single(idp.EncryptionCertificates).RawData);
        Assert.Equal(TestKeys.Elliptic.RawData, Assert.Single(idp.SigningCertificates).RawData);
        Assert.Empty(Accepts(Entity(Key("signing", s_idp) + Key("encryption", elliptic) + Service("SingleSignOnService", Redirect, Sso))).EncryptionCertificates);
    }

    [Theory]
    [InlineData(" WantAuthnRequestsSigned=\"true\"", true)]
    [InlineData(" WantAuthnRequestsSigned=\"1\"", true)]
    [InlineData(" WantAuthnRequestsSigned=\"false\"", false)]
    [InlineData("", false)]
    public void Whether_it_wants_signed_requests_is_told(string attribute, bool wants) =>
        Assert.Equal(wants, Accepts(Simple().Replace("<IDPSSODescriptor", "<IDPSSODescriptor" + attribute, StringComparison.Ordinal)).WantsSignedRequests);

    [Fact]
    public void Of_several_the_one_that_is_meant_is_taken()
    {
        const string Other = "https://other.example";
        var both = List(Simple() + List(Simple(Other)));
        Assert.Equal(Other, Accepts(both, entityId: Other).EntityId);
        Assert.Equal(Sample.Idp, Accepts(both, entityId: Sample.Idp).EntityId);
        Assert.Equal(Sample.Idp, Accepts(Simple(), entityId: Sample.Idp).EntityId);
        Refuses(SamlRefusal.MoreThanOneIdentityProvider, both);
        Refuses(SamlRefusal.IdentityProviderMissing, both, entityId: "https://nobody.example");
        Refuses(SamlRefusal.IdentityProviderMissing, Simple(), entityId: Other);
        Refuses(SamlRefusal.MoreThanOneIdentityProvider, List(Simple() + Simple()), entityId: Sample.Idp);

        string Many(int n) => List(Simple() + string.Concat(Enumerable.Range(1, n - 1).Select(i => $"<EntityDescriptor entityID=\"{i}\"><IDPSSODescriptor/></EntityDescriptor>")));
        Assert.Equal(Sample.Idp, Accepts(Many(1_000), entityId: Sample.Idp).EntityId);
        Refuses(SamlRefusal.TooManyEntities, Many(1_001), entityId: Sample.Idp);
    }

    private static string List(string inside, string attributes = "") =>
        $"<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\"{attributes}>{inside}</EntitiesDescriptor>";

    [Fact]
    public void The_tightest_end_counts()
    {
        DateTimeOffset Year(int year) => new(year, 1, 1, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal(Year(2027), Accepts(List(Simple())).ValidUntil);
        Assert.Equal(Year(2026), Accepts(List(Simple(), " validUntil=\"2026-01-01T00:00:00Z\"")).ValidUntil);
        Assert.Equal(Year(2027), Accepts(List(Simple(), " validUntil=\"2028-01-01T00:00:00Z\"")).ValidUntil);
        Assert.Equal(Year(2025), Accepts(Simple().Replace("<IDPSSODescriptor", "<IDPSSODescriptor validUntil=\"2025-01-01T00:00:00Z\"", StringComparison.Ordinal)).ValidUntil);
        Refuses(SamlRefusal.Malformed, List(Simple(), " validUntil=\"later\""));

        Assert.Null(Accepts(Simple()).CacheDuration);
        var cached = Simple().Replace("entityID=", "cacheDuration=\"PT6H\" entityID=", StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromHours(6), Accepts(cached).CacheDuration);
        Assert.Equal(TimeSpan.FromMinutes(5), Accepts(List(cached, " cacheDuration=\"PT5M\"")).CacheDuration);
        foreach (var bad in new[] { "6h", "-PT6H", "P99999999999Y", "" })
        {
            Refuses(SamlRefusal.Malformed, cached.Replace("PT6H", bad, StringComparison.Ordinal));
        }
    }

    [Fact] // SAML-077
    public void Where_a_key_is_pinned_only_signed_metadata_is_read()
    {
        string Named(string xml, string id) => xml.Replace("<EntityDescriptor ", $"<EntityDescriptor ID=\"{id}\" ", StringComparison.Ordinal);
        X509Certificate2[] pinned = [TestKeys.Other];
        var by = new Signing("_m1", TestKeys.Other);
        var signed = by.Sign(Named(Simple(), "_m1"));
        Assert.Equal(TestKeys.Other, Accepts(signed, signedBy: pinned).Signature!.Certificate);
        Assert.Null(Accepts(signed).Signature);
        Refuses(SamlRefusal.SignatureMissing, Simple(), signedBy: pinned);
        Refuses(SamlRefusal.SignatureInvalid, (by with { Key = TestKeys.Idp }).Sign(Named(Simple(), "_m1")), signedBy: pinned);
        Refuses(SamlRefusal.DigestInvalid, signed.Replace(Sso, "https://evil.example/sso", StringComparison.Ordinal), signedBy: pinned);

        // A list signed as a whole, and one of which only the entity that is taken is signed.
        var list = List(Named(Simple(), "_e1") + Simple("https://other.example"), " ID=\"_m1\"");
        Assert.Equal(Sample.Idp, Accepts(by.Sign(list), entityId: Sample.Idp, signedBy: pinned).EntityId);
        var inner = (by with { Id = "_e1" }).Sign(list);
        Assert.Equal(Sample.Idp, Accepts(inner, entityId: Sample.Idp, signedBy: pinned).EntityId);
        Refuses(SamlRefusal.SignatureMissing, inner, entityId: "https://other.example", signedBy: pinned);

        // Wrapped: the signed entity inside of a forged one that carries its signature.
        var wrapped = Xml.Change(signed, document =>
        {
            var genuine = document.DocumentElement!;
            var forged = genuine.Copy();
            forged.SetAttribute("ID", "_evil");
            forged.SetAttribute("entityID", "https://evil.example");
            document.ReplaceChild(forged, genuine);
            forged.Get("Signature").AppendChild(genuine);
            genuine.Get("Signature").Remove();
        });
        Refuses(SamlRefusal.SignatureShape, wrapped, signedBy: pinned);
    }
}
