using Holdfast.Dev;
using Holdfast.Tests.Dev;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Sso;

/// <summary>A sign-in through OpenID Connect, over the network, with the built-in provider.</summary>
public sealed class OidcSignInTests(OidcSignInTests.OnNetwork made) : IClassFixture<OidcSignInTests.OnNetwork>
{
    private readonly HoldfastServer _server = made.Server;

    public sealed class OnNetwork : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        internal string Connection { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Server = await HoldfastServer.StartAsync(new Start(IsDev: true, OnNetwork: true));
            Connection = await ConnectAsync(Server.Services.GetRequiredService<TestIdentityProviderKeys>().ClientSecret);
        }

        internal async Task<string> ConnectAsync(string clientSecret) => (await Server.PostAsync("/connections", new
        {
            organization_id = await Server.OrganizationAsync(),
            connection_type = "GenericOIDC",
            name = "Acme",
            oidc = new { discovery_url = $"{Server.PublicUrl}/dev/idp/oidc/.well-known/openid-configuration", client_id = TestIdentityProviderKeys.ClientId, client_secret = clientSecret },
        })).Is(201)["id"]!;

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Fact]
    public async Task A_person_signs_in_once()
    {
        var browser = new Browser(_server);
        var callback = await ReachCallbackAsync(browser, made.Connection, "s t");
        var kept = browser.Copy();

        var back = (await browser.GetAsync(callback)).Is(302);
        Assert.Equal("s t", back.Sent("state"));
        var profile = (await SamlConnection.RedeemAsync(_server, _server.A, back.Sent("code")!, null)).Is(200).Json.GetProperty("profile");
        Assert.Equal("ada@acme.test", profile.GetProperty("email").GetString());
        Assert.Equal("GenericOIDC", profile.GetProperty("connection_type").GetString());

        await _server.RefusedAsync(() => browser.GetAsync(callback), "flow_not_found", "FlowNotFound");
        await _server.RefusedAsync(() => kept.GetAsync(callback), "sign_in_refused", "FlowUsed");
    }

    [Fact] // OAUTH-037
    public async Task A_flow_belongs_to_its_browser_and_its_connection()
    {
        var browser = new Browser(_server);
        var callback = await ReachCallbackAsync(browser, made.Connection, "s");
        var other = await made.ConnectAsync("x");

        await _server.RefusedAsync(() => new Browser(_server).GetAsync(callback), "flow_not_found", "FlowNotFound");
        await _server.RefusedAsync(() => browser.GetAsync(callback.Replace(made.Connection, other, StringComparison.Ordinal)), "flow_not_found", "FlowNotFound");
        (await browser.GetAsync(callback)).Is(302);
    }

    [Fact] // OAUTH-039
    public async Task An_answer_with_a_parameter_twice_or_of_another_issuer_is_refused()
    {
        foreach (var change in new Func<string, string>[]
        {
            c => c + "&code=x",
            c => c.Replace("iss=", "iss=https%3A%2F%2Fevil.test", StringComparison.Ordinal),
        })
        {
            var browser = new Browser(_server);
            var callback = await ReachCallbackAsync(browser, made.Connection, "s");
            var refused = await _server.WithoutEffectAsync(() => browser.GetAsync(change(callback)));
            refused.Is(400, "sign_in_refused");
            Assert.Equal(_server.LatestAttempt.Id, refused["reference"]);
        }
    }

    [Fact]
    public async Task What_the_provider_does_not_believe_ends_here()
    {
        var connection = await made.ConnectAsync("not-the-secret");
        var browser = new Browser(_server);
        var callback = await ReachCallbackAsync(browser, connection, "s");

        await _server.RefusedAsync(() => browser.GetAsync(callback), "sign_in_refused", "TokenEndpointRefused");
    }

    [Fact]
    public async Task Somebody_who_says_no_goes_back_to_the_application()
    {
        var browser = new Browser(_server);
        var callback = await ReachCallbackAsync(browser, made.Connection, "s", decision: "refuse");

        var back = (await _server.WithoutEffectAsync(() => browser.GetAsync(callback))).Is(302);

        Assert.Equal(("access_denied", "s", null), (back.Sent("error"), back.Sent("state"), back.Sent("code")));
        Assert.Equal("ProviderRefused", _server.LatestAttempt.Reason);
    }

    [Fact]
    public async Task Under_another_name_dev_does_not_answer()
    {
        (await _server.SendAsync("GET", "/organizations", _server.A.ApiKey, null, ("Host", "evil.test"))).Is(400, "foreign_host");
        (await _server.GetAsync("/organizations")).Is(200);
    }

    /// <summary>Begins a sign-in, fills the provider's form, and stops where the browser would come back.</summary>
    private async Task<string> ReachCallbackAsync(Browser browser, string connection, string state, string decision = "sign_in")
    {
        var start = (await browser.GetAsync(QueryHelpers.AddQueryString("/sso/authorize", new Dictionary<string, string?>
        {
            ["client_id"] = _server.A.ClientId, ["redirect_uri"] = HoldfastServer.Callback, ["response_type"] = "code", ["connection"] = connection, ["state"] = state,
        }))).Is(302);
        var page = (await browser.GetAsync(start.Location!)).Is(200);
        var (action, fields) = TestIdentityProviderHost.Form(page.Text);
        fields["decision"] = decision;
        return (await browser.PostAsync(action, fields)).Is(302).Location!;
    }
}
