using Holdfast.Dev;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Tests.Sso;

/// <summary>What the application knows of who will sign in goes to OpenID providers. A SAML request has no place for it here.</summary>
public sealed class LoginHintTests(OidcSignInTests.OnNetwork made) : IClassFixture<OidcSignInTests.OnNetwork>
{
    [Theory]
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
}
