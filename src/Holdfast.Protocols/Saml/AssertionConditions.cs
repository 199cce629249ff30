using System.Xml;
using static Holdfast.Protocols.Saml.SamlElement;

namespace Holdfast.Protocols.Saml;

/// <summary>The Conditions of an assertion (Core §2.5).</summary>
internal static class AssertionConditions
{
    /// <returns>When they end; null when they do not.</returns>
    /// <exception cref="RefusedException"/>
    public static DateTimeOffset? Check(XmlElement? conditions, Expected expected)
    {
        if (conditions is null)
        {
            throw new RefusedException(SamlRefusal.WrongAudience, "The assertion has no Conditions, so it names no audience.");
        }
        var (start, end) = (conditions.Time("NotBefore"), conditions.Time("NotOnOrAfter"));
        if (start >= end)
        {
            throw Malformed("The Conditions end before they start.");
        }
        if (start is { } notBefore && expected.IsAhead(notBefore))
        {
            throw new RefusedException(SamlRefusal.NotYetValid, $"The assertion is valid from {SamlTime.Write(notBefore)}.");
        }
        if (end is { } notOnOrAfter && expected.IsOver(notOnOrAfter))
        {
            throw new RefusedException(SamlRefusal.Expired, $"The assertion was valid until {SamlTime.Write(notOnOrAfter)}.");
        }
        CheckAudience(conditions, expected.Trust.SpEntityId);
        return end;
    }

    private static void CheckAudience(XmlElement conditions, string spEntityId)
    {
        var restrictions = 0;
        foreach (var condition in conditions.Children())
        {
            switch (condition.NamespaceURI, condition.LocalName)
            {
                case (SamlNames.Assertion, "AudienceRestriction"):
                    restrictions++;
                    condition.InOrder(new Place(SamlNames.Assertion, ["Audience"], 1, int.MaxValue));
                    if (!condition.Children().Any(audience => audience.Text() == spEntityId))
                    {
                        throw new RefusedException(
                            SamlRefusal.WrongAudience, $"The assertion is for {RefusedException.Quote(condition.Children()[0].Text())}.");
                    }
                    break;
                case (SamlNames.Assertion, "OneTimeUse" or "ProxyRestriction"):
                    break;   // every assertion is used once, and none is passed on
                default:
                    // One that is not understood leaves the validity undetermined (Core §2.5.1.1), so it is not valid.
                    throw new RefusedException(
                        SamlRefusal.ConditionUnknown, $"The condition {RefusedException.Quote(condition.LocalName)} is not known.");
            }
        }
        if (restrictions == 0)
        {
            throw new RefusedException(SamlRefusal.WrongAudience, "The assertion names no audience.");
        }
    }
}
