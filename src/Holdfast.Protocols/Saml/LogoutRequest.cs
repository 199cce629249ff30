using System.Xml;
using static Holdfast.Protocols.Saml.SamlElement;

namespace Holdfast.Protocols.Saml;

/// <summary>Asks that the sessions of a principal end: written for the identity provider, and read from it (Core §3.7.1, Profiles §4.4).</summary>
public static class LogoutRequest
{
    /// <summary>The address to send the browser to.</summary>
    /// <param name="relayState">At most 80 bytes; an empty one is left out.</param>
    /// <exception cref="ArgumentException">The relay state is too long, or the destination is not absolute.</exception>
    public static Uri RedirectUrl(SamlLogout logout, string relayState, SamlSigner signer) =>
        OutgoingMessage.Redirect(logout.Destination, OutgoingMessage.Request, Write(logout), relayState, signer);

    /// <summary>The form that the browser posts.</summary>
    /// <exception cref="ArgumentException">As for <see cref="RedirectUrl"/>.</exception>
    public static SamlPost PostForm(SamlLogout logout, string relayState, SamlSigner signer) =>
        OutgoingMessage.Post(logout.Destination, OutgoingMessage.Request, Write(logout), relayState, signer);

    /// <summary>Checks one that the identity provider sent. It must be signed.</summary>
    /// <param name="message">HTTP-Redirect: the whole query as it was received, its escapes untouched. HTTP-POST: the form field SAMLRequest.</param>
    /// <param name="trust">With <see cref="SamlTrust.SloUrl"/>, which the Destination must be.</param>
    /// <returns>A verdict on any input; it never throws. Replay is the caller's: the id, until the end.</returns>
    public static LogoutRequestVerdict Check(
        SamlBinding binding, string message, SamlTrust trust, DateTimeOffset now, TimeSpan clockSkew, SamlLimits? limits = null)
    {
        var expected = new Expected(trust, null, now, clockSkew, limits ?? SamlLimits.Default);
        return RefusedException.Catch<LogoutRequestVerdict>(
            () => Read(
                IncomingMessage.Read(
                    binding, message, OutgoingMessage.Request, "LogoutRequest", trust.Signatures, expected.Limits, expected.Proof),
                expected),
            (why, detail) => new LogoutRequestVerdict.Refused(why, detail));
    }

    private static LogoutRequestVerdict.Accepted Read(IncomingMessage message, Expected expected)
    {
        var request = message.Root;
        message.CheckHead(expected);
        request.InOrder(
            Place.One(SamlNames.Assertion, "Issuer"),
            Place.Optional(SamlNames.Protocol, "Extensions"),
            new Place(SamlNames.Assertion, ["BaseID", "NameID", "EncryptedID"], 1, 1),
            Place.Any(SamlNames.Protocol, "SessionIndex"));
        var end = message.CheckEnd(expected, request.Time("NotOnOrAfter"));
        var indexes = request.Children(SamlNames.Protocol, "SessionIndex").Select(index => index.Text()).ToList();
        if (indexes.Count > expected.Limits.MaxSessionIndexes || indexes.Contains(""))
        {
            throw Malformed($"There are {indexes.Count} SessionIndexes, or one is empty; the limit is {expected.Limits.MaxSessionIndexes}.");
        }
        return new(
            request.RequiredId(), expected.Trust.IdpEntityId, expected.Trust.SpEntityId, NameIdentifier.Read(request, expected), indexes, end,
            message.RelayState, expected.Proof.Evidence());
    }

    private static byte[] Write(SamlLogout logout) => SamlWriter.Write(xml =>
    {
        xml.WriteStartElement("samlp", "LogoutRequest", SamlNames.Protocol);
        OutgoingMessage.WriteHead(xml, logout.Id, logout.Now, logout.Destination);
        xml.WriteAttributeString("NotOnOrAfter", SamlTime.Write(logout.Now + logout.Lifetime));
        if (logout.Reason is { } reason)
        {
            xml.WriteAttributeString("Reason", reason);
        }
        xml.WriteElementString("saml", "Issuer", SamlNames.Assertion, logout.Issuer);
        if (logout.EncryptFor is { } encryption)
        {
            encryption.Write(xml, SamlWriter.Write(inner => WriteNameId(inner, logout.Session.NameId)), "EncryptedID");
        }
        else
        {
            WriteNameId(xml, logout.Session.NameId);
        }
        if (logout.Session.SessionIndex is { } index)
        {
            xml.WriteElementString("samlp", "SessionIndex", SamlNames.Protocol, index);
        }
        xml.WriteEndElement();
    });

    private static void WriteNameId(XmlWriter xml, SamlNameId nameId)
    {
        xml.WriteStartElement("saml", "NameID", SamlNames.Assertion);
        foreach (var (name, value) in new[]
        {
            ("NameQualifier", nameId.NameQualifier), ("SPNameQualifier", nameId.SpNameQualifier), ("Format", nameId.Format),
        })
        {
            if (value is not null)
            {
                xml.WriteAttributeString(name, value);
            }
        }
        xml.WriteString(nameId.Value);
        xml.WriteEndElement();
    }
}
