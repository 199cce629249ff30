using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>One sign-in that everything else is a variation of: the trust, the response, and how to check it.</summary>
internal static class Sample
{
    public const string Idp = "https://idp.example/metadata";
    public const string Sp = "https://holdfast.example/saml/conn_1";
    public const string Acs = "https://holdfast.example/sso/saml/acs/conn_1";
    public const string Request = "_request1";
    public const string Alice = "alice@example.com";
    public const string Mallory = "mallory@example.com";

    public static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    public static readonly TimeSpan Skew = TimeSpan.FromMinutes(2);
    public static readonly SamlTrust Trust = new(Idp, [TestKeys.Idp], Sp, Acs);

    /// <summary>An unsigned Response. Texts in it are unique, so that a test varies it by replacing one.</summary>
    public const string Unsigned =
        """
        <samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r1" Version="2.0" IssueInstant="2026-03-01T12:00:00Z" Destination="https://holdfast.example/sso/saml/acs/conn_1" InResponseTo="_request1"><saml:Issuer>https://idp.example/metadata</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="_a1" Version="2.0" IssueInstant="2026-03-01T12:00:00Z"><saml:Issuer>https://idp.example/metadata</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">alice@example.com</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="2026-03-01T12:05:00Z" Recipient="https://holdfast.example/sso/saml/acs/conn_1" InResponseTo="_request1"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-03-01T11:59:00Z" NotOnOrAfter="2026-03-01T12:10:00Z"><saml:AudienceRestriction><saml:Audience>https://holdfast.example/saml/conn_1</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-03-01T12:00:00Z" SessionIndex="_s1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="email"><saml:AttributeValue>alice@example.com</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>
        """;

    public static Signing OnAssertion { get; } = new("_a1");

    public static Signing OnResponse { get; } = new("_r1");

    /// <summary>Signed in the assertion, after one replacement in what is signed.</summary>
    public static string Signed(string? replace = null, string with = "", Signing? how = null)
    {
        var xml = Unsigned;
        if (replace is not null)
        {
            Assert.Contains(replace, xml, StringComparison.Ordinal);
            xml = xml.Replace(replace, with, StringComparison.Ordinal);
        }
        return (how ?? OnAssertion).Sign(xml);
    }

    public static SamlVerdict Check(
        string xml, SamlTrust? trust = null, string? request = Request, DateTimeOffset? now = null, SamlLimits? limits = null) =>
        Check(Encoding.UTF8.GetBytes(xml), trust, request, now, limits);

    public static SamlVerdict Check(
        byte[] xml, SamlTrust? trust = null, string? request = Request, DateTimeOffset? now = null, SamlLimits? limits = null) =>
        SamlResponse.Check(Convert.ToBase64String(xml), trust ?? Trust, request, now ?? Now, Skew, limits);

    public static SamlAssertion Accepts(
        string xml, SamlTrust? trust = null, string? request = Request, DateTimeOffset? now = null, SamlLimits? limits = null) =>
        Accepted(Check(xml, trust, request, now, limits));

    public static void Refuses(
        SamlRefusal why, string xml, SamlTrust? trust = null, string? request = Request, DateTimeOffset? now = null, SamlLimits? limits = null) =>
        Refused(why, Check(xml, trust, request, now, limits));

    public static SamlAssertion Accepted(SamlVerdict verdict) =>
        verdict is SamlVerdict.Accepted accepted ? accepted.Assertion : throw new Xunit.Sdk.XunitException($"Expected Accepted: {verdict}");

    public static void Refused(SamlRefusal why, SamlVerdict verdict)
    {
        if (verdict is not SamlVerdict.Refused refused || refused.Why != why)
        {
            throw new Xunit.Sdk.XunitException($"Expected {why}: {verdict}");
        }
    }
}
