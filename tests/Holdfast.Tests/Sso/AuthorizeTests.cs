using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Tests.Sso;

/// <summary>How a sign-in begins (OAUTH-001 to 010): where it may end, who is asked, and what is refused where.</summary>
public sealed class AuthorizeTests(AuthorizeTests.Made made) : IClassFixture<AuthorizeTests.Made>
{
    private readonly HoldfastServer _server = made.Server;
    private readonly SamlConnection _connection = made.Connection;

    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        internal SamlConnection Connection { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Server = await HoldfastServer.StartAsync();
            Connection = await Server.SamlConnectionAsync();
        }

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Theory]
    [InlineData("https://app.test/Callback")]
    [InlineData("https://app.test/callback/")]
    [InlineData("https://app.test/callback?x=1")]
    [InlineData("https://app.test/callback?")]
    [InlineData("https://app.test/callback#x")]
    [InlineData("https://app.test/callback#")]
    [InlineData("https://app.test:443/callback")]
    [InlineData("https://app.test:8443/callback")]
    [InlineData("http://app.test/callback")]
    [InlineData("HTTPS://app.test/callback")]
    [InlineData("https://APP.test/callback")]
    [InlineData("https://a.app.test/callback")]
    [InlineData("https://app.test./callback")]
    [InlineData("https://app.test/callback/../x")]
    [InlineData("https://app.test/x/../callback")]
    [InlineData("https://app.test/callback/..;/x")]
    [InlineData("https://app.test/callback/%2e%2e")]
    [InlineData("https://app.test%2Fcallback")]
    [InlineData("https://app.test/%63allback")]
    [InlineData("https://\u0430pp.test/callback")]
    [InlineData("https:\\\\app.test\\callback")]
    [InlineData("https://app.test\\callback")]
    [InlineData("https://app.test@evil.test/callback")]
    [InlineData("https://evil.test@app.test/callback")]
    [InlineData("https://a@b@app.test/callback")]
    [InlineData("http://localhost:8090%25@evil.test")]
    [InlineData("https://app.test/call\tback")]
    [InlineData("https://app.test/callback\n")]
    [InlineData(" https://app.test/callback")]
    [InlineData("//app.test/callback")]
    [InlineData("//evil.test")]
    [InlineData("/callback")]
    [InlineData("javascript:alert(1)")]
    [InlineData("data:text/html,x")]
    [InlineData("app://callback")]
    [InlineData("")]
    [InlineData(null)]
    public async Task An_address_that_is_not_registered_word_for_word_gets_nothing(string? uri)
    {
        var refused = await _server.WithoutEffectAsync(() => new Browser(_server).GetAsync(_connection.AuthorizePath(("redirect_uri", uri), ("state", "s"))));

        refused.Is(400, "invalid_redirect_uri");
        Assert.Null(refused.Location);
        Assert.False(refused.Headers.Contains("Set-Cookie"));
        await _connection.BeginAsync();
    }

    [Theory]
    [InlineData("https://*.app.test/callback")]
    [InlineData("https://app.test/callback#x")]
    [InlineData("https://evil.test@app.test/callback")]
    [InlineData("http://localhost:8090%25@evil.test")]
    [InlineData("https://app.test\\callback")]
    [InlineData("https://app.test/a/../b")]
    [InlineData("https://app.test/a/..")]
    [InlineData("https://app.test/a/..;/b")]
    [InlineData("https://app.test/a/..;x=1/b")]
    [InlineData("https://app.test/a/..?x=1")]
    [InlineData("https://app.test/a/./b")]
    [InlineData("https://app.test/a/%2e%2e/b")]
    [InlineData("https://app.test/a/.%2E/b")]
    [InlineData("https://app.test/a/%2e%2e%3bx/b")]
    [InlineData("https://app.test/\tx")]
    [InlineData("https://app.test/\u00e4")]
    [InlineData("http://app.test/callback")]
    [InlineData("//app.test/callback")]
    [InlineData("javascript:alert(1)")]
    [InlineData("data:text/html,x")]
    [InlineData("file:///etc/passwd")]
    [InlineData("https://")]
    [InlineData("https:///callback")]
    [InlineData("callback")]
    public async Task An_address_that_two_parsers_could_read_differently_is_not_registered(string uri)
    {
        var refused = (await _server.WithoutEffectAsync(() => _server.PostAsync("/user_management/redirect_uris", new { uri }))).Is(422);

        Assert.Equal(["uri invalid_uri"], refused.Faults);
        (await _server.PostAsync("/user_management/redirect_uris", new { uri = "https://app.test/other" })).Is(201);
    }

    [Theory]
    [InlineData(2048, 201)]
    [InlineData(2049, 422)]
    public async Task An_address_has_a_longest(int length, int status) =>
        (await _server.PostAsync("/user_management/redirect_uris", new { uri = "https://app.test/".PadRight(length, 'x') })).Is(status);

    [Theory]
    [InlineData("http://127.0.0.1/loop", "http://127.0.0.1:49152/loop", true)]
    [InlineData("http://127.0.0.1/loop", "http://127.0.0.1/loop", true)]
    [InlineData("http://127.0.0.1:3000/three", "http://127.0.0.1:4000/three", true)]
    [InlineData("http://[::1]/six", "http://[::1]:49152/six", true)]
    [InlineData("http://127.0.0.1/loop", "http://127.0.0.1:49152/other", false)]
    [InlineData("http://127.0.0.1/loop", "http://127.0.0.1:49152/loop?x=1", false)]
    [InlineData("http://127.0.0.1/loop", "http://127.0.0.1:491522/loop", false)]
    [InlineData("http://127.0.0.1/loop", "http://127.0.0.1:/loop", false)]
    [InlineData("http://127.0.0.1/loop", "http://127.0.0.1:80@evil.test/loop", false)]
    [InlineData("http://127.0.0.1/loop", "http://127.0.0.1.evil.test/loop", false)]
    [InlineData("http://127.0.0.1/loop", "https://127.0.0.1:49152/loop", false)]
    [InlineData("http://127.0.0.1/loop", "http://localhost:49152/loop", false)]
    [InlineData("http://localhost/name", "http://localhost:49152/name", false)]
    [InlineData("http://localhost/name", "http://localhost/name", true)]
    public async Task Only_the_port_of_a_loopback_literal_may_vary(string registered, string used, bool allowed)
    {
        (await _server.PostAsync("/user_management/redirect_uris", new { uri = registered })).Is(201);

        var answer = await new Browser(_server).GetAsync(_connection.AuthorizePath(("redirect_uri", used)));

        if (allowed)
        {
            answer.Is(302);
            Assert.StartsWith(_connection.Provider.SsoUrl, answer.Location, StringComparison.Ordinal);
        }
        else
        {
            answer.Is(400, "invalid_redirect_uri");
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("client_01J00000000000000000000000")]
    [InlineData("x")]
    public async Task Without_a_client_that_is_known_nobody_is_sent_anywhere(string? clientId) =>
        (await _server.WithoutEffectAsync(() => new Browser(_server).GetAsync(_connection.AuthorizePath(("client_id", clientId))))).Is(400, "invalid_client");

    [Theory]
    [InlineData("response_type", null)]
    [InlineData("response_type", "")]
    [InlineData("response_type", "token")]
    [InlineData("response_type", "id_token")]
    [InlineData("response_type", "code token")]
    [InlineData("response_mode", "fragment")]
    [InlineData("response_mode", "form_post")]
    [InlineData("response_mode", "web_message")]
    [InlineData("prompt", "none")]
    [InlineData("code_challenge", "too-short")]
    [InlineData("code_challenge_method", "S256")]
    public async Task What_cannot_be_done_goes_back_to_the_application_with_the_state(string name, string? value)
    {
        var answer = (await _server.WithoutEffectAsync(() => new Browser(_server).GetAsync(_connection.AuthorizePath((name, value), ("state", "s&=%"))))).Is(302);

        Assert.StartsWith(HoldfastServer.Callback + "?error=invalid_request&error_description=", answer.Location, StringComparison.Ordinal);
        Assert.Equal("s&=%", answer.Sent("state"));
        Assert.Null(answer.Sent("code"));
        Assert.False(answer.Headers.Contains("Set-Cookie"));
        await _connection.BeginAsync(null, ("response_mode", "query"), ("prompt", "login"));
    }

    [Theory] // OAUTH-014
    [InlineData(42, "S256")]
    [InlineData(44, "S256")]
    [InlineData(129, "S256")]
    [InlineData(43, "plain")]
    [InlineData(43, "s256")]
    [InlineData(43, null)]
    public async Task A_challenge_is_forty_three_characters_of_S256(int length, string? method)
    {
        var answer = (await new Browser(_server).GetAsync(_connection.AuthorizePath(("code_challenge", new string('a', length)), ("code_challenge_method", method)))).Is(302);
        Assert.Equal("invalid_request", answer.Sent("error"));

        answer = await new Browser(_server).GetAsync(_connection.AuthorizePath(("code_challenge", new string('a', 42) + "="), ("code_challenge_method", "S256")));
        Assert.Equal("invalid_request", answer.Is(302).Sent("error"));
        await _connection.BeginAsync(null, ("code_challenge", Pkce.Challenge(new string('v', 43))), ("code_challenge_method", "S256"));
    }

    [Theory]
    [InlineData("client_id")]
    [InlineData("redirect_uri")]
    [InlineData("response_type")]
    [InlineData("connection")]
    [InlineData("state")]
    [InlineData("unknown")]
    public async Task A_parameter_that_stands_twice_is_refused(string name)
    {
        var path = _connection.AuthorizePath(("state", "s"), ("unknown", "u"));
        await new Browser(_server).GetAsync(path);
        var value = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(path.Split('?')[1])[name].ToString();

        (await new Browser(_server).GetAsync($"{path}&{name}={Uri.EscapeDataString(value)}")).Is(400, "invalid_request");
        (await new Browser(_server).PostAsync(path, [new(name, value)])).Is(400, "invalid_request");
        (await new Browser(_server).GetAsync(path)).Is(302);
    }

    [Fact]
    public async Task A_post_and_lists_and_what_is_unknown_are_taken()
    {
        var path = _connection.AuthorizePath(("unknown", "u"));
        (await new Browser(_server).GetAsync(path + "&provider_scopes=a&provider_scopes=b&provider_query_params[x]=y")).Is(302);
        var form = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(path.Split('?')[1]).Select(p => KeyValuePair.Create(p.Key, p.Value.ToString()));

        var browser = new Browser(_server);
        var begun = SamlConnection.Read(browser, (await browser.PostAsync("/sso/authorize", form)).Is(302));

        (await _connection.FinishAsync(begun)).Is(302);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("a b+c%20d&e=f?g#h;i")]
    [InlineData("\u00e4\u20ac\ud83d\ude00\u0000\u0001\n")]
    [InlineData("\"><script>alert(1)</script>")]
    public async Task The_state_comes_back_as_it_was(string state)
    {
        var answer = (await _connection.FinishAsync(await _connection.BeginAsync(null, ("state", state)))).Is(302);

        Assert.Equal(state, answer.Sent("state"));
    }

    [Fact]
    public async Task A_state_of_8192_bytes_comes_back_and_one_byte_more_is_refused()
    {
        var longest = new string('s', 8190) + "\u00e4";
        var answer = (await _connection.FinishAsync(await _connection.BeginAsync(null, ("state", longest)))).Is(302);
        Assert.Equal(longest, answer.Sent("state"));

        (await _server.WithoutEffectAsync(() => new Browser(_server).GetAsync(_connection.AuthorizePath(("state", longest + "s"))))).Is(400, "invalid_request");
    }

    [Fact]
    public async Task Exactly_one_selector_is_needed()
    {
        foreach (var (error, parameters) in new (string, (string, string?)[])[]
        {
            ("invalid_connection_selector", [("connection", null)]),
            ("ambiguous_connection_selector", [("organization", _connection.OrganizationId)]),
            ("ambiguous_connection_selector", [("provider", "GoogleOAuth")]),
            ("connection_strategy_invalid", [("connection", null), ("provider", "GoogleOAuth")]),
            ("domain_connection_selector_not_allowed", [("domain", "acme.test")]),
        })
        {
            var answer = (await _server.WithoutEffectAsync(() => new Browser(_server).GetAsync(_connection.AuthorizePath(parameters)))).Is(302);
            Assert.StartsWith(HoldfastServer.Callback, answer.Location, StringComparison.Ordinal);
            Assert.Equal(error, answer.Sent("error"));
        }
        var found = (await new Browser(_server).GetAsync(_connection.AuthorizePath(("connection", null), ("organization", _connection.OrganizationId)))).Is(302);
        Assert.StartsWith(_connection.Provider.SsoUrl, found.Location, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_environment_s_ids_are_answered_like_ids_of_nothing()
    {
        var organization = (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, new { name = "Theirs" })).Is(201)["id"]!;
        var foreign = (await _server.SendAsync("POST", "/connections", _server.B.ApiKey, new
        {
            organization_id = organization,
            connection_type = "GenericSAML",
            name = "Theirs",
            saml = new { idp_entity_id = "https://idp.test/b", idp_sso_url = "https://idp.test/sso", idp_certificates = new[] { SamlProvider.Certificate.ExportCertificatePem() } },
        })).Is(201)["id"]!;
        foreach (var (name, theirs, nobody) in new[] { ("connection", foreign, "conn_01J00000000000000000000000"), ("organization", organization, "org_01J00000000000000000000000") })
        {
            var answers = new List<Answer>();
            foreach (var id in new[] { theirs, nobody })
            {
                answers.Add((await _server.WithoutEffectAsync(() => new Browser(_server).GetAsync(_connection.AuthorizePath(("connection", null), (name, id))))).Is(302));
            }
            Assert.Equal(answers[1].Location, answers[0].Location);
            Assert.Equal($"{name}_invalid", answers[0].Sent("error"));
        }
    }

    [Fact]
    public async Task An_organization_without_a_connection_or_with_two_is_told_apart()
    {
        var organization = await _server.OrganizationAsync("Two");
        async Task<Answer> AskAsync() => (await new Browser(_server).GetAsync(_connection.AuthorizePath(("connection", null), ("organization", organization)))).Is(302);

        Assert.Equal("organization_invalid", (await AskAsync()).Sent("error"));
        var first = await _server.SamlConnectionAsync(organization);
        Assert.StartsWith("https://idp.test/", (await AskAsync()).Location, StringComparison.Ordinal);
        var second = await _server.SamlConnectionAsync(organization);
        Assert.Equal("ambiguous_connection_selector", (await AskAsync()).Sent("error"));
        (await _server.PutAsync($"/connections/{second.Id}", new { state = "inactive" })).Is(200);
        Assert.StartsWith("https://idp.test/", (await AskAsync()).Location, StringComparison.Ordinal);
        (await _server.PutAsync($"/connections/{first.Id}", new { state = "inactive" })).Is(200);
        Assert.Equal("connection_unlinked", (await AskAsync()).Sent("error"));
    }

    [Fact] // OAUTH-052
    public async Task Beginning_writes_nothing_and_leaves_the_page_unframed_and_uncached()
    {
        var browser = new Browser(_server);
        var begun = await _server.WithoutEffectAsync(() => browser.GetAsync(_connection.AuthorizePath()));
        Assert.Equal("no-referrer", begun.Headers.GetValues("Referrer-Policy").Single());
        Assert.True(begun.Headers.CacheControl!.NoStore);
        Assert.All(browser.LastSetCookies, c =>
        {
            Assert.StartsWith("__Host-holdfast-flow-", c, StringComparison.Ordinal);
            Assert.Contains("; secure", c, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("; httponly", c, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("; samesite=none", c, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("; path=/;", c, StringComparison.OrdinalIgnoreCase);
        });
        Assert.True(begun.Sent("RelayState")!.Length <= 80);

        var page = (await browser.GetAsync("/sso/authorize?client_id=%3Cscript%3E", ("Accept", "text/html"))).Is(400);
        Assert.StartsWith("text/html", page.ContentType, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("DENY", page.Headers.GetValues("X-Frame-Options").Single());
        Assert.Equal("no-referrer", page.Headers.GetValues("Referrer-Policy").Single());
        Assert.True(page.Headers.CacheControl!.NoStore);
        Assert.DoesNotContain("<script", page.Text, StringComparison.Ordinal);
    }
}
