using System.Text.RegularExpressions;
using Holdfast.Http;
using Holdfast.Http.Pages;
using Holdfast.Keys;
using Holdfast.Tests.AuthKit;
using Microsoft.AspNetCore.Routing;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Organizations;

/// <summary>Names of an environment's own.</summary>
public sealed class CustomDomainTests : IAsyncLifetime
{
    private readonly DnsServer _dns = new();

    private HoldfastServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await HoldfastServer.StartAsync(new Start { Dns = _dns.EndPoint });

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _dns.Dispose();
    }

    /// <summary>A name that its record has proven.</summary>
    internal static async Task<Answer> ProvenAsync(HoldfastServer server, DnsServer dns, string domain, string? key = null)
    {
        var made = (await server.SendAsync("POST", "/custom_domains", key ?? server.A.ApiKey, new { domain })).Is(201);
        Assert.Equal("pending", made["state"]);
        dns.Replies[$"{made["verification_prefix"]}.{made["domain"]}"] = DnsReply.Text(made["verification_token"]!);
        var proven = (await server.SendAsync("POST", $"/custom_domains/{made["id"]}/verify", key ?? server.A.ApiKey, new { })).Is(201);
        Assert.Equal((made["id"], "verified"), (proven["id"], proven["state"]));
        return proven;
    }

    private EdgeKey Key => EdgeKey.Of(_server.Services.GetRequiredService<ClusterKeys>());

    private async Task<string> MapAsync()
    {
        var key = Key;
        var answer = (await _server.SendAsync("GET", EdgeKey.DomainsPath, null, null, (EdgeKey.Header, key.Ask(_server.Clock.GetUtcNow().ToUnixTimeSeconds(), "nonce")))).Is(200);
        Assert.True(key.Answers("nonce", answer.Bytes, answer.Headers.GetValues(EdgeKey.Header).Single()));
        return answer.Text;
    }

    [Fact]
    public async Task A_name_is_one_environment_s_until_it_is_taken_away()
    {
        var made = await ProvenAsync(_server, _dns, "Login.ACME.test");
        Assert.Equal(("login.acme.test", "custom_domain"), (made["domain"], made["object"]));
        Assert.Equal("{\"domains\":{\"login.acme.test\":\"" + _server.A.Id + "\"}}", await MapAsync());
        (await _server.PostAsync("/custom_domains", new { domain = "login.acme.test" })).Is(409, "duplicate_custom_domain");
        (await _server.SendAsync("POST", "/custom_domains", _server.B.ApiKey, new { domain = "login.acme.test" })).Is(409, "duplicate_custom_domain");

        (await _server.DeleteAsync($"/custom_domains/{made["id"]}")).Is(204);
        (await _server.DeleteAsync($"/custom_domains/{made["id"]}")).Is(404);
        Assert.Equal("""{"domains":{}}""", await MapAsync());
        await ProvenAsync(_server, _dns, "login.acme.test", _server.B.ApiKey);
        Assert.Equal("{\"domains\":{\"login.acme.test\":\"" + _server.B.Id + "\"}}", await MapAsync());
        Assert.Empty((await _server.GetAsync("/custom_domains")).Is(200).Ids);
        Assert.Single((await _server.SendAsync("GET", "/custom_domains", _server.B.ApiKey)).Is(200).Ids);
    }

    [Theory]
    [InlineData("acme")]
    [InlineData("https://login.acme.test")]
    [InlineData("login.acme.test:443")]
    [InlineData("login.acme.test/x")]
    [InlineData("*.acme.test")]
    [InlineData("10.0.0.1")]
    [InlineData("id.holdfast.test")]   // the server's own, what is below it, and what is above
    [InlineData("x.id.holdfast.test")]
    [InlineData("holdfast.test")]
    [InlineData("id.holdfast.test.")]
    [InlineData("a..test")]
    [InlineData("")]
    public async Task What_cannot_be_a_name_of_theirs_is_refused(string domain) =>
        await _server.WithoutEffectAsync(async () => (await _server.PostAsync("/custom_domains", new { domain })).Is(422));

    [Fact]
    public async Task Under_a_name_its_own_environment_alone_is_served()
    {
        await ProvenAsync(_server, _dns, "login.acme.test");
        (string, string) under = ("Host", "login.acme.test");
        (await _server.GetAsync("/organizations", under)).Is(200);
        (await _server.SendAsync("GET", "/organizations", _server.B.ApiKey, null, under)).Is(401);
        (await _server.SendAsync("GET", $"/sso/jwks/{_server.A.ClientId}", null, null, under)).Is(200);
        (await _server.SendAsync("GET", $"/sso/jwks/{_server.B.ClientId}", null, null, under)).Is(404);
        (await _server.SendAsync("GET", "/organizations", _server.B.ApiKey)).Is(200);
        // Where sign-ins at identity providers begin: at the public address, where those send people back to.
        foreach (var path in new[] { "/sso/authorize", "/user_management/authorize" })
        {
            var on = (await _server.SendAsync("GET", $"{path}?client_id={_server.A.ClientId}&state=a%2Fb", null, null, under)).Is(307);
            Assert.Equal($"{_server.PublicUrl}{path}?client_id={_server.A.ClientId}&state=a%2Fb", on.Location);
            Assert.Null((await _server.SendAsync("GET", $"{path}?client_id={_server.B.ClientId}", null, null, under)).Is(400).Location);
            Assert.Null((await _server.SendAsync("GET", $"{path}?client_id={_server.A.ClientId}&client_id={_server.B.ClientId}", null, null, under)).Is(400).Location);
        }
    }

    [Fact] // PLAT-026
    public async Task Nothing_of_another_environment_is_served_under_a_name()
    {
        var session = await SignedIn.ByMagicCodeAsync(_server, "ada@people.test");
        var connection = await _server.SamlConnectionAsync();
        await ProvenAsync(_server, _dns, "login.bravo.test", _server.B.ApiKey);
        var query = $"client_id={_server.A.ClientId}&redirect_uri={Uri.EscapeDataString(HoldfastServer.Callback)}&return_to={Uri.EscapeDataString(HoldfastServer.Callback)}&response_type=code&provider=authkit&session_id={session.SessionId}";
        var form = new Dictionary<string, string>
        {
            ["client_id"] = _server.A.ClientId, ["client_secret"] = _server.A.ApiKey, ["grant_type"] = "refresh_token", ["refresh_token"] = session.RefreshToken, ["redirect_uri"] = HoldfastServer.Callback,
        };
        var served = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var host in new[] { "login.bravo.test", "login.bravo.test.", "LOGIN.bravo.test:443" })
        {
            foreach (var route in _server.Routes.Where(r => r.Metadata.GetMetadata<ApiKeyRequired>() is null))
            {
                var pattern = "/" + route.RoutePattern.RawText!.TrimStart('/');
                if (new[] { "/health", "/metrics", "/peers", "/edge" }.Any(p => pattern.StartsWith(p, StringComparison.Ordinal)))
                {
                    continue;   // the node's own
                }
                var path = Regex.Replace(pattern.Replace("{clientId}", _server.A.ClientId, StringComparison.Ordinal).Replace("{connectionId}", connection.Id, StringComparison.Ordinal), "\\{[^}]*\\}", "x", RegexOptions.None, TimeSpan.FromSeconds(5));
                foreach (var method in route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"])
                {
                    var isPost = method == "POST";
                    var answer = await _server.WithoutEffectAsync(() => _server.SendAsync(method, $"{path}?{(isPost ? "" : query)}", null, isPost ? new FormUrlEncodedContent(form) : null, ("Host", host)));
                    Assert.True(answer.Location is null, $"{method} {path} leads to {answer.Location}");
                    if (route.Metadata.GetMetadata<UnderDomains>() is null)
                    {
                        Assert.True(answer.Status == 404, $"{method} {path}: {answer.Status}");
                        continue;
                    }
                    if (route.Metadata.GetMetadata<PageRoute>() is null)
                    {
                        served.Add(pattern);
                    }
                    var isOfAll = pattern == "/device" && answer.Status == (isPost ? 422 : 200);   // the page where a code is typed in is of nobody in particular
                    Assert.True(isOfAll || answer.Status is 400 or 401 or 404 || (method == "OPTIONS" && answer.Status == 204), $"{method} {path}: {answer.Status}");
                }
            }
        }
        // Whatever is added here looks for itself whose it is that it names.
        Assert.Equal(["/assets/{name}", "/sso/authorize", "/sso/jwks/{clientId}", "/sso/token", "/user_management/authenticate", "/user_management/authorize", "/user_management/authorize/device", "/user_management/sessions/logout"], served);
        (await session.RefreshAsync()).Is(200);   // nobody has ended it
        // Its own environment's is there.
        await ProvenAsync(_server, _dns, "login.acme.test");
        Assert.Equal(HoldfastServer.Callback, (await _server.SendAsync("GET", $"/user_management/sessions/logout?{query}", null, null, ("Host", "login.acme.test."))).Is(302).Location);
    }

    [Fact]
    public async Task A_name_that_becomes_the_operator_s_is_nobody_else_s_any_more()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            Holdfast.Environments.NewEnvironment a, b;
            await using (var before = await HoldfastServer.StartAsync(new Start(Data: data) { Dns = _dns.EndPoint }))
            {
                (a, b) = (before.A, before.B);
                await ProvenAsync(before, _dns, "www.operator.test");
                (await before.SendAsync("GET", "/organizations", b.ApiKey, null, ("Host", "www.operator.test"))).Is(401);
            }
            await using var after = await HoldfastServer.StartAsync(new Start(Data: data) { ReservedHosts = ["WWW.operator.test.", "console.internal"] }, a, b);
            (await after.SendAsync("GET", "/organizations", b.ApiKey, null, ("Host", "www.operator.test"))).Is(200);
            var key = EdgeKey.Of(after.Services.GetRequiredService<ClusterKeys>());
            Assert.Equal("""{"domains":{}}""", (await after.SendAsync("GET", EdgeKey.DomainsPath, null, null, (EdgeKey.Header, key.Ask(after.Clock.GetUtcNow().ToUnixTimeSeconds(), "n")))).Is(200).Text);
            foreach (var domain in new[] { "www.operator.test", "x.www.operator.test", "operator.test", "console.internal", "a.console.internal" })
            {
                (await after.WithoutEffectAsync(() => after.PostAsync("/custom_domains", new { domain }))).Is(422);
            }
            (await after.PostAsync("/custom_domains", new { domain = "other.test" })).Is(201);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public void Names_of_every_address_of_the_operator_are_reserved()
    {
        var own = new OwnHosts(["https://id.acme.test", "http://n1.inside.test:4100", "http://127.0.0.1:4100", "https://n2.inside.test/"], ["edge.acme.test"]);
        Assert.All(["id.acme.test", "n1.inside.test", "n2.inside.test", "inside.test", "x.n2.inside.test", "edge.acme.test", "a.edge.acme.test", "acme.test"], h => Assert.True(own.Takes(h)));
        Assert.All(["login.acme.test", "n3.inside.test", "xid.acme.test", "0.0.1"], h => Assert.False(own.Takes(h)));
        var command = new System.CommandLine.Command("serve");
        var options = new Verbs.SettingsOptions(command, isDev: false);
        Assert.Equal(["a.test", "b.test"], options.Read(command.Parse(["--reserved-hosts", "a.test, b.test"])).Settings!.ReservedHosts);
        Assert.Equal(["--reserved-hosts: 'https://a.test' is not a host's name."], options.Read(command.Parse(["--reserved-hosts", "https://a.test"])).Faults);
    }

    [Fact]
    public async Task A_disk_that_cannot_be_read_is_503_under_any_name_and_health_does_not_ask_it_for_names()
    {
        await using (var other = new SqliteConnection($"Data Source={Path.Combine(_server.Data, "node.db")};Pooling=False"))
        {
            await other.OpenAsync();
            await using var damage = other.CreateCommand();
            damage.CommandText = "PRAGMA busy_timeout = 30000; PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 1000000 WHERE tbl_name = 'custom_domains'; PRAGMA schema_version = 1000000;";
            await damage.ExecuteNonQueryAsync();
        }
        var answer = (await _server.GetAsync("/organizations", ("Host", "login.acme.test"))).Is(503, "node_unavailable");
        Assert.Equal((true, NodeAnswer.Unable), (answer.Headers.Contains("X-Request-ID"), answer.Headers.GetValues(NodeAnswer.Header).Single()));
        var page = await _server.SendAsync("GET", "/sso/authorize", null, null, ("Host", "login.acme.test"), ("Accept", "text/html"));
        Assert.Equal((503, NodeAnswer.Unable), (page.Status, page.Headers.GetValues(NodeAnswer.Header).Single()));
        var live = (await _server.SendAsync("GET", "/health/live", null, null, ("Host", "login.acme.test"))).Is(200);
        Assert.Equal(NodeAnswer.Given, live.Headers.GetValues(NodeAnswer.Header).Single());
    }

    [Fact]
    public async Task The_map_is_told_to_the_edge_key_alone()
    {
        var now = _server.Clock.GetUtcNow().ToUnixTimeSeconds();
        var other = EdgeKey.Of(ClusterKeys.Of(new byte[32], new byte[32], Storage.Entropy.Real));
        foreach (var header in new[] { "", "x", "1 2 3", other.Ask(now, "n"), Key.Ask(now - 301, "n"), Key.Ask(now, "n").Replace(" n ", " m ", StringComparison.Ordinal) })
        {
            (await _server.SendAsync("GET", EdgeKey.DomainsPath, null, null, (EdgeKey.Header, header))).Is(401);
        }
        (await _server.GetAsync(EdgeKey.DomainsPath)).Is(401);
        (await _server.SendAsync("GET", EdgeKey.DomainsPath, null, null, (EdgeKey.Header, Key.Ask(now, "n")))).Is(200);
        Assert.Equal(Key.Value, EdgeKey.Read(Key.Value + "\n")!.Value);
        Assert.Null(EdgeKey.Read("edge_short"));
    }

    [Fact]
    public async Task What_is_not_proven_is_nobody_s_and_leads_nowhere()
    {
        var (one, two) = ((await _server.PostAsync("/custom_domains", new { domain = "login.acme.test" })).Is(201), (await _server.SendAsync("POST", "/custom_domains", _server.B.ApiKey, new { domain = "login.acme.test" })).Is(201));
        (await _server.PostAsync("/custom_domains", new { domain = "login.acme.test" })).Is(409, "duplicate_custom_domain");
        Assert.Equal("""{"domains":{}}""", await MapAsync());
        (await _server.SendAsync("GET", "/organizations", _server.B.ApiKey, null, ("Host", "login.acme.test"))).Is(200);   // as under any name that is nobody's
        Assert.NotEqual(one["verification_token"], two["verification_token"]);

        // No record; another's; at another place.
        Task<Answer> VerifyAsync(Answer made, string? key = null) => _server.SendAsync("POST", $"/custom_domains/{made["id"]}/verify", key ?? _server.A.ApiKey, new { });
        Assert.Equal("pending", (await VerifyAsync(one)).Is(201)["state"]);
        _dns.Replies[$"{one["verification_prefix"]}.login.acme.test"] = DnsReply.Text(two["verification_token"]!);
        _dns.Replies[$"{two["verification_prefix"]}.acme.test"] = DnsReply.Text(two["verification_token"]!);
        Assert.Equal("pending", (await VerifyAsync(one)).Is(201)["state"]);
        Assert.Equal("pending", (await VerifyAsync(two, _server.B.ApiKey)).Is(201)["state"]);
        (await VerifyAsync(two)).Is(404);
        // Whoever proves it first has it.
        _dns.Replies[$"{two["verification_prefix"]}.login.acme.test"] = DnsReply.Text(two["verification_token"]!);
        Assert.Equal("verified", (await VerifyAsync(two, _server.B.ApiKey)).Is(201)["state"]);
        (await VerifyAsync(two, _server.B.ApiKey)).Is(400, "custom_domain_already_verified");
        _dns.Replies[$"{one["verification_prefix"]}.login.acme.test"] = DnsReply.Text(one["verification_token"]!);
        Assert.Equal("failed", (await VerifyAsync(one)).Is(201)["state"]);
        Assert.Equal("{\"domains\":{\"login.acme.test\":\"" + _server.B.Id + "\"}}", await MapAsync());
        (await _server.SendAsync("DELETE", $"/custom_domains/{two["id"]}", _server.B.ApiKey)).Is(204);
        Assert.Equal("verified", (await VerifyAsync(one)).Is(201)["state"]);
        Assert.Equal("{\"domains\":{\"login.acme.test\":\"" + _server.A.Id + "\"}}", await MapAsync());
    }

    [Fact]
    public async Task A_proof_is_looked_for_in_the_background_for_thirty_days()
    {
        var checks = _server.Services.GetRequiredService<Holdfast.Organizations.DomainChecks>();
        async Task<string?> StateAsync(Answer made) => (await _server.GetAsync("/custom_domains")).Is(200).Json.GetProperty("data").EnumerateArray().Single(d => d.GetProperty("id").GetString() == made["id"]).GetProperty("state").GetString();
        var (found, never) = ((await _server.PostAsync("/custom_domains", new { domain = "login.acme.test" })).Is(201), (await _server.PostAsync("/custom_domains", new { domain = "never.acme.test" })).Is(201));
        await checks.RoundAsync(default);
        Assert.Equal("pending", await StateAsync(found));
        _dns.Replies[$"{found["verification_prefix"]}.login.acme.test"] = DnsReply.Text(found["verification_token"]!);
        _server.Clock.Advance(TimeSpan.FromDays(1));
        await checks.RoundAsync(default);
        Assert.Equal(("verified", "pending"), (await StateAsync(found), await StateAsync(never)));
        _dns.Replies.Clear();
        _dns.Always = new DnsReply.Code(5);   // nobody can ask: what nobody could look for has not failed
        _server.Clock.Advance(TimeSpan.FromDays(30));
        await checks.RoundAsync(default);
        Assert.Equal(("verified", "pending"), (await StateAsync(found), await StateAsync(never)));
        _dns.Always = null;
        _server.Clock.Advance(TimeSpan.FromDays(1));
        await checks.RoundAsync(default);
        Assert.Equal(("verified", "failed"), (await StateAsync(found), await StateAsync(never)));   // what was proven is not looked for again
        Assert.Equal("pending", (await _server.PostAsync($"/custom_domains/{never["id"]}/verify", new { })).Is(201)["state"]);
    }
}
