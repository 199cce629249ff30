using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Tests.Sso;

/// <summary>One-time codes, their exchange, and the token of a profile (OAUTH-011 to 021).</summary>
public sealed class CodeTests(CodeTests.Made made) : IClassFixture<CodeTests.Made>
{
    private const string Verifier = "verifier-verifier-verifier-verifier-verifier";

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

    [Fact]
    public async Task A_code_gives_the_profile_and_a_token_that_shows_it()
    {
        var token = (await _connection.RedeemAsync(await _connection.SignInAsync("grace@acme.test"))).Is(200);
        var profile = token.Json.GetProperty("profile");

        Assert.Equal(("Bearer", 600), (token["token_type"], token.Json.GetProperty("expires_in").GetInt32()));
        Assert.Equal("grace@acme.test", profile.GetProperty("idp_id").GetString());
        Assert.Equal(_connection.Id, profile.GetProperty("connection_id").GetString());
        Assert.Equal(_connection.OrganizationId, profile.GetProperty("organization_id").GetString());
        Assert.Equal(["Engineering", "Math"], profile.GetProperty("groups").EnumerateArray().Select(g => g.GetString()));
        Assert.True(token.Headers.CacheControl!.NoStore);
        var shown = (await _connection.ProfileAsync(token["access_token"]!)).Is(200);
        Assert.Equal(profile.ToString(), shown.Json.ToString());
        Assert.True(shown.Headers.CacheControl!.NoStore);
    }

    [Fact]
    public async Task A_code_is_good_once_and_a_second_try_ends_the_first_one_s_token()
    {
        var code = await _connection.SignInAsync();
        var token = (await _connection.RedeemAsync(code)).Is(200)["access_token"]!;
        (await _connection.ProfileAsync(token)).Is(200);

        (await _connection.RedeemAsync(code)).IsOAuth("invalid_grant");

        var denied = (await _connection.ProfileAsync(token)).Is(401);
        Assert.Equal("Unauthorized", denied["error"]);
    }

