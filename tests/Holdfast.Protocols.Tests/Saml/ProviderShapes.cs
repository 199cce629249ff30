namespace Holdfast.Protocols.Tests.Saml;

/// <summary>The identity providers that customers have, each in its own way of writing; where one has several usual ways, several times.</summary>
internal static class ProviderShapes
{
    private const string Claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/";
    private const string Typed = " xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\"";
    private const string TypedAbove = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\"";
    private const string DeclaresXs = " xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"";
    private const string Unspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
    private const string Persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    private const string Transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

    private static ProviderAttribute Is(string name, string? format, params string[] values) => new(name, format, values);

    private static ProviderShape Okta { get; } = new(
        "Okta", "http://www.okta.com/exk1a2b3c4d5", "saml2p", "saml2", "ds", OnResponse: true, OnAssertion: true,
        [Is("email", "unspecified", Sample.Alice), Is("firstName", "unspecified", "Alice"), Is("lastName", "unspecified", "Doe"), Is("groups", "unspecified", "Everyone", "Admins")])
    {
        // Declares xs above its use, so its transform needs the PrefixList.
        Prefixes = "xs",
        ResponseMore = DeclaresXs,
        AssertionMore = DeclaresXs,
        ValueType = TypedAbove,
        IssuerMore = " Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\"",
        ResponseId = "id11700000000000001111111111",
        AssertionId = "id11700000000000002222222222",
        NameIdFormat = Unspecified,
        SessionIndex = "id1234567890.1234567890",
    };

    private static ProviderShape Entra { get; } = new(
        "Entra ID", "https://sts.windows.net/11111111-2222-3333-4444-555555555555/", "samlp", "", "", OnResponse: false, OnAssertion: true,
        [
            Is("http://schemas.microsoft.com/identity/claims/tenantid", null, "11111111-2222-3333-4444-555555555555"),
            Is("http://schemas.microsoft.com/identity/claims/objectidentifier", null, "66666666-7777-8888-9999-000000000000"),
            Is("http://schemas.microsoft.com/identity/claims/displayname", null, "Alice Doe"),
            Is("http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", null, "aaaaaaaa-0000-0000-0000-000000000000", "bbbbbbbb-0000-0000-0000-000000000000"),
            Is(Claims + "givenname", null, "Alice"), Is(Claims + "surname", null, "Doe"), Is(Claims + "emailaddress", null, Sample.Alice), Is(Claims + "name", null, Sample.Alice),
        ])
    {
        ResponseId = "_0d1c2b3a-4f5e-6d7c-8b9a-0f1e2d3c4b5a",
        AssertionId = "_a1b2c3d4-e5f6-0718-293a-4b5c6d7e8f00",
        AttributesFirst = true,
        AuthnContext = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
        SessionIndex = "_a1b2c3d4-e5f6-0718-293a-4b5c6d7e8f00",
    };

    private static ProviderShape Google { get; } = new(
        "Google", "https://accounts.google.com/o/saml2?idpid=C01abc234", "saml2p", "saml2", "ds", OnResponse: false, OnAssertion: true,
        [Is("email", null, Sample.Alice), Is("first_name", null, "Alice"), Is("last_name", null, "Doe")])
    {
        KeyInfo = "<ds:X509Data><ds:X509SubjectName>ST=California,C=US,OU=Google For Work,CN=Google,L=Mountain View,O=Google Inc.</ds:X509SubjectName><ds:X509Certificate>CERT</ds:X509Certificate></ds:X509Data>",
        ValueType = Typed.Replace("xs:string", "xs:anyType", StringComparison.Ordinal),
        AttributesFirst = true,
        AuthnContext = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
        SessionIndex = "_a1",
    };

    private static ProviderShape OneLogin { get; } = new(
        "OneLogin", "https://app.onelogin.com/saml/metadata/11111111-2222-3333-4444-555555555555", "samlp", "saml", "ds", OnResponse: false, OnAssertion: true,
        [Is("User.email", "basic", Sample.Alice), Is("User.FirstName", "basic", "Alice"), Is("User.LastName", "basic", "Doe"), Is("memberOf", "basic", ""), Is("PersonImmutableID", "basic", "")])
    {
        AssertionId = "pfx0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        ResponseId = "R0123456789abcdef0123456789abcdef01234567",
        TimeDigits = 0,
        ValueType = Typed,
        SessionEnds = true,
        SessionIndex = "_11111111-0000-0000-0000-222222222222",
    };

