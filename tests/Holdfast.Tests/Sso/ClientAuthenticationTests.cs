using System.Security.Cryptography;
using System.Text.Json;
using Holdfast.Sso;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Tests.Sso;

/// <summary>How a connection proves itself at its provider's token endpoint (OpenID Connect Core 1.0 §9): by a secret in either way, or by a key of its own.</summary>
public sealed class ClientAuthenticationTests(ClientAuthenticationTests.Made made) : IClassFixture<ClientAuthenticationTests.Made>
{
    private readonly HoldfastServer _server = made.Server;

    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await HoldfastServer.StartAsync(new Start(IsDev: true));

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Theory]
    [InlineData(null, null, "basic")]
    [InlineData(null, "client_secret_post", "post")]
    [InlineData(null, "private_key_jwt client_secret_post", "post")]
    [InlineData(null, "client_secret_post client_secret_basic", "basic")]
    [InlineData("client_secret_post", "client_secret_basic", "post")]
    [InlineData("client_secret_basic", "client_secret_post", "basic")]
    public async Task A_secret_goes_where_the_connection_says_or_else_where_the_provider_does(string? chosen, string? listed, string how)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        if (listed is not null)
        {
            provider.Discovery!["token_endpoint_auth_methods_supported"] = JsonSerializer.SerializeToNode(listed.Split(' '));
        }
        var connection = await provider.ConnectAsync("GenericOIDC", ("token_endpoint_auth_method", chosen));

        await provider.SignInAsync(connection);

        var asked = provider.Requests.Single(r => r.Path == "/token");
        Assert.Equal((how == "basic", how == "post", how == "post"), (asked.Authorization is not null, asked.Form.ContainsKey("client_secret"), asked.Form.ContainsKey("client_id")));
        Assert.Equal(chosen, (await _server.GetAsync($"/connections/{connection}")).Is(200).Json.GetProperty("oidc").GetProperty("token_endpoint_auth_method").GetString());
    }

    [Theory]
    [InlineData("RS256")]
    [InlineData("PS256")]
    [InlineData("ES256")]
    public async Task A_key_of_its_own_proves_a_connection(string algorithm)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var seen = new List<JsonWebToken>();
        var connection = "";
        provider.IsClient = async received =>
        {
            var jwks = (await _server.SendAsync("GET", $"/sso/oidc/jwks/{connection}", null)).Is(200);
            var (token, fault) = await CheckAsync(received, jwks.Text, $"{provider.Url}/token");
            Assert.Null(fault);
            seen.Add(token!);
            return true;
        };
        connection = await provider.ConnectAsync("GenericOIDC", ("client_secret", null), ("token_endpoint_auth_method", "private_key_jwt"), ("token_endpoint_auth_signing_alg", algorithm));

        await provider.SignInAsync(connection);
        await provider.SignInAsync(connection);

        Assert.All(seen, t => Assert.Equal((algorithm, OidcStandIn.ClientId, OidcStandIn.ClientId), (t.Alg, t.Issuer, t.Subject)));
        Assert.All(seen, t => Assert.InRange((t.ValidTo - _server.Clock.GetUtcNow().UtcDateTime).TotalSeconds, 1, 60));
        Assert.Equal(2, seen.Select(t => t.Id).Distinct().Count(i => i.Length >= 16));
    }

    [Theory]
    [InlineData("private_key_jwt", "client_assertion")]
    [InlineData("client_secret_post", "client_secret")]
    public async Task What_proved_a_connection_is_not_told_when_its_provider_repeats_it(string method, string field)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = method == "private_key_jwt"
            ? await provider.ConnectAsync("GenericOIDC", ("client_secret", null), ("token_endpoint_auth_method", method))
            : await provider.ConnectAsync("GenericOIDC", ("token_endpoint_auth_method", method));
        var begun = await provider.BeginAsync(connection);
        provider.Paths["/token"] = async http =>
        {
            http.Response.StatusCode = 400;
            await http.Response.WriteAsJsonAsync(new { error = "invalid_client", error_description = $"You sent {http.Request.Form[field]} and that is not yours" });
        };

        var refused = await _server.RefusedAsync(() => provider.FinishAsync(begun), "sign_in_refused", "TokenEndpointRefused");

        var sent = provider.Requests.Single(r => r.Path == "/token").Form[field];
        Assert.Equal("400: invalid_client: You sent … and that is not yours", _server.LatestAttempt.Detail);
        Assert.DoesNotContain(sent, (await _server.GetAsync($"/connections/{connection}/attempts/{refused["reference"]}")).Is(200).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_connection_s_key_or_none_at_all_proves_nothing()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var (own, other) = (await ConnectAsync(provider), await ConnectAsync(provider));
        provider.IsClient = async r => (await CheckAsync(r, (await _server.SendAsync("GET", $"/sso/oidc/jwks/{own}", null)).Is(200).Text, $"{provider.Url}/token")).Fault is null;
        await provider.SignInAsync(own);

        var begun = await provider.BeginAsync(other);
        await _server.RefusedAsync(() => provider.FinishAsync(begun), "sign_in_refused", "TokenEndpointRefused");

        var attempt = (await _server.GetAsync($"/connections/{other}/attempts/{_server.LatestAttempt.Id}")).Is(200);
        Assert.Contains("jwks_uri", attempt.Json.GetProperty("remedy").GetProperty("text").GetString(), StringComparison.Ordinal);
        // A provider that checks an audience other than its own would take what was made for another.
        Assert.NotNull((await CheckAsync(provider.Requests.Last(r => r.Path == "/token"), (await _server.SendAsync("GET", $"/sso/oidc/jwks/{other}", null)).Text, "https://other.test/token")).Fault);
    }

    [Fact]
    public async Task A_key_stays_until_another_algorithm_is_chosen_and_is_shown_to_nobody()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await ConnectAsync(provider);
        async Task<string> KidAsync() => (await _server.SendAsync("GET", $"/sso/oidc/jwks/{connection}", null)).Is(200).Json.GetProperty("keys")[0].GetProperty("kid").GetString()!;
        var first = await KidAsync();

        (await _server.PutAsync($"/connections/{connection}", new { oidc = new { scopes = new[] { "openid", "email" } } })).Is(200);
        (await _server.PutAsync($"/connections/{connection}", new { oidc = new { token_endpoint_auth_method = "private_key_jwt", token_endpoint_auth_signing_alg = "RS256" } })).Is(200);
        Assert.Equal(first, await KidAsync());

        var body = (await _server.PutAsync($"/connections/{connection}", new { oidc = new { token_endpoint_auth_signing_alg = "ES256" } })).Is(200);
        Assert.NotEqual(first, await KidAsync());
        Assert.Equal($"{_server.PublicUrl}/sso/oidc/jwks/{connection}", body.Json.GetProperty("oidc").GetProperty("jwks_uri").GetString());
        var jwks = (await _server.SendAsync("GET", $"/sso/oidc/jwks/{connection}", null)).Is(200);
        Assert.Equal(["alg", "crv", "kid", "kty", "use", "x", "y"], jwks.Json.GetProperty("keys")[0].EnumerateObject().Select(p => p.Name).Order());
        var secret = _server.Services.GetRequiredService<Connections>().Find(connection)!.Settings.Oidc!.ClientKey!.PrivateKey;
        Assert.DoesNotContain(secret, body.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, _server.Everything(), StringComparison.Ordinal);

        // Back to a secret: the key goes, and the secret must come.
        Assert.Equal(["oidc.client_secret required"], (await _server.PutAsync($"/connections/{connection}", new { oidc = new { token_endpoint_auth_method = "client_secret_post" } })).Is(422).Faults);
        (await _server.PutAsync($"/connections/{connection}", new { oidc = new { token_endpoint_auth_method = "client_secret_post", client_secret = OidcStandIn.Secret } })).Is(200);
        (await _server.SendAsync("GET", $"/sso/oidc/jwks/{connection}", null)).Is(404, "connection_not_found");
        await provider.SignInAsync(connection);
    }

    [Fact]
    public async Task What_has_no_key_of_its_own_publishes_none()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        foreach (var id in new[] { await provider.ConnectAsync(), (await _server.SamlConnectionAsync()).Id, "conn_unknown", new string('x', 300) })
        {
            (await _server.SendAsync("GET", $"/sso/oidc/jwks/{id}", null)).Is(404, "connection_not_found");
        }
        (await _server.SendAsync("GET", $"/sso/oidc/jwks/{await ConnectAsync(provider)}", null)).Is(200);
    }

    [Theory]
    [InlineData("token_endpoint_auth_method", "client_secret_jwt", "oidc.token_endpoint_auth_method invalid")]
    [InlineData("token_endpoint_auth_method", "none", "oidc.token_endpoint_auth_method invalid")]
    [InlineData("token_endpoint_auth_method", "", "oidc.token_endpoint_auth_method invalid")]
    [InlineData("token_endpoint_auth_signing_alg", "HS256", "oidc.token_endpoint_auth_signing_alg invalid")]
    [InlineData("token_endpoint_auth_signing_alg", "none", "oidc.token_endpoint_auth_signing_alg invalid")]
    [InlineData("base_url", "https://idp.test", "oidc.base_url does_not_fit_connection_type")]
    [InlineData("tenant_id", "00000000-0000-0000-0000-000000000000", "oidc.tenant_id does_not_fit_connection_type")]
    public async Task What_is_not_known_is_not_saved(string field, string value, string fault)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var oidc = new Dictionary<string, string> { ["discovery_url"] = provider.Url + "/.well-known/openid-configuration", ["client_id"] = "c", ["client_secret"] = "s" };
        var organization = await _server.OrganizationAsync();
        Task<Answer> CreateAsync() => _server.PostAsync("/connections", new { organization_id = organization, connection_type = "GenericOIDC", name = "x", oidc });
        (await CreateAsync()).Is(201);
        oidc[field] = value;

        Assert.Equal([fault], (await _server.WithoutEffectAsync(CreateAsync)).Is(422).Faults);
    }

    private static Task<string> ConnectAsync(OidcStandIn provider) =>
        provider.ConnectAsync("GenericOIDC", ("client_secret", null), ("token_endpoint_auth_method", "private_key_jwt"));

    /// <summary>What a provider does with an assertion (RFC 7523 §3), by another hand than ours.</summary>
    private async Task<(JsonWebToken? Token, Exception? Fault)> CheckAsync(OidcStandIn.Received received, string jwks, string audience)
    {
        if (received.Authorization is not null || received.Form.ContainsKey("client_secret")
            || received.Form.GetValueOrDefault("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        {
            return (null, new CryptographicException("It is not proven by an assertion alone."));
        }
        var result = await new JsonWebTokenHandler().ValidateTokenAsync(received.Form["client_assertion"], new TokenValidationParameters
        {
            IssuerSigningKeys = new JsonWebKeySet(jwks).GetSigningKeys(), ValidIssuer = OidcStandIn.ClientId, ValidAudience = audience, RequireExpirationTime = true,
            LifetimeValidator = (from, until, _, _) => until > _server.Clock.GetUtcNow().UtcDateTime && until <= _server.Clock.GetUtcNow().UtcDateTime.AddMinutes(1),
        });
        return (result.SecurityToken as JsonWebToken, result.Exception);
    }
}
