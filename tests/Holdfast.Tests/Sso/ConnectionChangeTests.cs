using Holdfast.Dev;
using Holdfast.Http;
using Holdfast.Sso;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Sso;

/// <summary>Changing a connection: nothing that was asked for is lost, and what is switched off is off.</summary>
public sealed class ConnectionChangeTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task Two_changes_at_once_both_stand()
    {
        var connection = await _server.SamlConnectionAsync();
        using var other = SamlProvider.MakeCertificate();
        for (var round = 0; round < 20; round++)
        {
            var certificate = round % 2 == 0 ? other : SamlProvider.Certificate;
            var answers = await Task.WhenAll(
                Task.Run(() => _server.PutAsync($"/connections/{connection.Id}", new { saml = new { idp_certificates = new[] { certificate.ExportCertificatePem() } } })),
                Task.Run(() => _server.PutAsync($"/connections/{connection.Id}", new { saml = new { attribute_map = new { email = $"mail{round}" } } })));

            Assert.All(answers, a => a.Is(200));
            var settings = _server.Services.GetRequiredService<Connections>().Find(connection.Id)!.Settings.Saml!;
            Assert.Equal(
                (round, Convert.ToBase64String(certificate.RawData), $"mail{round}"), (round, Assert.Single(settings.IdpCertificates), settings.AttributeMap?.Email));
        }
        (await connection.FinishAsync(await connection.BeginAsync(), "ada", i => i with
        {
            Attributes = new Dictionary<string, IReadOnlyList<string>> { ["mail19"] = ["ada@acme.test"] },
        })).Is(302);
    }

    [Theory]
    [InlineData("https://127.0.0.1:9/metadata", "saml.metadata_url unreadable")]
    [InlineData("not an address", "saml.metadata_url invalid_url")]
    [InlineData("http://idp.test/metadata", "saml.metadata_url invalid_url")]
    public async Task A_connection_is_off_whatever_becomes_of_the_rest_of_the_change(string metadataUrl, string fault)
    {
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();

        var refused = (await _server.PutAsync($"/connections/{connection.Id}", new { state = "inactive", saml = new { metadata_url = metadataUrl } })).Is(422);

        Assert.Equal([fault], refused.Faults);
        Assert.Equal("inactive", (await _server.GetAsync($"/connections/{connection.Id}")).Is(200)["state"]);
        Assert.Equal("connection_unlinked", (await connection.FinishAsync(begun)).Is(302).Sent("error"));
        // The same without the state leaves it as it was.
        (await _server.PutAsync($"/connections/{connection.Id}", new { state = "active" })).Is(200);
        (await _server.WithoutEffectAsync(() => _server.PutAsync($"/connections/{connection.Id}", new { saml = new { metadata_url = metadataUrl } }))).Is(422);
        await connection.SignInAsync();
    }

    [Fact]
    public async Task Every_switching_off_is_a_deny_of_its_own_and_one_switching_on_lifts_those_that_it_saw()
    {
        var connection = await _server.SamlConnectionAsync();
        var told = _server.Events("connection.deactivated");
        long Denies() => _server.Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM denies WHERE subject = @Id", new { connection.Id }));
        List<string> Standing() => _server.Storage.Database.Read(view => Denied.Standing(view, connection.Id));

        for (var times = 1; times <= 2; times++)
        {
            Assert.Equal("inactive", (await _server.PutAsync($"/connections/{connection.Id}", new { state = "inactive" })).Is(200)["state"]);
            Assert.Equal((times, times), (Denies(), Standing().Count));
            Assert.Equal(told + 1, _server.Events("connection.deactivated"));   // once: the second found it off
        }
        var on = (await _server.PutAsync($"/connections/{connection.Id}", new { state = "active" })).Is(200);

        Assert.Equal(("active", "linked"), (on["state"], on["status"]));
        Assert.Equal("active", (await _server.GetAsync($"/connections/{connection.Id}"))["state"]);
        Assert.Equal(2, Denies());
        Assert.Empty(Standing());
        await connection.SignInAsync();
    }

    [Fact]
    public async Task A_change_that_is_no_switch_leaves_a_connection_off_or_on()
    {
        var connection = await _server.SamlConnectionAsync();
        Assert.Equal("active", (await _server.PutAsync($"/connections/{connection.Id}", new { name = "one" })).Is(200)["state"]);
        (await _server.PutAsync($"/connections/{connection.Id}", new { state = "inactive" })).Is(200);

        Assert.Equal("inactive", (await _server.PutAsync($"/connections/{connection.Id}", new { name = "two" })).Is(200)["state"]);

        var standing = (await _server.GetAsync($"/connections/{connection.Id}")).Is(200);
        Assert.Equal(("two", "inactive"), (standing["name"], standing["state"]));
    }

    [Fact]
    public async Task A_deleted_connection_is_not_found_by_any_change()
    {
        var connection = await _server.SamlConnectionAsync();
        (await _server.PutAsync($"/connections/{connection.Id}", new { name = "still" })).Is(200);
        (await _server.DeleteAsync($"/connections/{connection.Id}")).Is(204);

        foreach (var body in new object[]
        {
            new { name = "x" }, new { state = "active" }, new { state = "inactive" }, new { state = "active", saml = new { attribute_map = new { email = "x" } } },
        })
        {
            (await _server.WithoutEffectAsync(() => _server.PutAsync($"/connections/{connection.Id}", body))).Is(404, "entity_not_found");
        }
    }

    [Fact]
    public async Task A_change_that_races_with_the_deletion_brings_nothing_back()
    {
        for (var round = 0; round < 10; round++)
        {
            var connection = await _server.SamlConnectionAsync();
            var answers = await Task.WhenAll(
                Task.Run(() => _server.DeleteAsync($"/connections/{connection.Id}")),
                Task.Run(() => _server.PutAsync($"/connections/{connection.Id}", new { state = "active", saml = new { attribute_map = new { email = "x" } } })));

            answers[0].Is(204);
            Assert.Contains(answers[1].Status, new[] { 200, 404 });
            (await _server.GetAsync($"/connections/{connection.Id}")).Is(404);
            Assert.Equal("connection_invalid", (await new Browser(_server).GetAsync(connection.AuthorizePath())).Is(302).Sent("error"));
        }
    }
}

