namespace Holdfast.Tests.AuthKit;

/// <summary>One exchange, sent again because its answer was lost: the same session. And what a session needs to go on, and what ends it.</summary>
public sealed class RepeatTests(Shared shared) : IClassFixture<Shared>
{
    private const string Password = "correct horse battery staple";

    private readonly HoldfastServer _server = shared.Server;

    private static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    private Task<Answer> AskAsync(string key, string grant, params (string Name, string Value)[] more) => _server.SendAsync("POST", "/user_management/authenticate", null,
        more.Append(("grant_type", grant)).Append(("client_id", _server.A.ClientId)).Append(("client_secret", _server.A.ApiKey)).ToDictionary(p => p.Item1, p => p.Item2), ("Idempotency-Key", key));

    [Theory]
    [InlineData("magic")]
    [InlineData("password")]
    [InlineData("sso")]
    public async Task A_repeated_exchange_is_answered_with_the_session_that_it_began(string how)
    {
        var (email, key) = (Somebody(), SamlProvider.Unique());
        (await _server.PostAsync("/user_management/users", new { email, email_verified = true, password = Password })).Is(201);
        var code = how == "magic" ? (await SignedIn.MailCodeAsync(_server, email)).Code : how == "sso" ? await (await _server.SamlConnectionAsync()).SignInAsync(email) : "";
        Task<Answer> OnceAsync() => how switch
        {
            "magic" => AskAsync(key, SignedIn.MagicGrant, ("email", email), ("code", code)),
            "sso" => AskAsync(key, "authorization_code", ("code", code)),
            _ => AskAsync(key, "password", ("email", email), ("password", Password)),
        };

        var all = new List<Answer> { await OnceAsync() };
        all.AddRange(await Task.WhenAll(OnceAsync(), OnceAsync(), OnceAsync()));
        _server.Clock.Advance(TimeSpan.FromSeconds(30));
        all.Add(await OnceAsync());

        var sessions = all.ConvertAll(answer => new SignedIn(_server, answer.Is(200)));
        Assert.Single(sessions.Select(s => s.SessionId).Distinct());
        Assert.Single(sessions.Select(s => s.RefreshToken).Distinct());
        var listed = (await _server.GetAsync($"/user_management/users/{sessions[0].UserId}/sessions")).Is(200);
        Assert.Equal([sessions[0].SessionId], listed.Ids);
        // One that went on meanwhile is answered with the token that it has now.
        var next = new SignedIn(_server, (await sessions[0].RefreshAsync()).Is(200));
        _server.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(next.RefreshToken, new SignedIn(_server, (await OnceAsync()).Is(200)).RefreshToken);
        (await next.RefreshAsync()).Is(200);
        // And one that has ended stays so.
        (await _server.PostAsync("/user_management/sessions/revoke", new { session_id = next.SessionId })).Is(200);
        (await OnceAsync()).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task Another_key_or_another_body_is_another_exchange()
    {
        var email = Somebody();
        (await _server.PostAsync("/user_management/users", new { email, email_verified = true, password = Password })).Is(201);
        var key = SamlProvider.Unique();
        var first = new SignedIn(_server, (await AskAsync(key, "password", ("email", email), ("password", Password))).Is(200));

        var otherKey = new SignedIn(_server, (await AskAsync(key + "x", "password", ("email", email), ("password", Password))).Is(200));
        var otherBody = new SignedIn(_server, (await AskAsync(key, "password", ("email", email), ("password", Password), ("user_agent", "another"))).Is(200));
        (await AskAsync(key, "password", ("email", email), ("password", Password + "!"))).Is(400, "invalid_credentials");

        Assert.Equal(3, new[] { first.SessionId, otherKey.SessionId, otherBody.SessionId }.Distinct().Count());
    }

    [Fact] // OAUTH-018
    public async Task A_session_that_began_with_the_secret_goes_on_with_it_alone()
    {
        var session = await SignedIn.ByMagicCodeAsync(_server, Somebody());

        (await SignedIn.AskAsync(_server, "refresh_token", ("refresh_token", session.RefreshToken), ("client_secret", null))).IsOAuth("invalid_client");

        var next = new SignedIn(_server, (await session.RefreshAsync()).Is(200));
        (await SignedIn.AskAsync(_server, "refresh_token", ("refresh_token", next.RefreshToken), ("client_secret", null))).IsOAuth("invalid_client");
        (await next.RefreshAsync()).Is(200);
    }

    [Fact]
    public async Task A_session_that_began_without_a_secret_goes_on_without_one()
    {
        var email = Somebody();
        await Pages.HostedSignInTests.UserAsync(_server, email);
        const string Verifier = "a-verifier-of-forty-three-characters-or-more-0";
        var challenge = Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Encode(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(Verifier)));
        var person = await new Pages.Person(_server).StartAsync(("code_challenge", challenge), ("code_challenge_method", "S256"));
        await person.SignInAsync(email);
        var session = new SignedIn(_server, (await person.RedeemAsync(("client_secret", null), ("code_verifier", Verifier))).Is(200));

        var next = new SignedIn(_server, (await SignedIn.AskAsync(_server, "refresh_token", ("refresh_token", session.RefreshToken), ("client_secret", null))).Is(200));

        (await next.RefreshAsync()).Is(200);
    }

    [Fact]
    public async Task A_made_up_id_names_no_environment_and_a_link_with_it_writes_nothing()
    {
        var real = (await SignedIn.ByMagicCodeAsync(_server, Somebody())).SessionId;
        foreach (var id in new[] { real[..^1] + (real[^1] == '0' ? '1' : '0'), "session_" + new string('7', 26), "session_" + new string('0', 26), "session_zzzzzzzzzzzzzzzzzzzzzzzzzz" })
        {
            (await _server.WithoutEffectAsync(() => _server.SendAsync("GET", $"/user_management/sessions/logout?session_id={id}", null))).Is(404, "session_not_found");
        }
    }
}
