using System.Security.Cryptography;
using System.Text;
using System.Xml;
using static Holdfast.Protocols.Saml.SamlElement;

namespace Holdfast.Protocols.Saml;

/// <summary>The request that begins a sign-in at the service provider (Core §3.4), by the HTTP-Redirect binding (Bindings §3.4).</summary>
public static class AuthnRequest
{
    /// <summary>An ID as xs:ID wants it: it must not begin with a digit.</summary>
    /// <exception cref="ArgumentException">Fewer than 16 bytes: a stranger could guess it.</exception>
    public static string NewId(ReadOnlySpan<byte> sixteenOrMoreRandomBytes) =>
        sixteenOrMoreRandomBytes.Length >= 16
            ? "_" + Convert.ToHexStringLower(sixteenOrMoreRandomBytes)
            : throw new ArgumentException("An ID needs at least 16 random bytes.", nameof(sixteenOrMoreRandomBytes));

    /// <summary>The address to send the browser to.</summary>
    /// <param name="idpSsoUrl">Absolute; a query that it has stays.</param>
    /// <param name="relayState">At most 80 bytes (Bindings §3.4.3); an empty one is left out.</param>
    /// <param name="nameIdFormat">Asked for by NameIDPolicy; null asks for none.</param>
    /// <param name="signWith">Signs the query with RSA-SHA256, for identity providers that want signed requests; null leaves it unsigned.</param>
    /// <exception cref="ArgumentException">The relay state is too long, or the address is not absolute.</exception>
    public static Uri RedirectUrl(
        string idpSsoUrl, string id, string spEntityId, string acsUrl, string relayState, DateTimeOffset now,
        string? nameIdFormat = null, bool forceAuthn = false, RSA? signWith = null)
    {
        if (Encoding.UTF8.GetByteCount(relayState) > 80)
        {
            throw new ArgumentException("A relay state has at most 80 bytes.", nameof(relayState));
        }
        if (!Uri.TryCreate(idpSsoUrl, UriKind.Absolute, out var target) || (target.Scheme != "https" && target.Scheme != "http"))
        {
            throw new ArgumentException("The identity provider's address is not absolute.", nameof(idpSsoUrl));
        }
        var xml = SamlWriter.Write(writer => Write(writer, idpSsoUrl, id, spEntityId, acsUrl, now, nameIdFormat, forceAuthn));
        var query = "SAMLRequest=" + Uri.EscapeDataString(RedirectEncoding.Encode(xml))
            + (relayState.Length == 0 ? "" : "&RelayState=" + Uri.EscapeDataString(relayState));
        if (signWith is not null)
        {
            // The signature is over these very characters, in this order (Bindings §3.4.4.1).
            query += "&SigAlg=" + Uri.EscapeDataString(SamlNames.RsaSha256);
            var value = signWith.SignData(Encoding.ASCII.GetBytes(query), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            query += "&Signature=" + Uri.EscapeDataString(Convert.ToBase64String(value));
        }
        var own = target.Query.TrimStart('?');
        return new Uri(target.GetLeftPart(UriPartial.Path) + "?" + (own.Length == 0 ? "" : own + "&") + query);
    }

    /// <summary>Reads what <see cref="RedirectUrl"/> makes, at the identity provider.</summary>
    /// <param name="samlRequestParameter">The query parameter, percent escapes undone.</param>
    /// <returns>A request or a refusal, on any input; it never throws.</returns>
    public static AuthnRequestRead Read(string samlRequestParameter, SamlLimits? limits = null)
    {
        var bounds = limits ?? SamlLimits.Default;
        return RefusedException.Catch<AuthnRequestRead>(
            () => Read(SamlXml.Read(RedirectEncoding.Decode(samlRequestParameter, bounds.MaxDecodedBytes), bounds)),
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
            IsTrue(request.Attribute("IsPassive")));
    }

    private static bool IsTrue(string? value) => value switch
    {
        null or "false" or "0" => false,
        "true" or "1" => true,
        _ => throw Malformed("A boolean attribute is neither true nor false."),
    };

    private static void Write(
        XmlWriter xml, string idpSsoUrl, string id, string spEntityId, string acsUrl, DateTimeOffset now, string? nameIdFormat, bool forceAuthn)
    {
        xml.WriteStartElement("samlp", "AuthnRequest", SamlNames.Protocol);
        xml.WriteAttributeString("ID", id);
        xml.WriteAttributeString("Version", "2.0");
        xml.WriteAttributeString("IssueInstant", SamlTime.Write(now));
        xml.WriteAttributeString("Destination", idpSsoUrl);
        if (forceAuthn)
        {
            xml.WriteAttributeString("ForceAuthn", "true");
        }
        xml.WriteAttributeString("ProtocolBinding", SamlNames.Post);
        xml.WriteAttributeString("AssertionConsumerServiceURL", acsUrl);
        xml.WriteElementString("saml", "Issuer", SamlNames.Assertion, spEntityId);
        if (nameIdFormat is not null)
        {
            xml.WriteStartElement("samlp", "NameIDPolicy", SamlNames.Protocol);
            xml.WriteAttributeString("Format", nameIdFormat);
            xml.WriteAttributeString("AllowCreate", "true");
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
    }
}