    [Fact]
    public async Task Of_twenty_at_once_one_gets_the_token_and_it_is_denied_then()
    {
        var code = await _connection.SignInAsync();
        var other = (await _connection.RedeemAsync(await _connection.SignInAsync())).Is(200)["access_token"]!;

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => _connection.RedeemAsync(code))));

        var won = Assert.Single(answers, a => a.Status == 200);
        Assert.All(answers.Where(a => a != won), a => a.IsOAuth("invalid_grant"));
        (await _connection.ProfileAsync(won["access_token"]!)).Is(401);
        (await _connection.ProfileAsync(other)).Is(200);
    }

    [Fact]
    public async Task The_same_request_again_is_the_same_redemption()
    {
        var code = await _connection.SignInAsync();
        var first = (await SamlConnection.RedeemAsync(_server, _server.A, code, "retry-1")).Is(200);

        var again = (await _server.WithoutEffectAsync(() => SamlConnection.RedeemAsync(_server, _server.A, code, "retry-1"))).Is(200);

        Assert.Equal(first.Json.GetProperty("profile").ToString(), again.Json.GetProperty("profile").ToString());
        (await _connection.ProfileAsync(first["access_token"]!)).Is(200);
        (await _connection.ProfileAsync(again["access_token"]!)).Is(200);

        (await SamlConnection.RedeemAsync(_server, _server.A, code, "retry-2")).IsOAuth("invalid_grant");
        (await _connection.ProfileAsync(first["access_token"]!)).Is(401);
        (await _connection.ProfileAsync(again["access_token"]!)).Is(401);
    }

    [Fact]
    public async Task A_code_lives_for_a_minute()
    {
        await using var server = await HoldfastServer.StartAsync();
        var connection = await server.SamlConnectionAsync();
        var (atLimit, after) = (await connection.SignInAsync(), await connection.SignInAsync());

        server.Clock.Advance(TimeSpan.FromSeconds(60) - TimeSpan.FromMilliseconds(1));
        (await connection.RedeemAsync(atLimit)).Is(200);
        server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        (await server.WithoutEffectAsync(() => connection.RedeemAsync(after))).IsOAuth("invalid_grant");
        server.Clock.Advance(TimeSpan.FromMinutes(9));
        (await server.WithoutEffectAsync(() => connection.RedeemAsync(after))).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_token_shows_the_profile_for_ten_minutes_and_after_a_restart()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            var clock = new HeldClock();
            string token;
            Holdfast.Environments.NewEnvironment a, b;
            await using (var server = await HoldfastServer.StartAsync(new Start(Data: data, Clock: clock)))
            {
                (a, b) = (server.A, server.B);
                var connection = await server.SamlConnectionAsync();
                token = (await connection.RedeemAsync(await connection.SignInAsync())).Is(200)["access_token"]!;
            }
            await using var next = await HoldfastServer.StartAsync(new Start(Data: data, Clock: clock), a, b);
            clock.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromMilliseconds(1));
            (await next.SendAsync("GET", "/sso/profile", token)).Is(200);
            clock.Advance(TimeSpan.FromMilliseconds(1));
            (await next.SendAsync("GET", "/sso/profile", token)).Is(401);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_code_that_is_shown_with_something_wrong_is_dead()
    {
        foreach (var redeem in new Func<string, Task<Answer>>[]
        {
            code => _connection.RedeemAsync(code, ("redirect_uri", "https://app.test/elsewhere")),
            code => SamlConnection.RedeemAsync(_server, _server.B, code, null),
            code => _connection.RedeemAsync(code, ("code_verifier", Verifier)),
        })
        {
            var code = await _connection.SignInAsync();
            var profiles = _server.Storage.Database.Read(v => v.Find<long>("SELECT count(*) FROM profiles"));
            (await redeem(code)).IsOAuth("invalid_grant");
            Assert.Equal(profiles, _server.Storage.Database.Read(v => v.Find<long>("SELECT count(*) FROM profiles")));
            (await _connection.RedeemAsync(code)).IsOAuth("invalid_grant");
        }
        (await _connection.RedeemAsync(await _connection.SignInAsync(), ("redirect_uri", HoldfastServer.Callback))).Is(200);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong")]
    [InlineData("verifier-verifier-verifier-verifier-verifie")]
    [InlineData("verifier-verifier-verifier-verifier-verifier\n")]
    [InlineData("verifier verifier verifier verifier verifier")]
    [InlineData("short")]
    public async Task A_challenge_needs_its_verifier(string? verifier)
    {
        (string, string?)[] challenge = [("code_challenge", Pkce.Challenge(Verifier)), ("code_challenge_method", "S256")];
        (await _connection.RedeemAsync(await _connection.SignInAsync("ada@acme.test", challenge), ("code_verifier", verifier))).IsOAuth("invalid_grant");
        (await _connection.RedeemAsync(await _connection.SignInAsync("ada@acme.test", challenge), ("code_verifier", Verifier.PadRight(129, 'v')))).IsOAuth("invalid_grant");

        (await _connection.RedeemAsync(await _connection.SignInAsync("ada@acme.test", challenge), ("code_verifier", Verifier))).Is(200);
    }

    [Fact]
    public async Task A_public_client_needs_a_challenge()
    {
        (string, string?)[] challenge = [("code_challenge", Pkce.Challenge(Verifier)), ("code_challenge_method", "S256")];
        (await _connection.RedeemAsync(await _connection.SignInAsync("ada@acme.test", challenge), ("client_secret", null), ("code_verifier", Verifier))).Is(200);

        (await _connection.RedeemAsync(await _connection.SignInAsync(), ("client_secret", null), ("code_verifier", Verifier))).IsOAuth("invalid_grant");
        (await _connection.RedeemAsync(await _connection.SignInAsync(), ("client_secret", null))).IsOAuth("invalid_client");
    }

    [Theory]
    [InlineData("client_secret", "sk_live_wrong", "invalid_client")]
    [InlineData("client_secret", "{B}", "invalid_client")]
    [InlineData("client_secret", "{client}", "invalid_client")]
    [InlineData("client_secret", "", "invalid_client")]
    [InlineData("client_id", "client_01J00000000000000000000000", "invalid_client")]
    [InlineData("client_id", null, "invalid_request")]
    [InlineData("grant_type", null, "invalid_request")]
    [InlineData("grant_type", "password", "unsupported_grant_type")]
    [InlineData("grant_type", "client_credentials", "unsupported_grant_type")]
    [InlineData("code", null, "invalid_request")]
    [InlineData("code", "", "invalid_request")]
    [InlineData("code", "made-up", "invalid_grant")]
    public async Task A_request_that_is_not_the_client_s_changes_nothing(string name, string? value, string error)
    {
        var code = await _connection.SignInAsync();
        value = value?.Replace("{B}", _server.B.ApiKey, StringComparison.Ordinal).Replace("{client}", _server.A.ClientId, StringComparison.Ordinal);

        (await _server.WithoutEffectAsync(() => _connection.RedeemAsync(code, (name, value)))).IsOAuth(error);

        (await _connection.RedeemAsync(code)).Is(200);
    }

    [Fact]
    public async Task Forms_json_and_a_query_are_read_and_the_secret_may_be_the_bearer()
    {
        object Body(string code) => new { client_id = _server.A.ClientId, grant_type = "authorization_code", code };
        (await _server.PostAsync("/sso/token", Body(await _connection.SignInAsync()))).Is(200);
        (await _server.PostAsync($"/sso/token?client_id={_server.A.ClientId}&grant_type=authorization_code&code={await _connection.SignInAsync()}", null)).Is(200);
        (await _server.SendAsync("POST", "/sso/token", null, Body(await _connection.SignInAsync()))).IsOAuth("invalid_client");
        (await _server.SendAsync("POST", "/sso/token", "sk_live_wrong", Body(await _connection.SignInAsync()))).IsOAuth("invalid_client");
        (await _server.SendAsync("GET", "/sso/token", _server.A.ApiKey)).Is(405);
    }

    [Theory]
    [InlineData("code")]
    [InlineData("client_id")]
    [InlineData("client_secret")]
    [InlineData("grant_type")]
    public async Task A_parameter_that_stands_twice_is_refused(string name)
    {
        var code = await _connection.SignInAsync();
        var fields = new Dictionary<string, string>
        {
            ["client_id"] = _server.A.ClientId, ["client_secret"] = _server.A.ApiKey, ["grant_type"] = "authorization_code", ["code"] = code,
        };
        var twice = new FormUrlEncodedContent(fields.Append(KeyValuePair.Create(name, fields[name])));
        (await _server.WithoutEffectAsync(() => _server.SendAsync("POST", "/sso/token", null, twice))).IsOAuth("invalid_request");
        (await _server.SendAsync("POST", $"/sso/token?{name}={fields[name]}", null, new FormUrlEncodedContent(fields))).IsOAuth("invalid_request");
        (await _server.SendAsync("POST", "/sso/token", null, new FormUrlEncodedContent(fields))).Is(200);
    }

    [Theory] // OAUTH-036
    [InlineData("")]
    [InlineData("x")]
    [InlineData("a.b")]
    [InlineData("{token}x")]
    [InlineData("{key}")]
    [InlineData("{swapped}")]
    public async Task Only_our_own_token_shows_a_profile(string shown)
    {
        var token = (await _connection.RedeemAsync(await _connection.SignInAsync())).Is(200)["access_token"]!;
        shown = shown.Replace("{token}", token, StringComparison.Ordinal).Replace("{key}", _server.A.ApiKey, StringComparison.Ordinal)
            .Replace("{swapped}", token.Replace(_server.A.Id, _server.B.Id, StringComparison.Ordinal), StringComparison.Ordinal);

        (await _connection.ProfileAsync(shown)).Is(401);
        (await _server.SendAsync("GET", $"/sso/profile?access_token={token}", null)).Is(401);
        (await _connection.ProfileAsync(token)).Is(200);
    }
}
