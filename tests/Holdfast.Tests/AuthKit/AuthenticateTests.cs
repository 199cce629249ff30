using Holdfast.Environments;
using Holdfast.Storage.Rows;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Tests.AuthKit;

/// <summary>Grants: who gets a session by them, and what it says.</summary>
public sealed class AuthenticateTests(AuthenticateTests.Made made) : IClassFixture<AuthenticateTests.Made>
{
    private readonly HoldfastServer _server = made.Server;

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

    private static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    [Fact] // OAUTH-033
    public async Task A_code_of_single_sign_on_begins_a_session_in_that_organization()
    {
        var session = await SignedIn.BySsoAsync(made.Connection, Somebody());

        Assert.Equal("SSO", session.Answer["authentication_method"]);
        Assert.Equal(made.Connection.OrganizationId, session.Answer["organization_id"]);
        Assert.Equal((made.Connection.OrganizationId, "member", session.UserId), (session.Claim("org_id"), session.Claim("role"), session.Claim("sub")));
        Assert.True(session.Answer.Headers.CacheControl!.NoStore);
    }

    [Theory]
    [InlineData("connection_id")]
    [InlineData("organization_id")]
    public async Task A_sign_in_that_begins_at_authkit_ends_in_a_session(string selector)
    {
        var chosen = selector == "connection_id" ? made.Connection.Id : made.Connection.OrganizationId;
        var browser = new Browser(_server);
        var path = $"/user_management/authorize?client_id={_server.A.ClientId}&redirect_uri={Uri.EscapeDataString(HoldfastServer.Callback)}&response_type=code&state=s&{selector}={chosen}";
        var begun = SamlConnection.Read(browser, (await browser.GetAsync(path)).Is(302));

        var landed = (await made.Connection.FinishAsync(begun, Somebody())).Is(302);

        Assert.Equal("s", landed.Sent("state"));
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", landed.Sent("code")))).Is(200);
    }

    [Fact] // OAUTH-013
    public async Task A_code_is_good_for_a_session_or_a_profile_and_once()
    {
        var code = await made.Connection.SignInAsync();
        (await made.Connection.RedeemAsync(code)).Is(200);

        (await SignedIn.AskAsync(_server, "authorization_code", ("code", code))).IsOAuth("invalid_grant");
        var other = await made.Connection.SignInAsync();
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", other))).Is(200);
        (await made.Connection.RedeemAsync(other)).IsOAuth("invalid_grant");
    }

    [Theory]
    [InlineData("/user_management/authenticate")]
    [InlineData("/sso/token")]
    public async Task A_code_that_is_shown_again_ends_the_session_that_it_began_OAUTH_011(string where)
    {
        var (shownAgain, other) = (await made.Connection.SignInAsync(), await made.Connection.SignInAsync());
        var first = new SignedIn(_server, (await SignedIn.AskAsync(_server, "authorization_code", ("code", shownAgain))).Is(200));
        var untouched = new SignedIn(_server, (await SignedIn.AskAsync(_server, "authorization_code", ("code", other))).Is(200));
        var went = new SignedIn(_server, (await first.RefreshAsync()).Is(200));

        (where == "/sso/token" ? await made.Connection.RedeemAsync(shownAgain) : await SignedIn.AskAsync(_server, "authorization_code", ("code", shownAgain))).IsOAuth("invalid_grant");

        (await went.RefreshAsync()).IsOAuth("invalid_grant");
        (await untouched.RefreshAsync()).Is(200);
    }

    [Fact] // OAUTH-014
    public async Task A_public_client_brings_the_verifier_of_its_code()
    {
        var verifier = new string('v', 43);
        (string, string?)[] challenge = [("code_challenge", Protocols.OpenIdConnect.Pkce.Challenge(verifier)), ("code_challenge_method", "S256")];

        (await SignedIn.AskAsync(_server, "authorization_code", ("code", await made.Connection.SignInAsync(parameters: challenge)), ("client_secret", ""), ("code_verifier", verifier))).Is(200);
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", await made.Connection.SignInAsync(parameters: challenge)), ("client_secret", ""), ("code_verifier", new string('w', 43))))
            .IsOAuth("invalid_grant");
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", await made.Connection.SignInAsync(parameters: challenge)), ("client_secret", ""))).IsOAuth("invalid_client");
        (await SignedIn.AskAsync(_server, SignedIn.MagicGrant, ("email", "ada@acme.test"), ("code", "123456"), ("client_secret", ""))).IsOAuth("invalid_client");
    }

