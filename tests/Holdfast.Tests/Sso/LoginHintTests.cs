using System.IO.Compression;
using System.Xml.Linq;
using Holdfast.Dev;
using Holdfast.Protocols.Saml;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Tests.Sso;

/// <summary>What the application knows of who will sign in goes to OpenID providers, and to those identity providers of SAML that are said to take it.</summary>
public sealed class LoginHintTests(OidcSignInTests.OnNetwork made) : IClassFixture<OidcSignInTests.OnNetwork>
{
    [Theory] // OAUTH-007
    [InlineData("ada@acme.test")]
    [InlineData("a b&state=x")]
    [InlineData(null)]
    public async Task A_login_hint_reaches_an_openid_provider_as_it_is(string? hint)
    {
        var answer = (await new Browser(made.Server).GetAsync(QueryHelpers.AddQueryString("/sso/authorize", new Dictionary<string, string?>
        {
            ["client_id"] = made.Server.A.ClientId, ["redirect_uri"] = HoldfastServer.Callback, ["response_type"] = "code", ["connection"] = made.Connection, ["login_hint"] = hint,
        }))).Is(302);

        Assert.Equal(hint, answer.Sent("login_hint"));
        Assert.NotNull(answer.Sent("state"));
        Assert.Equal(TestIdentityProviderKeys.ClientId, answer.Sent("client_id"));
    }

    [Theory]
    [InlineData(true, "ada@acme.test", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress")]
    [InlineData(true, "a <b>&\"c", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified")]
    [InlineData(true, "\u0001", null)]   // XML cannot hold it
    [InlineData(true, " ", null)]
    [InlineData(true, null, null)]
    [InlineData(false, "ada@acme.test", null)]
    [InlineData(null, "ada@acme.test", null)]   // many identity providers refuse a request with a Subject
    public async Task A_login_hint_is_the_subject_of_a_saml_request_where_the_connection_says_so(bool? isSwitchedOn, string? hint, string? format)
    {
        var connection = await made.Server.SamlConnectionAsync(null, "GenericSAML", isSwitchedOn is null ? [] : [("login_hint_as_subject", isSwitchedOn)]);
        var browser = new Browser(made.Server);
        var to = (await browser.GetAsync(connection.AuthorizePath(("login_hint", hint)))).Is(302);
        using var inflated = new DeflateStream(new MemoryStream(Convert.FromBase64String(to.Sent("SAMLRequest")!)), CompressionMode.Decompress);
        var parts = XElement.Load(inflated).Elements().ToList();

        var read = Assert.IsType<AuthnRequestRead.Request>(AuthnRequest.Read(to.Sent("SAMLRequest")!));
        Assert.Equal(format is null ? null : hint, read.Subject);
        Assert.Equal(format is null ? ["Issuer"] : ["Issuer", "Subject"], parts.Select(p => p.Name.LocalName));
        Assert.Equal(format, parts[^1].Elements().FirstOrDefault()?.Attribute("Format")?.Value);
        (await connection.FinishAsync(SamlConnection.Read(browser, to))).Is(302);   // it is a hint: whoever signs in, signs in
    }
}
