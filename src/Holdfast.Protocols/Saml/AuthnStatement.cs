using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>The one AuthnStatement of an assertion (Core §2.7.2).</summary>
internal sealed record AuthnStatement(DateTimeOffset? Instant, string? SessionIndex, DateTimeOffset? SessionNotOnOrAfter, string? Context)
{
    /// <exception cref="RefusedException"/>
    public static AuthnStatement Read(XmlElement assertion, Expected expected)
    {
        var statements = assertion.Children(SamlNames.Assertion, "AuthnStatement").ToList();
        if (statements.Count == 0 && expected.Trust.AllowNoAuthnStatement)
        {
            return new(null, null, null, null);
        }
        if (statements is not [var statement])
        {
            throw statements.Count == 0
                ? new RefusedException(SamlRefusal.AuthnStatementMissing, "The assertion does not say that anybody signed in.")
                : new RefusedException(SamlRefusal.MoreThanOneAuthnStatement, $"There are {statements.Count} AuthnStatements.");
        }
        var sessionEnd = statement.Time("SessionNotOnOrAfter");
        if (sessionEnd is { } end && expected.IsOver(end))
        {
            throw new RefusedException(SamlRefusal.SessionExpired, $"The session ended at {SamlTime.Write(end)}.");
        }
        var context = statement.Child(SamlNames.Assertion, "AuthnContext")?.Child(SamlNames.Assertion, "AuthnContextClassRef")?.Text();
        return new(SamlTime.Parse(statement.Required("AuthnInstant")), statement.Attribute("SessionIndex"), sessionEnd, context);
    }
}
