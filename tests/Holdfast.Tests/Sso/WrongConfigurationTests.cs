using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Holdfast.Protocols.Saml;

namespace Holdfast.Tests.Sso;

/// <summary>What administrators get wrong: each attempt names the cause, and what to change where, in the words of the identity provider's product.</summary>
public sealed partial class WrongConfigurationTests(Shared shared) : IClassFixture<Shared>
{
    private static readonly Lazy<X509Certificate2> Stranger = new(SamlProvider.MakeCertificate);
    private static readonly Lazy<X509Certificate2> Lapsed = new(() => Make(2048, new DateTimeOffset(2021, 5, 6, 0, 0, 0, TimeSpan.Zero)));
    private static readonly Lazy<X509Certificate2> Weak = new(() => Make(1024, new DateTimeOffset(2040, 1, 1, 0, 0, 0, TimeSpan.Zero)));

    private readonly HoldfastServer _server = shared.Server;

    [Theory]
    [InlineData("acs", "OktaSAML", "WrongDestination", "destination", "another ACS URL: https://elsewhere.test/acs", "Okta", "Single sign-on URL")]
    [InlineData("recipient", "AzureSAML", "WrongRecipient", "recipient", "another ACS URL: https://elsewhere.test/acs", "Microsoft Entra ID", "Reply URL")]
    [InlineData("audience", "AzureSAML", "WrongAudience", "audience", "another audience: urn:elsewhere", "Microsoft Entra ID", "Identifier (Entity ID)")]
    [InlineData("certificate", "GoogleSAML", "SignatureInvalid", "signature", "Another certificate signed", "Google Workspace", "Certificate")]
    [InlineData("expired certificate", "ADFSSAML", "SignatureInvalid", "signature", "certificate expired on 2021-05-06", "AD FS", "Token-signing")]
    [InlineData("weak certificate", "PingFederateSAML", "KeyNotAllowed", "signature", "too weak", "PingFederate", "Digital Signature Settings")]
    [InlineData("clock ahead", "KeycloakSAML", "NotYetValid", "time", "clock is ahead of ours by about 120 seconds", "Keycloak", null)]
    [InlineData("clock behind", "ShibbolethSAML", "Expired", "time", "clock is behind ours by about 420 seconds", "Shibboleth", null)]
    [InlineData("took too long", "OneLoginSAML", "Expired", "time", "no longer valid when it came", "OneLogin", null)]
    [InlineData("lifetime", "PingOneSAML", "LifetimeTooLong", "time", "more than 24 hours", "PingOne", null)]
    [InlineData("session over", "JumpCloudSAML", "SessionExpired", "time", "was over already", "JumpCloud", null)]
    [InlineData("old session", "Auth0SAML", "AuthenticationTooOld", "time", "elder session", "Auth0", null)]
    [InlineData("transient", "OktaSAML", "StableIdMissing", "subject", "NameID is transient", "Okta", "Name ID format")]
    [InlineData("id attribute", "OktaSAML", "StableIdMissing", "subject", "attribute_map.id) did not come", "Okta", "Attribute Statements")]
    [InlineData("unsigned", "OneLoginSAML", "SignatureMissing", "signature", "Neither the response nor the assertion is signed", "OneLogin", "SAML signature element")]
    [InlineData("assertion unsigned", "KeycloakSAML", "AssertionNotSigned", "signature", "the assertion is not", "Keycloak", "Sign assertions")]
    [InlineData("sha1", "ADFSSAML", "AlgorithmNotAllowed", "signature", "SHA-1", "AD FS", "Secure hash algorithm")]
    [InlineData("changed", "GenericSAML", "DigestInvalid", "signature", "changed after it was signed", "the identity provider", null)]
    [InlineData("encrypted for another", "AzureSAML", "DecryptionFailed", "decryption", "could not be opened with our key", "Microsoft Entra ID", "Token encryption")]
    [InlineData("cbc", "ADFSSAML", "EncryptionNotAllowed", "decryption", "way that is not accepted", "AD FS", "Encryption")]
    [InlineData("e-mail", "JumpCloudSAML", "EmailMissing", "attributes", "no e-mail address", "JumpCloud", "Attributes")]
    [InlineData("e-mail attribute", "OneLoginSAML", "EmailMissing", "attributes", "no e-mail address", "OneLogin", "Parameters")]
    [InlineData("issuer", "OktaSAML", "WrongIssuer", "issuer", "another identity provider", "Okta", "Issuer")]
    [InlineData("request", "PingOneSAML", "WrongRequest", "request", "answers another request", "PingOne", null)]
    [InlineData("unsolicited", "OktaSAML", "Unsolicited", "flow", "began at the identity provider", "Okta", null)]
    [InlineData("another browser", "GoogleSAML", "FlowNotFound", "flow", "in another browser, or cookies are blocked", "Google Workspace", null)]
    [InlineData("replay", "DuoSAML", "Replayed", "single_use", "used before", "Duo", null)]
    [InlineData("not assigned", "AzureSAML", "StatusNotSuccess", "status", "did not let the person in", "Microsoft Entra ID", "Users and groups")]
    [InlineData("name id policy", "ADFSSAML", "StatusNotSuccess", "status", "NameID that was asked for", "AD FS", "Outgoing name ID format")]
    [InlineData("not its service provider", "PingFederateSAML", "StatusNotSuccess", "status", "did not accept our request", "PingFederate", "Entity ID")]
    [InlineData("comment", "SimpleSamlPhpSAML", "CommentForbidden", "message", "not made as SAML 2.0 has it", "SimpleSAMLphp", null)]
    [InlineData("no xml", "GenericSAML", "NotXml", "message", "not made as SAML 2.0 has it", "the identity provider", null)]
    [InlineData("no response", "GenericSAML", "ResponseMissing", "flow", "not one response", "the identity provider", "Assertion Consumer Service URL")]
    public async Task An_attempt_names_the_cause_and_the_remedy(string wrong, string type, string reason, string step, string cause, string product, string? where)
    {
        var (connection, answer, response) = await AttemptAsync(wrong, type);

        Assert.InRange(answer.Status, 300, 499);
        Assert.Null(answer.Location is null ? null : answer.Sent("code"));
        var list = (await _server.GetAsync($"/connections/{connection.Id}/attempts")).Is(200);
        var id = _server.LatestAttempt.Id;
        Assert.Contains(id, answer.Location ?? answer.Text, StringComparison.Ordinal);
        var attempt = (await _server.GetAsync($"/connections/{connection.Id}/attempts/{id}")).Is(200);
        Assert.Contains(attempt.Text, list.Json.GetProperty("data").EnumerateArray().Select(a => a.GetRawText()));
        Assert.Equal(("connection_attempt", "refused", reason, connection.Id), (attempt["object"], attempt["outcome"], attempt["reason"], attempt["connection_id"]));
        Explained.Is(attempt, step, cause, product, where);
        foreach (var secret in new[] { "ada@acme.test", "no-address-4711", "Lovelace", "Engineering", response.Length > 60 ? response[20..60] : "SAMLResponse=" })
        {
            Assert.DoesNotContain(secret, attempt.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_certificate_that_has_lapsed_still_lets_people_in_and_is_noted()
    {
        var connection = await _server.SamlConnectionAsync();
        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { idp_certificates = new[] { Lapsed.Value.ExportCertificatePem() } } })).Is(200);
        var begun = await connection.BeginAsync();
        (await connection.PostAsync(begun.Browser, connection.Response(begun, "ada@acme.test", null, Lapsed.Value), begun.RelayState)).Is(302);

        var attempt = (await _server.GetAsync($"/connections/{connection.Id}/attempts")).Is(200).Json.GetProperty("data")[0];
        Assert.Equal(("succeeded", "certificate_expired"), (attempt.GetProperty("outcome").GetString(), Assert.Single(attempt.GetProperty("notes").EnumerateArray()).GetString()));
    }

