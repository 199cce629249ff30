using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-075: each provider's way of writing its metadata, with keys and names of our own.</summary>
public class ProviderMetadataTests
{
    private const string Md = "urn:oasis:names:tc:SAML:2.0:metadata";
    private const string Bindings = "urn:oasis:names:tc:SAML:2.0:bindings:";
    private const string Saml2 = "urn:oasis:names:tc:SAML:2.0:protocol";
    private const string Sso = "https://idp.example/sso";
    private static readonly string s_first = Convert.ToBase64String(TestKeys.Idp.RawData);
    private static readonly string s_next = Convert.ToBase64String(TestKeys.Other.RawData);

    private static string Lines(string base64, int width) => "\n" + string.Join("\n", base64.Chunk(width).Select(line => new string(line))) + "\n";

    /// <summary>With a prefix and its colon, or with none.</summary>
    private static string Key(string p, string? use, string certificate, string inside = "") =>
        $"<{p}KeyDescriptor{(use is null ? "" : $" use=\"{use}\"")}><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{inside}<ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></{p}KeyDescriptor>";

    private static string Service(string p, string name, string binding, string url, string more = "") =>
        $"<{p}{name} Binding=\"{(binding.StartsWith("urn:", StringComparison.Ordinal) ? binding : Bindings + binding)}\" Location=\"{url}\"{more}/>";

    private static string Okta() =>
        $"""
        <?xml version="1.0" encoding="UTF-8"?><md:EntityDescriptor entityID="http://www.okta.com/exk1" xmlns:md="{Md}"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{Saml2}">{Key("md:", "signing", Lines(s_first, 76))}<md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified</md:NameIDFormat><md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>{Service("md:", "SingleSignOnService", "HTTP-POST", Sso)}{Service("md:", "SingleSignOnService", "HTTP-Redirect", Sso)}</md:IDPSSODescriptor></md:EntityDescriptor>
        """;

    /// <summary>Signed, with two WS-Federation roles that have keys of their own, and three signing keys of which one stands twice.</summary>
    private static string Entra()
    {
        static string Role(string type) =>
            $"<RoleDescriptor xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:fed=\"http://docs.oasis-open.org/wsfed/federation/200706\" xsi:type=\"fed:{type}\" protocolSupportEnumeration=\"http://docs.oasis-open.org/wsfed/federation/200706\">{Key("", "signing", Convert.ToBase64String(TestKeys.Weak.RawData))}<fed:ClaimTypesOffered/></RoleDescriptor>";
        return $"""
            <?xml version="1.0" encoding="utf-8"?><EntityDescriptor ID="_1" entityID="https://sts.windows.net/11111111-2222-3333-4444-555555555555/" xmlns="{Md}"><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/></Signature>{Role("SecurityTokenServiceType")}{Role("ApplicationServiceType")}<IDPSSODescriptor protocolSupportEnumeration="{Saml2}">{Key("", "signing", s_first)}{Key("", "signing", s_next)}{Key("", "signing", s_first)}{Service("", "SingleLogoutService", "HTTP-Redirect", "https://idp.example/slo")}{Service("", "SingleSignOnService", "HTTP-Redirect", Sso)}{Service("", "SingleSignOnService", "HTTP-POST", Sso)}</IDPSSODescriptor></EntityDescriptor>
            """;
    }

    /// <summary>The same, and a service provider's role before the identity provider's, which lists what it may send.</summary>
    private static string Adfs() =>
        $"""
        <EntityDescriptor ID="_2" entityID="http://adfs.acme.example/adfs/services/trust" xmlns="{Md}"><RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="urn:fed" xsi:type="fed:ApplicationServiceType" protocolSupportEnumeration="http://docs.oasis-open.org/ws-sx/ws-trust/200512"/><SPSSODescriptor WantAssertionsSigned="true" protocolSupportEnumeration="{Saml2}">{Key("", "encryption", s_next)}{Key("", "signing", s_next)}{Service("", "AssertionConsumerService", "HTTP-POST", Sso, " index=\"0\" isDefault=\"true\"")}</SPSSODescriptor><IDPSSODescriptor protocolSupportEnumeration="{Saml2}">{Key("", "encryption", s_next)}{Key("", "signing", s_first)}{Service("", "SingleLogoutService", "HTTP-Redirect", "https://idp.example/slo")}{Service("", "SingleLogoutService", "HTTP-POST", "https://idp.example/slo")}<NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</NameIDFormat>{Service("", "SingleSignOnService", "HTTP-Redirect", Sso)}{Service("", "SingleSignOnService", "HTTP-POST", Sso)}<Attribute Name="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri" FriendlyName="UPN" xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/></IDPSSODescriptor><ContactPerson contactType="support"/></EntityDescriptor>
        """;

    private static string Google() =>
        $"""
        <?xml version="1.0" encoding="UTF-8" standalone="no"?><md:EntityDescriptor xmlns:md="{Md}" entityID="https://accounts.google.com/o/saml2?idpid=C01" validUntil="2031-01-01T00:00:00.000Z"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{Saml2}">{Key("md:", "signing", Lines(s_first, 76))}<md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>{Service("md:", "SingleSignOnService", "HTTP-Redirect", Sso)}{Service("md:", "SingleSignOnService", "HTTP-POST", Sso)}</md:IDPSSODescriptor></md:EntityDescriptor>
        """;

    /// <summary>Several bindings, and the address for answers apart.</summary>
    private static string PingFederate() =>
        $"""
        <md:EntityDescriptor ID="x.Y_1" cacheDuration="PT1440M" entityID="idp:pingfederate:acme" xmlns:md="{Md}"><md:IDPSSODescriptor protocolSupportEnumeration="{Saml2}" WantAuthnRequestsSigned="true">{Key("md:", "signing", s_first)}{Service("md:", "ArtifactResolutionService", "SOAP", "https://idp.example/ars", " index=\"0\"")}{Service("md:", "SingleLogoutService", "SOAP", "https://idp.example/slo-soap")}{Service("md:", "SingleLogoutService", "HTTP-Redirect", "https://idp.example/slo", " ResponseLocation=\"https://idp.example/slo-back\"")}<md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified</md:NameIDFormat>{Service("md:", "SingleSignOnService", "SOAP", "https://idp.example/soap")}{Service("md:", "SingleSignOnService", "HTTP-POST", Sso)}{Service("md:", "SingleSignOnService", "HTTP-Redirect", Sso)}</md:IDPSSODescriptor></md:EntityDescriptor>
        """;

    /// <summary>Keys with a name, in older releases without a use, within a list.</summary>
    private static string Keycloak() =>
        $"""
        <md:EntitiesDescriptor xmlns:md="{Md}" Name="urn:keycloak"><md:EntityDescriptor entityID="https://keycloak.acme.example/realms/acme"><md:IDPSSODescriptor WantAuthnRequestsSigned="true" protocolSupportEnumeration="{Saml2}">{Key("md:", null, s_first, "<ds:KeyName>kid-1</ds:KeyName>")}{Service("md:", "ArtifactResolutionService", "SOAP", Sso, " index=\"0\"")}{Service("md:", "SingleLogoutService", "HTTP-POST", Sso)}{Service("md:", "SingleLogoutService", "HTTP-Redirect", Sso)}<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>{Service("md:", "SingleSignOnService", "HTTP-POST", Sso)}{Service("md:", "SingleSignOnService", "HTTP-Redirect", Sso)}{Service("md:", "SingleSignOnService", "SOAP", Sso)}</md:IDPSSODescriptor></md:EntityDescriptor></md:EntitiesDescriptor>
        """;

    /// <summary>Comments, extensions, back-channel and front-channel keys, an AttributeAuthority, and the SAML 1 binding first.</summary>
    private static string Shibboleth() =>
        $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <!-- made by the installer; edit before use -->
        <EntityDescriptor xmlns="{Md}" xmlns:shibmd="urn:mace:shibboleth:metadata:1.0" xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui" entityID="https://idp.univ.example/idp/shibboleth">
          <IDPSSODescriptor protocolSupportEnumeration="{Saml2} urn:mace:shibboleth:1.0">
            <Extensions><shibmd:Scope regexp="false">univ.example</shibmd:Scope><!-- <mdui:UIInfo/> --></Extensions>
            <!-- first signing certificate is the back channel's -->
            {Key("", "signing", Lines(s_next, 64))}{Key("", "signing", Lines(s_first, 64))}{Key("", "encryption", Lines(s_first, 64))}
            {Service("", "SingleLogoutService", "HTTP-POST-SimpleSign", "https://idp.example/slo-simple")}{Service("", "SingleLogoutService", "HTTP-POST", "https://idp.example/slo")}
            {Service("", "SingleSignOnService", "urn:mace:shibboleth:1.0:profiles:AuthnRequest", "https://idp.example/shib1")}
            {Service("", "SingleSignOnService", "HTTP-POST", "https://idp.example/post")}{Service("", "SingleSignOnService", "HTTP-Redirect", Sso)}
          </IDPSSODescriptor>
          <AttributeAuthorityDescriptor protocolSupportEnumeration="{Saml2}">{Key("", "signing", Convert.ToBase64String(TestKeys.Weak.RawData))}</AttributeAuthorityDescriptor>
        </EntityDescriptor>
        """;

    private static string OneLogin() =>
        $"""
        <?xml version="1.0"?><EntityDescriptor xmlns="{Md}" entityID="https://app.onelogin.com/saml/metadata/1"><IDPSSODescriptor xmlns:ds="http://www.w3.org/2000/09/xmldsig#" protocolSupportEnumeration="{Saml2}">{Key("", "signing", Lines(s_first, 64))}{Service("", "SingleLogoutService", "HTTP-Redirect", "https://idp.example/slo")}<NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</NameIDFormat>{Service("", "SingleSignOnService", "HTTP-Redirect", Sso)}{Service("", "SingleSignOnService", "HTTP-POST", Sso)}{Service("", "SingleSignOnService", "SOAP", Sso)}</IDPSSODescriptor></EntityDescriptor>
        """;

    private static string SimpleSamlPhp() =>
        $"""
        <md:EntityDescriptor xmlns:md="{Md}" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example/simplesaml/saml2/idp/metadata.php"><md:IDPSSODescriptor protocolSupportEnumeration="{Saml2}">{Key("md:", "signing", s_first)}{Key("md:", "encryption", s_first)}{Service("md:", "SingleLogoutService", "HTTP-Redirect", "https://idp.example/slo")}<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</md:NameIDFormat>{Service("md:", "SingleSignOnService", "HTTP-Redirect", Sso)}</md:IDPSSODescriptor><md:ContactPerson contactType="technical"><md:GivenName>A</md:GivenName><md:EmailAddress>mailto:a@example.com</md:EmailAddress></md:ContactPerson></md:EntityDescriptor>
        """;

    private static string JumpCloud() =>
        $"""
        <?xml version="1.0" encoding="UTF-8"?><md:EntityDescriptor entityID="JumpCloud" xmlns:md="{Md}"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{Saml2}">{Key("md:", "signing", s_first)}<md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified</md:NameIDFormat>{Service("md:", "SingleSignOnService", "HTTP-Redirect", Sso)}{Service("md:", "SingleSignOnService", "HTTP-POST", Sso)}</md:IDPSSODescriptor></md:EntityDescriptor>
        """;

    private static string Auth0() =>
        $"""
        <EntityDescriptor entityID="urn:acme.eu.auth0.com" xmlns="{Md}"><IDPSSODescriptor protocolSupportEnumeration="{Saml2}">{Key("", "signing", s_first)}{Service("", "SingleLogoutService", "HTTP-Redirect", "https://idp.example/slo")}{Service("", "SingleLogoutService", "HTTP-POST", "https://idp.example/slo")}<NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</NameIDFormat><NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</NameIDFormat>{Service("", "SingleSignOnService", "HTTP-Redirect", Sso)}{Service("", "SingleSignOnService", "HTTP-POST", Sso)}<Attribute Name="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri" FriendlyName="E-Mail Address" xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/></IDPSSODescriptor></EntityDescriptor>
        """;

    private static string Of(string provider) => provider switch
    {
        "Okta" => Okta(),
        "Entra ID" => Entra(),
        "ADFS" => Adfs(),
        "Google" => Google(),
        "PingFederate" => PingFederate(),
        "Keycloak" => Keycloak(),
        "Shibboleth" => Shibboleth(),
        "OneLogin" => OneLogin(),
        "SimpleSAMLphp" => SimpleSamlPhp(),
        "JumpCloud" => JumpCloud(),
        _ => Auth0(),
    };

    [Theory]
    [InlineData("Okta", "http://www.okta.com/exk1", 1, null, false)]
    [InlineData("Entra ID", "https://sts.windows.net/11111111-2222-3333-4444-555555555555/", 2, "https://idp.example/slo", false)]
    [InlineData("ADFS", "http://adfs.acme.example/adfs/services/trust", 1, "https://idp.example/slo", false)]
    [InlineData("Google", "https://accounts.google.com/o/saml2?idpid=C01", 1, null, false)]
    [InlineData("PingFederate", "idp:pingfederate:acme", 1, "https://idp.example/slo", true)]
    [InlineData("Keycloak", "https://keycloak.acme.example/realms/acme", 1, Sso, true)]
    [InlineData("Shibboleth", "https://idp.univ.example/idp/shibboleth", 2, "https://idp.example/slo", false)]
    [InlineData("OneLogin", "https://app.onelogin.com/saml/metadata/1", 1, "https://idp.example/slo", false)]
    [InlineData("SimpleSAMLphp", "https://idp.example/simplesaml/saml2/idp/metadata.php", 1, "https://idp.example/slo", false)]
    [InlineData("JumpCloud", "JumpCloud", 1, null, false)]
    [InlineData("Auth0", "urn:acme.eu.auth0.com", 1, "https://idp.example/slo", false)]
    public void Its_metadata_is_read(string provider, string entityId, int keys, string? sloUrl, bool wantsSigned)
    {
        var verdict = IdpMetadata.Read(Encoding.UTF8.GetBytes(Of(provider)));
        var idp = verdict as IdpMetadataVerdict.Accepted ?? throw new Xunit.Sdk.XunitException($"Expected Accepted: {verdict}");
        Assert.Equal((entityId, Sso, true, sloUrl, wantsSigned), (idp.EntityId, idp.SsoUrl, idp.SsoIsRedirect, idp.SloUrl, idp.WantsSignedRequests));
        Assert.Equal(keys, idp.SigningCertificates.Count);
        Assert.Contains(idp.SigningCertificates, certificate => certificate.RawData.SequenceEqual(TestKeys.Idp.RawData));
        Assert.DoesNotContain(idp.SigningCertificates, certificate => certificate.RawData.SequenceEqual(TestKeys.Weak.RawData));   // another role's
        Sample.Accepts(Sample.Signed(), Sample.Trust with { Certificates = idp.SigningCertificates });
        // The twin: without its keys it is nobody's.
        var without = Of(provider).Replace("X509Certificate", "X509CRL", StringComparison.Ordinal);
        Assert.Equal(SamlRefusal.SigningCertificateMissing, Assert.IsType<IdpMetadataVerdict.Refused>(IdpMetadata.Read(Encoding.UTF8.GetBytes(without))).Why);
    }

    [Fact]
    public void What_only_some_say_is_read_too()
    {
        IdpMetadataVerdict.Accepted Read(string xml) => Assert.IsType<IdpMetadataVerdict.Accepted>(IdpMetadata.Read(Encoding.UTF8.GetBytes(xml)));
        Assert.Equal(TimeSpan.FromDays(1), Read(PingFederate()).CacheDuration);
        Assert.Equal(new SamlLogoutService("https://idp.example/slo", "https://idp.example/slo-back"), Read(PingFederate()).SloRedirect);
        Assert.Equal(new DateTimeOffset(2031, 1, 1, 0, 0, 0, TimeSpan.Zero), Read(Google()).ValidUntil);
        Assert.Equal((null, "https://idp.example/slo"), (Read(Shibboleth()).SloRedirect, Read(Shibboleth()).SloPost?.Url));
        Assert.Equal(TestKeys.Other.RawData, Assert.Single(Read(Adfs()).EncryptionCertificates).RawData);
        Assert.Equal(TestKeys.Idp.RawData, Assert.Single(Read(Keycloak()).EncryptionCertificates).RawData);   // without a use: for both
    }
}
