using Holdfast.Protocols.OneTimePasswords;
using Microsoft.Data.Sqlite;

namespace Holdfast.Tests.MultiFactor;

/// <summary>Factors by API: enrolled, shown, challenged, verified, taken away.</summary>
public sealed class FactorTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    private Task<Answer> VerifyAsync(string challenge, string code, params (string Name, string Value)[] headers) => _server.PostAsync($"/auth/challenges/{challenge}/verify", new { code }, headers);

    private async Task<string> UserAsync(string? email = null) =>
        (await _server.PostAsync("/user_management/users", new { email = email ?? $"{SamlProvider.Unique()}@people.test", email_verified = true })).Is(201)["id"]!;

    [Fact]
    public async Task A_factor_tells_its_secret_once_and_its_app_answers_its_challenges()
    {
        var made = (await _server.PostAsync("/auth/factors/enroll", new { type = "totp", totp_issuer = "Acme", totp_user = "ada@acme.test" })).Is(201);
        var totp = made.Json.GetProperty("totp");
        Assert.Equal(("authentication_factor", "totp", "Acme", "ada@acme.test"), (made["object"], made["type"], totp.GetProperty("issuer").GetString(), totp.GetProperty("user").GetString()));
        Assert.Matches("^auth_factor_[0-9A-Z]{26}$", made["id"]);
        var secret = totp.GetProperty("secret").GetString()!;
        Assert.Equal(20, Base32.Decode(secret)!.Length);
        Assert.Equal($"otpauth://totp/Acme:ada%40acme.test?secret={secret}&issuer=Acme", totp.GetProperty("uri").GetString());
        Assert.StartsWith("data:image/png;base64,iVBORw0KGgo", totp.GetProperty("qr_code").GetString(), StringComparison.Ordinal);
        Assert.False(made.Json.TryGetProperty("user_id", out _));

        var shown = (await _server.GetAsync($"/auth/factors/{made["id"]}")).Is(200);
        Assert.Equal(["issuer", "user"], shown.Json.GetProperty("totp").EnumerateObject().Select(p => p.Name));
        Assert.DoesNotContain(secret, shown.Text, StringComparison.Ordinal);

        var app = new App(_server, made["id"]!, secret);
        var challenge = (await _server.PostAsync($"/auth/factors/{app.FactorId}/challenge", "")).Is(201);
        Assert.Equal(("authentication_challenge", app.FactorId), (challenge["object"], challenge["authentication_factor_id"]));
        Assert.False(challenge.Json.TryGetProperty("code", out _));
        Assert.Equal(_server.Clock.GetUtcNow().AddMinutes(10), challenge.Json.GetProperty("expires_at").GetDateTimeOffset());
        var wrong = (await VerifyAsync(challenge["id"]!, app.Wrong())).Is(201);
        Assert.Equal(("False", challenge["id"]), (wrong["valid"], wrong.Json.GetProperty("challenge").GetProperty("id").GetString()));
        Assert.Equal("True", (await VerifyAsync(challenge["id"]!, app.Code())).Is(201)["valid"]);
        (await VerifyAsync(challenge["id"]!, app.Code(1))).Is(422, "authentication_challenge_already_verified");

        (await _server.DeleteAsync($"/auth/factors/{app.FactorId}")).Is(204);
        (await _server.GetAsync($"/auth/factors/{app.FactorId}")).Is(404, "entity_not_found");
        (await _server.DeleteAsync($"/auth/factors/{app.FactorId}")).Is(404, "entity_not_found");
        (await _server.PostAsync($"/auth/factors/{app.FactorId}/challenge", new { })).Is(404, "entity_not_found");
        (await VerifyAsync(challenge["id"]!, app.Code(1))).Is(404, "entity_not_found");
    }

    [Fact]
    public async Task A_step_is_taken_once_whichever_challenge_asks_for_it_OAUTH_061()
    {
        var app = await App.EnrollAsync(_server);
        var (first, second) = (await app.ChallengeAsync(), await app.ChallengeAsync());

        Assert.Equal("True", (await VerifyAsync(first, app.Code())).Is(201)["valid"]);
        Assert.Equal("False", (await VerifyAsync(second, app.Code())).Is(201)["valid"]);
        _server.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("False", (await VerifyAsync(second, app.Code(-1))).Is(201)["valid"]);
        Assert.Equal("False", (await VerifyAsync(second, app.Code(-2))).Is(201)["valid"]);
        Assert.Equal("True", (await VerifyAsync(second, app.Code())).Is(201)["valid"]);

        var third = await app.ChallengeAsync();
        _server.Clock.Advance(TimeSpan.FromMinutes(10));
        (await VerifyAsync(third, app.Code())).Is(422, "authentication_challenge_expired");
    }

    [Fact]
    public async Task Twenty_at_once_are_one_use()
    {
        var app = await App.EnrollAsync(_server);
        var challenge = await app.ChallengeAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => VerifyAsync(challenge, app.Code())));

        Assert.Single(answers, a => a.Status == 201 && a["valid"] == "True");
    }

    [Fact]
    public async Task A_repeat_of_the_same_request_is_answered_the_same()
    {
        var app = await App.EnrollAsync(_server);
        var key = ("Idempotency-Key", SamlProvider.Unique());
        var challenge = (await _server.PostAsync($"/auth/factors/{app.FactorId}/challenge", new { }, key)).Is(201);
        Assert.Equal(challenge["id"], (await _server.PostAsync($"/auth/factors/{app.FactorId}/challenge", new { }, key)).Is(201)["id"]);

        var first = (await VerifyAsync(challenge["id"]!, app.Code(), key)).Is(201);
        Assert.Equal("True", first["valid"]);
        Assert.Equal(first.Text, (await VerifyAsync(challenge["id"]!, app.Code(), key)).Is(201).Text);
        (await VerifyAsync(challenge["id"]!, app.Code(), ("Idempotency-Key", SamlProvider.Unique()))).Is(422, "authentication_challenge_already_verified");

        var user = await UserAsync();
        var enrolled = (await _server.PostAsync($"/user_management/users/{user}/auth_factors", new { type = "totp" }, key)).Is(201);
        _server.Clock.Advance(TimeSpan.FromSeconds(5));
        var again = (await _server.PostAsync($"/user_management/users/{user}/auth_factors", new { type = "totp" }, key)).Is(201);
        Assert.Equal(enrolled.Text, again.Text);
        Assert.Single((await _server.GetAsync($"/user_management/users/{user}/auth_factors")).Is(200).Ids);
    }

    [Fact]
    public async Task Guesses_are_bounded_by_challenge_and_by_factor_OAUTH_061()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));
        var app = await App.EnrollAsync(server);
        Task<Answer> GuessAsync(string challenge, string code) => server.PostAsync($"/auth/challenges/{challenge}/verify", new { code });

        var first = await app.ChallengeAsync();
        var at_once = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => GuessAsync(first, app.Wrong())));
        Assert.Equal(5, at_once.Count(a => a.Status == 201));
        Assert.All(at_once.Where(a => a.Status != 201), a => a.Is(400, "one_time_code_too_many_attempts"));
        (await GuessAsync(first, app.Code())).Is(400, "one_time_code_too_many_attempts");

        // New challenges in a loop do not help, and the right code comes too late.
        for (var i = 0; i < 3; i++)
        {
            var next = await app.ChallengeAsync();
            for (var n = 0; n < 5; n++)
            {
                await GuessAsync(next, app.Wrong());
            }
        }
        (await GuessAsync(await app.ChallengeAsync(), app.Code())).Is(400, "one_time_code_too_many_attempts");
        server.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal("True", (await GuessAsync(await app.ChallengeAsync(), app.Code())).Is(201)["valid"]);
    }

    [Fact]
    public async Task Right_codes_wear_nothing_out()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));
        var app = await App.EnrollAsync(server);
        for (var i = 0; i < 30; i++)
        {
            Assert.Equal("True", (await server.PostAsync($"/auth/challenges/{await app.ChallengeAsync()}/verify", new { code = app.Code() })).Is(201)["valid"]);
            server.Clock.Advance(TimeSpan.FromSeconds(30));
        }
    }

    [Fact]
    public async Task A_code_that_the_application_delivers_comes_with_the_challenge_and_is_good_for_it_alone()
    {
        var factor = (await _server.PostAsync("/auth/factors/enroll", new { type = "generic_otp" })).Is(201);
        Assert.Equal(("generic_otp", false), (factor["type"], factor.Json.TryGetProperty("totp", out _)));
        async Task<Answer> ChallengeAsync() => (await _server.PostAsync($"/auth/factors/{factor["id"]}/challenge", new { })).Is(201);
        var (first, second) = (await ChallengeAsync(), await ChallengeAsync());
        Assert.Matches("^[0-9]{6}$", first["code"]);

        if (first["code"] != second["code"])
        {
            Assert.Equal("False", (await VerifyAsync(first["id"]!, second["code"]!)).Is(201)["valid"]);
        }
        var right = (await VerifyAsync(first["id"]!, first["code"]!)).Is(201);
        Assert.Equal("True", right["valid"]);
        Assert.False(right.Json.GetProperty("challenge").TryGetProperty("code", out _));
        (await VerifyAsync(first["id"]!, first["code"]!)).Is(422, "authentication_challenge_already_verified");
    }

    [Fact]
    public async Task A_user_s_factors_are_theirs_and_are_listed_in_pages()
    {
        var email = $"{SamlProvider.Unique()}@people.test";
        var user = await UserAsync(email);
        var (app, challenge) = await App.EnrollWithChallengeAsync(_server, user);
        var shown = (await _server.GetAsync($"/auth/factors/{app.FactorId}")).Is(200);
        Assert.Equal((user, "A", email), (shown["user_id"], shown.Json.GetProperty("totp").GetProperty("issuer").GetString(), shown.Json.GetProperty("totp").GetProperty("user").GetString()));
        Assert.Equal("True", (await VerifyAsync(challenge, app.Code())).Is(201)["valid"]);

        _server.Clock.Advance(TimeSpan.FromSeconds(1));
        var brought = (await _server.PostAsync($"/user_management/users/{user}/auth_factors", new { type = "totp", totp_issuer = "Acme", totp_user = "ada", totp_secret = "jbswy3dpehpk3pxp" })).Is(201);
        Assert.Equal("JBSWY3DPEHPK3PXP", brought.Json.GetProperty("authentication_factor").GetProperty("totp").GetProperty("secret").GetString());
        var other = new App(_server, brought.Json.GetProperty("authentication_factor").GetProperty("id").GetString()!, "JBSWY3DPEHPK3PXP");
        _server.Clock.Advance(TimeSpan.FromSeconds(1));
        var third = (await _server.PostAsync("/auth/factors/enroll", new { type = "generic_otp", user_id = user })).Is(201)["id"]!;
        (await _server.PostAsync($"/user_management/users/{user}/recovery_codes", new { })).Is(201);   // which are not shown

        var path = $"/user_management/users/{user}/auth_factors";
        Assert.Equal([third, other.FactorId, app.FactorId], (await _server.GetAsync(path)).Is(200).Ids);
        var page = (await _server.GetAsync(path + "?limit=2&order=asc")).Is(200);
        Assert.Equal([app.FactorId, other.FactorId], page.Ids);
        var last = (await _server.GetAsync($"{path}?limit=2&order=asc&after={page.Cursor("after")}")).Is(200);
        Assert.Equal(third, Assert.Single(last.Ids));
        Assert.Null(last.Cursor("after"));
        Assert.DoesNotContain("secret", last.Text, StringComparison.Ordinal);

        (await _server.DeleteAsync($"/user_management/users/{user}")).Is(200);
        (await _server.GetAsync(path)).Is(404, "entity_not_found");
        (await _server.GetAsync($"/auth/factors/{app.FactorId}")).Is(404, "entity_not_found");
        (await _server.PostAsync($"/auth/factors/{other.FactorId}/challenge", new { })).Is(404, "entity_not_found");
    }

    public static TheoryData<string, string, string[]> Refused => new()
    {
        { "/auth/factors/enroll", "{}", ["type required"] },
        { "/auth/factors/enroll", """{"type":"totp"}""", ["totp_issuer required", "totp_user required"] },
        { "/auth/factors/enroll", """{"type":"totp","totp_issuer":" ","totp_user":"\u0000"}""", ["totp_issuer required", "totp_user invalid_characters"] },
        { "/auth/factors/enroll", """{"type":"webauthn"}""", ["type invalid"] },
        { "/auth/factors/enroll", """{"type":"recovery_codes"}""", ["type invalid"] },
        { "/auth/factors/enroll", """{"type":7}""", ["type invalid_type"] },
        { "/auth/factors/enroll", $$"""{"type":"totp","totp_issuer":"{{new string('x', 129)}}","totp_user":"u"}""", ["totp_issuer too_long"] },
        { "/auth/factors/enroll", $$"""{"type":"totp","totp_issuer":"{{new string('語', 100)}}","totp_user":"u"}""", ["totp_user too_long"] },
        { "/user_management/users/USER/auth_factors", "{}", ["type required"] },
        { "/user_management/users/USER/auth_factors", """{"type":"generic_otp"}""", ["type invalid"] },
        { "/user_management/users/USER/auth_factors", """{"type":"totp","totp_secret":"not base 32!"}""", ["totp_secret invalid"] },
        { "/user_management/users/USER/auth_factors", """{"type":"totp","totp_secret":"MZXW6YTB"}""", ["totp_secret invalid"] },
        { "/user_management/users/USER/auth_factors", $$"""{"type":"totp","totp_secret":"{{new string('A', 200)}}"}""", ["totp_secret invalid"] },
        { "/auth/challenges/auth_challenge_01J00000000000000000000000/verify", "{}", ["code required"] },
        { "/auth/challenges/auth_challenge_01J00000000000000000000000/verify", """{"code":""}""", ["code required"] },
        { "/auth/factors/auth_factor_01J00000000000000000000000/challenge", """{"sms_template":7}""", ["sms_template invalid_type"] },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_is_wrong_is_said_and_changes_nothing(string path, string body, string[] faults)
    {
        var place = path.Replace("USER", await UserAsync(), StringComparison.Ordinal);
        var answer = await _server.WithoutEffectAsync(() => _server.PostAsync(place, body));
        Assert.Equal(faults, answer.Is(422, "invalid_request_parameters").Faults);
    }

    [Fact]
    public async Task Who_and_what_is_not_there_and_text_messages_are_refused()
    {
        (await _server.WithoutEffectAsync(() => _server.PostAsync("/auth/factors/enroll", new { type = "sms", phone_number = "+15005550006" }))).Is(422, "sms_not_available");
        (await _server.WithoutEffectAsync(() => _server.PostAsync("/auth/factors/enroll", new { type = "generic_otp", user_id = "user_nobody" }))).Is(404, "entity_not_found");
        (await _server.WithoutEffectAsync(() => _server.PostAsync("/user_management/users/user_nobody/auth_factors", new { type = "totp" }))).Is(404, "entity_not_found");
        (await _server.GetAsync("/user_management/users/user_nobody/auth_factors")).Is(404, "entity_not_found");
        (await _server.GetAsync("/auth/factors/auth_factor_nobody")).Is(404, "entity_not_found");
        (await _server.WithoutEffectAsync(() => VerifyAsync("auth_challenge_nobody", "000000"))).Is(404, "entity_not_found");
        // A code of another kind of item is no challenge.
        var mailed = (await _server.PostAsync("/user_management/magic_auth", new { email = "x@people.test" })).Is(201);
        (await _server.WithoutEffectAsync(() => VerifyAsync(mailed["id"]!, mailed["code"]!))).Is(404, "entity_not_found");
    }

    [Fact]
    public async Task A_person_has_no_more_than_twenty_of_a_type()
    {
        var user = await UserAsync();
        for (var i = 0; i < 20; i++)
        {
            await App.EnrollAsync(_server, user);
        }
        (await _server.WithoutEffectAsync(() => _server.PostAsync($"/user_management/users/{user}/auth_factors", new { type = "totp" }))).Is(422, "too_many_factors");
    }

    [Fact]
    public async Task What_is_sealed_is_another_row_s_nowhere_PLAT_030()
    {
        var (one, other) = (await App.EnrollAsync(_server), await App.EnrollAsync(_server));
        var keys = (Holdfast.Keys.ClusterKeys)_server.Services.GetService(typeof(Holdfast.Keys.ClusterKeys))!;
        string Sealed(App app) => _server.Storage.Database.Read(view => view.Find<string>("SELECT secret_sealed FROM factors WHERE id = @FactorId", new { app.FactorId }))!;

        Assert.Equal(one.Secret, Base32.Encode(keys.OpenAtRest($"factors/{one.FactorId}/secret", Sealed(one))));
        Assert.Throws<System.Security.Cryptography.CryptographicException>(() => keys.OpenAtRest($"factors/{one.FactorId}/secret", Sealed(other)));
    }

    [Fact]
    public async Task With_the_primary_gone_factors_are_enrolled_shown_and_taken_away_and_policies_wait()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            App app;
            Holdfast.Environments.NewEnvironment a, b;
            await using (var server = await HoldfastServer.StartAsync(new Start(Data: data)))
            {
                (a, b) = (server.A, server.B);
                app = await App.EnrollAsync(server);
                await server.ShippedAsync();
            }
            await using var other = new SqliteConnection($"Data Source={Path.Combine(data, "primary.db")};Pooling=False");
            await other.OpenAsync();
            await using var hold = other.CreateCommand();
            hold.CommandText = "BEGIN EXCLUSIVE";
            await hold.ExecuteNonQueryAsync();
            // A cold start, with the primary away from its beginning.
            await using (var server = await HoldfastServer.StartAsync(new Start(Data: data, Clock: new HeldClock(patience: 1)), a, b))
            {
                app = app with { Server = server };
                Assert.Equal("True", (await server.PostAsync($"/auth/challenges/{await app.ChallengeAsync()}/verify", new { code = app.Code() })).Is(201)["valid"]);
                var late = await App.EnrollAsync(server);
                (await server.DeleteAsync($"/auth/factors/{app.FactorId}")).Is(204);
                (await server.GetAsync($"/auth/factors/{app.FactorId}")).Is(404);
                (await server.GetAsync($"/auth/factors/{late.FactorId}")).Is(200);
                (await server.PutAsync("/sign_in_policy", new { mfa = "required" })).Is(503, "primary_unavailable");
                Assert.Equal("optional", (await server.GetAsync("/sign_in_policy")).Is(200)["mfa"]);
            }
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_policy_is_an_environment_s_and_an_organization_s()
    {
        await using var server = await HoldfastServer.StartAsync();
        var organization = await server.OrganizationAsync();
        var untouched = (await server.GetAsync("/sign_in_policy")).Is(200);
        Assert.Equal(("sign_in_policy", null, "optional", "False", null), (untouched["object"], untouched["organization_id"], untouched["mfa"], untouched["mfa_after_sso"], untouched["updated_at"]));

        Assert.Equal(["mfa invalid"], (await server.WithoutEffectAsync(() => server.PutAsync("/sign_in_policy", new { mfa = "sometimes" }))).Is(422).Faults);
        Assert.Equal(["mfa invalid"], (await server.WithoutEffectAsync(() => server.PutAsync("/sign_in_policy", """{"mfa":null}"""))).Is(422).Faults);
        (await server.WithoutEffectAsync(() => server.PutAsync("/organizations/org_nobody/sign_in_policy", new { mfa = "off" }))).Is(404, "entity_not_found");
        Assert.Equal(("off", "True"), ((await server.PutAsync("/sign_in_policy", new { mfa = "off", mfa_after_sso = true })).Is(200)["mfa"], (await server.GetAsync("/sign_in_policy")).Is(200)["mfa_after_sso"]));
        var set = (await server.PutAsync($"/organizations/{organization}/sign_in_policy", new { mfa = "required" })).Is(200);
        Assert.Equal((organization, "required", "False"), (set["organization_id"], set["mfa"], set["mfa_after_sso"]));
        Assert.Equal(set.Text, (await server.GetAsync($"/organizations/{organization}/sign_in_policy")).Is(200).Text);
        Assert.Equal(("off", "True"), ((await server.PutAsync("/sign_in_policy", new { })).Is(200)["mfa"], (await server.GetAsync("/sign_in_policy")).Is(200)["mfa_after_sso"]));
    }
}
