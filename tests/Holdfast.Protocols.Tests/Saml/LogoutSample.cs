using System.Security.Cryptography.X509Certificates;
using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>One logout that everything else is a variation of. What the identity provider sends is written as text and signed by code that is not under test.</summary>
internal static class LogoutSample
{
    public const string Slo = "https://holdfast.example/sso/saml/slo/conn_1";
    public const string OurRequest = "_logout1";

    public static readonly SamlTrust Trust = Sample.Trust with { SloUrl = Slo, DecryptionCertificates = [TestKeys.Sp] };
    public static readonly SamlSession Session = new(new SamlNameId(Sample.Alice, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"), "_s1");

    /// <summary>Unsigned; texts in it are unique.</summary>
    public const string Request =
        """
        <samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_lr1" Version="2.0" IssueInstant="2026-03-01T12:00:00Z" Destination="https://holdfast.example/sso/saml/slo/conn_1" NotOnOrAfter="2026-03-01T12:05:00Z"><saml:Issuer>https://idp.example/metadata</saml:Issuer><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">alice@example.com</saml:NameID><samlp:SessionIndex>_s1</samlp:SessionIndex></samlp:LogoutRequest>
        """;

    public const string Response =
        """
        <samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_lr2" Version="2.0" IssueInstant="2026-03-01T12:00:00Z" Destination="https://holdfast.example/sso/saml/slo/conn_1" InResponseTo="_logout1"><saml:Issuer>https://idp.example/metadata</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status></samlp:LogoutResponse>
        """;

    public static string With(string xml, string? replace, string with)
    {
        if (replace is null)
        {
            return xml;
        }
        Assert.Contains(replace, xml, StringComparison.Ordinal);
        return xml.Replace(replace, with, StringComparison.Ordinal);
    }

    /// <summary>As the binding carries it: a query, or a form field.</summary>
    public static string Carry(SamlBinding binding, string xml, X509Certificate2? key = null)
    {
        var isRequest = xml.Contains(":LogoutRequest ", StringComparison.Ordinal);
        return binding == SamlBinding.Post
            ? Post(new Signing(isRequest ? "_lr1" : "_lr2", key).Sign(xml))
            : Query(isRequest ? "SAMLRequest" : "SAMLResponse", xml, "state", key: key);
    }

    public static string Post(string xml) => Convert.ToBase64String(Encoding.UTF8.GetBytes(xml));

    /// <summary>Signed over just these characters.</summary>
    public static string Query(
        string parameter, string xml, string? relayState, Func<string, string>? escape = null, X509Certificate2? key = null, string method = Signing.More + "rsa-sha256")
    {
        escape ??= Uri.EscapeDataString;
        var query = $"{parameter}={escape(RedirectTests.Deflated(xml))}" + (relayState is null ? "" : $"&RelayState={escape(relayState)}") + $"&SigAlg={escape(method)}";
        var value = new Signing("", key, method).Value(Encoding.ASCII.GetBytes(query));
        return query + "&Signature=" + escape(Convert.ToBase64String(value));
    }

    public static LogoutRequestVerdict CheckRequest(SamlBinding binding, string message, SamlTrust? trust = null, DateTimeOffset? now = null, SamlLimits? limits = null) =>
        LogoutRequest.Check(binding, message, trust ?? Trust, now ?? Sample.Now, Sample.Skew, limits);

    public static LogoutResponseVerdict CheckResponse(
        SamlBinding binding, string message, SamlTrust? trust = null, string request = OurRequest, DateTimeOffset? now = null) =>
        LogoutResponse.Check(binding, message, trust ?? Trust, request, now ?? Sample.Now, Sample.Skew);

    public static LogoutRequestVerdict.Accepted Accepts(LogoutRequestVerdict verdict) =>
        verdict as LogoutRequestVerdict.Accepted ?? throw new Xunit.Sdk.XunitException($"Expected Accepted: {verdict}");

    public static LogoutResponseVerdict.Accepted Accepts(LogoutResponseVerdict verdict) =>
        verdict as LogoutResponseVerdict.Accepted ?? throw new Xunit.Sdk.XunitException($"Expected Accepted: {verdict}");

    public static void Refuses(SamlRefusal why, LogoutRequestVerdict verdict) =>
        Assert.True(verdict is LogoutRequestVerdict.Refused refused && refused.Why == why, $"Expected {why}: {verdict}");

    public static void Refuses(SamlRefusal why, LogoutResponseVerdict verdict) =>
        Assert.True(verdict is LogoutResponseVerdict.Refused refused && refused.Why == why, $"Expected {why}: {verdict}");
}