    private async Task<(SamlConnection Connection, Answer Answer, string Response)> AttemptAsync(string wrong, string type)
    {
        var connection = await _server.SamlConnectionAsync(null, type, wrong switch
        {
            "assertion unsigned" => [("want_assertions_signed", true)],
            "id attribute" => [("attribute_map", new { id = "employeeNumber" })],
            "e-mail attribute" => [("attribute_map", new { email = "workMail" })],
            _ => [],
        });
        if (wrong is "expired certificate" or "weak certificate")
        {
            var pinned = wrong == "expired certificate" ? Lapsed.Value : Weak.Value;
            (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { idp_certificates = new[] { pinned.ExportCertificatePem() } } })).Is(200);
        }
        var begun = wrong == "old session" ? await connection.BeginAsync(null, ("prompt", "login")) : await connection.BeginAsync();
        if (wrong == "replay")
        {
            (await connection.FinishAsync(await connection.BeginAsync(), "ada@acme.test", i => i with { AssertionId = "_same" })).Is(302);
        }
        var response = connection.Response(wrong == "unsolicited" ? null : begun, wrong is "e-mail" ? "no-address-4711" : "ada@acme.test", issue => wrong switch
        {
            "acs" or "recipient" => issue with { AcsUrl = "https://elsewhere.test/acs" },
            "audience" => issue with { Audience = "urn:elsewhere" },
            "clock ahead" => issue with { Now = issue.Now + TimeSpan.FromSeconds(120) },
            "clock behind" => issue with { Now = issue.Now - TimeSpan.FromSeconds(420) },
            "lifetime" => issue with { Lifetime = TimeSpan.FromHours(25) },
            "session over" => issue with { SessionNotOnOrAfter = issue.Now - TimeSpan.FromMinutes(2) },
            "old session" => issue with { Now = issue.Now - TimeSpan.FromMinutes(2) },
            "transient" => issue with { NameIdFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" },
            "assertion unsigned" => issue with { Signed = SamlSigned.Response },
            "encrypted for another" or "cbc" => issue with { EncryptFor = new SamlEncryption(Stranger.Value) },
            "issuer" => issue with { Issuer = "https://idp.test/other" },
            "request" => issue with { InResponseTo = "_other" },
            "replay" => issue with { AssertionId = "_same" },
            _ => issue,
        }, wrong switch { "certificate" => Stranger.Value, "weak certificate" => SamlProvider.Certificate, _ => null });
        response = wrong switch
        {
            "recipient" => Edit(response, xml => xml.Replace("Destination=\"https://elsewhere.test/acs\"", $"Destination=\"{connection.AcsUrl}\"", StringComparison.Ordinal)),
            "unsigned" => Edit(response, xml => Signature().Replace(xml, "")),
            "sha1" => Edit(response, xml => xml.Replace("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#rsa-sha1", StringComparison.Ordinal)),
            "changed" => Edit(response, xml => xml.Replace("Lovelace", "Byron", StringComparison.Ordinal)),
            "cbc" => Edit(response, xml => xml.Replace("http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2001/04/xmlenc#aes256-cbc", StringComparison.Ordinal)),
            "not assigned" => Status(connection, begun, "Responder", "RequestDenied"),
            "name id policy" => Status(connection, begun, "Requester", "InvalidNameIDPolicy"),
            "not its service provider" => Status(connection, begun, "Requester", "UnsupportedBinding"),
            "comment" => Edit(response, xml => xml.Replace("</samlp:Status>", "</samlp:Status><!-- seen -->", StringComparison.Ordinal)),
            "no xml" => Convert.ToBase64String("this is no response"u8),
            _ => response,
        };
        if (wrong == "took too long")
        {
            _server.Clock.Advance(TimeSpan.FromMinutes(7));
        }
        var answer = wrong switch
        {
            "no response" => await begun.Browser.PostAsync(connection.AcsUrl, [new("RelayState", begun.RelayState)]),
            "another browser" => await connection.PostAsync(new Browser(_server), response, begun.RelayState),
            "unsolicited" => await connection.PostAsync(begun.Browser, response, null),
            _ => await connection.PostAsync(begun.Browser, response, begun.RelayState),
        };
        return (connection, answer, response);
    }

    private static string Edit(string response, Func<string, string> change)
    {
        var xml = Encoding.UTF8.GetString(Convert.FromBase64String(response));
        var changed = change(xml);
        Assert.NotEqual(xml, changed);
        return Convert.ToBase64String(Encoding.UTF8.GetBytes(changed));
    }

    /// <summary>An identity provider's refusal: unsigned, without an assertion, as most of them send it.</summary>
    private string Status(SamlConnection connection, SamlConnection.Begun begun, string code, string below)
    {
        XNamespace p = "urn:oasis:names:tc:SAML:2.0:protocol", a = "urn:oasis:names:tc:SAML:2.0:assertion";
        const string Codes = "urn:oasis:names:tc:SAML:2.0:status:";
        var xml = new XElement(p + "Response",
            new XAttribute("ID", "_status"), new XAttribute("Version", "2.0"), new XAttribute("IssueInstant", _server.Clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture)),
            new XAttribute("Destination", connection.AcsUrl), new XAttribute("InResponseTo", begun.RequestId),
            new XElement(a + "Issuer", connection.Provider.EntityId),
            new XElement(p + "Status", new XElement(p + "StatusCode", new XAttribute("Value", Codes + code), new XElement(p + "StatusCode", new XAttribute("Value", Codes + below)))));
        return Convert.ToBase64String(Encoding.UTF8.GetBytes(xml.ToString(SaveOptions.DisableFormatting)));
    }

    private static X509Certificate2 Make(int bits, DateTimeOffset until)
    {
        using var key = RSA.Create(bits);
        return new CertificateRequest("CN=idp.test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), until);
    }

    [GeneratedRegex("<ds:Signature .*?</ds:Signature>", RegexOptions.Singleline)]
    private static partial Regex Signature();
}
