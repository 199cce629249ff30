namespace Holdfast.Tests.Sso;

/// <summary>What an application adds to the request to a provider, and what it may not.</summary>
public sealed class ForProviderTests(ForProviderTests.Made made) : IClassFixture<ForProviderTests.Made>
{
    private readonly HoldfastServer _server = made.Server;

    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await HoldfastServer.StartAsync(new Start(IsDev: true));

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Theory]
    [InlineData("provider_scopes=calendar,drive")]
    [InlineData("provider_scopes=calendar&provider_scopes=drive")]
    [InlineData("provider_scopes[]=calendar&provider_scopes[]=drive")]
    [InlineData("provider_scopes=calendar%20drive")]
    [InlineData("provider_scopes=calendar,drive,,email,calendar")]
    public async Task Scopes_are_added_however_a_client_writes_a_list(string query)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync("GoogleOAuth");

        var browser = new Browser(_server);
        var begun = OidcStandIn.Read(browser, connection, (await browser.GetAsync($"{Path(connection)}&{query}")).Is(302));

        Assert.Equal("openid profile email calendar drive", begun["scope"]);
        (await provider.FinishAsync(begun)).Is(302);
    }

    [Fact]
    public async Task Parameters_are_passed_and_ours_stay()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync("GoogleOAuth");

        var begun = await provider.BeginAsync(connection, ("provider_query_params[hd]", "acme.test"), ("provider_query_params[access_type]", "off line&x=1"), ("provider_query_params[prompt]", "select_account"));

        Assert.Equal(("acme.test", "off line&x=1", "select_account", null), (begun["hd"], begun["access_type"], begun["prompt"], begun["x"]));
        (await provider.FinishAsync(begun)).Is(302);
    }

    [Theory]
    [InlineData("EntraIdOIDC", "acme.test")]
    [InlineData("OktaOIDC", null)]
    public async Task A_hint_of_the_domain_is_Microsoft_s(string type, string? passed)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync(type);

        Assert.Equal(passed, (await provider.BeginAsync(connection, ("domain_hint", "acme.test")))["domain_hint"]);
        Assert.Equal("theirs", (await provider.BeginAsync(connection, ("domain_hint", "acme.test"), ("provider_query_params[domain_hint]", "theirs")))["domain_hint"]);
    }

    [Theory]
    [InlineData("state")]
    [InlineData("State")]
    [InlineData("nonce")]
    [InlineData("redirect_uri")]
    [InlineData("REDIRECT_URI")]
    [InlineData("client_id")]
    [InlineData("response_type")]
    [InlineData("response_mode")]
    [InlineData("scope")]
    [InlineData("code_challenge")]
    [InlineData("code_challenge_method")]
    [InlineData("request")]
    [InlineData("request_uri")]
    [InlineData("login_hint")]
    [InlineData("id_token_hint")]
    [InlineData("client_secret")]
    [InlineData("code_verifier")]
    [InlineData("client_assertion")]
    [InlineData("registration")]
    [InlineData("iss")]
    public async Task What_keeps_a_flow_safe_is_nobody_else_s_to_set(string name)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        foreach (var type in new[] { "GoogleOAuth", "GenericOIDC", "GitHubOAuth" })
        {
            var connection = await provider.ConnectAsync(type);

            var refused = (await _server.WithoutEffectAsync(() => provider.AuthorizeAsync(new Browser(_server), connection, ($"provider_query_params[{name}]", "x")))).Is(302);

            Assert.Equal(("invalid_request", $"provider_query_params may not set {name}."), (refused.Sent("error"), refused.Sent("error_description")));
            Assert.StartsWith(HoldfastServer.Callback, refused.Location, StringComparison.Ordinal);
            Assert.False(refused.Headers.Contains("Set-Cookie"));
            await provider.BeginAsync(connection, ($"provider_query_params[x_{name}]", "x"));
        }
    }

    [Fact] // OAUTH-007
    public async Task How_somebody_signs_in_anew_is_not_the_application_s_to_say_twice()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync();
        foreach (var name in new[] { "prompt", "max_age" })
        {
            Assert.Equal("invalid_request", (await provider.AuthorizeAsync(new Browser(_server), connection, ("prompt", "login"), ($"provider_query_params[{name}]", "1"))).Is(302).Sent("error"));
        }
        var begun = await provider.BeginAsync(connection, ("prompt", "login"), ("provider_query_params[hd]", "x"));
        Assert.Equal(("login", "0", "x"), (begun["prompt"], begun["max_age"], begun["hd"]));
    }

    [Theory]
    [InlineData(20, 51, true)]
    [InlineData(21, 10, false)]
    [InlineData(1, 1024, false)]
    [InlineData(1, 1023, true)]
    public async Task Scopes_have_a_number_and_a_length(int count, int length, bool isTaken)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var scopes = string.Join(',', Enumerable.Range(0, count).Select(i => $"s{i}".PadRight(length - 1, 'x')));
        if (count * length > 1024 && isTaken)
        {
            scopes = scopes[..1000];
        }
        var answer = (await provider.AuthorizeAsync(new Browser(_server), await provider.ConnectAsync(), ("provider_scopes", scopes.PadRight(isTaken ? 0 : length, 'x')))).Is(302);

        Assert.Equal(isTaken ? null : "invalid_request", answer.Location!.StartsWith(HoldfastServer.Callback, StringComparison.Ordinal) ? answer.Sent("error") : null);
    }

    [Theory]
    [InlineData("a b", "x", true)]      // a name that is none is no parameter of the provider's
    [InlineData("a]b", "x", true)]
    [InlineData("", "x", true)]
    [InlineData("ok", "a\u0001b", false)]
    [InlineData("ok", "a\nb", false)]
    [InlineData("ok", "LONG", false)]
    [InlineData("ok", "MOST", true)]
    [InlineData("ok", "\u00fc \u4e16", true)]
    public async Task Parameters_have_names_and_a_length(string name, string value, bool isTaken)
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        value = value == "LONG" ? new string('x', 1023) : value == "MOST" ? new string('"', 1022) : value;

        var answer = (await provider.AuthorizeAsync(new Browser(_server), await provider.ConnectAsync(), ($"provider_query_params[{name}]", value), ("state", new string('"', 8192)))).Is(302);

        Assert.Equal(isTaken, answer.Location!.StartsWith(provider.Url, StringComparison.Ordinal));
        Assert.Equal(isTaken && name == "ok" ? value : null, isTaken ? answer.Sent("ok") : null);
    }

    [Fact]
    public async Task Many_parameters_are_refused_and_Saml_has_none()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = await provider.ConnectAsync();
        (string, string?)[] Of(int count) => [.. Enumerable.Range(0, count).Select(i => ($"provider_query_params[p{i}]", (string?)"x"))];
        Assert.Equal("x", (await provider.BeginAsync(connection, Of(20)))["p19"]);
        Assert.Equal("invalid_request", (await provider.AuthorizeAsync(new Browser(_server), connection, Of(21))).Is(302).Sent("error"));
        (await new Browser(_server).GetAsync($"{Path(connection)}&provider_query_params[hd]=a&provider_query_params[hd]=b")).Is(400, "invalid_request");

        var saml = await _server.SamlConnectionAsync();
        await saml.SignInAsync("ada@acme.test", ("provider_query_params[state]", "x"), ("provider_scopes", "x"));
    }

    private string Path(string connection) =>
        $"/sso/authorize?client_id={_server.A.ClientId}&redirect_uri={Uri.EscapeDataString(HoldfastServer.Callback)}&response_type=code&connection={connection}";
}
