using System.Security.Cryptography.X509Certificates;
using System.Xml;
using static Holdfast.Protocols.Saml.SamlElement;

namespace Holdfast.Protocols.Saml;

/// <summary>The request that begins a sign-in at the service provider (Core §3.4), by either binding, signed or not.</summary>
public static class AuthnRequest
{
    /// <summary>An ID as xs:ID wants it: it must not begin with a digit.</summary>
    /// <exception cref="ArgumentException">Fewer than 16 bytes: a stranger could guess it.</exception>
    public static string NewId(ReadOnlySpan<byte> sixteenOrMoreRandomBytes) =>
        sixteenOrMoreRandomBytes.Length >= 16
            ? "_" + Convert.ToHexStringLower(sixteenOrMoreRandomBytes)
            : throw new ArgumentException("An ID needs at least 16 random bytes.", nameof(sixteenOrMoreRandomBytes));

    /// <summary>Whom a hint from outside asks for: an address, or a name of a kind that nobody knows. Null when XML cannot hold it.</summary>
    public static SamlNameId? SubjectOf(string? hint)
    {
        if (string.IsNullOrWhiteSpace(hint))
        {
            return null;
        }
        try
        {
            return new SamlNameId(XmlConvert.VerifyXmlChars(hint), "urn:oasis:names:tc:SAML:1.1:nameid-format:" + (hint.Contains('@') ? "emailAddress" : "unspecified"));
        }
        catch (XmlException)
        {
            return null;
        }
    }

    /// <summary>The address to send the browser to.</summary>
    /// <param name="idpSsoUrl">Absolute; a query that it has stays.</param>
    /// <param name="relayState">At most 80 bytes (Bindings §3.4.3); an empty one is left out.</param>
    /// <param name="nameIdFormat">Asked for by NameIDPolicy; null asks for none.</param>
    /// <param name="subject">Whom to ask for (Core §3.4.1); null for anybody.</param>
    /// <param name="signWith">Signs the query, for identity providers that want signed requests; null leaves it unsigned.</param>
    /// <exception cref="ArgumentException">The relay state is too long, or the address is not absolute.</exception>
    public static Uri RedirectUrl(
        string idpSsoUrl, string id, string spEntityId, string acsUrl, string relayState, DateTimeOffset now,
        string? nameIdFormat = null, bool forceAuthn = false, SamlSigner? signWith = null, SamlNameId? subject = null) => OutgoingMessage.Redirect(
            idpSsoUrl, OutgoingMessage.Request, Write(idpSsoUrl, id, spEntityId, acsUrl, now, nameIdFormat, forceAuthn, subject), relayState, signWith);

    /// <summary>The form that the browser posts, for identity providers that take no redirect (Bindings §3.5).</summary>
    /// <param name="signWith">Signs the request itself; null leaves it unsigned.</param>
    /// <exception cref="ArgumentException">As for <see cref="RedirectUrl"/>.</exception>
    public static SamlPost PostForm(
        string idpSsoUrl, string id, string spEntityId, string acsUrl, string relayState, DateTimeOffset now,
        string? nameIdFormat = null, bool forceAuthn = false, SamlSigner? signWith = null, SamlNameId? subject = null) => OutgoingMessage.Post(
            idpSsoUrl, OutgoingMessage.Request, Write(idpSsoUrl, id, spEntityId, acsUrl, now, nameIdFormat, forceAuthn, subject), relayState, signWith);

    /// <summary>Reads what <see cref="RedirectUrl"/> makes, at the identity provider, without asking for a signature.</summary>
    /// <param name="samlRequestParameter">The query parameter, percent escapes undone.</param>
    /// <returns>A request or a refusal, on any input; it never throws.</returns>
    public static AuthnRequestRead Read(string samlRequestParameter, SamlLimits? limits = null)
    {
        var bounds = limits ?? SamlLimits.Default;
        return RefusedException.Catch<AuthnRequestRead>(
            () => Read(SamlXml.Read(RedirectEncoding.Decode(samlRequestParameter, bounds.MaxDecodedBytes), bounds)),
            (why, detail) => new AuthnRequestRead.Refused(why, detail));
    }

