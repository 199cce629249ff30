namespace Holdfast.Tests.AuthKit;

/// <summary>Sessions are listed, and end when somebody says so.</summary>
public sealed class SessionsTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    private static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    [Fact]
    public async Task A_user_s_sessions_are_listed_as_they_stand()
    {
        var email = Somebody();
        var (ended, stands) = (await SignedIn.ByMagicCodeAsync(_server, email), await SignedIn.ByMagicCodeAsync(_server, email));
        (await _server.PostAsync("/user_management/sessions/revoke", new { session_id = ended.SessionId })).Is(200);

        var list = (await _server.GetAsync($"/user_management/users/{ended.UserId}/sessions?limit=100")).Is(200).Json.GetProperty("data").EnumerateArray().ToDictionary(s => s.GetProperty("id").GetString()!);

        Assert.Equal(2, list.Count);
        Assert.Equal(("revoked", "magic_code"), (list[ended.SessionId].GetProperty("status").GetString(), list[ended.SessionId].GetProperty("auth_method").GetString()));
        Assert.Equal(("active", System.Text.Json.JsonValueKind.Null), (list[stands.SessionId].GetProperty("status").GetString(), list[stands.SessionId].GetProperty("ended_at").ValueKind));
        Assert.Single((await _server.GetAsync($"/user_management/users/{ended.UserId}/sessions?limit=1")).Is(200).Ids);
        (await _server.GetAsync("/user_management/users/user_01J00000000000000000000000/sessions")).Is(404, "entity_not_found");
    }

    [Fact] // OAUTH-057
    public async Task One_that_is_revoked_refreshes_no_more_and_the_others_do()
    {
        var email = Somebody();
        var (one, other) = (await SignedIn.ByMagicCodeAsync(_server, email), await SignedIn.ByMagicCodeAsync(_server, email));

        (await _server.PostAsync("/user_management/sessions/revoke", new { session_id = one.SessionId })).Is(200);

        (await one.RefreshAsync()).IsOAuth("invalid_grant");
        (await other.RefreshAsync()).Is(200);
        (await _server.PostAsync("/user_management/sessions/revoke", new { session_id = one.SessionId })).Is(200);   // again changes nothing
    }

    [Fact]
    public async Task Another_environment_ends_none_of_ours()
    {
        var session = await SignedIn.ByMagicCodeAsync(_server, Somebody());
        (await _server.SendAsync("POST", "/user_management/sessions/revoke", _server.B.ApiKey, new { session_id = session.SessionId })).Is(200);
        (await session.RefreshAsync()).Is(200);
    }

    [Fact]
    public async Task Signing_out_ends_the_session_and_goes_where_the_application_wants_if_that_is_registered()
    {
        var session = await SignedIn.ByMagicCodeAsync(_server, Somebody());
        var path = $"/user_management/sessions/logout?session_id={session.SessionId}";

        Assert.Equal(HoldfastServer.Callback, (await _server.SendAsync("GET", $"{path}&return_to={Uri.EscapeDataString("https://evil.test/")}", null)).Is(302).Location);
        (await session.RefreshAsync()).IsOAuth("invalid_grant");
        Assert.Equal(HoldfastServer.Callback, (await _server.SendAsync("GET", $"{path}&return_to={Uri.EscapeDataString(HoldfastServer.Callback)}", null)).Is(302).Location);
        (await _server.SendAsync("GET", "/user_management/sessions/logout", null)).Is(422);
        (await _server.SendAsync("GET", "/user_management/sessions/logout?session_id=session_nonsense", null)).Is(422);
        (await _server.SendAsync("GET", "/user_management/sessions/logout?session_id=session_01J00000000000000000000000", null)).Is(404, "session_not_found");   // it may be one that has not come here
    }

    /// <summary>OAUTH-055, OAUTH-046: a link to sign out is one that anybody can write, and leads where the application is or nowhere.</summary>
    [Theory]
    [InlineData("https://app.test/signed-out?a=b", true)]
    [InlineData("https://app.test/signed-out", false)]
    [InlineData("https://app.test/signed-out?a=b&c", false)]
    [InlineData("https://app.test/signed-out?a=b#", false)]
    [InlineData("https://app.test/signed-out/?a=b", false)]
    [InlineData("https://APP.test/signed-out?a=b", false)]
    [InlineData("https://app.test:443/signed-out?a=b", false)]
    [InlineData("https://app.test/./signed-out?a=b", false)]
    [InlineData("https://app.test@evil.test/signed-out?a=b", false)]
    [InlineData("https://app.test.evil.test/signed-out?a=b", false)]
    [InlineData("https://app.test\\@evil.test/signed-out?a=b", false)]
    [InlineData("http://app.test/signed-out?a=b", false)]
    [InlineData("//evil.test", false)]
    [InlineData("/\\evil.test", false)]
    [InlineData("https:evil.test", false)]
    [InlineData("javascript:alert(1)", false)]
    [InlineData(" https://app.test/signed-out?a=b", false)]
    [InlineData("https://app.test/signed-out?a=b\r\nX-Injected: y", false)]
    public async Task Who_signed_out_is_sent_to_a_registered_address_or_to_the_default_one(string wanted, bool isRegistered)
    {
        (await _server.PostAsync("/user_management/redirect_uris", new { uri = "https://app.test/signed-out?a=b" })).Is(201);
        var session = await SignedIn.ByMagicCodeAsync(_server, Somebody());
        var path = $"/user_management/sessions/logout?session_id={session.SessionId}&return_to={Uri.EscapeDataString(wanted)}";

        var answer = (await _server.SendAsync("GET", path, null)).Is(302);

        Assert.Equal(isRegistered ? wanted : HoldfastServer.Callback, answer.Location);
        Assert.False(answer.Headers.Contains("X-Injected"));
        (await session.RefreshAsync()).IsOAuth("invalid_grant");
        // Two of them are none, the first no more than the second.
        Assert.Equal(HoldfastServer.Callback, (await _server.SendAsync("GET", $"{path}&return_to=https://evil.test", null)).Is(302).Location);
        (await _server.SendAsync("GET", $"{path}&session_id={session.SessionId}", null)).Is(422);
    }

    [Theory]
    [InlineData("{}", "session_id required")]
    [InlineData("{\"session_id\":\"session_x\"}", "session_id invalid")]
    [InlineData("{\"session_id\":\"user_01J00000000000000000000000\"}", "session_id invalid")]
    public async Task What_is_no_session_is_not_ended(string body, string fault) =>
        Assert.Equal([fault], (await _server.WithoutEffectAsync(() => _server.PostAsync("/user_management/sessions/revoke", body))).Is(422).Faults);
}
