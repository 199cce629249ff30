namespace Holdfast.Sso;

/// <summary>An identity provider's product, and where its administrator finds each setting, in the product's own words.</summary>
/// <param name="Place">Where the settings of one application are.</param>
internal sealed record IdentityProduct(
    string Name, string Place, string Acs, string Audience, string Issuer, string Certificate, string NameId, string Signing, string Algorithm, string Encryption,
    string Attributes, string Assignment)
{
    private static readonly IdentityProduct Okta = new(
        "Okta", "Admin Console > Applications > the application", "General > SAML Settings > Edit > Single sign-on URL", "General > SAML Settings > Edit > Audience URI (SP Entity ID)",
        "Sign On > SAML 2.0 > Metadata details > Issuer", "Sign On > SAML Signing Certificates", "General > SAML Settings > Edit > Name ID format and Application username",
        "General > SAML Settings > Edit > Show Advanced Settings > Response and Assertion Signature", "General > SAML Settings > Edit > Show Advanced Settings > Signature Algorithm and Digest Algorithm",
        "General > SAML Settings > Edit > Show Advanced Settings > Assertion Encryption", "General > SAML Settings > Edit > Attribute Statements", "Assignments");

    private static readonly IdentityProduct Entra = new(
        "Microsoft Entra ID", "Entra admin center > Enterprise applications > the application", "Single sign-on > Basic SAML Configuration > Reply URL (Assertion Consumer Service URL)",
        "Single sign-on > Basic SAML Configuration > Identifier (Entity ID)", "Single sign-on > Set up > Microsoft Entra Identifier", "Single sign-on > SAML Certificates",
        "Single sign-on > Attributes & Claims > Unique User Identifier (Name ID)", "Single sign-on > SAML Certificates > Edit > Signing Option",
        "Single sign-on > SAML Certificates > Edit > Signing Algorithm", "Security > Token encryption", "Single sign-on > Attributes & Claims", "Users and groups");

    private static readonly IdentityProduct Google = new(
        "Google Workspace", "Admin console > Apps > Web and mobile apps > the application", "Service provider details > ACS URL", "Service provider details > Entity ID",
        "Download metadata > Entity ID", "Service provider details > Certificate", "Service provider details > Name ID format and Name ID", "Service provider details > Signed response",
        "Service provider details > Certificate (it signs with SHA-256 only after the certificate was made anew)", "which Google does not offer for applications: switch it off on the other side",
        "SAML attribute mapping", "User access");

    private static readonly IdentityProduct OneLogin = new(
        "OneLogin", "Administration > Applications > the application", "Configuration > ACS (Consumer) URL and its validator", "Configuration > Audience (EntityID)",
        "SSO > Issuer URL", "SSO > X.509 Certificate", "Configuration > SAML nameID format", "Configuration > SAML signature element", "SSO > SAML Signature Algorithm",
        "Configuration > Encrypt assertion", "Parameters", "Users");

    private static readonly IdentityProduct PingFederate = new(
        "PingFederate", "Applications > SP Connections > the connection", "Browser SSO > Protocol Settings > Assertion Consumer Service URL", "General Info > Partner's Entity ID",
        "System > Protocol Settings > Federation Info > SAML 2.0 Entity ID", "Credentials > Digital Signature Settings", "Browser SSO > Assertion Creation > Identity Mapping",
        "Browser SSO > Protocol Settings > Signature Policy", "Credentials > Digital Signature Settings > Signing Algorithm", "Browser SSO > Protocol Settings > Encryption Policy",
        "Browser SSO > Assertion Creation > Attribute Contract", "Browser SSO > Assertion Creation > Authentication Source Mapping");

    private static readonly IdentityProduct PingOne = new(
        "PingOne", "Applications > Applications > the application", "Configuration > ACS URLs", "Configuration > Entity ID", "Configuration > Connection Details > Issuer ID",
        "Configuration > Signing Key", "Configuration > Subject NameID Format", "Configuration > Sign Assertion / Sign Response", "Configuration > Signing Algorithm",
        "Configuration > Enable Encryption", "Attribute Mappings", "Access");

    private static readonly IdentityProduct Adfs = new(
        "AD FS", "AD FS Management > Relying Party Trusts > the trust > Properties", "Endpoints", "Identifiers", "AD FS Management > Edit Federation Service Properties > Federation Service identifier",
        "AD FS Management > Service > Certificates > Token-signing", "Edit Claim Issuance Policy > Transform an Incoming Claim > Outgoing name ID format",
        "Set-AdfsRelyingPartyTrust -SamlResponseSignature MessageAndAssertion", "Advanced > Secure hash algorithm", "Encryption", "Edit Claim Issuance Policy", "Edit Access Control Policy");

    private static readonly IdentityProduct Keycloak = new(
        "Keycloak", "the realm > Clients > the client", "Advanced > Assertion Consumer Service POST Binding URL, and Settings > Valid redirect URIs", "Settings > Client ID",
        "Realm settings > Endpoints > SAML 2.0 Identity Provider Metadata > entityID", "Realm settings > Keys", "Settings > Name ID format", "Settings > Sign documents and Sign assertions",
        "Settings > Signature algorithm", "Keys > Encrypt assertions", "Client scopes > dedicated scope > Mappers", "Users and role mappings");

    private static readonly IdentityProduct Shibboleth = new(
        "Shibboleth", "the identity provider's conf folder", "our metadata in metadata-providers.xml: load it anew", "our metadata in metadata-providers.xml: load it anew", "idp.properties > idp.entityID",
        "credentials.xml", "saml-nameid.xml", "relying-party.xml > p:signAssertions and p:signResponses", "idp.properties > idp.signing.config",
        "relying-party.xml > p:encryptAssertions", "attribute-filter.xml and attribute-resolver.xml", "the relying party's activation conditions");

    private static readonly IdentityProduct JumpCloud = new(
        "JumpCloud", "Admin Portal > SSO Applications > the application", "SSO > ACS URLs", "SSO > SP Entity ID", "SSO > IdP Entity ID", "SSO > IDP Certificate", "SSO > SAMLSubject NameID Format",
        "SSO > Sign", "SSO > Signature Algorithm", "SSO > Encrypt Assertion", "SSO > Attributes", "User Groups");

    private static readonly IdentityProduct Auth0 = new(
        "Auth0", "Dashboard > Applications > the application > Addons > SAML2 Web App", "Settings > Application Callback URL", "Settings > audience", "Usage > Issuer", "Usage > Identity Provider Certificate",
        "Settings > nameIdentifierFormat and nameIdentifierProbes", "Settings > signResponse", "Settings > signatureAlgorithm and digestAlgorithm", "Settings > encryptAssertion is not offered: switch it off on the other side",
        "Settings > mappings", "Actions that deny access");

    private static readonly Dictionary<string, IdentityProduct> ByType = new(StringComparer.Ordinal)
    {
        ["OktaSAML"] = Okta, ["OktaOIDC"] = Okta, ["AzureSAML"] = Entra, ["EntraIdOIDC"] = Entra, ["GoogleSAML"] = Google, ["GoogleOIDC"] = Google, ["OneLoginSAML"] = OneLogin,
        ["PingFederateSAML"] = PingFederate, ["PingOneSAML"] = PingOne, ["ADFSSAML"] = Adfs, ["KeycloakSAML"] = Keycloak, ["ShibbolethSAML"] = Shibboleth,
        ["ShibbolethGenericSAML"] = Shibboleth, ["JumpCloudSAML"] = JumpCloud, ["Auth0SAML"] = Auth0,
    };

    private static readonly Dictionary<string, string> OtherNames = new(StringComparer.Ordinal)
    {
        ["AdpOidc"] = "ADP", ["CasSAML"] = "CAS", ["ClassLinkSAML"] = "ClassLink", ["CleverOIDC"] = "Clever", ["CloudflareSAML"] = "Cloudflare Access", ["CyberArkSAML"] = "CyberArk",
        ["DuoSAML"] = "Duo", ["LastPassSAML"] = "LastPass", ["LoginGovOidc"] = "Login.gov", ["MiniOrangeSAML"] = "miniOrange", ["NetIqSAML"] = "NetIQ", ["OracleSAML"] = "Oracle",
        ["RipplingSAML"] = "Rippling", ["SalesforceSAML"] = "Salesforce", ["SimpleSamlPhpSAML"] = "SimpleSAMLphp", ["VMwareSAML"] = "VMware",
    };

    /// <summary>The product of a connection; for one whose pages we do not know, what the standard calls each setting.</summary>
    public static IdentityProduct Of(string connectionType) => ByType.TryGetValue(connectionType, out var known) ? known : new(
        OtherNames.GetValueOrDefault(connectionType) ?? "the identity provider", "its settings for this application", "Assertion Consumer Service URL (also called Reply URL or ACS URL)",
        "Audience (also called SP Entity ID)", "Entity ID (also called Issuer)", "signing certificate", "NameID format", "signing of responses and assertions",
        "signature algorithm", "assertion encryption", "attributes", "who may use the application");
}
