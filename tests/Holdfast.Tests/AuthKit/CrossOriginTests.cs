namespace Holdfast.Tests.AuthKit;

/// <summary>Pages of registered origins may call the token endpoint, and no others (OAUTH-022).</summary>
public sealed class CrossOriginTests(Shared shared) : IClassFixture<Shared>
{
    private const string Token = "/user_management/authenticate";
    private const string Origins = "/user_management/cors_origins";

    private readonly HoldfastServer _server = shared.Server;

    private static string Fresh() => $"https://{SamlProvider.Unique()}.test";

    private async Task<string> RegisteredAsync()
    {
        var origin = Fresh();
        (await _server.PostAsync(Origins, new { origin })).Is(201);
        return origin;
    }

    private static string? Header(Answer answer, string name) => answer.Headers.TryGetValues(name, out var values) ? string.Join('|', values) : null;

    [Fact]
    public async Task An_origin_is_registered_listed_and_deleted()
    {
        var origin = Fresh();
        var made = (await _server.PostAsync(Origins, new { origin })).Is(201);

        Assert.Equal(("cors_origin", origin), (made["object"], made["origin"]));
        Assert.StartsWith("cors_origin_", made["id"], StringComparison.Ordinal);
        Assert.Equal(made["created_at"], made["updated_at"]);
        Assert.Contains(made["id"], (await _server.GetAsync($"{Origins}?limit=100")).Is(200).Ids);
        (await _server.PostAsync(Origins, new { origin })).Is(409, "duplicate_cors_origin");
        (await _server.DeleteAsync($"{Origins}/{made["id"]}")).Is(204);
        (await _server.DeleteAsync($"{Origins}/{made["id"]}")).Is(404, "entity_not_found");
        Assert.Null(Header(await PreflightAsync(origin), "Access-Control-Allow-Origin"));
        Assert.NotEqual(made["id"], (await _server.PostAsync(Origins, new { origin })).Is(201)["id"]);
    }

    [Theory] // OAUTH-003
    [InlineData("http://127.0.0.1:4199", true)]
    [InlineData("http://localhost:3000", true)]
    [InlineData("http://[::1]:3000", true)]
    [InlineData("https://app.test:8443", true)]
    [InlineData("https://xn--bcher-kva.test", true)]
    [InlineData("https://app.test/", false)]
    [InlineData("https://app.test:443", false)]
    [InlineData("https://App.test", false)]
    [InlineData("https://*.app.test", false)]
    [InlineData("https://bücher.test", false)]
    [InlineData("https://u@app.test", false)]
    [InlineData("https://app.test?x", false)]
    [InlineData("https://app.test#x", false)]
    [InlineData("http://app.test", false)]
    [InlineData("null", false)]
    [InlineData("*", false)]
    [InlineData("chrome-extension://abc", false)]
    [InlineData("https://app.test https://b.test", false)]
    [InlineData("", false)]
    public async Task Only_what_a_browser_would_send_as_an_origin_is_registered(string origin, bool isOne)
    {
        var answer = await _server.SendAsync("POST", Origins, _server.B.ApiKey, new { origin });
        if (isOne)
        {
            answer.Is(201);
        }
        else
        {
            Assert.Equal(["origin invalid_origin"], answer.Is(422).Faults);
        }
    }

    [Fact]
    public async Task A_preflight_of_a_registered_origin_is_answered_with_that_origin_alone()
    {
        var origin = await RegisteredAsync();

        var answer = (await PreflightAsync(origin)).Is(204);

        Assert.Equal((origin, "true", "POST", "Origin"),
            (Header(answer, "Access-Control-Allow-Origin"), Header(answer, "Access-Control-Allow-Credentials"), Header(answer, "Access-Control-Allow-Methods"), Header(answer, "Vary")));
        Assert.Contains("Content-Type", Header(answer, "Access-Control-Allow-Headers"), StringComparison.Ordinal);
        foreach (var other in new[] { origin + ".evil.test", origin.Replace("https", "http", StringComparison.Ordinal), origin + ":444", origin + "/", origin.ToUpperInvariant(), "null", $"https://evil.test?{origin}" })
        {
            var refused = (await PreflightAsync(other)).Is(204);
            Assert.Equal((null, null, null, "Origin"),
                (Header(refused, "Access-Control-Allow-Origin"), Header(refused, "Access-Control-Allow-Credentials"), Header(refused, "Access-Control-Allow-Methods"), Header(refused, "Vary")));
        }
        (await _server.SendAsync("OPTIONS", Token, null)).Is(204);
    }

