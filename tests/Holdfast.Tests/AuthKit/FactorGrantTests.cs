using Holdfast.Tests.MultiFactor;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.AuthKit;

/// <summary>Between the first factor and the session: who is asked for a second one, what answers it, and what does not (OAUTH-061, OAUTH-064).</summary>
public sealed class FactorGrantTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task Who_has_a_factor_shows_it_after_the_password_and_after_a_mailed_code()
    {
        var person = await Person.MakeAsync(_server);
        (await person.AskAsync()).Is(200);
        var app = await person.EnrollAsync();

        var asked = (await person.AskAsync()).Is(403, "mfa_challenge");
        Assert.Equal(person.UserId, asked.Json.GetProperty("user").GetProperty("id").GetString());
        var factor = Assert.Single(asked.Json.GetProperty("authentication_factors").EnumerateArray());
        Assert.Equal((app.FactorId, "totp"), (factor.GetProperty("id").GetString(), factor.GetProperty("type").GetString()));
        Assert.False(asked.Json.TryGetProperty("access_token", out _));
        (await person.ShowAsync(asked, app.Wrong())).Is(400, "invalid_one_time_code");
        var session = new SignedIn(_server, (await person.ShowAsync(asked, app.Code())).Is(200));
        Assert.Equal((person.UserId, "Password"), (session.UserId, session.Answer["authentication_method"]));
        (await session.RefreshAsync()).Is(200);
        Assert.Equal(1, _server.Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM events WHERE event = 'authentication.mfa_succeeded' AND data LIKE @like", new { like = $"%{person.UserId}%" })));

        _server.Clock.Advance(TimeSpan.FromSeconds(30));
        var byMail = (await SignedIn.AskAsync(_server, SignedIn.MagicGrant, ("email", person.Email), ("code", (await SignedIn.MailCodeAsync(_server, person.Email)).Code))).Is(403, "mfa_challenge");
        // The way of the description: the application makes the challenge.
        Assert.Equal("MagicAuth", (await person.ShowAsync(byMail, app.Code(), await app.ChallengeAsync())).Is(200)["authentication_method"]);
    }

    [Fact] // OAUTH-036
    public async Task The_pending_token_and_the_challenge_are_good_once_and_for_nothing_else_OAUTH_064()
    {
        var (person, other) = (await Person.MakeAsync(_server), await Person.MakeAsync(_server));
        var (app, theirs) = (await person.EnrollAsync(), await other.EnrollAsync());
        var organization = await person.JoinAsync();
        var asked = (await person.AskAsync()).Is(403, "mfa_challenge");
        var token = asked["pending_authentication_token"];

        // The step is not left out, by any other grant.
        (await SignedIn.AskAsync(_server, Person.OrganizationGrant, ("pending_authentication_token", token), ("organization_id", organization))).Is(400, "invalid_pending_authentication_token");
        (await SignedIn.AskAsync(_server, "urn:workos:oauth:grant-type:email-verification:code", ("pending_authentication_token", token), ("code", app.Code()))).Is(400, "invalid_pending_authentication_token");
        (await SignedIn.AskAsync(_server, "refresh_token", ("refresh_token", token))).IsOAuth("invalid_grant");
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", token))).IsOAuth("invalid_grant");
        // Nor by another's factor, or one that was enrolled since.
        (await person.ShowAsync(asked, theirs.Code(), await theirs.ChallengeAsync())).Is(400, "invalid_one_time_code");
        (await person.ShowAsync(asked, theirs.Code())).Is(400, "invalid_one_time_code");
        var since = await person.EnrollAsync();
        (await person.ShowAsync(asked, since.Code(), await since.ChallengeAsync())).Is(400, "invalid_one_time_code");
        Assert.Equal(0, (await _server.GetAsync($"/user_management/users/{person.UserId}/sessions")).Is(200).Json.GetProperty("data").GetArrayLength());

        var session = new SignedIn(_server, (await person.ShowAsync(asked, app.Code())).Is(200));
        Assert.Equal(organization, session.Claim("org_id"));
        (await person.ShowAsync(asked, app.Code(1))).Is(400, "invalid_pending_authentication_token");
        (await person.ShowAsync(asked, app.Code(1), await app.ChallengeAsync())).Is(400, "invalid_pending_authentication_token");

        // A code that let somebody in lets nobody else in.
        var again = (await person.AskAsync()).Is(403);
        (await person.ShowAsync(again, app.Code(), await app.ChallengeAsync())).Is(400, "one_time_code_previously_used");
        _server.Clock.Advance(TimeSpan.FromMinutes(10));
        (await person.ShowAsync(again, app.Code())).Is(400, "invalid_pending_authentication_token");
    }

    [Fact]
    public async Task What_is_missing_or_another_kind_of_token_is_refused()
    {
        var person = await Person.MakeAsync(_server);
        var app = await person.EnrollAsync();
        var asked = (await person.AskAsync()).Is(403);
        foreach (var missing in new[] { "pending_authentication_token", "code", "authentication_challenge_id" })
        {
            var given = new[] { ("pending_authentication_token", asked["pending_authentication_token"]), ("code", app.Code()), ("authentication_challenge_id", "auth_challenge_x") };
            (await SignedIn.AskAsync(_server, Person.FactorGrant, [.. given.Where(g => g.Item1 != missing)])).IsOAuth("invalid_request");
        }
        (await SignedIn.AskAsync(_server, Person.FactorGrant, ("pending_authentication_token", "x"), ("code", "000000"), ("authentication_challenge_id", "x"))).Is(400, "invalid_pending_authentication_token");
        (await person.ShowAsync(asked, app.Code(), "auth_challenge_nobody")).Is(400, "invalid_one_time_code");
        (await SignedIn.AskAsync(_server, Person.FactorGrant, ("pending_authentication_token", asked["pending_authentication_token"]), ("code", app.Code()), ("authentication_challenge_id", "x"), ("client_secret", "")))
            .IsOAuth("invalid_client");
        // Of another environment it is nobody's.
        (await _server.SendAsync("POST", "/user_management/authenticate", null, new
        {
            grant_type = Person.FactorGrant, client_id = _server.B.ClientId, client_secret = _server.B.ApiKey, pending_authentication_token = asked["pending_authentication_token"], code = app.Code(),
            authentication_challenge_id = asked.Json.GetProperty("authentication_challenge").GetProperty("id").GetString(),
        })).Is(400, "invalid_pending_authentication_token");
        (await person.ShowAsync(asked, app.Code())).Is(200);
    }

    [Fact]
    public async Task A_repeat_of_the_same_request_is_one_sign_in()
    {
        var person = await Person.MakeAsync(_server);
        var app = await person.EnrollAsync();
        var asked = (await person.AskAsync()).Is(403);
        Task<Answer> SendAsync(string key) => _server.SendAsync("POST", "/user_management/authenticate", null, new
        {
            grant_type = Person.FactorGrant, client_id = _server.A.ClientId, client_secret = _server.A.ApiKey, pending_authentication_token = asked["pending_authentication_token"], code = app.Code(),
            authentication_challenge_id = asked.Json.GetProperty("authentication_challenge").GetProperty("id").GetString(),
        }, ("Idempotency-Key", key));

        var (first, again) = (new SignedIn(_server, (await SendAsync("one")).Is(200)), new SignedIn(_server, (await SendAsync("one")).Is(200)));

        Assert.Equal(first.SessionId, again.SessionId);
        (await SendAsync("another")).Is(400, "invalid_pending_authentication_token");
        var (late, twenty) = ((await person.AskAsync()).Is(403), 20);
        _server.Clock.Advance(TimeSpan.FromSeconds(30));
        var answers = await Task.WhenAll(Enumerable.Range(0, twenty).Select(_ => person.ShowAsync(late, app.Code())));
        Assert.Single(answers, a => a.Status == 200);
    }

    [Fact]
    public async Task Guesses_are_bounded_and_a_new_sign_in_does_not_begin_the_count_anew_OAUTH_061()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));
        var person = await Person.MakeAsync(server);
        var app = await person.EnrollAsync();
        var asked = (await person.AskAsync()).Is(403);
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => person.ShowAsync(asked, app.Wrong())));
        Assert.Equal(5, answers.Count(a => a["code"] == "invalid_one_time_code"));
        Assert.Equal(5, answers.Count(a => a["code"] == "one_time_code_too_many_attempts"));
        (await person.ShowAsync(asked, app.Code())).Is(400, "one_time_code_too_many_attempts");
        for (var i = 0; i < 3; i++)
        {
            asked = (await person.AskAsync()).Is(403);
            for (var n = 0; n < 5; n++)
            {
                await person.ShowAsync(asked, app.Wrong(), n < 3 ? null : await app.ChallengeAsync());
            }
        }
        asked = (await person.AskAsync()).Is(403);
        (await person.ShowAsync(asked, app.Code())).Is(400, "one_time_code_too_many_attempts");
        // The owner is not locked out for ever.
        server.Clock.Advance(TimeSpan.FromHours(1));
        (await person.ShowAsync((await person.AskAsync()).Is(403), app.Code())).Is(200);
    }

    [Fact]
    public async Task Where_a_factor_is_required_whoever_has_none_gets_one_first()
    {
        await using var server = await HoldfastServer.StartAsync();
        var person = await Person.MakeAsync(server);
        (await server.PutAsync("/sign_in_policy", new { mfa = "required" })).Is(200);

        var asked = (await person.AskAsync()).Is(403, "mfa_enrollment");
        Assert.Equal(person.UserId, asked.Json.GetProperty("user").GetProperty("id").GetString());
        (await person.ShowAsync(asked, "000000", "auth_challenge_nobody")).Is(400, "invalid_one_time_code");
        var (app, challenge) = await App.EnrollWithChallengeAsync(server, person.UserId);
        (await person.ShowAsync(asked, app.Wrong(), challenge)).Is(400, "invalid_one_time_code");
        var session = new SignedIn(server, (await person.ShowAsync(asked, app.Code(), challenge)).Is(200));
        (await session.RefreshAsync()).Is(200);

        server.Clock.Advance(TimeSpan.FromSeconds(30));
        (await person.ShowAsync((await person.AskAsync()).Is(403, "mfa_challenge"), app.Code())).Is(200);
        // Off: nobody is asked to enroll, but what somebody set up to be safe is not switched off for them.
        (await server.PutAsync("/sign_in_policy", new { mfa = "off" })).Is(200);
        (await person.AskAsync()).Is(403, "mfa_challenge");
        (await (await Person.MakeAsync(server)).AskAsync()).Is(200);
    }

    [Fact]
    public async Task An_organization_may_ask_for_one_and_switching_to_it_does_too_OAUTH_029()
    {
        var person = await Person.MakeAsync(_server);
        var (strict, lax) = (await person.JoinAsync(), await person.JoinAsync());
        (await _server.PutAsync($"/organizations/{strict}/sign_in_policy", new { mfa = "required" })).Is(200);
        Task<Answer> ChooseAsync(Answer asked, string organization) =>
            SignedIn.AskAsync(_server, Person.OrganizationGrant, ("pending_authentication_token", asked["pending_authentication_token"]), ("organization_id", organization));

        var without = new SignedIn(_server, (await ChooseAsync((await person.AskAsync()).Is(403, "organization_selection_required"), lax)).Is(200));
        (await without.RefreshAsync(organizationId: strict)).IsOAuth("mfa_enrollment");
        (await without.RefreshAsync(organizationId: lax)).Is(200);

        var enrolling = (await ChooseAsync((await person.AskAsync()).Is(403), strict)).Is(403, "mfa_enrollment");
        var (app, challenge) = await App.EnrollWithChallengeAsync(_server, person.UserId);
        var with = new SignedIn(_server, (await person.ShowAsync(enrolling, app.Code(), challenge)).Is(200));
        Assert.Equal(strict, with.Claim("org_id"));
        Assert.Equal(strict, new SignedIn(_server, (await new SignedIn(_server, (await with.RefreshAsync(organizationId: lax)).Is(200)).RefreshAsync(organizationId: strict)).Is(200)).Claim("org_id"));

        // Whoever has one shows it before they are told of their organizations; and then chooses.
        _server.Clock.Advance(TimeSpan.FromSeconds(30));
        var choice = (await person.ShowAsync((await person.AskAsync()).Is(403, "mfa_challenge"), app.Code())).Is(403, "organization_selection_required");
        (await SignedIn.AskAsync(_server, Person.FactorGrant, ("pending_authentication_token", choice["pending_authentication_token"]), ("code", app.Code(1)), ("authentication_challenge_id", await app.ChallengeAsync())))
            .Is(400, "invalid_pending_authentication_token");
        Assert.Equal(strict, new SignedIn(_server, (await ChooseAsync(choice, strict)).Is(200)).Claim("org_id"));
    }

    [Fact]
    public async Task Who_has_one_and_has_not_shown_it_shows_it_before_they_switch()
    {
        var person = await Person.MakeAsync(_server);
        var (one, other) = (await person.JoinAsync(), await person.JoinAsync());
        var session = new SignedIn(_server, (await SignedIn.AskAsync(_server, Person.OrganizationGrant,
            ("pending_authentication_token", (await person.AskAsync()).Is(403, "organization_selection_required")["pending_authentication_token"]), ("organization_id", one))).Is(200));
        await person.EnrollAsync();

        (await session.RefreshAsync(organizationId: other)).IsOAuth("mfa_enrollment");
        Assert.Equal(one, new SignedIn(_server, (await session.RefreshAsync()).Is(200)).Claim("org_id"));
    }

    [Fact]
    public async Task Who_has_the_password_and_no_code_is_told_of_once_and_who_has_not_even_that_is_not()
    {
        var person = await Person.MakeAsync(_server);
        var app = await person.EnrollAsync();
        List<System.Text.Json.JsonElement> Told() => _server.Storage.Database.Read(view => view.Query<string>(
            "SELECT data FROM events WHERE event LIKE 'authentication.%_failed' AND data LIKE @like", new { like = $"%{person.UserId}%" })).ConvertAll(d => System.Text.Json.JsonDocument.Parse(d).RootElement);
        (await SignedIn.AskAsync(_server, "password", ("email", person.Email), ("password", "not " + Person.Password))).Is(400);
        Assert.Empty(Told());

        var asked = (await person.AskAsync()).Is(403, "mfa_challenge");
        (await person.ShowAsync(asked, app.Wrong())).Is(400, "invalid_one_time_code");
        (await person.ShowAsync(asked, app.Wrong())).Is(400, "invalid_one_time_code");

        var told = Assert.Single(Told());
        Assert.Equal(("mfa", "failed", person.Email, "mfa_challenge_failed"), (told.GetProperty("type").GetString(), told.GetProperty("status").GetString(), told.GetProperty("email").GetString(),
            told.GetProperty("error").GetProperty("code").GetString()));
        (await person.ShowAsync(asked, app.Code())).Is(200);
        Assert.Single(Told());
    }

    /// <summary>Of a provider that knows of no organization, as those of people at large.</summary>
    [Fact]
    public async Task The_rule_of_the_only_organization_counts_before_it_is_chosen()
    {
        var person = await Person.MakeAsync(_server);
        await person.EnrollAsync();
        var organization = await person.JoinAsync();
        var (begin, acts) = (_server.Services.GetRequiredService<Holdfast.AuthKit.BeginSession>(), _server.Services.GetRequiredService<Holdfast.Users.Acts>());
        Holdfast.AuthKit.BeginSession.Outcome Outcome() => _server.Storage.Database.Read(view =>
            begin.Decide(view, acts.Of(_server.A.Id), Holdfast.Users.Rule.Grant(new Holdfast.Users.SignedIn(person.UserId)), "GoogleOAuth").Answer);
        Assert.Equal(organization, Outcome().Session?.OrganizationId);

        (await _server.PutAsync($"/organizations/{organization}/sign_in_policy", new { mfa_after_sso = true })).Is(200);

        Assert.Equal((true, organization), (Outcome().Asked is not null, Outcome().Asked?.Who.OrganizationId));
    }

    [Fact]
    public async Task An_identity_provider_is_trusted_to_have_asked_unless_the_policy_says_otherwise()
    {
        var connection = await _server.SamlConnectionAsync();
        var first = await SignedIn.BySsoAsync(connection, "ada@acme.test");
        var app = await App.EnrollAsync(_server, first.UserId);

        Assert.Equal(first.UserId, (await SignedIn.BySsoAsync(connection, "ada@acme.test")).UserId);
        (await _server.PutAsync($"/organizations/{connection.OrganizationId}/sign_in_policy", new { mfa = "required" })).Is(200);
        await SignedIn.BySsoAsync(connection, "ada@acme.test");
        (await _server.PutAsync($"/organizations/{connection.OrganizationId}/sign_in_policy", new { mfa_after_sso = true })).Is(200);
        var asked = (await SignedIn.AskAsync(_server, "authorization_code", ("code", await connection.SignInAsync("ada@acme.test")))).Is(403, "mfa_challenge");
        var session = new SignedIn(_server, (await SignedIn.AskAsync(_server, Person.FactorGrant, ("pending_authentication_token", asked["pending_authentication_token"]), ("code", app.Code()),
            ("authentication_challenge_id", await app.ChallengeAsync()))).Is(200));
        Assert.Equal(("SSO", connection.OrganizationId), (session.Answer["authentication_method"], session.Claim("org_id")));
        (await SignedIn.AskAsync(_server, "authorization_code", ("code", await connection.SignInAsync("grace@acme.test")))).Is(403, "mfa_enrollment");
    }

    [Fact]
    public async Task Who_was_to_get_a_factor_and_has_one_by_now_gets_no_other_in_its_place()
    {
        await using var server = await HoldfastServer.StartAsync();
        var person = await Person.MakeAsync(server);
        (await server.PutAsync("/sign_in_policy", new { mfa = "required" })).Is(200);
        var (late, asked) = ((await person.AskAsync()).Is(403, "mfa_enrollment"), (await person.AskAsync()).Is(403, "mfa_enrollment"));
        var (app, challenge) = await App.EnrollWithChallengeAsync(server, person.UserId);
        (await person.ShowAsync(asked, app.Code(), challenge)).Is(200);

        var (second, its) = await App.EnrollWithChallengeAsync(server, person.UserId);
        (await person.ShowAsync(late, second.Code(), its)).Is(400, "invalid_pending_authentication_token");
    }

    [Fact]
    public async Task Taking_a_factor_away_ends_the_sessions_that_it_was_shown_for_OAUTH_057()
    {
        var person = await Person.MakeAsync(_server);
        var before = new SignedIn(_server, (await person.AskAsync()).Is(200));
        var (lost, kept) = (await person.EnrollAsync(), await person.EnrollAsync());
        async Task<SignedIn> WithAsync(App app) => new(_server, (await person.ShowAsync((await person.AskAsync()).Is(403), app.Code(), await app.ChallengeAsync())).Is(200));
        var (byLost, byKept) = (await WithAsync(lost), await WithAsync(kept));
        var asked = (await person.AskAsync()).Is(403);
        _server.Clock.Advance(TimeSpan.FromSeconds(30));

        (await _server.DeleteAsync($"/auth/factors/{lost.FactorId}")).Is(204);

        (await byLost.RefreshAsync()).IsOAuth("invalid_grant");
        (await byKept.RefreshAsync()).Is(200);
        (await before.RefreshAsync()).Is(200);
        (await person.ShowAsync(asked, lost.Code(), asked.Json.GetProperty("authentication_challenge").GetProperty("id").GetString())).Is(400, "invalid_one_time_code");
        (await person.ShowAsync(asked, kept.Code(), await kept.ChallengeAsync())).Is(200);
    }

    [Fact]
    public async Task An_administrator_takes_all_away_and_the_user_begins_anew()
    {
        var person = await Person.MakeAsync(_server);
        var app = await person.EnrollAsync();
        var codes = await CodesAsync(person);
        var session = new SignedIn(_server, (await person.ShowAsync((await person.AskAsync()).Is(403), app.Code())).Is(200));
        var asked = (await person.AskAsync()).Is(403);

        (await _server.DeleteAsync($"/user_management/users/{person.UserId}/auth_factors")).Is(204);

        (await session.RefreshAsync()).IsOAuth("invalid_grant");
        (await person.ShowAsync(asked, codes[0])).Is(400, "invalid_one_time_code");
        (await person.AskAsync()).Is(200);
        Assert.Empty((await _server.GetAsync($"/user_management/users/{person.UserId}/auth_factors")).Is(200).Ids);
        (await _server.DeleteAsync("/user_management/users/user_nobody/auth_factors")).Is(404, "entity_not_found");
    }

    [Fact]
    public async Task A_recovery_code_stands_in_for_the_app_once()
    {
        var person = await Person.MakeAsync(_server);
        var app = await person.EnrollAsync();
        var codes = await CodesAsync(person);
        Assert.Equal((10, 10), (codes.Count, codes.Distinct().Count()));
        Assert.All(codes, c => Assert.Matches("^[a-z2-7]{5}-[a-z2-7]{5}$", c));
        Assert.All(codes, c => Assert.DoesNotContain(c.Replace("-", "", StringComparison.Ordinal), _server.Everything(), StringComparison.OrdinalIgnoreCase));
        async Task<Answer> UseAsync(string code) => await person.ShowAsync((await person.AskAsync()).Is(403, "mfa_challenge"), code);

        var session = new SignedIn(_server, (await UseAsync(codes[3].ToUpperInvariant().Replace("-", " ", StringComparison.Ordinal))).Is(200));
        (await UseAsync(codes[3])).Is(400, "one_time_code_previously_used");
        (await UseAsync("aaaaa-aaaaa")).Is(400, "invalid_one_time_code");
        var other = await Person.MakeAsync(_server);
        await other.EnrollAsync();
        (await other.ShowAsync((await other.AskAsync()).Is(403), codes[4])).Is(400, "invalid_one_time_code");
        var asked = (await person.AskAsync()).Is(403);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => await person.ShowAsync((await person.AskAsync()).Is(403), codes[5])));
        Assert.Single(answers, a => a.Status == 200);

        // New ones take the place of the old; whoever is in stays in.
        var fresh = await CodesAsync(person);
        (await UseAsync(codes[0])).Is(400, "invalid_one_time_code");
        (await UseAsync(fresh[0])).Is(200);
        (await person.ShowAsync(asked, app.Code())).Is(200);
        (await session.RefreshAsync()).Is(200);
        Assert.Equal(["entity_not_found"], [(await _server.PostAsync("/user_management/users/user_nobody/recovery_codes", new { })).Is(404)["code"]]);
    }

    private static async Task<List<string>> CodesAsync(Person person) =>
        [.. (await person.Server.PostAsync($"/user_management/users/{person.UserId}/recovery_codes", new { })).Is(201).Json.GetProperty("codes").EnumerateArray().Select(c => c.GetString()!)];
}
