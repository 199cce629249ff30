using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Holdfast.Dev;
using Holdfast.Protocols.OpenIdConnect;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Tests.Dev;

public sealed class OidcTestProviderTests : IAsyncDisposable
{
    private const string Issuer = TestIdentityProviderHost.PublicUrl + "/dev/idp/oidc";
    private const string RedirectUri = TestIdentityProviderHost.PublicUrl + "/sso/oidc/callback?connection=1";
    private const string Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    private readonly TestIdentityProviderHost _host = new();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    private async Task<ProviderMetadata> MetadataAsync() => Assert.IsType<ProviderMetadataVerdict.Accepted>(ProviderMetadata.Read(
        await _host.Browser.GetByteArrayAsync(ProviderMetadata.DiscoveryUrl(Issuer)), Issuer, allowHttpLoopback: true)).Metadata;

    private async Task<Uri> AuthorizeAsync(string redirectUri = RedirectUri, string clientId = TestIdentityProviderKeys.ClientId, string? hint = null) =>
        AuthenticationRequest.Url(await MetadataAsync(), clientId, redirectUri, ["email"], "state-1", "nonce-1", Pkce.Challenge(Verifier), hint);

    /// <summary>Fills the form, and follows the answer as far as the query that comes back to us.</summary>
    private async Task<List<KeyValuePair<string, string>>> SignInAsync(params (string Name, string Value)[] typed)
    {
        var (action, fields) = TestIdentityProviderHost.Form(await _host.Browser.GetStringAsync(await AuthorizeAsync()));
        foreach (var (name, value) in typed)
        {
            fields[name] = value;
        }
        using var answer = await _host.Browser.PostAsync(action, new FormUrlEncodedContent(fields));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.StartsWith(RedirectUri + "&", answer.Headers.Location!.OriginalString, StringComparison.Ordinal);
        return [.. from p in QueryHelpers.ParseQuery(answer.Headers.Location.Query) from v in p.Value where p.Key != "connection" select KeyValuePair.Create(p.Key, v!)];
    }

    private async Task<string> CodeAsync(params (string Name, string Value)[] typed) => Assert.IsType<AuthenticationResponseVerdict.Accepted>(
        AuthenticationResponse.Check(await SignInAsync(typed), "state-1", await MetadataAsync())).Code;

