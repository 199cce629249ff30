using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Checks the Response that an identity provider posts.</summary>
/// <remarks>SAML 2.0 Bindings §3.5 (HTTP POST), Profiles §4.1.4.3 (what must be checked), Core §5.4 (signatures). Replay is the caller's: it
/// needs memory.</remarks>
public static class SamlResponse
{
    /// <param name="response">The XML in base64 (RFC 4648 §4), as posted; line breaks are tolerated.</param>
    /// <param name="expectedRequestId">The ID of our AuthnRequest; null for an unsolicited response, if the caller allows those at all.</param>
    /// <param name="clockSkew">How far the identity provider's clock may be off, either way.</param>
    /// <returns>A verdict on any input; it never throws.</returns>
    public static SamlVerdict Check(
        string response, SamlTrust trust, string? expectedRequestId, DateTimeOffset now, TimeSpan clockSkew, SamlLimits? limits = null)
    {
        var bounds = limits ?? SamlLimits.Default;
        return RefusedException.Catch<SamlVerdict>(
            () =>
            {
                var shape = ResponseShape.Find(SamlXml.Read(Base64Message.Decode(response, bounds.MaxDecodedBytes), bounds));
                var (message, assertion) = Verify(shape, trust, bounds);
                var expected = new Expected(trust, expectedRequestId, now, clockSkew, bounds);
                ResponseReader.Check(message, isSigned: shape.ResponseSignature is not null, expected);
                return new SamlVerdict.Accepted(AssertionReader.Read(assertion, expected));
            },
            (why, detail) => new SamlVerdict.Refused(why, detail));
    }

    /// <summary>Verifies every signature that is there, and yields what to read from: signed octets, save for an unsigned Response around a
    /// signed Assertion.</summary>
    private static (XmlElement Response, XmlElement Assertion) Verify(ResponseShape shape, SamlTrust trust, SamlLimits limits)
    {
        if (shape is { ResponseSignature: null, AssertionSignature: null })
        {
            throw new RefusedException(SamlRefusal.SignatureMissing, "Neither the response nor the assertion is signed.");
        }
        if (trust.WantAssertionsSigned && shape.AssertionSignature is null)
        {
            throw new RefusedException(SamlRefusal.AssertionNotSigned, "The connection wants the assertion itself to be signed.");
        }
        var response = shape.ResponseSignature is null
            ? shape.Response
            : EnvelopedSignature.Verify(shape.Response, shape.ResponseSignature, trust, limits);
        var assertion = shape.AssertionSignature is null
            ? response.Children(SamlNames.Assertion, "Assertion").Single()
            : EnvelopedSignature.Verify(shape.Assertion, shape.AssertionSignature, trust, limits);
        return (response, assertion);
    }
}
