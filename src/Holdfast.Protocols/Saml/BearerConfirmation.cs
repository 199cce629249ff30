using System.Xml;
using static Holdfast.Protocols.Saml.SamlElement;

namespace Holdfast.Protocols.Saml;

/// <summary>The SubjectConfirmations of an assertion: at least one must be a bearer's and hold in full (Profiles §4.1.4.2 and §4.1.4.3).</summary>
internal static class BearerConfirmation
{
    /// <returns>The latest end of those that hold or could still come to hold.</returns>
    /// <exception cref="RefusedException">When several bearer confirmations fail, the reason is the first one's.</exception>
    public static DateTimeOffset Check(XmlElement subject, Expected expected)
    {
        RefusedException? why = null;
        DateTimeOffset? end = null;
        var holds = false;
        foreach (var confirmation in subject.Children(SamlNames.Assertion, "SubjectConfirmation"))
        {
            confirmation.InOrder(
                new Place(SamlNames.Assertion, ["NameID", "BaseID", "EncryptedID"], 0, 1),
                Place.Optional(SamlNames.Assertion, "SubjectConfirmationData"));
            if (confirmation.Required("Method") != SamlNames.Bearer)
            {
                continue;
            }
            var data = confirmation.Child(SamlNames.Assertion, "SubjectConfirmationData");
            var fault = Fault(data, expected);
            holds |= fault is null;
            why ??= fault;
            if (data?.Time("NotOnOrAfter") is { } thisEnd && !(thisEnd < end))
            {
                end = thisEnd;
            }
        }
        return holds ? end!.Value : throw why ?? new RefusedException(SamlRefusal.BearerConfirmationMissing, "There is no bearer confirmation.");
    }

    private static RefusedException? Fault(XmlElement? data, Expected expected)
    {
        if (data?.Time("NotOnOrAfter") is not { } end)
        {
            return new(SamlRefusal.BearerConfirmationMissing, "The bearer confirmation has no data, or no end.");
        }
        if (data.Attribute("Recipient") is not { } recipient || !expected.IsAcs(recipient))
        {
            return new(SamlRefusal.WrongRecipient, $"The Recipient is {RefusedException.Quote(data.Attribute("Recipient") ?? "")}.");
        }
        if (data.Attribute("InResponseTo") != expected.RequestId)
        {
            return new(SamlRefusal.WrongRequest, expected.RequestId is null
                ? "An unsolicited assertion names a request."
                : "The assertion is to another request, or names none.");
        }
        if (expected.IsOver(end))
        {
            return new(SamlRefusal.Expired, $"The confirmation was valid until {SamlTime.Write(end)}.");
        }
        // Profiles forbids NotBefore here; those who send it mean it.
        return data.Time("NotBefore") is { } start && expected.IsAhead(start)
            ? new(SamlRefusal.NotYetValid, $"The confirmation is valid from {SamlTime.Write(start)}.")
            : null;
    }
}