    private static ProviderShape PingFederate { get; } = new(
        "PingFederate", "idp:pingfederate:acme", "samlp", "saml", "ds", OnResponse: true, OnAssertion: false,
        [Is("SAML_SUBJECT", "basic", Sample.Alice), Is("mail", "basic", Sample.Alice), Is("givenName", "basic", "Alice"), Is("sn", "basic", "Doe"), Is("memberOf", "basic", "CN=a,DC=acme", "CN=b,DC=acme")])
    {
        NameIdFormat = Unspecified,
        ResponseId = "Xk.2_wJ7-aBcDeFgHiJkLmNoPqR",
        AssertionId = "bT.9_zQ1-sTuVwXyZaBcDeFgHiJ",
        KeyInfo = "<ds:X509Data><ds:X509Certificate>\nCERT\n</ds:X509Certificate></ds:X509Data><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>",
        ValueType = Typed,
        AuthnContext = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
    };

    private static ProviderShape Adfs { get; } = new(
        "ADFS", "http://adfs.acme.example/adfs/services/trust", "samlp", "", "ds", OnResponse: false, OnAssertion: true,
        [Is(Claims + "upn", null, Sample.Alice), Is(Claims + "emailaddress", null, Sample.Alice), Is("http://schemas.xmlsoap.org/claims/Group", null, "Domain Users", "Admins")])
    {
        ResponseMore = " Consent=\"urn:oasis:names:tc:SAML:2.0:consent:unspecified\"",
        AttributesFirst = true,
        AssertionId = "_01234567-89ab-cdef-0123-456789abcdef",
        SessionIndex = "_01234567-89ab-cdef-0123-456789abcdef",
        TimeDigits = 3,
    };

    private static ProviderShape Keycloak { get; } = new(
        "Keycloak", "https://keycloak.acme.example/realms/acme", "samlp", "saml", "dsig", OnResponse: true, OnAssertion: false,
        [
            Is("email", "basic", Sample.Alice), new("urn:oid:2.5.4.42", "urn:oasis:names:tc:SAML:2.0:attrname-format:uri", ["Alice"], "givenName"),
            Is("Role", "basic", "offline_access"), Is("Role", "basic", "uma_authorization"), Is("Role", "basic", "admin"),
        ])
    {
        ResponseId = "ID_11111111-2222-3333-4444-555555555555",
        AssertionId = "ID_66666666-7777-8888-9999-000000000000",
        KeyInfo = "<ds:KeyName>kid-1</ds:KeyName><ds:X509Data><ds:X509Certificate>CERT</ds:X509Certificate></ds:X509Data>",
        ValueType = Typed,
        SessionIndex = "11111111-2222-3333-4444-555555555555::66666666-7777-8888-9999-000000000000",
        SessionEnds = true,
        AuthnContext = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
    };

