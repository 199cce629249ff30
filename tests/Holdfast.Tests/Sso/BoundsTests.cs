using Holdfast.Dev;
using Holdfast.Sso;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Sso;

/// <summary>What is bounded in a sign-in: tries, sizes, ages, characters, and what strangers are told.</summary>
public sealed class BoundsTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task A_flow_is_tried_three_times_and_another_of_the_same_browser_is_as_new()
    {
        using var stranger = SamlProvider.MakeCertificate();
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        for (var i = 0; i < FlowAttempts.MostPerFlow; i++)
        {
            var kept = begun.Browser.Copy();
            await _server.RefusedAsync(
                () => connection.PostAsync(kept, connection.Response(begun, "ada@acme.test", null, stranger), begun.RelayState), "sign_in_refused", "SignatureInvalid");
        }

        await _server.RefusedAsync(() => connection.FinishAsync(begun), "flow_not_found", "FlowTriedTooOften");

        (await connection.FinishAsync(await connection.BeginAsync(begun.Browser))).Is(302);
    }

    [Fact]
    public async Task The_third_try_of_a_flow_still_ends_it()
    {
        using var stranger = SamlProvider.MakeCertificate();
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        for (var i = 1; i < FlowAttempts.MostPerFlow; i++)
        {
            (await connection.PostAsync(begun.Browser.Copy(), connection.Response(begun, "ada@acme.test", null, stranger), begun.RelayState)).Is(400, "sign_in_refused");
        }
        (await connection.FinishAsync(begun)).Is(302);
    }

    [Fact]
    public async Task A_flow_does_not_end_at_an_address_that_was_withdrawn_meanwhile()
    {
        var connection = await _server.SamlConnectionAsync();
        var uri = $"https://app.test/{SamlProvider.Unique()}";
        var id = (await _server.PostAsync("/user_management/redirect_uris", new { uri })).Is(201)["id"];
        var (kept, withdrawn) = (await connection.BeginAsync(null, ("redirect_uri", uri)), await connection.BeginAsync(null, ("redirect_uri", uri)));
        Assert.StartsWith(uri + "?code=", (await connection.FinishAsync(kept)).Is(302).Location, StringComparison.Ordinal);

        Assert.InRange((await _server.DeleteAsync($"/user_management/redirect_uris/{id}")).Status, 200, 204);

        var refused = (await _server.WithoutEffectAsync(() => connection.FinishAsync(withdrawn))).Is(400, "invalid_redirect_uri");
        Assert.Null(refused.Location);
        await connection.SignInAsync();
    }

    [Theory]
    [InlineData("\"\\")]
    [InlineData("\u0001\n")]
    [InlineData("<&")]
    [InlineData("\u00e4")]
    public async Task The_longest_state_comes_back_whatever_its_characters_and_a_browser_s_cookies_stay_few(string piece)
    {
        // On the network, where headers have a largest size.
        await using var server = await HoldfastServer.StartAsync(new Start(OnNetwork: true));
        var connection = await server.SamlConnectionAsync();
        var state = string.Concat(Enumerable.Repeat(piece, 4096));
        var browser = new Browser(server);
        var flows = new List<SamlConnection.Begun>();
        for (var i = 0; i < 12; i++)
        {
            flows.Add(await connection.BeginAsync(browser, ("state", state)));
            server.Clock.Advance(TimeSpan.FromSeconds(1));
            Assert.InRange(browser.Cookies.Sum(c => c.Key.Length + c.Value.Value.Length + "=; ".Length), 1, 32 * 1024);
        }

        Assert.Equal(state, (await connection.FinishAsync(flows[^1])).Is(302).Sent("state"));
        Assert.Equal("small", (await connection.FinishAsync(await connection.BeginAsync(browser, ("state", "small")))).Is(302).Sent("state"));
    }

    [Fact] // OAUTH-007
    public async Task Who_was_to_sign_in_anew_did_so_no_longer_ago_than_clocks_may_be_off()
    {
        var connection = await _server.SamlConnectionAsync();

        var old = await connection.BeginAsync(null, ("prompt", "login"));
        await _server.RefusedAsync(() => connection.FinishAsync(old, "ada@acme.test", Ago(61)), "sign_in_refused", "AuthenticationTooOld");

        (await connection.FinishAsync(await connection.BeginAsync(null, ("prompt", "login")), "ada@acme.test", Ago(60))).Is(302);
        (await connection.FinishAsync(await connection.BeginAsync(null, ("prompt", "login")))).Is(302);
        (await connection.FinishAsync(await connection.BeginAsync(), "ada@acme.test", Ago(61))).Is(302);   // nobody asked for it to be new
    }

    [Theory]
    [InlineData("idp_sso_url", "https://idp.test/\u00e4", "invalid_url")]
    [InlineData("idp_sso_url", "https://\u0456dp.test/sso", "invalid_url")]
    [InlineData("idp_sso_url", "https://idp.test/s so", "invalid_url")]
    [InlineData("idp_slo_url", "https://idp.test/\u00e4", "invalid_url")]
    [InlineData("acs_url", "https://idp.test/\u00e4", "invalid_url")]
    [InlineData("acs_url", "https://idp.test/\uffff", "invalid_url")]
    [InlineData("sp_entity_id", "urn:\uffff", "invalid_characters")]
    [InlineData("sp_entity_id", "urn:\ufffe", "invalid_characters")]
    [InlineData("sp_entity_id", "urn:\u0001", "invalid_characters")]
    [InlineData("idp_entity_id", "urn:\uffff", "invalid_characters")]
    public async Task What_could_not_be_written_into_a_request_is_not_saved(string field, string value, string code)
    {
        var connection = await _server.SamlConnectionAsync();
        var saml = new Dictionary<string, object>
        {
            ["idp_entity_id"] = "https://idp.test/x", ["idp_sso_url"] = "https://idp.test/sso", ["idp_certificates"] = new[] { SamlProvider.Certificate.ExportCertificatePem() },
        };
        Task<Answer> CreateAsync() => _server.PostAsync("/connections", new { organization_id = connection.OrganizationId, connection_type = "GenericSAML", name = "Acme", saml });
        var sound = (await CreateAsync()).Is(201)["id"];
        (await _server.DeleteAsync($"/connections/{sound}")).Is(204);
        saml[field] = value;

        Assert.Equal([$"saml.{field} {code}"], (await _server.WithoutEffectAsync(CreateAsync)).Is(422).Faults);
        Assert.Equal([$"saml.{field} {code}"], (await _server.WithoutEffectAsync(() => _server.PutAsync(
            $"/connections/{connection.Id}", new { saml = new Dictionary<string, object> { [field] = value } }))).Is(422).Faults);

        (await _server.SendAsync("GET", $"/sso/saml/metadata/{connection.Id}", null)).Is(200);
        await connection.SignInAsync();
    }

    [Fact]
    public async Task An_identity_provider_tells_no_more_of_a_person_than_sixty_four_kilobytes()
    {
        const int Longest = (64 * 1024) - 3;   // the name x, and two quotation marks
        var connection = await _server.SamlConnectionAsync();
        async Task<Answer> TellAsync(int length) => await connection.FinishAsync(await connection.BeginAsync(), "ada@acme.test", i => i with
        {
            Attributes = new Dictionary<string, IReadOnlyList<string>> { ["x"] = [new string('a', length)] },
        });

        await _server.RefusedAsync(() => TellAsync(Longest + 1), "sign_in_refused", "AttributesTooLarge");

        var profile = (await connection.RedeemAsync((await TellAsync(Longest)).Is(302).Sent("code")!)).Is(200).Json.GetProperty("profile");
        Assert.Equal(Longest, profile.GetProperty("raw_attributes").GetProperty("x").GetString()!.Length);
    }

    [Fact]
    public async Task Health_tells_strangers_of_no_tenant()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true, OnNetwork: true));
        var secret = server.Services.GetRequiredService<TestIdentityProviderKeys>().ClientSecret;
        var organization = await server.OrganizationAsync();
        Task<Answer> OidcAsync(string discovery) => server.PostAsync("/connections", new
        {
            organization_id = organization,
            connection_type = "GenericOIDC",
            name = "Acme",
            oidc = new { discovery_url = discovery, client_id = TestIdentityProviderKeys.ClientId, client_secret = secret },
        });
        Task<Answer> SamlAsync(string metadata) => server.PostAsync("/connections", new
        {
            organization_id = organization, connection_type = "GenericSAML", name = "Acme", saml = new { metadata_url = metadata },
        });
        var ids = new List<string>
        {
            (await OidcAsync($"{server.PublicUrl}/dev/idp/oidc/.well-known/openid-configuration")).Is(201)["id"]!,
            (await OidcAsync("http://127.0.0.1:9/.well-known/openid-configuration")).Is(201)["id"]!,
            (await SamlAsync($"{server.PublicUrl}/dev/idp/saml/metadata")).Is(201)["id"]!,
        };
        (await SamlAsync("http://127.0.0.1:9/metadata")).Is(422);
        foreach (var id in ids)
        {
            _ = await new Browser(server).GetAsync(new SamlConnection(server, id, organization, new SamlProvider(), "").AuthorizePath());
        }

        var health = (await server.SendAsync("GET", "/health", null)).Is(200);

        foreach (var name in ids.Append(organization).Append(server.A.Id).Append("conn_").Append("org_").Append("127.0.0.1").Append("/dev/idp").Append("Acme"))
        {
            Assert.DoesNotContain(name, health.Text.Replace($"\"public_url\":\"{server.PublicUrl}\"", "", StringComparison.Ordinal), StringComparison.Ordinal);   // its own name is none of theirs
        }
        var kinds = health.Json.GetProperty("tenant_dependencies").EnumerateArray()
            .ToDictionary(k => k.GetProperty("kind").GetString()!, k => k.GetProperty("count").GetInt32());
        Assert.Equal(2, kinds["identity provider documents"]);
        Assert.Equal(1, kinds["identity provider metadata"]);
    }

    private static Func<Protocols.Saml.SamlIssue, Protocols.Saml.SamlIssue> Ago(int seconds) => issue => issue with { Now = issue.Now - TimeSpan.FromSeconds(seconds) };
}