    [Fact]
    public async Task An_answer_is_for_pages_of_the_client_s_own_environment()
    {
        var origin = await RegisteredAsync();
        Dictionary<string, string> Body(string clientId) => new() { ["grant_type"] = "refresh_token", ["client_id"] = clientId, ["refresh_token"] = "x" };

        var ours = (await _server.SendAsync("POST", Token, null, Body(_server.A.ClientId), ("Origin", origin))).IsOAuth("invalid_grant");
        var theirs = (await _server.SendAsync("POST", Token, null, Body(_server.B.ClientId), ("Origin", origin))).IsOAuth("invalid_grant");
        var foreign = (await _server.SendAsync("POST", Token, null, Body(_server.A.ClientId), ("Origin", "https://evil.test"))).IsOAuth("invalid_grant");
        var none = (await _server.SendAsync("POST", Token, null, Body(_server.A.ClientId))).IsOAuth("invalid_grant");

        Assert.Equal(origin, Header(ours, "Access-Control-Allow-Origin"));
        Assert.All([theirs, foreign, none], a => Assert.Null(Header(a, "Access-Control-Allow-Origin")));
        Assert.All([ours, theirs, foreign, none], a => Assert.Equal("Origin", Header(a, "Vary")));
    }

    [Fact]
    public async Task Where_nobody_s_page_reads_there_is_no_header_and_the_key_set_is_everybody_s()
    {
        var origin = await RegisteredAsync();

        Assert.Null(Header(await _server.SendAsync("GET", "/user_management/authorize", null, null, ("Origin", origin)), "Access-Control-Allow-Origin"));
        Assert.Null(Header(await _server.SendAsync("GET", "/organizations", _server.A.ApiKey, null, ("Origin", origin)), "Access-Control-Allow-Origin"));
        var keys = (await _server.SendAsync("GET", $"/sso/jwks/{_server.A.ClientId}", null, null, ("Origin", "https://evil.test"))).Is(200);
        Assert.Equal(("*", null), (Header(keys, "Access-Control-Allow-Origin"), Header(keys, "Access-Control-Allow-Credentials")));
    }

