using System.Xml;
using static Holdfast.Protocols.Saml.SamlElement;

namespace Holdfast.Protocols.Saml;

/// <summary>Checks what the Response says around its Assertion (Core §3.2.2).</summary>
internal static class ResponseReader
{
    /// <param name="isSigned">When it is not, nothing here grants anything: each value can only make the refusal.</param>
    /// <exception cref="RefusedException"/>
    public static void Check(XmlElement response, bool isSigned, Expected expected)
    {
        response.RequiredId();
        SamlVersion.Check(response);
        SamlTime.Parse(response.Required("IssueInstant"));
        if (ResponseStatus.Fault(response) is { } fault)
        {
            throw fault;
        }
        response.InOrder(
            Place.Optional(SamlNames.Assertion, "Issuer"),
            Place.Optional(SamlNames.Protocol, "Extensions"),
            Place.One(SamlNames.Protocol, "Status"),
            new Place(SamlNames.Assertion, ["Assertion", "EncryptedAssertion"], 1, 1));
        if (response.Child(SamlNames.Assertion, "Issuer")?.Text() is { } issuer && issuer != expected.Trust.IdpEntityId)
        {
            throw new RefusedException(SamlRefusal.WrongIssuer, $"The response is from {RefusedException.Quote(issuer)}.");
        }
        CheckDestination(response.Attribute("Destination"), isSigned, expected);
        if (expected is { RequestId: null, Trust.AllowUnsolicited: false } && response.Attribute("InResponseTo") is null)
        {
            throw new RefusedException(SamlRefusal.UnsolicitedNotAllowed, "Nobody asked for the response, and the connection does not take such.");
        }
        // The signed InResponseTo is in the assertion, and it is required there; this one must not contradict it.
        if (response.Attribute("InResponseTo") is { } request && request != expected.RequestId)
        {
            throw new RefusedException(SamlRefusal.WrongRequest, "The response is to another request.");
        }
    }

    /// <summary>A signed message must say where it was sent to (Bindings §3.5.5.2); an unsigned one may.</summary>
    private static void CheckDestination(string? destination, bool isSigned, Expected expected)
    {
        if (destination is null ? isSigned : !expected.IsAcs(destination))
        {
            throw new RefusedException(SamlRefusal.WrongDestination, $"The Destination is {RefusedException.Quote(destination ?? "")}.");
        }
    }
}