/// <summary>Changing a connection of OpenID Connect: another provider is another provider.</summary>
public sealed class OidcConnectionChangeTests(OidcSignInTests.OnNetwork made) : IClassFixture<OidcSignInTests.OnNetwork>
{
    private const string Away = "http://127.0.0.1:9/.well-known/openid-configuration";

    private readonly HoldfastServer _server = made.Server;

    private string Secret => _server.Services.GetRequiredService<TestIdentityProviderKeys>().ClientSecret;

    private string Discovery => $"{_server.PublicUrl}/dev/idp/oidc/.well-known/openid-configuration";

    [Fact]
    public async Task A_connection_that_leads_elsewhere_never_leads_to_the_old_provider()
    {
        var connection = await made.ConnectAsync(Secret);
        Assert.StartsWith($"{_server.PublicUrl}/dev/idp/oidc/", (await AuthorizeAsync(connection)).Is(302).Location, StringComparison.Ordinal);

        (await _server.PutAsync($"/connections/{connection}", new { oidc = new { discovery_url = Away, client_secret = "theirs" } })).Is(200);

        var refused = await _server.RefusedAsync(() => AuthorizeAsync(connection), "identity_provider_unavailable", "ProviderDocumentsMissing", 502);
        Assert.False(refused.Headers.Contains("Set-Cookie"));
        (await _server.PutAsync($"/connections/{connection}", new { oidc = new { discovery_url = Discovery, client_secret = Secret } })).Is(200);
        Assert.StartsWith($"{_server.PublicUrl}/dev/idp/oidc/", (await AuthorizeAsync(connection)).Is(302).Location, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_flow_that_began_at_the_old_provider_does_not_end_at_it()
    {
        var connection = await made.ConnectAsync(Secret);
        var browser = new Browser(_server);
        var callback = await ReachCallbackAsync(browser, connection);

        (await _server.PutAsync($"/connections/{connection}", new { oidc = new { discovery_url = Away, client_secret = "theirs" } })).Is(200);

        await _server.RefusedAsync(() => browser.GetAsync(callback), "identity_provider_unavailable", "ProviderDocumentsMissing", 502);
    }

    [Theory] // OAUTH-044
    [InlineData("discovery_url", Away)]
    [InlineData("issuer", "http://127.0.0.1:9")]
    public async Task A_secret_does_not_follow_to_another_provider(string field, string value)
    {
        var connection = await made.ConnectAsync(Secret);

        var refused = (await _server.WithoutEffectAsync(() => _server.PutAsync(
            $"/connections/{connection}", new { oidc = new Dictionary<string, string> { [field] = value } }))).Is(422);

        Assert.Equal(["oidc.client_secret required"], refused.Faults);
        Assert.StartsWith($"{_server.PublicUrl}/dev/idp/oidc/", (await AuthorizeAsync(connection)).Is(302).Location, StringComparison.Ordinal);
        // The same address again is no other provider.
        (await _server.PutAsync($"/connections/{connection}", new { oidc = new { discovery_url = Discovery } })).Is(200);
        (await _server.PutAsync($"/connections/{connection}", new { oidc = new { attribute_map = new { email = "email" } } })).Is(200);
    }

    [Fact]
    public async Task A_flow_does_not_end_at_an_address_that_was_withdrawn_meanwhile()
    {
        var connection = await made.ConnectAsync(Secret);
        var (kept, withdrawn) = (new Browser(_server), new Browser(_server));
        var uri = $"https://app.test/{SamlProvider.Unique()}";
        var id = (await _server.PostAsync("/user_management/redirect_uris", new { uri })).Is(201)["id"];
        var (first, second) = (await ReachCallbackAsync(kept, connection, uri), await ReachCallbackAsync(withdrawn, connection, uri));
        Assert.StartsWith(uri + "?code=", (await kept.GetAsync(first)).Is(302).Location, StringComparison.Ordinal);

        Assert.InRange((await _server.DeleteAsync($"/user_management/redirect_uris/{id}")).Status, 200, 204);

        var refused = (await _server.WithoutEffectAsync(() => withdrawn.GetAsync(second))).Is(400, "invalid_redirect_uri");
        Assert.Null(refused.Location);
    }

    private Task<Answer> AuthorizeAsync(string connection, Browser? browser = null, string redirectUri = HoldfastServer.Callback) =>
        (browser ?? new Browser(_server)).GetAsync(QueryHelpers.AddQueryString("/sso/authorize", new Dictionary<string, string?>
        {
            ["client_id"] = _server.A.ClientId, ["redirect_uri"] = redirectUri, ["response_type"] = "code", ["connection"] = connection, ["state"] = "s",
        }));

    private async Task<string> ReachCallbackAsync(Browser browser, string connection, string redirectUri = HoldfastServer.Callback)
    {
        var page = (await browser.GetAsync((await AuthorizeAsync(connection, browser, redirectUri)).Is(302).Location!)).Is(200);
        var (action, fields) = Dev.TestIdentityProviderHost.Form(page.Text);
        fields["decision"] = "sign_in";
        return (await browser.PostAsync(action, fields)).Is(302).Location!;
    }
}