    [Fact] // OAUTH-052
    public async Task A_browser_refreshes_by_a_cookie_that_no_script_reads_and_only_for_a_registered_page()
    {
        var origin = await RegisteredAsync();
        (await _server.PutAsync("/sign_in_settings", new { cookie_domain = "holdfast.test" })).Is(200);
        var code = await SignedIn.PkceCodeAsync(await _server.SamlConnectionAsync());
        var begun = (await AskAsync(origin, null, ("grant_type", "authorization_code"), ("code", code.Code), ("code_verifier", code.Verifier))).Is(200);
        var cookies = Cookies(begun);
        var name = $"__Host-holdfast-refresh-{_server.A.ClientId}";

        Assert.Equal(begun["refresh_token"], Value(cookies[name]));
        Assert.All(["HttpOnly", "Secure", "SameSite=Lax", "Path=/;"], part => Assert.Contains(part, cookies[name], StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("Domain=", cookies[name], StringComparison.OrdinalIgnoreCase);
        Assert.Equal(_server.A.ClientId, Value(cookies["workos-has-session"]));
        Assert.DoesNotContain("HttpOnly", cookies["workos-has-session"], StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Domain=holdfast.test", cookies["workos-has-session"], StringComparison.OrdinalIgnoreCase);

        var kept = $"{name}={Value(cookies[name])}; workos-has-session=client_other";
        (await AskAsync("https://evil.test", kept, ("grant_type", "refresh_token"))).IsOAuth("invalid_request");
        (await AskAsync(null, kept, ("grant_type", "refresh_token"))).IsOAuth("invalid_request");
        // What a server of a domain beside this one can set has another name, and is not read.
        (await AskAsync(origin, $"holdfast-refresh-{_server.A.ClientId}={Value(cookies[name])}; __Secure-holdfast-refresh-{_server.A.ClientId}={Value(cookies[name])}", ("grant_type", "refresh_token"))).IsOAuth("invalid_grant");
        var next = (await AskAsync(origin, kept, ("grant_type", "refresh_token"))).Is(200);
        Assert.False(next.Json.TryGetProperty("refresh_token", out _));   // what no script could read, no answer tells
        Assert.Equal($"client_other.{_server.A.ClientId}", Value(Cookies(next)["workos-has-session"]));
        var after = (await AskAsync(origin, $"{name}={Value(Cookies(next)[name])}", ("grant_type", "refresh_token"))).Is(200);

        var sid = new Microsoft.IdentityModel.JsonWebTokens.JsonWebToken(after["access_token"]).GetClaim("sid").Value;
        var out1 = (await _server.SendAsync("GET", $"/user_management/sessions/logout?session_id={sid}", null, null, ("Cookie", kept))).Is(302);
        Assert.Contains("max-age=0", Cookies(out1)[name], StringComparison.OrdinalIgnoreCase);
        var ended = (await AskAsync(origin, $"{name}={Value(Cookies(after)[name])}", ("grant_type", "refresh_token"))).IsOAuth("invalid_grant");
        Assert.Contains("max-age=0", Cookies(ended)[name], StringComparison.OrdinalIgnoreCase);
        (await AskAsync(origin, null, ("grant_type", "refresh_token"))).IsOAuth("invalid_grant");
    }

    /// <summary>OAUTH-054: a link to sign out is one that a stranger can write, with a session of their own.</summary>
    [Fact]
    public async Task A_link_to_sign_out_leaves_the_browser_the_session_that_it_does_not_name()
    {
        var origin = await RegisteredAsync();
        var code = await SignedIn.PkceCodeAsync(await _server.SamlConnectionAsync());
        var begun = (await AskAsync(origin, null, ("grant_type", "authorization_code"), ("code", code.Code), ("code_verifier", code.Verifier))).Is(200);
        var name = $"__Host-holdfast-refresh-{_server.A.ClientId}";
        var kept = $"{name}={Value(Cookies(begun)[name])}; workos-has-session={_server.A.ClientId}";
        var stranger = await SignedIn.ByMagicCodeAsync(_server, "stranger@people.test");
        Task<Answer> FollowAsync(string session) => _server.SendAsync("GET", $"/user_management/sessions/logout?session_id={session}", null, null, ("Cookie", kept));

        Assert.False((await FollowAsync(stranger.SessionId)).Is(302).Headers.Contains("Set-Cookie"));

        (await stranger.RefreshAsync()).IsOAuth("invalid_grant");
        (await AskAsync(origin, kept, ("grant_type", "refresh_token"))).Is(200);
        Assert.Contains("max-age=0", Cookies((await FollowAsync(new SignedIn(_server, begun).SessionId)).Is(302))[name], StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_server_s_client_gets_no_cookie()
    {
        var origin = await RegisteredAsync();
        var (_, code) = await SignedIn.MailCodeAsync(_server, "nobody.page@people.test");
        var answer = await AskAsync(origin, null, ("grant_type", SignedIn.MagicGrant), ("email", "nobody.page@people.test"), ("code", code), ("client_secret", _server.A.ApiKey));
        Assert.False(answer.Is(200).Headers.Contains("Set-Cookie"));
    }

    private Task<Answer> PreflightAsync(string origin) => _server.SendAsync("OPTIONS", Token, null, null,
        ("Origin", origin), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type"));

    private Task<Answer> AskAsync(string? origin, string? cookie, params (string Name, string Value)[] fields) => _server.SendAsync(
        "POST", Token, null, fields.Append(("client_id", _server.A.ClientId)).ToDictionary(f => f.Item1, f => f.Item2),
        [.. new[] { ("Origin", origin), ("Cookie", cookie) }.Where(h => h.Item2 is not null).Select(h => (h.Item1, h.Item2!))]);

    private static Dictionary<string, string> Cookies(Answer answer) => answer.Headers.GetValues("Set-Cookie").ToDictionary(c => c[..c.IndexOf('=', StringComparison.Ordinal)], StringComparer.Ordinal);

    private static string Value(string cookie) => cookie[(cookie.IndexOf('=', StringComparison.Ordinal) + 1)..].Split(';')[0];
}
