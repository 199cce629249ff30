using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Tests.Sso;

/// <summary>Providers whose accounts are anybody's, each played as its documentation has it, and each with what it must not get away with.</summary>
public sealed class OAuthProviderTests(OAuthProviderTests.Made made) : IClassFixture<OAuthProviderTests.Made>
{
    private const string OtherTenant = "0a9d2c55-7f0e-4b7e-8a60-5d1f3b0c9e22";

    private readonly HoldfastServer _server = made.Server;

    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await HoldfastServer.StartAsync(new Start(IsDev: true));

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Theory]
    [InlineData("GoogleOAuth", "openid profile email", "sub-1")]
    [InlineData("MicrosoftOAuth", "openid profile email", "sub-1")]
    [InlineData("AppleOAuth", "openid name email", "sub-1")]
    [InlineData("GitLabOAuth", "openid profile email", "sub-1")]
    [InlineData("LinkedInOAuth", "openid profile email", "sub-1")]
    [InlineData("SlackOAuth", "openid profile email", "sub-1")]
    [InlineData("SalesforceOAuth", "openid profile email", "sub-1")]
    [InlineData("GitHubOAuth", "read:user user:email", "583231")]
    [InlineData("BitbucketOAuth", "account email", "{8f3c1a}")]
    [InlineData("DiscordOAuth", "identify email", "80351110224678912")]
    public async Task Each_signs_somebody_in_as_its_documentation_has_it(string type, string scopes, string subject)
    {
        await using var provider = await OAuthStandIns.PlayAsync(_server, type);
        var connection = await OAuthStandIns.ConnectAsync(provider, type);

        var begun = await provider.BeginAsync(connection);
        var answer = (await OAuthStandIns.FinishAsync(provider, type, begun)).Is(302);
        var profile = (await SamlConnection.RedeemAsync(_server, _server.A, answer.Sent("code")!, null)).Is(200).Json.GetProperty("profile");

        Assert.Equal(scopes, begun["scope"]);
        Assert.Equal((type, subject, "ada@acme.test"), (Text(profile, "connection_type"), Text(profile, "idp_id"), Text(profile, "email")));
        Assert.Equal(("Ada", "Lovelace"), (Text(profile, "first_name"), Text(profile, "last_name")));
        Assert.Equal(type == "AppleOAuth" ? "form_post" : null, begun["response_mode"]);
        Assert.Equal(type != "LinkedInOAuth", begun["code_challenge"] is not null);
        Assert.Equal(type is not ("LinkedInOAuth" or "GitHubOAuth" or "BitbucketOAuth" or "DiscordOAuth"), begun["nonce"] is not null);
        var attempt = (await _server.GetAsync($"/connections/{connection}/attempts")).Is(200).Json.GetProperty("data")[0];
        Assert.Equal("succeeded", attempt.GetProperty("outcome").GetString());
        Assert.DoesNotContain("ada@acme.test", attempt.GetRawText(), StringComparison.Ordinal);
        Assert.DoesNotContain("access-token-0815", attempt.GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GoogleOAuth", "unverified", "EmailUnverified", "claims")]
    [InlineData("GoogleOAuth", "not said", "EmailUnverified", "claims")]
    [InlineData("GoogleOAuth", "issuer", "IssuerMismatch", "issuer")]
    [InlineData("GoogleOAuth", "nonce", "NonceMismatch", "nonce")]
    [InlineData("MicrosoftOAuth", "no xms_edov", "EmailUnverified", "claims")]
    [InlineData("MicrosoftOAuth", "email_verified instead", "EmailUnverified", "claims")]
    [InlineData("MicrosoftOAuth", "tid of another", "IssuerMismatch", "issuer")]
    [InlineData("MicrosoftOAuth", "tid that is text", "IssuerMismatch", "issuer")]
    [InlineData("MicrosoftOAuth", "no tid", "IssuerMismatch", "issuer")]
    [InlineData("MicrosoftOAuth", "template", "IssuerMismatch", "issuer")]
    [InlineData("MicrosoftOAuth", "key of another tenant", "KeyDoesNotFit", "signature")]
    [InlineData("AppleOAuth", "not said", "EmailUnverified", "claims")]
    [InlineData("AppleOAuth", "e-mail in the form alone", "EmailMissing", "claims")]
    [InlineData("AppleOAuth", "another team's key", "TokenEndpointRefused", "token_endpoint")]
    [InlineData("GitLabOAuth", "unverified", "EmailUnverified", "claims")]
    [InlineData("LinkedInOAuth", "not said", "EmailUnverified", "claims")]
    [InlineData("LinkedInOAuth", "audience", "AudienceMismatch", "audience")]
    [InlineData("SlackOAuth", "not ok", "TokenEndpointRefused", "token_endpoint")]
    [InlineData("SalesforceOAuth", "unverified", "EmailUnverified", "claims")]
    [InlineData("GitHubOAuth", "unverified", "EmailUnverified", "claims")]
    [InlineData("GitHubOAuth", "verified but not primary", "EmailMissing", "claims")]
    [InlineData("GitHubOAuth", "public address alone", "EmailMissing", "claims")]
    [InlineData("GitHubOAuth", "error with 200", "TokenEndpointRefused", "token_endpoint")]
    [InlineData("GitHubOAuth", "no token", "TokenEndpointRefused", "token_endpoint")]
    [InlineData("GitHubOAuth", "no scope", "ProviderAnswerRefused", "userinfo")]
    [InlineData("GitHubOAuth", "no id", "UserInfoMalformed", "userinfo")]
    [InlineData("GitHubOAuth", "id twice", "UserInfoMalformed", "userinfo")]
    [InlineData("GitHubOAuth", "html", "UserInfoMalformed", "userinfo")]
    [InlineData("GitHubOAuth", "api hangs", "ProviderUnavailable", "userinfo")]
    [InlineData("BitbucketOAuth", "unverified", "EmailUnverified", "claims")]
    [InlineData("BitbucketOAuth", "no list", "UserInfoMalformed", "userinfo")]
    [InlineData("DiscordOAuth", "unverified", "EmailUnverified", "claims")]
    [InlineData("DiscordOAuth", "no e-mail", "EmailMissing", "claims")]
    public async Task What_it_must_not_get_away_with_is_refused_and_told(string type, string wrong, string reason, string step)
    {
        await using var provider = await OAuthStandIns.PlayAsync(_server, type);
        Break(provider, type, wrong);
        var connection = await OAuthStandIns.ConnectAsync(provider, type);
        var begun = await provider.BeginAsync(connection);

        var answer = await _server.WithoutEffectAsync(() => OAuthStandIns.FinishAsync(provider, type, begun));

        answer.Is(reason == "ProviderUnavailable" ? 502 : 400);
        Assert.Equal(reason, _server.LatestAttempt.Reason);
        var attempt = (await _server.GetAsync($"/connections/{connection}/attempts/{_server.LatestAttempt.Id}")).Is(200);
        Assert.Equal(step, attempt.Json.GetProperty("steps").EnumerateArray().Single(s => s.GetProperty("outcome").GetString() == "failed").GetProperty("step").GetString());
        Assert.Equal(type.Replace("OAuth", "", StringComparison.Ordinal), attempt.Json.GetProperty("remedy").GetProperty("product").GetString());
        Assert.DoesNotContain("ada@acme.test", attempt.Text, StringComparison.Ordinal);
    }

    [Fact] // OAUTH-040
    public async Task Microsoft_s_accounts_may_be_those_of_one_tenant_alone()
    {
        await using var provider = await OAuthStandIns.PlayAsync(_server, "MicrosoftOAuth");
        provider.Discovery!["issuer"] = $"{provider.Url}/{OAuthStandIns.Tenant}/v2.0";
        var connection = await provider.ConnectAsync("MicrosoftOAuth", ("tenant_id", OAuthStandIns.Tenant));
        await provider.SignInAsync(connection);
        Assert.Equal(1, provider.Count($"/{OAuthStandIns.Tenant}/v2.0/.well-known/openid-configuration"));

                provider.Claims = c => (c["iss"], c["tid"], c["xms_edov"]) = ($"{provider.Url}/{OtherTenant}/v2.0", OtherTenant, true);
        var begun = await provider.BeginAsync(connection);
        await _server.RefusedAsync(() => provider.FinishAsync(begun), "sign_in_refused", "IssuerMismatch");
    }

    [Fact]
    public async Task Apple_tells_a_name_once_and_it_stays()
    {
        await using var provider = await OAuthStandIns.PlayAsync(_server, "AppleOAuth");
        var connection = await OAuthStandIns.ConnectAsync(provider, "AppleOAuth");
        (await OAuthStandIns.FinishAsync(provider, "AppleOAuth", await provider.BeginAsync(connection))).Is(302);

        provider.Claims = c => c["real_user_status"] = 2;
        var begun = await provider.BeginAsync(connection);
        var answer = (await begun.Browser.PostAsync($"/sso/oidc/callback/{connection}", provider.Back(begun))).Is(302);

        var profile = (await SamlConnection.RedeemAsync(_server, _server.A, answer.Sent("code")!, null)).Is(200).Json.GetProperty("profile");
        Assert.Equal(("Ada", "Lovelace"), (Text(profile, "first_name"), Text(profile, "last_name")));
        Assert.Equal(2, profile.GetProperty("raw_attributes").GetProperty("real_user_status").GetInt32());   // what it says anew is taken
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("""{"name":"Ada"}""")]
    [InlineData("""{"name":{"firstName":1,"lastName":null}}""")]
    [InlineData("""{"name":{"firstName":"a","firstName":"b"}}""")]
    [InlineData("[]")]
    [InlineData("long")]
    public async Task A_name_that_cannot_be_read_is_none(string user)
    {
        await using var provider = await OAuthStandIns.PlayAsync(_server, "AppleOAuth");
        var connection = await OAuthStandIns.ConnectAsync(provider, "AppleOAuth");
        var begun = await provider.BeginAsync(connection);
        var back = provider.Back(begun);
        back["user"] = user == "long" ? $$$"""{"name":{"firstName":"{{{new string('x', 300)}}}"}}""" : user;

        var answer = (await begun.Browser.PostAsync($"/sso/oidc/callback/{connection}", back)).Is(302);

        var profile = (await SamlConnection.RedeemAsync(_server, _server.A, answer.Sent("code")!, null)).Is(200).Json.GetProperty("profile");
        Assert.Null(Text(profile, "first_name"));
    }

    [Fact]
    public async Task A_post_that_comes_without_the_flow_s_cookie_comes_again_from_our_own_page()
    {
        await using var provider = await OAuthStandIns.PlayAsync(_server, "AppleOAuth");
        var connection = await OAuthStandIns.ConnectAsync(provider, "AppleOAuth");
        var begun = await provider.BeginAsync(connection);
        var back = provider.Back(begun);
        var callback = $"/sso/oidc/callback/{connection}";

        var page = (await new Browser(_server).PostAsync(callback, back, ("Sec-Fetch-Site", "cross-site"))).Is(200);
        var (_, fields) = Dev.TestIdentityProviderHost.Form(page.Text);
        (await begun.Browser.PostAsync(callback, fields, ("Sec-Fetch-Site", "same-origin"))).Is(302);

        // Once, and for nobody else.
        await _server.RefusedAsync(() => new Browser(_server).PostAsync(callback, fields, ("Sec-Fetch-Site", "cross-site")), "flow_not_found", "FlowNotFound");
    }

    [Fact]
    public async Task An_application_names_the_provider_and_gets_the_environment_s_own()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true));
        await using var provider = await OidcStandIn.StartAsync(server);
        var google = new { connection_type = "GoogleOAuth", name = "Google", oidc = new { client_id = OidcStandIn.ClientId, client_secret = OidcStandIn.Secret, base_url = provider.Url } };
        Task<Answer> AskAsync(string type, Browser? browser = null) => provider.AuthorizeAsync(browser ?? new Browser(server), null, ("provider", type));
        foreach (var unknown in new[] { "GoogleOAuth", "GenericOIDC", "GoogleSAML", "authkit", "googleoauth" })
        {
            Assert.Equal("connection_strategy_invalid", (await AskAsync(unknown)).Is(302).Sent("error"));
        }
        // Another environment's is nobody's here.
        (await server.SendAsync("POST", "/connections", server.B.ApiKey, google)).Is(201);
        Assert.Equal("connection_strategy_invalid", (await AskAsync("GoogleOAuth")).Is(302).Sent("error"));

        var made = (await server.PostAsync("/connections", google)).Is(201);
        var connection = made["id"]!;
        Assert.False(made.Json.TryGetProperty("organization_id", out _));
        var browser = new Browser(server);
        var begun = OidcStandIn.Read(browser, connection, (await AskAsync("GoogleOAuth", browser)).Is(302));
        var code = (await provider.FinishAsync(begun)).Is(302).Sent("code")!;
        var profile = (await SamlConnection.RedeemAsync(server, server.A, code, null)).Is(200).Json.GetProperty("profile");
        Assert.Equal((connection, null), (Text(profile, "connection_id"), Text(profile, "organization_id")));

        // The same for a session: the account is nobody's organization's, so neither is the session.
        var other = new Browser(server);
        var another = (await provider.FinishAsync(OidcStandIn.Read(other, connection, (await AskAsync("GoogleOAuth", other)).Is(302)))).Is(302).Sent("code")!;
        var session = (await server.SendAsync("POST", "/user_management/authenticate", null, new
        {
            client_id = server.A.ClientId, client_secret = server.A.ApiKey, grant_type = "authorization_code", code = another,
        })).Is(200);
        Assert.Equal("GoogleOAuth", session["authentication_method"]);
        Assert.False(session.Json.TryGetProperty("organization_id", out _));

        // An organization's own does not get into its way; two of the environment's are ambiguous.
        await provider.ConnectAsync("GoogleOAuth");
        Assert.Null((await AskAsync("GoogleOAuth")).Is(302).Sent("error"));
        var second = (await server.PostAsync("/connections", google)).Is(201)["id"]!;
        Assert.Equal("ambiguous_connection_selector", (await AskAsync("GoogleOAuth")).Is(302).Sent("error"));
        (await server.DeleteAsync($"/connections/{second}")).Is(204);
        (await server.PutAsync($"/connections/{connection}", new { state = "inactive" })).Is(200);
        Assert.Equal("connection_unlinked", (await AskAsync("GoogleOAuth")).Is(302).Sent("error"));   // the organization's does not take its place
        (await server.DeleteAsync($"/connections/{connection}")).Is(204);
        Assert.Null((await AskAsync("GoogleOAuth")).Is(302).Sent("error"));   // the organization's is the only one now
        Assert.Equal("ambiguous_connection_selector", (await provider.AuthorizeAsync(new Browser(server), connection, ("provider", "GoogleOAuth"))).Is(302).Sent("error"));
    }

    [Theory]
    [InlineData("GoogleOAuth", "discovery_url", "https://idp.test/.well-known/openid-configuration", "oidc.discovery_url does_not_fit_connection_type")]
    [InlineData("GoogleOAuth", "issuer", "https://idp.test", "oidc.issuer does_not_fit_connection_type")]
    [InlineData("GoogleOAuth", "tenant_id", OAuthStandIns.Tenant, "oidc.tenant_id does_not_fit_connection_type")]
    [InlineData("GoogleOAuth", "base_url", "https://idp.test/?x", "oidc.base_url invalid_url")]
    [InlineData("GoogleOAuth", "base_url", "http://idp.test", "oidc.base_url invalid_url")]
    [InlineData("GoogleOAuth", "base_url", "https://a@idp.test", "oidc.base_url invalid_url")]
    [InlineData("MicrosoftOAuth", "tenant_id", "common/../x", "oidc.tenant_id invalid")]
    [InlineData("AppleOAuth", "client_id", "com.acme.app", "oidc.apple required")]
    public async Task What_does_not_fit_a_provider_is_not_saved(string type, string field, string value, string fault)
    {
        var oidc = new Dictionary<string, string> { ["client_id"] = "c", ["client_secret"] = "s", [field] = value };

        var refused = (await _server.WithoutEffectAsync(() => _server.PostAsync("/connections", new { connection_type = type, name = "x", oidc }))).Is(422);

        Assert.Contains(fault, refused.Faults);
        (await _server.PostAsync("/connections", new { connection_type = "GoogleOAuth", name = "x", oidc = new { client_id = "c", client_secret = "s", base_url = "https://127.0.0.1:9" } })).Is(201);
    }

    [Theory] // OAUTH-041
    [InlineData("email")]
    [InlineData("id")]
    public async Task An_address_of_another_claim_is_none_that_the_provider_has_verified(string name)
    {
        var map = new Dictionary<string, string> { [name] = "nickname" };
        Assert.Equal(["oidc.attribute_map does_not_fit_connection_type"], (await _server.PostAsync("/connections", new
        {
            connection_type = "GoogleOAuth", name = "x", oidc = new { client_id = "c", client_secret = "s", base_url = "https://127.0.0.1:9", attribute_map = map },
        })).Is(422).Faults);
    }

    [Fact]
    public async Task A_secret_does_not_follow_to_another_address_of_a_provider()
    {
        await using var provider = await OAuthStandIns.PlayAsync(_server, "GitHubOAuth");
        var connection = await OAuthStandIns.ConnectAsync(provider, "GitHubOAuth");
        Assert.Equal(["oidc.client_secret required"], (await _server.PutAsync($"/connections/{connection}", new { oidc = new { base_url = "https://evil.test" } })).Is(422).Faults);
        (await _server.PutAsync($"/connections/{connection}", new { oidc = new { base_url = provider.Url } })).Is(200);
        await using var apple = await OAuthStandIns.PlayAsync(_server, "AppleOAuth");
        var second = await OAuthStandIns.ConnectAsync(apple, "AppleOAuth");
        Assert.Equal(["oidc.apple required"], (await _server.PutAsync($"/connections/{second}", new { oidc = new { base_url = "https://evil.test" } })).Is(422).Faults);
    }

    [Theory]
    [InlineData("not a key", "oidc.apple.private_key invalid_key")]
    [InlineData("", "oidc.apple.private_key required")]
    [InlineData("public", "oidc.apple.private_key invalid_key")]
    [InlineData("P-384", "oidc.apple.private_key invalid_key")]
    [InlineData("RSA", "oidc.apple.private_key invalid_key")]
    public async Task A_key_that_Apple_does_not_give_is_not_saved(string which, string fault)
    {
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var key = which switch
        {
            "public" => OAuthStandIns.AppleKey.ExportSubjectPublicKeyInfoPem(),
            "P-384" => p384.ExportPkcs8PrivateKeyPem(),
            "RSA" => OidcStandIn.Rsa.ExportPkcs8PrivateKeyPem(),
            _ => which,
        };
        Assert.Equal([fault], (await _server.WithoutEffectAsync(() => _server.PostAsync("/connections", new
        {
            connection_type = "AppleOAuth", name = "x", oidc = new { client_id = "c", base_url = "https://127.0.0.1:9", apple = new { team_id = "T", key_id = "K", private_key = key } },
        }))).Is(422).Faults);
    }

    private void Break(OidcStandIn provider, string type, string wrong)
    {
        var sound = provider.Claims;
        void Change(Action<JsonObject> change) => provider.Claims = c =>
        {
            sound?.Invoke(c);
            change(c);
        };
        switch (type, wrong)
        {
            case ("GitHubOAuth", "unverified"):
                provider.SayToBearer("/user/emails", new JsonArray(OAuthStandIns.Mail("other@acme.test", false, true), OAuthStandIns.Mail("ada@acme.test", true, false)));
                break;
            case (_, "verified but not primary"):
                provider.SayToBearer("/user/emails", new JsonArray(OAuthStandIns.Mail("ada@acme.test", false, true)));
                break;
            case (_, "public address alone"):
                provider.SayToBearer("/user/emails", new JsonArray());
                break;
            case (_, "error with 200"):
                provider.Say("/login/oauth/access_token", 200, new JsonObject { ["error"] = "bad_verification_code", ["error_description"] = "The code passed is incorrect or expired." });
                break;
            case (_, "no token"):
                provider.Answer = a => a.Remove("access_token");
                break;
            case (_, "no scope"):
                provider.Say("/user/emails", 404, new JsonObject { ["message"] = "Not Found" });
                break;
            case (_, "no id"):
                provider.SayToBearer("/user", new JsonObject { ["login"] = "ada", ["id"] = "583231" });
                break;
            case (_, "id twice"):
                provider.Paths["/user"] = http => http.Response.WriteAsync("""{"id":583231,"id":1}""");
                break;
            case (_, "html"):
                provider.Paths["/user"] = http => http.Response.WriteAsync("<html>Unicorn!</html>");
                break;
            case (_, "api hangs"):
                provider.Hang("/user");
                break;
            case ("BitbucketOAuth", "unverified"):
                provider.SayToBearer("/2.0/user/emails", new JsonObject
                {
                    ["values"] = new JsonArray(new JsonObject { ["email"] = "ada@acme.test", ["is_primary"] = true, ["is_confirmed"] = false }),
                });
                break;
            case (_, "no list"):
                provider.SayToBearer("/2.0/user/emails", new JsonArray());
                break;
            case ("DiscordOAuth", "unverified"):
                provider.SayToBearer("/api/users/@me", new JsonObject { ["id"] = "80351110224678912", ["email"] = "ada@acme.test", ["verified"] = false });
                break;
            case (_, "no e-mail"):
                provider.SayToBearer("/api/users/@me", new JsonObject { ["id"] = "80351110224678912", ["verified"] = true });
                break;
            case (_, "unverified"):
                Change(c => c["email_verified"] = false);
                break;
            case (_, "not said"):
                Change(c => c.Remove("email_verified"));
                break;
            case (_, "issuer"):
                Change(c => c["iss"] = "accounts.google.com");
                break;
            case (_, "nonce"):
                Change(c => c["nonce"] = "another");
                break;
            case (_, "audience"):
                Change(c => c["aud"] = "client-0000");
                break;
            case (_, "no xms_edov"):
                Change(c => c.Remove("xms_edov"));
                break;
            case (_, "email_verified instead"):
                Change(c =>
                {
                    c["xms_edov"] = false;
                    c["email_verified"] = true;
                });
                break;
            case (_, "tid of another"):
                Change(c => c["tid"] = OtherTenant);
                break;
            case (_, "tid that is text"):
                Change(c => (c["tid"], c["iss"]) = ("x/../y", $"{provider.Url}/x/../y/v2.0"));
                provider.Keys.ForEach(k => k.Remove("issuer"));
                break;
            case (_, "no tid"):
                Change(c => c.Remove("tid"));
                provider.Keys.ForEach(k => k.Remove("issuer"));
                break;
            case (_, "template"):
                Change(c => (c["tid"], c["iss"]) = ("{tenantid}", $"{provider.Url}/{{tenantid}}/v2.0"));
                provider.Keys.ForEach(k => k.Remove("issuer"));
                break;
            case (_, "key of another tenant"):
                provider.Keys.ForEach(k => k["issuer"] = $"{provider.Url}/{OtherTenant}/v2.0");
                break;
            case (_, "e-mail in the form alone"):
                Change(c => c.Remove("email"));
                break;
            case (_, "another team's key"):
                provider.IsClient = r => OAuthStandIns.IsAppleClientAsync(provider, OidcStandIn.Ec, r);
                break;
            case (_, "not ok"):
                provider.Say("/token", 200, new JsonObject { ["ok"] = false, ["error"] = "invalid_code" });
                break;
            default:
                throw new InvalidOperationException($"Nothing breaks {type} by {wrong}.");
        }
        if (wrong == "tid of another")
        {
            provider.Keys.ForEach(k => k.Remove("issuer"));
        }
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();
}
