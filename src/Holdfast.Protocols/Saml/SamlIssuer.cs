using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>The identity provider's side, for the one that is built in for tests: makes signed responses and its metadata.</summary>
public static class SamlIssuer
{
    /// <param name="certificate">With its private key; it signs as <see cref="SamlSigner.With"/> chooses.</param>
    /// <returns>The Response in base64, ready for the form field SAMLResponse (Bindings §3.5).</returns>
    /// <exception cref="ArgumentException">The certificate has no private key.</exception>
    public static string Issue(SamlIssue issue, X509Certificate2 certificate) => Issue(issue, SamlSigner.With(certificate));

    /// <returns>The Response in base64, ready for the form field SAMLResponse (Bindings §3.5).</returns>
    public static string Issue(SamlIssue issue, SamlSigner signer)
    {
        var response = SamlXml.ReadOwn(SamlWriter.Write(xml => WriteResponse(xml, issue)));
        var assertion = response.Child(SamlNames.Assertion, "Assertion")!;
        // From the inside out: the assertion is signed, then encrypted, then the response's signature covers what came of that (Core §6.2).
        if (issue.Signed is SamlSigned.Assertion or SamlSigned.Both)
        {
            SignatureWriter.Sign(assertion, signer);
        }
        issue.EncryptFor?.Replace(assertion, SignatureWriter.Octets(assertion), "EncryptedAssertion");
        if (issue.Signed is SamlSigned.Response or SamlSigned.Both)
        {
            SignatureWriter.Sign(response, signer);
        }
        return Convert.ToBase64String(SamlWriter.Write(response.WriteTo));
    }

    /// <summary>An EntityDescriptor with one IDPSSODescriptor.</summary>
    /// <param name="ssoUrl">Takes AuthnRequests by HTTP-Redirect and HTTP-POST.</param>
    public static string Metadata(string entityId, string ssoUrl, X509Certificate2 certificate) => Encoding.UTF8.GetString(SamlWriter.Write(xml =>
    {
        xml.WriteStartElement("md", "EntityDescriptor", SamlNames.Metadata);
        xml.WriteAttributeString("entityID", entityId);
        xml.WriteStartElement("md", "IDPSSODescriptor", SamlNames.Metadata);
        xml.WriteAttributeString("protocolSupportEnumeration", SamlNames.Protocol);
        xml.WriteStartElement("md", "KeyDescriptor", SamlNames.Metadata);
        xml.WriteAttributeString("use", "signing");
        SignatureWriter.WriteKeyInfo(xml, certificate.RawData);
        xml.WriteEndElement();
        foreach (var binding in new[] { SamlNames.Redirect, SamlNames.Post })
        {
            xml.WriteStartElement("md", "SingleSignOnService", SamlNames.Metadata);
            xml.WriteAttributeString("Binding", binding);
            xml.WriteAttributeString("Location", ssoUrl);
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
        xml.WriteEndElement();
    }));

    private static void WriteResponse(XmlWriter xml, SamlIssue issue)
    {
        xml.WriteStartElement("samlp", "Response", SamlNames.Protocol);
        WriteHead(xml, issue.ResponseId, issue.Now);
        xml.WriteAttributeString("Destination", issue.AcsUrl);
        WriteOptional(xml, "InResponseTo", issue.InResponseTo);
        WriteText(xml, "Issuer", issue.Issuer);
        xml.WriteStartElement("samlp", "Status", SamlNames.Protocol);
        xml.WriteStartElement("samlp", "StatusCode", SamlNames.Protocol);
        xml.WriteAttributeString("Value", SamlNames.Success);
        xml.WriteEndElement();
        xml.WriteEndElement();
        WriteAssertion(xml, issue);
        xml.WriteEndElement();
    }

    private static void WriteAssertion(XmlWriter xml, SamlIssue issue)
    {
        xml.WriteStartElement("saml", "Assertion", SamlNames.Assertion);
        WriteHead(xml, issue.AssertionId, issue.Now);
        WriteText(xml, "Issuer", issue.Issuer);
        WriteSubject(xml, issue);
        xml.WriteStartElement("saml", "Conditions", SamlNames.Assertion);
        xml.WriteAttributeString("NotBefore", SamlTime.Write(issue.Now));
        xml.WriteAttributeString("NotOnOrAfter", SamlTime.Write(issue.Now + issue.Lifetime));
        xml.WriteStartElement("saml", "AudienceRestriction", SamlNames.Assertion);
        WriteText(xml, "Audience", issue.Audience);
        xml.WriteEndElement();
        xml.WriteEndElement();
        WriteAuthnStatement(xml, issue);
        WriteAttributes(xml, issue.Attributes);
        xml.WriteEndElement();
    }

    private static void WriteSubject(XmlWriter xml, SamlIssue issue)
    {
        xml.WriteStartElement("saml", "Subject", SamlNames.Assertion);
        xml.WriteStartElement("saml", "NameID", SamlNames.Assertion);
        xml.WriteAttributeString("Format", issue.NameIdFormat);
        xml.WriteString(issue.NameId);
        xml.WriteEndElement();
        xml.WriteStartElement("saml", "SubjectConfirmation", SamlNames.Assertion);
        xml.WriteAttributeString("Method", SamlNames.Bearer);
        xml.WriteStartElement("saml", "SubjectConfirmationData", SamlNames.Assertion);
        xml.WriteAttributeString("NotOnOrAfter", SamlTime.Write(issue.Now + issue.Lifetime));
        xml.WriteAttributeString("Recipient", issue.AcsUrl);
        WriteOptional(xml, "InResponseTo", issue.InResponseTo);
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteAuthnStatement(XmlWriter xml, SamlIssue issue)
    {
        xml.WriteStartElement("saml", "AuthnStatement", SamlNames.Assertion);
        xml.WriteAttributeString("AuthnInstant", SamlTime.Write(issue.Now));
        WriteOptional(xml, "SessionIndex", issue.SessionIndex);
        WriteOptional(xml, "SessionNotOnOrAfter", issue.SessionNotOnOrAfter is { } end ? SamlTime.Write(end) : null);
        xml.WriteStartElement("saml", "AuthnContext", SamlNames.Assertion);
        WriteText(xml, "AuthnContextClassRef", SamlNames.PasswordProtectedTransport);
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteAttributes(XmlWriter xml, IReadOnlyDictionary<string, IReadOnlyList<string>> attributes)
    {
        if (attributes.Count == 0)
        {
            return;   // the schema wants at least one in a statement
        }
        xml.WriteStartElement("saml", "AttributeStatement", SamlNames.Assertion);
        foreach (var (name, values) in attributes)
        {
            xml.WriteStartElement("saml", "Attribute", SamlNames.Assertion);
            xml.WriteAttributeString("Name", name);
            xml.WriteAttributeString("NameFormat", "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified");
            foreach (var value in values)
            {
                WriteText(xml, "AttributeValue", value);
            }
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
    }

    private static void WriteHead(XmlWriter xml, string id, DateTimeOffset now)
    {
        xml.WriteAttributeString("ID", id);
        xml.WriteAttributeString("Version", "2.0");
        xml.WriteAttributeString("IssueInstant", SamlTime.Write(now));
    }

    private static void WriteText(XmlWriter xml, string name, string text) => xml.WriteElementString("saml", name, SamlNames.Assertion, text);

    private static void WriteOptional(XmlWriter xml, string name, string? value)
    {
        if (value is not null)
        {
            xml.WriteAttributeString(name, value);
        }
    }
}
