namespace Holdfast.Protocols.Saml;

/// <summary>The names that SAML 2.0 and XML Signature give to things.</summary>
internal static class SamlNames
{
    public const string Assertion = "urn:oasis:names:tc:SAML:2.0:assertion";
    public const string Protocol = "urn:oasis:names:tc:SAML:2.0:protocol";
    public const string Metadata = "urn:oasis:names:tc:SAML:2.0:metadata";
    public const string Signature = "http://www.w3.org/2000/09/xmldsig#";
    public const string ExclusiveC14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    public const string InclusiveC14n = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
    public const string Enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
    public const string Declarations = "http://www.w3.org/2000/xmlns/";
    public const string Xml = "http://www.w3.org/XML/1998/namespace";
    public const string SchemaInstance = "http://www.w3.org/2001/XMLSchema-instance";

    public const string Success = "urn:oasis:names:tc:SAML:2.0:status:Success";
    public const string Bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
    public const string Redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
    public const string Post = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
    public const string PasswordProtectedTransport = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

    public const string ElementType = "http://www.w3.org/2001/04/xmlenc#Element";
    public const string Encryption = "http://www.w3.org/2001/04/xmlenc#";
    public const string Encryption11 = "http://www.w3.org/2009/xmlenc11#";

    public const string RsaSha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
    public const string Sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    public const string RsaSha256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    public const string Sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
}
