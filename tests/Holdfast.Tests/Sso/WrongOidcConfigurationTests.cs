using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Holdfast.Protocols.OpenIdConnect;
using Holdfast.Sso;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Tests.Sso;

/// <summary>What is set up wrongly between an OpenID provider and us, or done wrongly by either: each is refused for its own reason, told in words, with its remedy; and the same
/// sign-in without it succeeds.</summary>
public sealed class WrongOidcConfigurationTests(WrongOidcConfigurationTests.Made made) : IClassFixture<WrongOidcConfigurationTests.Made>
{
    private readonly HoldfastServer _server = made.Server;

    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await HoldfastServer.StartAsync(new Start(IsDev: true));

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Theory]
    [InlineData("client secret", "OktaOIDC", "TokenEndpointRefused", "token_endpoint", "did not take our client id and our proof", "Okta", "Client Credentials")]
    [InlineData("redirect uri at the token endpoint", "EntraIdOIDC", "TokenEndpointRefused", "token_endpoint", "another redirect URI", "Microsoft Entra ID", "Redirect URIs")]
    [InlineData("redirect uri", "GoogleOIDC", "ProviderRefused", "consent", "does not know our redirect URI", "Google", "Authorized redirect URIs")]
    [InlineData("scope", "OktaOIDC", "ProviderRefused", "consent", "does not give what was asked for", "Okta", "Claims")]
    [InlineData("not assigned", "OktaOIDC", "ProviderRefused", "consent", "did not let the person in", "Okta", "Assignments")]
    [InlineData("code used", "GenericOIDC", "TokenEndpointRefused", "token_endpoint", "did not take its own code", "the identity provider", "redirect_uris")]
    [InlineData("html", "GenericOIDC", "TokenEndpointRefused", "token_endpoint", "Malformed", "the identity provider", "client id")]
    [InlineData("token endpoint redirects", "GenericOIDC", "TokenEndpointRefused", "token_endpoint", "302: Malformed", "the identity provider", "client id")]
    [InlineData("token endpoint too large", "GenericOIDC", "ProviderAnswerRefused", "token_endpoint", "larger than allowed", "the identity provider", null)]
    [InlineData("token endpoint hangs", "AdpOidc", "ProviderUnavailable", "token_endpoint", "token endpoint did not answer: hangs", "ADP", null)]
    [InlineData("token endpoint fails", "CleverOIDC", "ProviderUnavailable", "token_endpoint", "token endpoint did not answer: errors", "Clever", null)]
    [InlineData("no id token", "GenericOIDC", "IdTokenMissing", "token", "no ID token", "the identity provider", "scopes")]
    [InlineData("encrypted", "GenericOIDC", "Encrypted", "token", "encrypted", "the identity provider", "client")]
    [InlineData("no token", "GenericOIDC", "Malformed", "token", "not made as OpenID Connect has it", "the identity provider", null)]
    [InlineData("access token for an id token", "GenericOIDC", "TypeNotAllowed", "token", "not made as OpenID Connect has it", "the identity provider", null)]
    [InlineData("algorithm none", "GenericOIDC", "AlgorithmNotAllowed", "signature", "algorithm that is not accepted: none", "the identity provider", "client")]
    [InlineData("hmac", "LoginGovOidc", "AlgorithmNotAllowed", "signature", "algorithm that is not accepted: HS256", "Login.gov", "client")]
    [InlineData("unknown key", "GenericOIDC", "KeyUnknown", "signature", "a key that the provider does not publish: new-1", "the identity provider", null)]
    [InlineData("key's name taken", "GenericOIDC", "SignatureInvalid", "signature", "not by the key that it names", "the identity provider", null)]
    [InlineData("changed", "GenericOIDC", "SignatureInvalid", "signature", "or it was changed", "the identity provider", null)]
    [InlineData("key of another kind", "GenericOIDC", "KeyDoesNotFit", "signature", "key cannot be used", "the identity provider", "client")]
    [InlineData("issuer", "OktaOIDC", "IssuerMismatch", "issuer", "another issuer than the connection's: https://other.test", "Okta", null)]
    [InlineData("slash", "OktaOIDC", "IssuerMismatch", "issuer", "another issuer", "Okta", null)]
    [InlineData("audience", "OktaOIDC", "AudienceMismatch", "audience", "meant for another client: client-0000", "Okta", "Client Credentials")]
    [InlineData("several audiences", "GenericOIDC", "AuthorizedPartyMissing", "audience", "issued to another client", "the identity provider", "client")]
    [InlineData("azp", "GoogleOIDC", "AuthorizedPartyMismatch", "audience", "issued to another client", "Google", "Client secrets")]
    [InlineData("expired", "GenericOIDC", "Expired", "time", "no longer valid when it came", "the identity provider", null)]
    [InlineData("clock ahead", "GenericOIDC", "IssuedInTheFuture", "time", "clock is ahead of ours: 90 s", "the identity provider", null)]
    [InlineData("not yet", "GenericOIDC", "NotYetValid", "time", "clock is ahead of ours", "the identity provider", null)]
    [InlineData("no expiry", "GenericOIDC", "ExpiryMissing", "time", "not made as OpenID Connect has it", "the identity provider", null)]
    [InlineData("no subject", "GenericOIDC", "SubjectMissing", "subject", "does not say who signed in", "the identity provider", "claims")]
    [InlineData("nonce", "GenericOIDC", "NonceMismatch", "nonce", "does not belong to this sign-in", "the identity provider", null)]
    [InlineData("no nonce", "GenericOIDC", "NonceMissing", "nonce", "does not belong to this sign-in", "the identity provider", null)]
    [InlineData("at_hash", "GenericOIDC", "AccessTokenMismatch", "access_token", "another access token", "the identity provider", null)]
    [InlineData("old session", "OktaOIDC", "AuthenticationTooOld", "authentication", "elder session", "Okta", "Claims")]
    [InlineData("userinfo of another", "GenericOIDC", "UserInfoSubjectMismatch", "userinfo", "another person", "the identity provider", "claims")]
    [InlineData("userinfo signed", "GenericOIDC", "UserInfoSigned", "userinfo", "signed JWT", "the identity provider", "client")]
    [InlineData("userinfo html", "GenericOIDC", "UserInfoMalformed", "userinfo", "cannot be read", "the identity provider", "claims")]
    [InlineData("userinfo redirects", "GenericOIDC", "ProviderAnswerRefused", "userinfo", "redirects", "the identity provider", "claims")]
    [InlineData("userinfo forbidden", "GenericOIDC", "ProviderAnswerRefused", "userinfo", "status 403", "the identity provider", "claims")]
    [InlineData("userinfo too large", "GenericOIDC", "ProviderAnswerRefused", "userinfo", "larger than allowed", "the identity provider", "claims")]
    [InlineData("e-mail", "EntraIdOIDC", "EmailMissing", "claims", "no e-mail address", "Microsoft Entra ID", "Optional claims")]
    [InlineData("e-mail claim", "EntraIdOIDC", "EmailMissing", "claims", "no e-mail address", "Microsoft Entra ID", "Optional claims")]
    [InlineData("id claim", "EntraIdOIDC", "StableIdMissing", "claims", "attribute_map.id", "Microsoft Entra ID", "Optional claims")]
    [InlineData("answer of another", "GenericOIDC", "AnswerIssuerMismatch", "answer", "given by another provider: https://other.test", "the identity provider", null)]
    [InlineData("answer twice", "GenericOIDC", "AnswerRepeated", "answer", "not one whole answer", "the identity provider", "redirect_uris")]
    [InlineData("no code", "GenericOIDC", "AnswerCodeMissing", "answer", "not one whole answer", "the identity provider", "redirect_uris")]
    [InlineData("another browser", "GenericOIDC", "FlowNotFound", "flow", "begun in another browser", "the identity provider", null)]
    public async Task An_attempt_names_the_cause_and_the_remedy(string wrong, string type, string reason, string step, string cause, string product, string? where)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync(type, wrong switch
        {
            "e-mail claim" => [("attribute_map", new { email = "work_mail" })],
            "id claim" => [("attribute_map", new { id = "employee" })],
            _ => [],
        });
        if (wrong is not ("e-mail claim" or "id claim"))
        {
            await provider.SignInAsync(connection);   // the twin
        }
        if (wrong == "client secret")
        {
            (await _server.PutAsync($"/connections/{connection}", new { oidc = new { client_secret = "an elder secret" } })).Is(200);
        }
        Break(provider, wrong);
        var begun = await provider.BeginAsync(connection, wrong == "old session" ? [("prompt", "login")] : []);
        var back = provider.Back(begun);
        var code = back["code"];
        var answer = await _server.WithoutEffectAsync(() => wrong switch
        {
            "redirect uri" => provider.FinishAsync(begun, Error("redirect_uri_mismatch", "The redirect URI in the request does not match.")),
            "scope" => provider.FinishAsync(begun, Error("invalid_scope", "One or more scopes are not configured.")),
            "not assigned" => provider.FinishAsync(begun, Error("access_denied", "User is not assigned to the client application.")),
            "code used" => provider.FinishAsync(begun, new() { ["code"] = "code-of-yesterday", ["state"] = begun["state"]! }),
            "answer of another" => provider.FinishAsync(begun, new(back) { ["iss"] = "https://other.test" }),
            "no code" => provider.FinishAsync(begun, new() { ["state"] = begun["state"]! }),
            "answer twice" => begun.Browser.GetAsync($"/sso/oidc/callback/{connection}?code={code}&code=x&state={begun["state"]}"),
            "another browser" => provider.FinishAsync(begun with { Browser = new Browser(_server) }, back),
            _ => provider.FinishAsync(begun, back),
        });

        Assert.InRange(answer.Status, 300, reason == "ProviderUnavailable" ? 502 : 499);
        Assert.Null(answer.Location is null ? null : answer.Sent("code"));
        var id = _server.LatestAttempt.Id;
        Assert.Contains(id, answer.Location ?? answer.Text, StringComparison.Ordinal);
        var attempt = (await _server.GetAsync($"/connections/{connection}/attempts/{id}")).Is(200);
        Assert.Equal(("refused", reason, connection, "False"), (attempt["outcome"], attempt["reason"], attempt["connection_id"], attempt["can_replay"]));
        Explained.Is(attempt, step, cause, product, where);
        var verifier = provider.Requests.LastOrDefault(r => r.Path == "/token")?.Form.GetValueOrDefault("code_verifier") ?? "no verifier";
        foreach (var secret in new[] { "ada@acme.test", "Lovelace", "sub-1", "access-token-0815", OidcStandIn.Secret, "an elder secret", code, verifier, begun["nonce"]!, begun["state"]! })
        {
            Assert.DoesNotContain(secret, attempt.Text, StringComparison.Ordinal);
        }
        (await _server.PostAsync($"/connections/{connection}/attempts/{id}/replay", new { })).Is(409, "response_not_kept");

        Dictionary<string, string> Error(string error, string description) => new() { ["error"] = error, ["error_description"] = description, ["state"] = begun["state"]! };
    }

    [Fact]
    public void Every_refusal_of_the_library_has_its_step_and_its_words()
    {
        var reasons = Enum.GetNames<IdTokenRefusal>().Concat(Enum.GetNames<AuthenticationResponseRefusal>().Select(r => $"Answer{r}")).Concat(Enum.GetNames<UserInfoRefusal>().Select(r => $"UserInfo{r}"));
        foreach (var reason in reasons)
        {
            var (summary, remedy, steps) = ExplainOidcAttempt.Of("GenericOIDC", reason, "detail", null, _server.Clock.GetUtcNow());
            Assert.NotEqual("claims", Assert.Single(steps, s => s.Outcome == "failed").Step);
            Assert.NotEmpty(summary);
            Assert.NotEmpty(remedy!.Text);
        }
    }

    [Fact] // OAUTH-017
    public async Task What_a_provider_repeats_of_our_secret_is_not_told()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync();
        provider.Paths["/token"] = async http =>
        {
            var form = await http.Request.ReadFormAsync();
            http.Response.StatusCode = 400;
            await http.Response.WriteAsync(new JsonObject
            {
                ["error"] = "invalid_client",
                ["error_description"] = $"The secret '{OidcStandIn.Secret}' and the code '{form["code"]}' with '{form["code_verifier"]}' are not right.",
            }.ToJsonString());
        };
        var begun = await provider.BeginAsync(connection);
        var back = provider.Back(begun);

        await _server.RefusedAsync(() => provider.FinishAsync(begun, back), "sign_in_refused", "TokenEndpointRefused");

        Assert.Equal("400: invalid_client: The secret '…' and the code '…' with '…' are not right.", _server.LatestAttempt.Detail);
    }

    [Theory]
    [InlineData("issuer", "https://other.test", "another issuer's", "IssuerMismatch")]
    [InlineData("issuer", "https://login.test/{tenantid}/v2.0", "for all tenants", "IssuerIsTemplate")]
    [InlineData("token_endpoint", "http://other.test/token", "never read", "EndpointUnsafe")]
    [InlineData("token_endpoint", null, "never read", "EndpointMissing")]
    public async Task A_discovery_document_that_must_not_be_believed_is_named(string name, string? value, string cause, string why)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        await provider.SignInAsync(await provider.ConnectAsync());   // the twin
        provider.Discovery![name] = value;
        var connection = await provider.ConnectAsync();

        var refused = await _server.RefusedAsync(() => provider.AuthorizeAsync(new Browser(_server), connection), "identity_provider_unavailable", "ProviderDocumentsMissing", 502);

        var attempt = (await _server.GetAsync($"/connections/{connection}/attempts/{refused["reference"]}")).Is(200);
        Assert.Contains(cause, attempt["summary"], StringComparison.Ordinal);
        Assert.Contains(why, attempt["detail"], StringComparison.Ordinal);
        Assert.Equal("documents", attempt.Json.GetProperty("steps").EnumerateArray().Single(s => s.GetProperty("outcome").GetString() == "failed").GetProperty("step").GetString());
        Assert.Empty(provider.Requests.Where(r => r.Method == "POST").Skip(1));   // nothing was sent to where it pointed
    }

    [Fact] // OAUTH-051
    public async Task An_address_that_may_not_be_asked_and_one_that_does_not_answer_are_told_alike()
    {
        await using var strict = await HoldfastServer.StartAsync();   // without leave for this machine's own network
        await using var provider = await OidcStandIn.StartAsync(_server);
        var port = new Uri(provider.Url).Port;
        var told = new List<string>();
        foreach (var (guarded, url) in new[]
        {
            (strict, $"https://127.0.0.1:{port}"), (strict, $"https://127.0.0.1:{HoldfastServer.FreePort()}"), (strict, "https://169.254.169.254"), (strict, "https://[::1]"), (strict, "https://10.0.0.1"),
            (_server, $"http://127.0.0.1:{HoldfastServer.FreePort()}"),
        })
        {
            var connection = (await guarded.PostAsync("/connections", new
            {
                organization_id = await guarded.OrganizationAsync(), connection_type = "GenericOIDC", name = "x",
                oidc = new { discovery_url = url + "/.well-known/openid-configuration", client_id = "c", client_secret = "s" },
            })).Is(201)["id"]!;
            var refused = await guarded.RefusedAsync(() => new Browser(guarded).GetAsync(new SamlConnection(guarded, connection, "", new SamlProvider(), "").AuthorizePath()),
                "identity_provider_unavailable", "ProviderDocumentsMissing", 502);
            var attempt = (await guarded.GetAsync($"/connections/{connection}/attempts/{refused["reference"]}")).Is(200);
            told.Add(attempt["summary"]!.Replace(url, "URL", StringComparison.Ordinal));
        }
        Assert.Single(told.Distinct());
        Assert.Empty(provider.Requests);
    }

    [Theory] // OAUTH-044
    [InlineData("token_endpoint", "https://10.0.0.1/token", "token_endpoint")]
    [InlineData("token_endpoint", "https://169.254.169.254/token", "token_endpoint")]
    [InlineData("token_endpoint", "https://[::1]/token", "token_endpoint")]
    [InlineData("userinfo_endpoint", "https://192.168.0.1/userinfo", "userinfo")]
    public async Task What_a_document_points_to_inside_a_private_network_is_not_asked(string name, string url, string step)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        provider.Claims = c => c.Remove("email");   // so that UserInfo is asked
        await provider.SignInAsync(await provider.ConnectAsync());   // the twin: this test's own address is one that the operator listed
        provider.Discovery![name] = url;
        var connection = await provider.ConnectAsync();
        var begun = await provider.BeginAsync(connection);

        var refused = await _server.RefusedAsync(() => provider.FinishAsync(begun), "identity_provider_unavailable", "ProviderUnavailable", 502);

        var attempt = (await _server.GetAsync($"/connections/{connection}/attempts/{refused["reference"]}")).Is(200);
        Assert.Equal("unreachable", attempt["detail"]);
        Assert.Equal(step, attempt.Json.GetProperty("steps").EnumerateArray().Single(s => s.GetProperty("outcome").GetString() == "failed").GetProperty("step").GetString());
    }

    [Theory] // OAUTH-037
    [InlineData(599, true)]
    [InlineData(600, false)]
    public async Task A_sign_in_may_take_ten_minutes_and_no_longer(int seconds, bool isTaken)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var begun = await provider.BeginAsync(await provider.ConnectAsync());
        _server.Clock.Advance(TimeSpan.FromSeconds(seconds));

        var answer = await provider.FinishAsync(begun);

        answer.Is(isTaken ? 302 : 400);
        Assert.Equal(isTaken ? null : "FlowNotFound", isTaken ? null : _server.LatestAttempt.Reason);
    }

    [Fact] // OAUTH-037
    public async Task A_code_of_another_sign_in_is_not_redeemed()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync();
        var (theirs, own) = (await provider.BeginAsync(connection), await provider.BeginAsync(connection));
        var stolen = provider.Back(theirs)["code"];

        await _server.RefusedAsync(() => provider.FinishAsync(own, new() { ["code"] = stolen, ["state"] = own["state"]! }), "sign_in_refused", "TokenEndpointRefused");
        (await provider.FinishAsync(await provider.BeginAsync(connection))).Is(302);

        // A provider that does not look at the code verifier still gives back the nonce of who began.
        provider.Claims = c => c["nonce"] = theirs["nonce"];
        var again = await provider.BeginAsync(connection);
        await _server.RefusedAsync(() => provider.FinishAsync(again), "sign_in_refused", "NonceMismatch");
    }

    [Fact]
    public async Task A_sign_in_that_succeeded_is_told_for_thirty_days_without_the_person()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true));
        await using var provider = await OidcStandIn.StartAsync(server);
        var connection = await provider.ConnectAsync("OktaOIDC");
        var profile = await provider.SignInAsync(connection);

        var id = (await server.GetAsync($"/connections/{connection}/attempts")).Is(200).Ids.Single();
        var attempt = (await server.GetAsync($"/connections/{connection}/attempts/{id}")).Is(200);
        Assert.Equal(("succeeded", null, profile.GetProperty("id").GetString(), "False"), (attempt["outcome"], attempt["reason"], attempt["profile_id"], attempt["can_replay"]));
        var steps = attempt.Json.GetProperty("steps").EnumerateArray().ToDictionary(s => s.GetProperty("step").GetString()!);
        Assert.All(steps.Values, s => Assert.Equal("passed", s.GetProperty("outcome").GetString()));
        Assert.Equal((provider.Url, provider.Url), (steps["issuer"].GetProperty("expected").GetString(), steps["issuer"].GetProperty("received").GetString()));
        Assert.Equal((OidcStandIn.ClientId, OidcStandIn.ClientId), (steps["audience"].GetProperty("expected").GetString(), steps["audience"].GetProperty("received").GetString()));
        Assert.Contains("client_secret_basic", steps["token_endpoint"].GetProperty("expected").GetString(), StringComparison.Ordinal);
        Assert.Equal("RS256 with key rsa-1", steps["signature"].GetProperty("received").GetString());
        foreach (var secret in new[] { "ada@acme.test", "Lovelace", "sub-1", "access-token-0815", OidcStandIn.Secret })
        {
            Assert.DoesNotContain(secret, attempt.Text, StringComparison.Ordinal);
        }
        (await server.PostAsync($"/connections/{connection}/attempts/{id}/replay", new { })).Is(409, "response_not_kept");

        // New settings: what was expected then stays told.
        (await server.PutAsync($"/connections/{connection}", new { oidc = new { client_id = "another" } })).Is(200);
        Assert.Equal(attempt.Text, (await server.GetAsync($"/connections/{connection}/attempts/{id}")).Is(200).Text);
        server.Clock.Advance(TimeSpan.FromDays(30) - TimeSpan.FromSeconds(1));
        Assert.Single((await server.GetAsync($"/connections/{connection}/attempts")).Ids);
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        (await server.GetAsync($"/connections/{connection}/attempts/{id}")).Is(404, "entity_not_found");
    }

    private void Break(OidcStandIn provider, string wrong)
    {
        var now = _server.Clock.GetUtcNow().ToUnixTimeSeconds();
        switch (wrong)
        {
            case "redirect uri at the token endpoint":
                provider.Say("/token", 400, new JsonObject { ["error"] = "invalid_client", ["error_description"] = "The reply address (redirect URI) does not match the one of the request." });
                break;
            case "html":
                provider.Paths["/token"] = http => http.Response.WriteAsync("<html>Bad gateway</html>");
                break;
            case "token endpoint redirects":
                provider.Paths["/token"] = http =>
                {
                    http.Response.Redirect(provider.Url + "/elsewhere");
                    return Task.CompletedTask;
                };
                break;
            case "token endpoint too large" or "userinfo too large":
                provider.Paths[wrong.StartsWith("token", StringComparison.Ordinal) ? "/token" : "/userinfo"] = http => http.Response.WriteAsync(new string(' ', (1024 * 1024) + 1));
                provider.Claims = c => c.Remove("email");
                break;
            case "token endpoint hangs":
                provider.Hang("/token");
                break;
            case "token endpoint fails":
                provider.Say("/token", 503, null);
                break;
            case "no id token":
                provider.Answer = a => a.Remove("id_token");
                break;
            case "encrypted":
                provider.Token = _ => "e30.e30.e30.e30.e30";
                break;
            case "no token":
                provider.Token = _ => "e30.e30";
                break;
            case "access token for an id token":
                provider.Token = t => Sign(t, new JsonObject { ["alg"] = "RS256", ["typ"] = "at+jwt", ["kid"] = "rsa-1" });
                break;
            case "algorithm none":
                provider.Token = t => $"{Base64Url.EncodeToString("""{"alg":"none"}"""u8)}.{t.Split('.')[1]}.";
                break;
            case "hmac":
                (provider.Algorithm, provider.SigningKey) = ("HS256", new SymmetricSecurityKey(Encoding.UTF8.GetBytes(OidcStandIn.Secret)));
                break;
            case "unknown key":
                provider.SigningKey = new RsaSecurityKey(OidcStandIn.Stranger) { KeyId = "new-1" };
                break;
            case "key's name taken":
                provider.SigningKey = new RsaSecurityKey(OidcStandIn.Stranger) { KeyId = "rsa-1" };
                break;
            case "key of another kind":
                (provider.Algorithm, provider.SigningKey) = ("ES256", new ECDsaSecurityKey(OidcStandIn.Ec) { KeyId = "rsa-1" });
                break;
            case "changed":
                provider.Token = t =>
                {
                    var parts = t.Split('.');
                    var claims = JsonNode.Parse(Base64Url.DecodeFromChars(parts[1]))!;
                    claims["sub"] = "sub-2";
                    return $"{parts[0]}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims.ToJsonString()))}.{parts[2]}";
                };
                break;
            case "userinfo of another":
                provider.UserInfo = new JsonObject { ["sub"] = "sub-2", ["email"] = "ada@acme.test" };
                provider.Claims = c => c.Remove("email");
                break;
            case "userinfo signed":
                provider.Paths["/userinfo"] = http => http.Response.WriteAsync("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzdWItMSJ9.c2lnbmF0dXJl");
                provider.Claims = c => c.Remove("email");
                break;
            case "userinfo html":
                provider.Paths["/userinfo"] = http => http.Response.WriteAsync("<html>Sign in</html>");
                provider.Claims = c => c.Remove("email");
                break;
            case "userinfo redirects":
                provider.Paths["/userinfo"] = http =>
                {
                    http.Response.Redirect(provider.Url + "/elsewhere");
                    return Task.CompletedTask;
                };
                provider.Claims = c => c.Remove("email");
                break;
            case "userinfo forbidden":
                provider.Say("/userinfo", 403, new JsonObject());
                provider.Claims = c => c.Remove("email");
                break;
            case "e-mail":
                provider.UserInfo = new JsonObject { ["sub"] = "sub-1" };
                provider.Claims = c => c.Remove("email");
                break;
            default:
                provider.Claims = wrong switch
                {
                    "issuer" => c => c["iss"] = "https://other.test",
                    "slash" => c => c["iss"] = provider.Url + "/",
                    "audience" => c => c["aud"] = "client-0000",
                    "several audiences" => c => c["aud"] = new JsonArray(OidcStandIn.ClientId, "client-0000"),
                    "azp" => c => c["azp"] = "client-0000",
                    "expired" => c => c["exp"] = now - 60,
                    "clock ahead" => c => c["iat"] = now + 90,
                    "not yet" => c => c["nbf"] = now + 90,
                    "no expiry" => c => c.Remove("exp"),
                    "no subject" => c => c.Remove("sub"),
                    "nonce" => c => c["nonce"] = "another",
                    "no nonce" => c => c.Remove("nonce"),
                    "at_hash" => c => c["at_hash"] = Base64Url.EncodeToString(SHA256.HashData("another token"u8).AsSpan(0, 16)),
                    "old session" => c => c["auth_time"] = now - 61,
                    _ => null,
                };
                break;
        }
    }

    private static string Sign(string token, JsonObject header)
    {
        var signed = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header.ToJsonString()))}.{token.Split('.')[1]}";
        return $"{signed}.{Base64Url.EncodeToString(OidcStandIn.Rsa.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }
}
