using System.Text.Json;

namespace Holdfast.Tests.AuthKit;

/// <summary>How long tokens and sessions last, and where they say they were begun.</summary>
public sealed class SignInSettingsTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task An_environment_says_how_long_tokens_and_sessions_last_and_an_organization_says_otherwise()
    {
        await using var server = await HoldfastServer.StartAsync();
        (await server.PutAsync("/sign_in_settings", new { access_token_lifetime = 600, session_lifetime = 7200 })).Is(200);
        var organization = await server.OrganizationAsync();
        var user = (await server.PostAsync("/user_management/users", new { email = "ada@people.test", email_verified = true })).Is(201)["id"];
        var alone = await SignedIn.ByMagicCodeAsync(server, "ada@people.test");
        (await server.PutAsync($"/organizations/{organization}/sign_in_settings", new { access_token_lifetime = 60 })).Is(200);
        (await server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
        var member = await SignedIn.ByMagicCodeAsync(server, "ada@people.test");

        Assert.Equal(TimeSpan.FromSeconds(600), alone.Token.ValidTo - alone.Token.IssuedAt);
        Assert.Equal(TimeSpan.FromSeconds(60), member.Token.ValidTo - member.Token.IssuedAt);
        server.Clock.Advance(TimeSpan.FromSeconds(7140));
        var last = new SignedIn(server, (await alone.RefreshAsync()).Is(200));
        Assert.Equal(TimeSpan.FromSeconds(60), last.Token.ValidTo - last.Token.IssuedAt);   // no token outlives its session
        server.Clock.Advance(TimeSpan.FromSeconds(60));
        (await last.RefreshAsync()).IsOAuth("invalid_grant");

        (await server.PutAsync("/sign_in_settings", new { access_token_lifetime = (int?)null })).Is(200);
        var read = (await server.GetAsync("/sign_in_settings")).Is(200);
        Assert.Equal((JsonValueKind.Null, "7200"), (read.Json.GetProperty("access_token_lifetime").ValueKind, read["session_lifetime"]));
    }

    [Theory]
    [InlineData("{\"max_staleness\":59}", "max_staleness out_of_range")]
    [InlineData("{\"access_token_lifetime\":59}", "access_token_lifetime out_of_range")]
    [InlineData("{\"access_token_lifetime\":86401}", "access_token_lifetime out_of_range")]
    [InlineData("{\"session_lifetime\":-1}", "session_lifetime out_of_range")]
    [InlineData("{\"session_lifetime\":9223372036854775807}", "session_lifetime out_of_range")]
    [InlineData("{\"session_lifetime\":\"1\"}", "session_lifetime invalid_type")]
    [InlineData("{\"session_lifetime\":1.5}", "session_lifetime invalid_type")]
    [InlineData("{\"cookie_domain\":\"evil.test\"}", "cookie_domain invalid")]
    [InlineData("{\"cookie_domain\":\"test\"}", "cookie_domain invalid")]
    [InlineData("{\"cookie_domain\":\"dfast.test\"}", "cookie_domain invalid")]
    public async Task What_is_out_of_bounds_is_refused(string body, string fault) =>
        Assert.Equal([fault], (await _server.WithoutEffectAsync(() => _server.PutAsync("/sign_in_settings", body))).Is(422).Faults);

    [Fact]
    public async Task The_domain_of_cookies_is_one_above_this_server_and_an_environment_s_alone()
    {
        Assert.Equal("holdfast.test", (await _server.PutAsync("/sign_in_settings", new { cookie_domain = "holdfast.test" })).Is(200)["cookie_domain"]);
        Assert.Equal(["cookie_domain invalid"], (await _server.PutAsync($"/organizations/{await _server.OrganizationAsync()}/sign_in_settings", new { cookie_domain = "holdfast.test" })).Is(422).Faults);
        (await _server.PutAsync("/organizations/org_nobody/sign_in_settings", new { })).Is(404, "entity_not_found");
    }

    [Theory]
    [InlineData("203.0.113.7", "Mozilla/5.0 (X11)", "203.0.113.7", "Mozilla/5.0 (X11)")]
    [InlineData("2001:DB8::1", null, "2001:db8::1", null)]
    [InlineData("not an address", "", null, null)]
    [InlineData("127.0.0.1; DROP", "a\u0007b\u0000", null, "ab")]
    public async Task A_session_shows_where_it_was_begun_from(string ip, string? agent, string? shownIp, string? shownAgent)
    {
        var email = $"{SamlProvider.Unique()}@people.test";
        var (_, code) = await SignedIn.MailCodeAsync(_server, email);
        var session = new SignedIn(_server, (await SignedIn.AskAsync(_server, SignedIn.MagicGrant, ("email", email), ("code", code), ("ip_address", ip), ("user_agent", agent))).Is(200));
        (await session.RefreshAsync()).Is(200);

        var shown = (await _server.GetAsync($"/user_management/users/{session.UserId}/sessions")).Is(200).Json.GetProperty("data")[0];

        Assert.Equal((shownIp, shownAgent), (shown.GetProperty("ip_address").GetString(), shown.GetProperty("user_agent").GetString()));
    }

    [Fact]
    public async Task What_is_too_long_is_cut_and_keeps_nobody_out()
    {
        var (_, code) = await SignedIn.MailCodeAsync(_server, "long.agent@people.test");
        var session = new SignedIn(_server, (await SignedIn.AskAsync(_server, SignedIn.MagicGrant, ("email", "long.agent@people.test"), ("code", code), ("user_agent", new string('a', 9000)))).Is(200));
        var shown = (await _server.GetAsync($"/user_management/users/{session.UserId}/sessions")).Is(200).Json.GetProperty("data")[0];
        Assert.Equal(512, shown.GetProperty("user_agent").GetString()!.Length);
    }

    [Fact]
    public async Task That_a_session_began_and_was_ended_is_told_once()
    {
        await using var server = await HoldfastServer.StartAsync();
        var (one, other, left) = (await SignedIn.ByMagicCodeAsync(server, "ada@people.test"), await SignedIn.ByMagicCodeAsync(server, "bob@people.test"), await SignedIn.ByMagicCodeAsync(server, "carol@people.test"));
        for (var i = 0; i < 2; i++)
        {
            (await server.PostAsync("/user_management/sessions/revoke", new { session_id = one.SessionId })).Is(200);
            (await server.SendAsync("GET", $"/user_management/sessions/logout?session_id={other.SessionId}", null)).Is(302);
        }
        (await left.RefreshAsync()).Is(200);
        server.Clock.Advance(TimeSpan.FromSeconds(11));
        (await left.RefreshAsync()).IsOAuth("invalid_grant");   // replayed: it has ended

        Assert.Equal((3, 3), (server.Events("session.created"), server.Events("session.revoked")));
        await server.ToldAsync();
        var told = (await server.GetAsync("/events?events=session.revoked&limit=100")).Is(200).Json.GetProperty("data").EnumerateArray().Select(e => e.GetProperty("data")).ToList();
        Assert.Equal(new[] { one.SessionId, other.SessionId, left.SessionId }.Order(StringComparer.Ordinal), told.Select(d => d.GetProperty("id").GetString()).Order(StringComparer.Ordinal));
        Assert.All(told, d => Assert.Equal(("revoked", "magic_code"), (d.GetProperty("status").GetString(), d.GetProperty("auth_method").GetString())));
    }

    [Fact]
    public async Task There_is_no_radar_and_that_is_said_in_the_documented_shape()
    {
        var user = (await _server.PostAsync("/user_management/users", new { email = $"{SamlProvider.Unique()}@people.test" })).Is(201)["id"];
        (await _server.GetAsync("/user_management/radar_challenges/radar_challenge_1")).Is(404, "entity_not_found");
        (await _server.PostAsync("/user_management/radar_challenges", new { user_id = user, pending_authentication_token = "x", phone_number = "+15555550123" })).Is(400, "invalid_pending_authentication_token");
        Assert.Equal(3, (await _server.PostAsync("/user_management/radar_challenges", new { })).Is(422).Faults.Count);
        foreach (var grant in new[] { "email", "sms" })
        {
            (await SignedIn.AskAsync(_server, $"urn:workos:oauth:grant-type:radar-{grant}-challenge:code", ("code", "1"), ("pending_authentication_token", "x"))).Is(400, "invalid_pending_authentication_token");
        }
    }
}
