using static Holdfast.Protocols.Saml.SamlElement;

namespace Holdfast.Protocols.Saml;

/// <summary>Answers a <see cref="LogoutRequest"/>: written for the identity provider, and read from it (Core §3.7.2, Profiles §4.4).</summary>
public static class LogoutResponse
{
    /// <summary>The address to send the browser to.</summary>
    /// <param name="relayState">As it came with the request, however long; an empty one is left out.</param>
    /// <exception cref="ArgumentException">The destination is not absolute.</exception>
    public static Uri RedirectUrl(SamlLogoutAnswer answer, string relayState, SamlSigner signer) =>
        OutgoingMessage.Redirect(answer.Destination, OutgoingMessage.Response, Write(answer), relayState, signer);

    /// <summary>The form that the browser posts.</summary>
    /// <exception cref="ArgumentException">As for <see cref="RedirectUrl"/>.</exception>
    public static SamlPost PostForm(SamlLogoutAnswer answer, string relayState, SamlSigner signer) =>
        OutgoingMessage.Post(answer.Destination, OutgoingMessage.Response, Write(answer), relayState, signer);

    /// <summary>Checks one that the identity provider sent. It must be signed.</summary>
    /// <param name="message">HTTP-Redirect: the whole query as it was received, its escapes untouched. HTTP-POST: the form field
    /// SAMLResponse.</param>
    /// <param name="expectedRequestId">The ID of our LogoutRequest: an answer to nothing is refused.</param>
    /// <returns>A verdict on any input; it never throws. Accepted does not mean that the identity provider ended everything: see the
    /// status.</returns>
    public static LogoutResponseVerdict Check(
        SamlBinding binding, string message, SamlTrust trust, string expectedRequestId, DateTimeOffset now, TimeSpan clockSkew,
        SamlLimits? limits = null)
    {
        var expected = new Expected(trust, expectedRequestId, now, clockSkew, limits ?? SamlLimits.Default);
        return RefusedException.Catch<LogoutResponseVerdict>(
            () => Read(
                IncomingMessage.Read(
                    binding, message, OutgoingMessage.Response, "LogoutResponse", trust.Signatures, expected.Limits, expected.Proof),
                expected),
            (why, detail) => new LogoutResponseVerdict.Refused(why, detail));
    }

    private static LogoutResponseVerdict.Accepted Read(IncomingMessage message, Expected expected)
    {
        message.CheckHead(expected);
        message.Root.InOrder(
            Place.One(SamlNames.Assertion, "Issuer"),
            Place.Optional(SamlNames.Protocol, "Extensions"),
            Place.One(SamlNames.Protocol, "Status"));
        if (expected.RequestId is null || message.Root.Attribute("InResponseTo") != expected.RequestId)
        {
            throw new RefusedException(SamlRefusal.WrongRequest, "The answer is to another request, or names none.");
        }
        message.CheckEnd(expected, own: null);
        var (status, detail) = ResponseStatus.OfLogout(message.Root);
        return new(message.Root.RequiredId(), status, detail, message.RelayState, expected.Proof.Evidence());
    }

    private static byte[] Write(SamlLogoutAnswer answer) => SamlWriter.Write(xml =>
    {
        xml.WriteStartElement("samlp", "LogoutResponse", SamlNames.Protocol);
        OutgoingMessage.WriteHead(xml, answer.Id, answer.Now, answer.Destination);
        xml.WriteAttributeString("InResponseTo", answer.InResponseTo);
        xml.WriteElementString("saml", "Issuer", SamlNames.Assertion, answer.Issuer);
        ResponseStatus.WriteLogout(xml, answer.Status);
        xml.WriteEndElement();
    });
}