    private async Task<(HttpStatusCode Status, TokenResponseVerdict Verdict)> TokenAsync(
        string code, string? verifier = Verifier, string redirectUri = RedirectUri, string? secret = null, bool basic = false, string grantType = "authorization_code")
    {
        secret ??= _host.Keys.ClientSecret;
        var form = new Dictionary<string, string> { ["grant_type"] = grantType, ["code"] = code, ["redirect_uri"] = redirectUri };
        if (verifier is not null)
        {
            form["code_verifier"] = verifier;
        }
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{Issuer}/token");
        if (basic)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(TestIdentityProviderKeys.ClientId)}:{Uri.EscapeDataString(secret)}")));
        }
        else
        {
            (form["client_id"], form["client_secret"]) = (TestIdentityProviderKeys.ClientId, secret);
        }
        request.Content = new FormUrlEncodedContent(form);
        using var answer = await _host.Browser.SendAsync(request);
        return (answer.StatusCode, TokenResponse.Read(await answer.Content.ReadAsByteArrayAsync()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_sign_in_is_walked_from_discovery_to_userinfo(bool basic)
    {
        var code = await CodeAsync(("email", "Grace@acme.test"), ("first_name", "Grace"), ("last_name", "Hopper"), ("groups", "Navy, , Compilers"));
        var tokens = Assert.IsType<TokenResponseVerdict.Accepted>((await TokenAsync(code, basic: basic)).Verdict);

        var jwks = await _host.Browser.GetByteArrayAsync($"{Issuer}/jwks");
        var accepted = Assert.IsType<IdTokenVerdict.Accepted>(IdToken.Check(
            tokens.IdToken, await MetadataAsync(), jwks, TestIdentityProviderKeys.ClientId, "nonce-1", _host.Clock.GetUtcNow(), TimeSpan.Zero));
        Assert.Equal(new EmailClaim("Grace@acme.test", true), EmailClaim.Read(accepted.Claims));
        Assert.Equal("Grace Hopper", accepted.Claims["name"].GetString());
        Assert.Equal(["Navy", "Compilers"], accepted.Claims["groups"].EnumerateArray().Select(g => g.GetString()));

        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Issuer}/userinfo");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", tokens.AccessToken);
        using var answer = await _host.Browser.SendAsync(request);
        var info = Assert.IsType<UserInfoVerdict.Accepted>(UserInfo.Read(await answer.Content.ReadAsByteArrayAsync(), accepted.Subject));
        Assert.Equal("Hopper", info.Claims["family_name"].GetString());
    }

    [Fact]
    public async Task The_same_address_is_the_same_person()
    {
        Assert.Equal(await SubjectAsync("ada@acme.test"), await SubjectAsync("ADA@acme.test"));
        Assert.NotEqual(await SubjectAsync("ada@acme.test"), await SubjectAsync("ada@other.test"));

        async Task<string> SubjectAsync(string email)
        {
            var tokens = Assert.IsType<TokenResponseVerdict.Accepted>((await TokenAsync(await CodeAsync(("email", email)))).Verdict);
            return Assert.IsType<IdTokenVerdict.Accepted>(IdToken.Check(
                tokens.IdToken, await MetadataAsync(), await _host.Browser.GetByteArrayAsync($"{Issuer}/jwks"), TestIdentityProviderKeys.ClientId, "nonce-1",
                _host.Clock.GetUtcNow(), TimeSpan.Zero)).Subject;
        }
    }

    [Fact]
    public async Task The_token_endpoint_refuses_what_does_not_belong_together()
    {
        var code = await CodeAsync();

        await RefusedAsync("invalid_grant", 400, TokenAsync(code, verifier: Pkce.Verifier(new byte[32])));
        await RefusedAsync("invalid_grant", 400, TokenAsync(code, verifier: null));
        await RefusedAsync("invalid_grant", 400, TokenAsync(code, redirectUri: TestIdentityProviderHost.PublicUrl));
        await RefusedAsync("invalid_grant", 400, TokenAsync(code[..^2]));
        await RefusedAsync("invalid_grant", 400, TokenAsync(""));
        await RefusedAsync("invalid_grant", 400, TokenAsync("not base64url!"));
        await RefusedAsync("invalid_client", 401, TokenAsync(code, secret: "wrong"));
        await RefusedAsync("invalid_client", 401, TokenAsync(code, secret: "wrong", basic: true));
        await RefusedAsync("unsupported_grant_type", 400, TokenAsync(code, grantType: "password"));
        var tokens = Assert.IsType<TokenResponseVerdict.Accepted>((await TokenAsync(code)).Verdict);
        await RefusedAsync("invalid_grant", 400, TokenAsync(tokens.AccessToken!));   // sealed for another purpose

        static async Task RefusedAsync(string error, int status, Task<(HttpStatusCode Status, TokenResponseVerdict Verdict)> asked) =>
            Assert.Equal(((HttpStatusCode)status, new TokenResponseVerdict.Failed(error, null)), await asked);
    }

    [Fact]
    public async Task A_code_lives_for_a_minute()
    {
        var code = await CodeAsync();
        _host.Clock.Advance(TimeSpan.FromSeconds(59));
        Assert.IsType<TokenResponseVerdict.Accepted>((await TokenAsync(code)).Verdict);

        _host.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new TokenResponseVerdict.Failed("invalid_grant", null), (await TokenAsync(code)).Verdict);
    }

    [Fact]
    public async Task A_code_is_no_access_token()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Issuer}/userinfo");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await CodeAsync());
        using var answer = await _host.Browser.SendAsync(request);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task A_refusal_goes_back_to_who_asked() => Assert.Equal(
        new AuthenticationResponseVerdict.Failed("access_denied", null),
        AuthenticationResponse.Check(await SignInAsync(("decision", "refuse")), "state-1", await MetadataAsync()));

    [Theory]
    [InlineData("https://evil.example/cb", "holdfast-dev")]
    [InlineData("http://127.0.0.1:4101/cb", "holdfast-dev")]
    [InlineData("http://127.0.0.1:4100@evil.example/", "holdfast-dev")]
    [InlineData("javascript:alert(1)", "holdfast-dev")]
    [InlineData("/sso/callback", "holdfast-dev")]
    [InlineData(RedirectUri, "another-client")]
    public async Task A_stranger_is_not_answered_by_redirect(string redirectUri, string clientId)
    {
        using var shown = await _host.Browser.GetAsync(await AuthorizeAsync(redirectUri, clientId));
        Assert.Equal(HttpStatusCode.BadRequest, shown.StatusCode);

        var (action, fields) = TestIdentityProviderHost.Form(await _host.Browser.GetStringAsync(await AuthorizeAsync()));
        (fields["redirect_uri"], fields["client_id"]) = (redirectUri, clientId);
        using var posted = await _host.Browser.PostAsync(action, new FormUrlEncodedContent(fields));
        Assert.Equal((HttpStatusCode.BadRequest, null), (posted.StatusCode, posted.Headers.Location));
    }

    [Theory]
    [InlineData("code_challenge_method=S256", "code_challenge_method=plain", "invalid_request")]
    [InlineData("&code_challenge=", "&challenge=", "invalid_request")]
    [InlineData("response_type=code", "response_type=token", "unsupported_response_type")]
    [InlineData("scope=openid", "scope=profile", "invalid_scope")]
    public async Task A_request_with_a_fault_goes_back_with_its_name(string what, string instead, string error)
    {
        var url = (await AuthorizeAsync()).AbsoluteUri.Replace(what, instead, StringComparison.Ordinal);
        using var answer = await _host.Browser.GetAsync(new Uri(url));

        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Contains($"&error={error}&iss=", answer.Headers.Location!.OriginalString, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/dev/idp/oidc/authorize")]
    [InlineData("/dev/idp/oidc/token")]
    [InlineData("/dev/idp/saml/sso")]
    public async Task What_is_no_form_is_refused(string path)
    {
        using var json = new StringContent("{}", Encoding.UTF8, "application/json");
        using var broken = new StringContent("email=%00", Encoding.UTF8, "application/x-www-form-urlencoded");

        foreach (var content in new[] { json, broken })
        {
            using var answer = await _host.Browser.PostAsync(new Uri(path, UriKind.Relative), content);
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        }
    }

    [Fact]
    public async Task What_was_typed_stays_and_is_encoded()
    {
        var (action, fields) = TestIdentityProviderHost.Form(await _host.Browser.GetStringAsync(await AuthorizeAsync()));
        (fields["email"], fields["first_name"]) = ("not an address", "\"><script>alert(1)</script>");
        using var answer = await _host.Browser.PostAsync(action, new FormUrlEncodedContent(fields));
        var html = await answer.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.Contains("aria-describedby=\"email-error\"", html, StringComparison.Ordinal);
        Assert.Equal(fields, TestIdentityProviderHost.Form(html).Fields);
    }

    [Fact]
    public async Task The_form_is_filled_and_locked_down()
    {
        using var answer = await _host.Browser.GetAsync(await AuthorizeAsync());
        var (_, fields) = TestIdentityProviderHost.Form(await answer.Content.ReadAsStringAsync());

        Assert.Equal(("ada@acme.test", "Ada", "Lovelace"), (fields["email"], fields["first_name"], fields["last_name"]));
        var policy = answer.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'; style-src 'self'; form-action ", policy, StringComparison.Ordinal);
        Assert.EndsWith("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.True(answer.Headers.CacheControl!.NoStore);
        var hinted = TestIdentityProviderHost.Form(await _host.Browser.GetStringAsync(await AuthorizeAsync(hint: "<bob@acme.test>")));
        Assert.Equal("<bob@acme.test>", hinted.Fields["email"]);
        using var style = await _host.Browser.GetAsync(new Uri("/dev/idp/style.css", UriKind.Relative));
        Assert.Equal("text/css", style.Content.Headers.ContentType!.MediaType);
    }
}