    private static ProviderShape Shibboleth { get; } = new(
        "Shibboleth", "https://idp.univ.example/idp/shibboleth", "saml2p", "saml2", "ds", OnResponse: true, OnAssertion: false,
        [
            new("urn:oid:0.9.2342.19200300.100.1.3", "uri", [Sample.Alice], "mail"), new("urn:oid:2.5.4.42", "uri", ["Alice"], "givenName"),
            new("urn:oid:2.5.4.4", "uri", ["Doe"], "sn"), new("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "uri", ["alice@univ.example"], "eduPersonPrincipalName"),
            new("urn:oid:1.3.6.1.4.1.5923.1.1.1.10", "uri", ["opaque-1"], "eduPersonTargetedID", IsNameId: true),
            new("urn:oid:1.3.6.1.4.1.5923.1.1.1.9", "uri", ["member@univ.example", "student@univ.example"], "eduPersonScopedAffiliation"),
        ])
    {
        NameIdFormat = Transient,
        NameId = "AAdzZWNyZXQxMjM0NTY3ODkw",
        NameIdMore = $" NameQualifier=\"https://idp.univ.example/idp/shibboleth\" SPNameQualifier=\"{Sample.Sp}\"",
        Prefixes = "xs",
        ResponseMore = DeclaresXs,
        AssertionMore = DeclaresXs,
        ValueType = TypedAbove,
        Method = Signing.More + "rsa-sha256",
        Encryption = new(
            Cipher: Encrypting.Xenc11 + "aes128-gcm", Shape: s => s.Replace("<xenc:EncryptedKey>", $"<xenc:EncryptedKey Id=\"_ek1\" Recipient=\"{Sample.Sp}\">", StringComparison.Ordinal)),
        SessionIndex = "_0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    };

    private static ProviderShape JumpCloud { get; } = new(
        "JumpCloud", "https://sso.jumpcloud.com/saml2/acme", "saml2p", "saml2", "ds", OnResponse: true, OnAssertion: false,
        [Is("email", "unspecified", Sample.Alice), Is("firstname", "unspecified", "Alice"), Is("lastname", "unspecified", "Doe"), Is("memberOf", "unspecified", "all")])
    {
        Prefixes = "xs",
        ResponseMore = DeclaresXs,
        AssertionMore = DeclaresXs,
        ValueType = TypedAbove,
        IssuerMore = " Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\"",
        ResponseId = "JC0123456789",
        AssertionId = "JC9876543210",
    };

    private static ProviderShape Auth0 { get; } = new(
        "Auth0", "urn:acme.eu.auth0.com", "samlp", "saml", "", OnResponse: false, OnAssertion: true,
        [
            Is(Claims + "nameidentifier", "uri", "auth0|0123456789"), Is(Claims + "emailaddress", "uri", Sample.Alice), Is(Claims + "name", "uri", "Alice Doe"),
            Is("http://schemas.auth0.com/email_verified", "uri", "true"),
        ])
    {
        NameIdFormat = Unspecified,
        NameId = "auth0|0123456789",
        ValueType = " xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:anyType\"",
        AuthnContext = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified",
        SessionIndex = "_0123456789abcdefghijklm",
    };

    public static IReadOnlyList<ProviderShape> All { get; } =
    [
        Okta,
        Okta with { Name = "Okta, encrypted", Encryption = Encrypting.Cbc },
        Entra,
        Entra with { Name = "Entra ID, response and assertion", OnResponse = true },
        Entra with { Name = "Entra ID, persistent, encrypted", NameIdFormat = Persistent, NameId = "lP3kOpaque", OnResponse = true, Encryption = Encrypting.Cbc },
        Google,
        Google with { Name = "Google, signed response", OnResponse = true, OnAssertion = false },
        OneLogin,
        OneLogin with
        {
            Name = "OneLogin, SHA-1", AllowSha1 = true, Method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1", Digest = "http://www.w3.org/2000/09/xmldsig#sha1",
        },
        PingFederate,
        PingFederate with { Name = "PingFederate, encrypted, key beside", OnAssertion = true, Encryption = new(Where: Encrypting.Place.BesideAndReferred) },
        Adfs,
        Adfs with
        {
            // Its default is AES-256-CBC, with the issuer and serial of our certificate in a token reference.
            Name = "ADFS, encrypted, message and assertion", OnResponse = true, Encryption = Encrypting.Cbc with
            {
                Shape = s => s.Replace("</xenc:EncryptionMethod><xenc:CipherData>", "</xenc:EncryptionMethod><ds:KeyInfo><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=sp</ds:X509IssuerName><ds:X509SerialNumber>1</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data></ds:KeyInfo><xenc:CipherData>", StringComparison.Ordinal),
            },
        },
        Keycloak,
        Keycloak with { Name = "Keycloak, both signed, encrypted", OnAssertion = true, Encryption = Encrypting.Modern },
        Keycloak with { Name = "Keycloak, RSA-SHA512", Method = Signing.More + "rsa-sha512", Digest = "http://www.w3.org/2001/04/xmlenc#sha512" },
        Shibboleth,
        Shibboleth with { Name = "Shibboleth, plain, persistent", Encryption = null, NameIdFormat = Persistent, NameId = "OPAQUE1234567890" },
        JumpCloud,
        Auth0,
        Auth0 with { Name = "Auth0, pretty-printed", Space = "\n    " },
    ];
}