    /// <summary>OAUTH-015, OAUTH-016: the secret stands in for no verifier, and a verifier whose challenge was taken out on the way finds none.</summary>
    [Theory]
    [InlineData(true, null, false)]
    [InlineData(true, "", false)]
    [InlineData(true, "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww", false)]
    [InlineData(true, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", false)]
    [InlineData(false, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", false)]
    [InlineData(true, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", true)]
    [InlineData(false, null, true)]
    public async Task Beside_the_secret_a_challenge_needs_its_verifier_and_a_verifier_its_challenge(bool hasChallenge, string? verifier, bool isGood)
    {
        var right = new string('v', 43);
        (string, string?)[] challenge = hasChallenge ? [("code_challenge", Protocols.OpenIdConnect.Pkce.Challenge(right)), ("code_challenge_method", "S256")] : [];
        var code = await made.Connection.SignInAsync(Somebody(), challenge);

        var answer = await SignedIn.AskAsync(_server, "authorization_code", ("code", code), ("code_verifier", verifier));

        if (isGood)
        {
            answer.Is(200);
            return;
        }
        answer.IsOAuth("invalid_grant");
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", code), ("code_verifier", hasChallenge ? right : null))).IsOAuth("invalid_grant");   // it is dead
    }

    [Fact] // OAUTH-033
    public async Task The_access_token_is_signed_by_a_published_key_and_lives_five_minutes()
    {
        var session = await SignedIn.ByMagicCodeAsync(_server, Somebody());
        var keys = new JsonWebKeySet((await _server.SendAsync("GET", $"/sso/jwks/{_server.A.ClientId}", null)).Is(200).Text);

        var result = await new JsonWebTokenHandler().ValidateTokenAsync(session.AccessToken, new TokenValidationParameters
        {
            ValidIssuer = _server.PublicUrl, ValidAudience = _server.A.ClientId, IssuerSigningKeys = keys.GetSigningKeys(), ValidAlgorithms = ["RS256"], ValidateLifetime = false,
        });

        Assert.True(result.IsValid, result.Exception?.Message);
        Assert.Equal(TimeSpan.FromMinutes(5), session.Token.ValidTo - session.Token.IssuedAt);
        Assert.Equal(_server.Clock.GetUtcNow().UtcDateTime, session.Token.IssuedAt);
        Assert.Equal((_server.A.ClientId, "JWT"), (session.Claim("client_id"), session.Token.Typ));
        Assert.Null(session.Claim("org_id"));
        Assert.False(session.Answer.Json.TryGetProperty("organization_id", out _));
    }

    [Fact]
    public async Task A_signing_key_that_is_denied_signs_no_more_and_the_next_one_does()
    {
        await using var server = await HoldfastServer.StartAsync();
        var before = await SignedIn.ByMagicCodeAsync(server, Somebody());

        await server.Storage.Database.RecordAsync(_ => Decide.To(true,
            Holdfast.Http.Denied.Because("revoked", before.Token.Kid, server.A.Id, "deny_01J00000000000000000000000", server.Clock.GetUtcNow())));

        var after = await SignedIn.ByMagicCodeAsync(server, Somebody());
        var published = (await server.SendAsync("GET", $"/sso/jwks/{server.A.ClientId}", null)).Is(200).Json.GetProperty("keys").EnumerateArray().Select(k => k.GetProperty("kid").GetString());
        Assert.Equal(after.Token.Kid, Assert.Single(published));
        Assert.NotEqual(before.Token.Kid, after.Token.Kid);
    }

    [Fact] // OAUTH-026
    public async Task A_refresh_goes_on_with_the_session_and_its_token_is_good_once()
    {
        var first = await SignedIn.ByMagicCodeAsync(_server, Somebody());
        var next = new SignedIn(_server, (await first.RefreshAsync()).Is(200));

        Assert.Equal((first.SessionId, first.UserId, "MagicAuth"), (next.SessionId, next.UserId, next.Answer["authentication_method"]));
        Assert.Equal(first.Answer.Json.GetProperty("user").ToString(), next.Answer.Json.GetProperty("user").ToString());
        Assert.NotEqual(first.RefreshToken, next.RefreshToken);
        // Its answer was lost: whoever asks again soon gets the same.
        Assert.Equal(next.RefreshToken, (await first.RefreshAsync()).Is(200)["refresh_token"]);
        (await next.RefreshAsync()).Is(200);
    }

    [Fact] // OAUTH-024
    public async Task A_refresh_token_that_is_shown_again_later_ends_the_session()
    {
        await using var server = await HoldfastServer.StartAsync();
        var first = await SignedIn.ByMagicCodeAsync(server, Somebody());
        var next = new SignedIn(server, (await first.RefreshAsync()).Is(200));
        server.Clock.Advance(TimeSpan.FromSeconds(11));

        (await first.RefreshAsync()).IsOAuth("invalid_grant");
        (await next.RefreshAsync()).IsOAuth("invalid_grant");
    }

    /// <summary>OAUTH-028: a thief who refreshes along with the owner, each time inside the grace, is found out when one of them once comes later.</summary>
    [Fact]
    public async Task Two_who_hold_one_session_s_tokens_are_found_out_at_the_first_refresh_that_they_do_not_share()
    {
        await using var server = await HoldfastServer.StartAsync();
        var (owner, alone) = (await SignedIn.ByMagicCodeAsync(server, Somebody()), await SignedIn.ByMagicCodeAsync(server, Somebody()));
        var thief = owner;
        for (var i = 0; i < 3; i++)
        {
            thief = new SignedIn(server, (await thief.RefreshAsync()).Is(200));
            server.Clock.Advance(TimeSpan.FromSeconds(9));
            owner = new SignedIn(server, (await owner.RefreshAsync()).Is(200));
            Assert.Equal(thief.RefreshToken, owner.RefreshToken);   // one successor, however many ask: there is no tree of them
            server.Clock.Advance(TimeSpan.FromMinutes(4));
            alone = new SignedIn(server, (await alone.RefreshAsync()).Is(200));
        }
        thief = new SignedIn(server, (await thief.RefreshAsync()).Is(200));
        server.Clock.Advance(TimeSpan.FromMinutes(4));

        (await owner.RefreshAsync()).IsOAuth("invalid_grant");
        (await thief.RefreshAsync()).IsOAuth("invalid_grant");
        (await alone.RefreshAsync()).Is(200);
    }

    [Fact]
    public async Task Two_hundred_who_refresh_at_once_with_one_token_all_go_on()
    {
        var first = await SignedIn.ByMagicCodeAsync(_server, Somebody());

        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Task.Run(() => first.RefreshAsync())));

        Assert.All(answers, a => a.Is(200));
        Assert.Single(answers.Select(a => a["refresh_token"]).Distinct());
    }

    [Theory] // OAUTH-029
    [InlineData("cut")]
    [InlineData("changed")]
    [InlineData("theirs")]
    [InlineData("garbage")]
    public async Task What_is_no_refresh_token_of_ours_refreshes_nothing(string how)
    {
        var token = (await SignedIn.ByMagicCodeAsync(_server, Somebody())).RefreshToken;
        var shown = how switch
        {
            "cut" => token[..^4],
            "changed" => token[..^6] + (token[^6] == 'A' ? 'B' : 'A') + token[^5..],
            "garbage" => new string('x', 10_000),
            _ => token,
        };

        var answer = await _server.SendAsync("POST", "/user_management/authenticate", null, new
        {
            grant_type = "refresh_token", refresh_token = shown, client_id = how == "theirs" ? _server.B.ClientId : _server.A.ClientId,
        });

        answer.IsOAuth("invalid_grant");
    }

    [Fact] // OAUTH-030
    public async Task A_session_ends_when_it_is_over()
    {
        await using var server = await HoldfastServer.StartAsync();
        var session = await SignedIn.ByMagicCodeAsync(server, Somebody());
        server.Clock.Advance(TimeSpan.FromDays(30) - TimeSpan.FromSeconds(1));
        var last = new SignedIn(server, (await session.RefreshAsync()).Is(200));
        server.Clock.Advance(TimeSpan.FromSeconds(2));

        (await last.RefreshAsync()).IsOAuth("invalid_grant");
    }

    [Fact] // OAUTH-029
    public async Task Who_is_in_several_organizations_chooses_and_switches()
    {
        var (one, two, email) = (await _server.SamlConnectionAsync(), await _server.SamlConnectionAsync(), Somebody());
        var (bare, third) = (await SignedIn.ByMagicCodeAsync(_server, email), await _server.OrganizationAsync());
        await JoinAsync(bare.UserId, one.OrganizationId, two.OrganizationId);

        var choice = (await SignedIn.AskAsync(_server, SignedIn.MagicGrant, ("email", email), ("code", (await SignedIn.MailCodeAsync(_server, email)).Code))).Is(403, "organization_selection_required");
        var pending = choice["pending_authentication_token"];
        Assert.Equal(new[] { one.OrganizationId, two.OrganizationId }.Order(), choice.Json.GetProperty("organizations").EnumerateArray().Select(o => o.GetProperty("id").GetString()!).Order());
        Task<Answer> ChooseAsync(string organization) =>
            SignedIn.AskAsync(_server, "urn:workos:oauth:grant-type:organization-selection", ("pending_authentication_token", pending), ("organization_id", organization));

        (await ChooseAsync(third)).IsOAuth("organization_membership_not_found");
        var session = new SignedIn(_server, (await ChooseAsync(two.OrganizationId)).Is(200));
        Assert.Equal((two.OrganizationId, "MagicAuth"), (session.Claim("org_id"), session.Answer["authentication_method"]));
        (await ChooseAsync(two.OrganizationId)).Is(400, "invalid_pending_authentication_token");

        (await session.RefreshAsync(organizationId: third)).IsOAuth("organization_membership_not_found");
        var switched = new SignedIn(_server, (await session.RefreshAsync(organizationId: one.OrganizationId)).Is(200));
        Assert.Equal((one.OrganizationId, session.SessionId), (switched.Claim("org_id"), switched.SessionId));
        var stays = new SignedIn(_server, (await switched.RefreshAsync()).Is(200));
        Assert.Equal(one.OrganizationId, stays.Claim("org_id"));
        (await _server.DeleteAsync($"/organizations/{two.OrganizationId}")).Is(202);   // where it began, and is no more
        var goesOn = new SignedIn(_server, (await stays.RefreshAsync()).Is(200));
        (await _server.DeleteAsync($"/organizations/{one.OrganizationId}")).Is(202);
        (await goesOn.RefreshAsync()).IsOAuth("invalid_grant");
    }

    /// <summary>OAUTH-029, OAUTH-066: nor is a switch a way around an organization's identity provider, for those whom it is to vouch for.</summary>
    [Fact]
    public async Task Who_signed_in_by_something_else_does_not_switch_into_an_organization_whose_provider_says_who_they_are()
    {
        var domain = $"{SamlProvider.Unique()}.test";
        var (theirs, guest) = (await SignedIn.ByMagicCodeAsync(_server, $"ada@{domain}"), await SignedIn.ByMagicCodeAsync(_server, Somebody()));
        var organization = (await _server.PostAsync("/organizations", new { name = "Late", domain_data = new[] { new { domain, state = "verified" } } })).Is(201)["id"]!;
        await JoinAsync(theirs.UserId, organization);
        await JoinAsync(guest.UserId, organization);
        var before = new SignedIn(_server, (await theirs.RefreshAsync()).Is(200));
        var connection = await _server.SamlConnectionAsync(organization);

        var refused = (await _server.WithoutEffectAsync(() => before.RefreshAsync(organizationId: organization))).IsOAuth("sso_required");

        Assert.Equal([connection.Id], refused.Json.GetProperty("connection_ids").EnumerateArray().Select(id => id.GetString()));
        (await before.RefreshAsync()).Is(200);   // the session goes on where it was
        Assert.Equal(organization, new SignedIn(_server, (await guest.RefreshAsync(organizationId: organization)).Is(200)).Claim("org_id"));
    }

    private Task<bool> JoinAsync(string userId, params string[] organizations)
    {
        var act = new Holdfast.Users.Act(_server.A.Id, _server.Services.GetRequiredService<EnvironmentStore>().IdKey(_server.A.Id), [], "", _server.Clock.GetUtcNow(), []);
        return _server.Storage.Database.RecordAsync(_ => Decide.To(true, [.. organizations.Select(o => Holdfast.Users.Memberships.Set(act, o, userId, present: true))]));
    }

    [Theory]
    [InlineData("{}", "invalid_request")]
    [InlineData("{\"grant_type\":\"refresh_token\"}", "invalid_request")]
    [InlineData("{\"grant_type\":\"nonsense\",\"client_id\":\"CLIENT\",\"client_secret\":\"SECRET\"}", "invalid_request")]
    [InlineData("{\"grant_type\":\"refresh_token\",\"client_id\":\"CLIENT\"}", "invalid_request")]
    [InlineData("{\"grant_type\":\"refresh_token\",\"client_id\":\"client_01J00000000000000000000000\",\"refresh_token\":\"x\"}", "invalid_client")]
    [InlineData("{\"grant_type\":\"refresh_token\",\"client_id\":\"CLIENT\",\"client_secret\":\"sk_live_wrong\",\"refresh_token\":\"x\"}", "invalid_client")]
    [InlineData("{\"grant_type\":\"authorization_code\",\"client_id\":\"CLIENT\",\"client_secret\":\"SECRET\"}", "invalid_request")]
    [InlineData("{\"grant_type\":\"authorization_code\",\"client_id\":\"CLIENT\",\"client_secret\":\"OTHER\",\"code\":\"x\"}", "invalid_client")]
    public async Task What_is_asked_wrongly_is_refused_as_documented(string body, string error)
    {
        var sent = body.Replace("CLIENT", _server.A.ClientId, StringComparison.Ordinal).Replace("SECRET", _server.A.ApiKey, StringComparison.Ordinal).Replace("OTHER", _server.B.ApiKey, StringComparison.Ordinal);
        (await _server.WithoutEffectAsync(() => _server.SendAsync("POST", "/user_management/authenticate", null, sent))).IsOAuth(error);
    }

    [Fact]
    public async Task A_session_of_somebody_with_the_longest_names_goes_on()
    {
        var begun = await made.Connection.BeginAsync();
        var response = made.Connection.Response(begun, Somebody(), i => i with { Attributes = new Dictionary<string, IReadOnlyList<string>> { ["firstName"] = [new string('ł', 254)], ["lastName"] = [new string('ż', 1024)] } });
        var code = (await made.Connection.PostAsync(begun.Browser, response, begun.RelayState)).Is(302).Sent("code");
        var session = new SignedIn(_server, (await SignedIn.AskAsync(_server, "authorization_code", ("code", code))).Is(200));

        var next = (await session.RefreshAsync()).Is(200);

        Assert.Equal(new string('ż', 1024), next.Json.GetProperty("user").GetProperty("last_name").GetString());
    }

    [Fact]
    public async Task A_form_is_as_good_as_json()
    {
        var session = await SignedIn.ByMagicCodeAsync(_server, Somebody());
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["grant_type"] = "refresh_token", ["client_id"] = _server.A.ClientId, ["client_secret"] = _server.A.ApiKey, ["refresh_token"] = session.RefreshToken });
        (await _server.SendAsync("POST", "/user_management/authenticate", null, form)).Is(200);
    }

    [Fact] // OAUTH-025
    public async Task Two_hundred_who_refresh_at_once_with_one_token_are_all_signed_in_and_one_after_the_grace_ends_the_session()
    {
        await using var server = await HoldfastServer.StartAsync();
        var session = await SignedIn.ByMagicCodeAsync(server, "ada@people.test");

        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Task.Run(() => session.RefreshAsync())));

        var tokens = answers.Select(a => a.Is(200)["refresh_token"]).Distinct().ToList();
        var next = new SignedIn(server, answers[0]);
        Assert.Single(tokens);   // all got the one that follows
        Assert.Equal(1, server.Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM session_spends WHERE session_id = @SessionId", new { session.SessionId })));
        next = new SignedIn(server, (await next.RefreshAsync()).Is(200));

        server.Clock.Advance(Holdfast.Users.Session.Grace + TimeSpan.FromMilliseconds(1));
        (await session.RefreshAsync()).IsOAuth("invalid_grant");
        (await next.RefreshAsync()).IsOAuth("invalid_grant");   // somebody else has had it: nobody goes on
        Assert.Equal(1, server.Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM denies WHERE subject = @SessionId AND reason = 'replayed'", new { session.SessionId })));
    }
}