    /// <summary>Reads a request at the identity provider and asks for a signature, by either binding.</summary>
    /// <param name="message">HTTP-Redirect: the whole query as it was received, its escapes untouched. HTTP-POST: the form field SAMLRequest.</param>
    /// <param name="certificates">The service provider's; null takes the message unsigned, and does not look at a signature that is there.</param>
    /// <returns>A request or a refusal, on any input; it never throws.</returns>
    public static AuthnRequestRead Check(
        SamlBinding binding, string message, IReadOnlyList<X509Certificate2>? certificates, SamlLimits? limits = null)
    {
        var trust = certificates is null ? null : new SignatureTrust(certificates, AllowSha1: false);
        return RefusedException.Catch<AuthnRequestRead>(
            () => Read(IncomingMessage.Read(
                binding, message, OutgoingMessage.Request, "AuthnRequest", trust, limits ?? SamlLimits.Default, new Proof()).Root),
            (why, detail) => new AuthnRequestRead.Refused(why, detail));
    }

    private static AuthnRequestRead.Request Read(XmlElement request)
    {
        if (!request.Is(SamlNames.Protocol, "AuthnRequest"))
        {
            throw new RefusedException(
                SamlRefusal.WrongMessage, $"The message is a {RefusedException.Quote(request.LocalName)}, not an AuthnRequest.");
        }
        UniqueNames.Check(request);
        SamlVersion.Check(request);
        var issuer = request.Child(SamlNames.Assertion, "Issuer")?.Text();
        return new(
            request.RequiredId(),
            string.IsNullOrEmpty(issuer) ? throw new RefusedException(SamlRefusal.WrongIssuer, "The request has no Issuer.") : issuer,
            request.Attribute("AssertionConsumerServiceURL"),
            request.Attribute("Destination"),
            SamlTime.Parse(request.Required("IssueInstant")),
            request.Child(SamlNames.Protocol, "NameIDPolicy")?.Attribute("Format"),
            IsTrue(request.Attribute("ForceAuthn")),
            IsTrue(request.Attribute("IsPassive")))
        {
            Subject = request.Child(SamlNames.Assertion, "Subject")?.Child(SamlNames.Assertion, "NameID")?.Text(),
        };
    }

    private static bool IsTrue(string? value) => value switch
    {
        null or "false" or "0" => false,
        "true" or "1" => true,
        _ => throw Malformed("A boolean attribute is neither true nor false."),
    };

    private static byte[] Write(
        string idpSsoUrl, string id, string spEntityId, string acsUrl, DateTimeOffset now, string? nameIdFormat,
        bool forceAuthn, SamlNameId? subject) => SamlWriter.Write(xml =>
    {
        xml.WriteStartElement("samlp", "AuthnRequest", SamlNames.Protocol);
        OutgoingMessage.WriteHead(xml, id, now, idpSsoUrl);
        if (forceAuthn)
        {
            xml.WriteAttributeString("ForceAuthn", "true");
        }
        xml.WriteAttributeString("ProtocolBinding", SamlNames.Post);
        xml.WriteAttributeString("AssertionConsumerServiceURL", acsUrl);
        xml.WriteElementString("saml", "Issuer", SamlNames.Assertion, spEntityId);
        if (subject is not null)
        {
            xml.WriteStartElement("saml", "Subject", SamlNames.Assertion);
            xml.WriteStartElement("saml", "NameID", SamlNames.Assertion);
            xml.WriteAttributeString("Format", subject.Format);
            xml.WriteString(subject.Value);
            xml.WriteEndElement();
            xml.WriteEndElement();
        }
        if (nameIdFormat is not null)
        {
            xml.WriteStartElement("samlp", "NameIDPolicy", SamlNames.Protocol);
            xml.WriteAttributeString("Format", nameIdFormat);
            xml.WriteAttributeString("AllowCreate", "true");
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
    });
}
