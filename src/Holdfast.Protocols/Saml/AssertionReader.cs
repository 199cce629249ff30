using System.Xml;
using static Holdfast.Protocols.Saml.SamlElement;

namespace Holdfast.Protocols.Saml;

/// <summary>Reads a verified Assertion and checks all that it says (Core §2.3, Profiles §4.1.4.2).</summary>
internal static class AssertionReader
{
    /// <param name="assertion">Parsed from the octets that were signed.</param>
    /// <exception cref="RefusedException"/>
    public static SamlAssertion Read(XmlElement assertion, Expected expected)
    {
        var id = assertion.RequiredId();
        SamlVersion.Check(assertion);
        var issued = SamlTime.Parse(assertion.Required("IssueInstant"));
        assertion.InOrder(
            Place.One(SamlNames.Assertion, "Issuer"),
            Place.Optional(SamlNames.Assertion, "Subject"),
            Place.Optional(SamlNames.Assertion, "Conditions"),
            Place.Optional(SamlNames.Assertion, "Advice"),
            Place.Any(SamlNames.Assertion, "AuthnStatement", "AttributeStatement", "AuthzDecisionStatement", "Statement"));
        var issuer = assertion.Child(SamlNames.Assertion, "Issuer")!.Text();
        if (issuer != expected.Trust.IdpEntityId)
        {
            throw new RefusedException(SamlRefusal.WrongIssuer, $"The assertion is from {RefusedException.Quote(issuer)}.");
        }
        var conditionsEnd = AssertionConditions.Check(assertion.Child(SamlNames.Assertion, "Conditions"), expected);
        var subject = assertion.Child(SamlNames.Assertion, "Subject")
            ?? throw new RefusedException(SamlRefusal.NameIdMissing, "The assertion has no Subject.");
        subject.InOrder(
            new Place(SamlNames.Assertion, ["NameID", "BaseID", "EncryptedID"], 0, 1),
            Place.Any(SamlNames.Assertion, "SubjectConfirmation"));
        var confirmationEnd = BearerConfirmation.Check(subject, expected);
        var nameId = NameIdentifier.Read(subject, expected);
        var authn = AuthnStatement.Read(assertion, expected);
        return new SamlAssertion(
            id, issuer, nameId.Value, nameId.Format, authn.SessionIndex, ReplayEnd(conditionsEnd, confirmationEnd, expected),
            authn.SessionNotOnOrAfter, expected.RequestId, AttributeStatement.Read(assertion, expected.Limits))
        {
            IssueInstant = issued,
            AuthnInstant = authn.Instant,
            AuthnContext = authn.Context,
            NameQualifier = nameId.NameQualifier,
            SpNameQualifier = nameId.SpNameQualifier,
        };
    }

    /// <summary>Past either end the assertion is refused anyway, so replay need not be remembered past the earlier one.</summary>
    private static DateTimeOffset ReplayEnd(DateTimeOffset? conditionsEnd, DateTimeOffset confirmationEnd, Expected expected)
    {
        var end = conditionsEnd < confirmationEnd ? conditionsEnd.Value : confirmationEnd;
        return end - expected.Now <= expected.Limits.MaxLifetime + expected.ClockSkew
            ? end
            : throw new RefusedException(SamlRefusal.LifetimeTooLong, $"The assertion is valid for more than {expected.Limits.MaxLifetime}.");
    }
}
