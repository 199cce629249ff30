using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Checks the Response that an identity provider posts.</summary>
/// <remarks>SAML 2.0 Bindings §3.5 (HTTP POST), Profiles §4.1.4.3 (what must be checked), Core §5.4 (signatures) and §6 (encryption). Replay is
/// the caller's, since it needs memory: it keeps <see cref="SamlAssertion.Id"/> per connection until <see cref="SamlAssertion.NotOnOrAfter"/> plus
/// the skew.</remarks>
public static class SamlResponse
{
    /// <param name="response">The XML in base64 (RFC 4648 §4), as posted; line breaks are tolerated.</param>
    /// <param name="expectedRequestId">The ID of our AuthnRequest; null when we sent none, so that only an unsolicited response can pass, and only
    /// where <see cref="SamlTrust.AllowUnsolicited"/> lets it.</param>
    /// <param name="clockSkew">How far the identity provider's clock may be off, either way.</param>
    /// <returns>A verdict on any input; it never throws.</returns>
    public static SamlVerdict Check(
        string response, SamlTrust trust, string? expectedRequestId, DateTimeOffset now, TimeSpan clockSkew, SamlLimits? limits = null)
    {
        var bounds = limits ?? SamlLimits.Default;
        return RefusedException.Catch<SamlVerdict>(
            () => Check(
                SamlXml.Read(Base64Message.Decode(response, bounds.MaxDecodedBytes), bounds),
                new Expected(trust, expectedRequestId, now, clockSkew, bounds)),
            (why, detail) => new SamlVerdict.Refused(why, detail));
    }

    private static SamlVerdict.Accepted Check(XmlElement root, Expected expected)
    {
        var shape = ResponseShape.Find(root);
        RequireSignature(shape.ResponseSignature ?? shape.AssertionSignature, shape.AssertionSignature, isHidden: shape.IsEncrypted, expected.Trust);
        // Signed octets, save for an unsigned Response around a signed Assertion.
        var isSigned = shape.ResponseSignature is not null;
        var response = Verified(shape.Response, shape.ResponseSignature, expected);
        var assertion = shape.AssertionSignature is null ? OneAssertion(response) : Verified(shape.Assertion, shape.AssertionSignature, expected);
        ResponseReader.Check(response, isSigned, expected);
        if (shape.IsEncrypted)
        {
            assertion = isSigned ? Decrypted(assertion, shape, expected) : Uncovered(assertion, shape, expected);
        }
        return new(AssertionReader.Read(assertion, expected), expected.Proof.Evidence());
    }

    private static XmlElement Decrypted(XmlElement encrypted, ResponseShape shape, Expected expected)
    {
        var isSigned = shape.ResponseSignature is not null;
        var assertion = expected.Decrypter.Decrypt(encrypted, isSigned || expected.Trust.AllowCbcUnsignedResponse, "Assertion", expected.Trust.SpEntityId);
        var signature = ResponseShape.FindDecrypted(assertion);
        RequireSignature(shape.ResponseSignature ?? signature, signature, isHidden: false, expected.Trust);
        return Verified(assertion, signature, expected);
    }

    /// <summary>Nobody vouches for the ciphertext: with AES-CBC, whether what came out was signed is as good a question as whether its padding was right, so both have one answer.</summary>
    private static XmlElement Uncovered(XmlElement encrypted, ResponseShape shape, Expected expected)
    {
        try
        {
            return Decrypted(encrypted, shape, expected);
        }
        catch (RefusedException) when (expected.Proof.Evidence().Decryptions.Any(decryption => ContentCipher.IsCbcUri(decryption.Content)))
        {
            throw Decrypter.Failed();
        }
    }

    private static XmlElement OneAssertion(XmlElement response) =>
        response.Children().Single(child => child.NamespaceURI == SamlNames.Assertion && child.LocalName is "Assertion" or "EncryptedAssertion");

    /// <param name="any">Some signature that covers the assertion.</param>
    /// <param name="own">The assertion's own.</param>
    /// <param name="isHidden">It may still come out of decryption.</param>
    private static void RequireSignature(XmlElement? any, XmlElement? own, bool isHidden, SamlTrust trust)
    {
        if (any is null && !isHidden)
        {
            throw new RefusedException(SamlRefusal.SignatureMissing, "Neither the response nor the assertion is signed.");
        }
        if (trust.WantAssertionsSigned && own is null && !isHidden)
        {
            throw new RefusedException(SamlRefusal.AssertionNotSigned, "The connection wants the assertion itself to be signed.");
        }
    }

    private static XmlElement Verified(XmlElement element, XmlElement? signature, Expected expected) =>
        signature is null ? element : EnvelopedSignature.Verify(element, signature, expected.Trust.Signatures, expected.Limits, expected.Proof);
}
