using Holdfast.Tests.Users;

namespace Holdfast.Tests.AuthKit;

/// <summary>Sessions by password: who gets one, and how a password is set again.</summary>
public sealed class PasswordGrantTests(Shared shared) : IClassFixture<Shared>
{
    private const string Password = "correct horse battery staple";
    private const string EmailGrant = "urn:workos:oauth:grant-type:email-verification:code";

    private readonly HoldfastServer _server = shared.Server;

    private static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    private async Task<string> UserAsync(string email, bool verified = true, params (string Name, object? Value)[] more) => (await _server.PostAsync("/user_management/users",
        more.Append(("email", email)).Append(("email_verified", verified)).Append(("password", more.Any(m => m.Name.StartsWith("password", StringComparison.Ordinal)) ? null : Password))
            .Where(p => p.Item2 is not null).ToDictionary(p => p.Item1, p => p.Item2))).Is(201)["id"]!;

    private static Task<Answer> TryAsync(HoldfastServer server, string email, string password) => SignedIn.AskAsync(server, "password", ("email", email), ("password", password));

    [Fact]
    public async Task The_password_of_a_user_begins_a_session()
    {
        var email = Somebody();
        var user = await UserAsync(email);

        var session = new SignedIn(_server, (await TryAsync(_server, email.ToUpperInvariant(), Password)).Is(200));

        Assert.Equal((user, "Password"), (session.UserId, session.Answer["authentication_method"]));
        (await session.RefreshAsync()).Is(200);
        Assert.Equal("password", (await _server.GetAsync($"/user_management/users/{user}/sessions")).Is(200).Json.GetProperty("data")[0].GetProperty("auth_method").GetString());
    }

    [Fact] // OAUTH-059, PWD-011
    public async Task A_wrong_password_an_unknown_address_and_a_user_without_one_are_answered_alike()
    {
        var (email, bare) = (Somebody(), Somebody());
        await UserAsync(email);
        await SignedIn.ByMagicCodeAsync(_server, bare);

        var wrong = (await TryAsync(_server, email, Password + "!")).Is(400, "invalid_credentials");

        foreach (var (address, password) in new[] { (Somebody(), Password), (bare, Password), (email, new string('x', 5000)), ("nobody", Password) })
        {
            Assert.Equal(wrong.Text, (await _server.WithoutEffectAsync(() => TryAsync(_server, address, password))).Is(400).Text);
        }
        (await SignedIn.AskAsync(_server, "password", ("email", email))).IsOAuth("invalid_request");
        (await SignedIn.AskAsync(_server, "password", ("email", email), ("password", Password), ("client_secret", ""))).IsOAuth("invalid_client");
    }

    /// <summary>PWD-011: what was typed, byte for byte: nothing is trimmed, folded or composed.</summary>
    [Theory]
    [InlineData(" correct horse battery", "correct horse battery")]
    [InlineData("correct horse battery ", "correct horse battery")]
    [InlineData("correct horse battery", "Correct horse battery")]
    [InlineData("correct\u00a0horse\u00a0battery", "correct horse battery")]
    [InlineData("korrektes Pferd, B\u00fccherregal", "korrektes Pferd, Bu\u0308cherregal")]
    [InlineData("\ufb01ne horse, red battery", "fine horse, red battery")]
    [InlineData("correct horse battery\t", "correct horse battery")]
    [InlineData("correct horse battery \ud83d\udc0e", "correct horse battery \ud83d\udc34")]
    public async Task A_password_is_what_was_typed_and_nothing_that_looks_like_it(string password, string alike)
    {
        var email = Somebody();
        await UserAsync(email, true, ("password", password));

        (await TryAsync(_server, email, alike)).Is(400, "invalid_credentials");
        (await TryAsync(_server, email, password)).Is(200);
    }

    /// <summary>PWD-011: at the limit, and one beyond; and nobody types in more than is read.</summary>
    [Fact]
    public async Task The_longest_password_opens_and_its_beginning_does_not()
    {
        var email = Somebody();
        var longest = string.Concat(Enumerable.Range(0, 1024).Select(i => (char)('a' + (i * i * 7 % 26))));
        var user = await UserAsync(email);

        Assert.Equal("password_too_long", (await _server.WithoutEffectAsync(() => _server.PutAsync($"/user_management/users/{user}", new { password = longest + "x" })))
            .Is(400, "password_strength_error").Json.GetProperty("errors")[0].GetProperty("code").GetString());
        (await _server.PutAsync($"/user_management/users/{user}", new { password = longest })).Is(200);

        (await TryAsync(_server, email, longest[..^1])).Is(400, "invalid_credentials");
        (await TryAsync(_server, email, longest + "x")).Is(400, "invalid_credentials");
        (await TryAsync(_server, email, longest)).Is(200);
    }

    [Fact] // OAUTH-060
    public async Task Tries_of_one_address_are_bounded_and_another_s_are_not()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));
        for (var i = 0; i < 10; i++)
        {
            (await TryAsync(server, "ada@people.test", "wrong")).Is(400);
        }
        (await TryAsync(server, "ADA@people.test", "wrong")).Is(429, "rate_limit_exceeded");
        (await TryAsync(server, "grace@people.test", "wrong")).Is(400);
    }

    [Fact]
    public async Task Who_has_not_proven_the_mailbox_types_in_a_code_first()
    {
        var email = Somebody();
        var user = await UserAsync(email, verified: false);

        var asked = (await TryAsync(_server, email, Password)).Is(403, "email_verification_required");
        var mailed = (await _server.GetAsync($"/user_management/email_verification/{asked["email_verification_id"]}")).Is(200);
        Assert.Equal(("email_verification", email, user), (mailed["object"], mailed["email"], mailed["user_id"]));
        Task<Answer> ProveAsync(string code) => SignedIn.AskAsync(_server, EmailGrant, ("pending_authentication_token", asked["pending_authentication_token"]), ("code", code));

        var wrong = mailed["code"] == "000000" ? "000001" : "000000";
        (await ProveAsync(wrong)).Is(400, "invalid_one_time_code");
        (await ProveAsync(wrong)).Is(400, "invalid_one_time_code");
        Assert.Equal(1, _server.Storage.Database.Read(view => view.Find<long>(
            "SELECT count(*) FROM events WHERE event = 'authentication.email_verification_failed' AND data LIKE @like", new { like = $"%{user}%" })));
        var session = new SignedIn(_server, (await ProveAsync(mailed["code"]!)).Is(200));
        Assert.Equal((user, "Password"), (session.UserId, session.Answer["authentication_method"]));
        Assert.True(session.Answer.Json.GetProperty("user").GetProperty("email_verified").GetBoolean());
        (await ProveAsync(mailed["code"]!)).Is(400, "invalid_pending_authentication_token");
        (await TryAsync(_server, email, Password)).Is(200);
        (await _server.GetAsync($"/user_management/email_verification/{asked["email_verification_id"]}")).Is(404);
    }

    [Fact]
    public async Task A_right_password_again_mails_no_second_code_while_the_first_is_new()
    {
        var email = Somebody();
        await UserAsync(email, verified: false);
        long Mailed() => _server.Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM mails WHERE recipient = @email", new { email }));
        var first = (await TryAsync(_server, email, Password)).Is(403, "email_verification_required");
        Assert.Equal(1, Mailed());

        var second = (await TryAsync(_server, email, Password)).Is(403, "email_verification_required");
        Assert.Equal((first["email_verification_id"], 1), (second["email_verification_id"], Mailed()));

        _server.Clock.Advance(TimeSpan.FromMinutes(1));
        var third = (await TryAsync(_server, email, Password)).Is(403, "email_verification_required");
        Assert.Equal(2, Mailed());
        Assert.NotEqual(first["email_verification_id"], third["email_verification_id"]);
        // Each was told to prove its own, and by each one gets in.
        var code = (await _server.GetAsync($"/user_management/email_verification/{second["email_verification_id"]}")).Is(200)["code"];
        (await SignedIn.AskAsync(_server, EmailGrant, ("pending_authentication_token", second["pending_authentication_token"]), ("code", code))).Is(200);
    }

    [Fact]
    public async Task Another_s_code_and_another_kind_of_token_prove_nothing()
    {
        var (one, other) = (Somebody(), Somebody());
        await UserAsync(one, verified: false);
        await UserAsync(other, verified: false);
        var mine = (await TryAsync(_server, one, Password)).Is(403);
        var theirs = (await _server.GetAsync($"/user_management/email_verification/{(await TryAsync(_server, other, Password)).Is(403)["email_verification_id"]}")).Is(200)["code"];
        var own = (await _server.GetAsync($"/user_management/email_verification/{mine["email_verification_id"]}")).Is(200)["code"];

        if (theirs != own)
        {
            (await SignedIn.AskAsync(_server, EmailGrant, ("pending_authentication_token", mine["pending_authentication_token"]), ("code", theirs))).Is(400, "invalid_one_time_code");
        }
        (await SignedIn.AskAsync(_server, EmailGrant, ("pending_authentication_token", "nonsense"), ("code", own))).Is(400, "invalid_pending_authentication_token");
        (await SignedIn.AskAsync(_server, EmailGrant, ("pending_authentication_token", (await SignedIn.ByMagicCodeAsync(_server, Somebody())).RefreshToken), ("code", own)))
            .Is(400, "invalid_pending_authentication_token");
    }

    [Fact]
    public async Task A_proof_that_is_still_asked_for_is_not_left_out_by_choosing_an_organization()
    {
        var (email, organization) = (Somebody(), await _server.OrganizationAsync());
        var user = await UserAsync(email, verified: false);
        (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
        var pending = (await TryAsync(_server, email, Password)).Is(403, "email_verification_required")["pending_authentication_token"];

        (await _server.WithoutEffectAsync(() => SignedIn.AskAsync(_server, "urn:workos:oauth:grant-type:organization-selection", ("pending_authentication_token", pending), ("organization_id", organization))))
            .Is(400, "invalid_pending_authentication_token");
    }

    [Fact] // OAUTH-065
    public async Task A_password_that_somebody_chose_before_the_mailbox_was_proven_opens_nothing_afterwards()
    {
        var email = Somebody();
        var user = await UserAsync(email, verified: false);   // by whoever typed in somebody's address

        var owner = await SignedIn.ByMagicCodeAsync(_server, email);

        Assert.Equal(user, owner.UserId);
        (await TryAsync(_server, email, Password)).Is(400, "invalid_credentials");
        var token = (await _server.PostAsync("/user_management/password_reset", new { email })).Is(201)["password_reset_token"];
        (await _server.PostAsync("/user_management/password_reset/confirm", new { token, new_password = "the owner's own " + Password })).Is(200);
        (await TryAsync(_server, email, "the owner's own " + Password)).Is(200);
    }

    [Fact]
    public async Task Nor_does_an_invitation_make_a_member_of_who_has_not_proven_the_mailbox()
    {
        var (email, organization) = (Somebody(), await _server.OrganizationAsync());
        await UserAsync(email, verified: false);
        var invitation = (await _server.PostAsync("/user_management/invitations", new { email, organization_id = organization })).Is(201)["id"];

        (await _server.WithoutEffectAsync(() => _server.PostAsync($"/user_management/invitations/{invitation}/accept", "{}"))).Is(400, "invalid_invite");
        await SignedIn.ByMagicCodeAsync(_server, email);
        (await _server.PostAsync($"/user_management/invitations/{invitation}/accept", "{}")).Is(200);
    }

    [Fact] // PWD-001
    public async Task An_imported_hash_is_made_anew_at_the_first_sign_in_and_sessions_go_on()
    {
        var email = Somebody();
        var user = await UserAsync(email, true, ("password_hash", PasswordHashTests.Bcrypt), ("password_hash_type", "bcrypt"));
        List<string> Kept() => _server.Storage.Database.Read(view => view.Query<string>("SELECT secret FROM credentials WHERE user_id = @user ORDER BY made_stamp", new { user }));

        (await TryAsync(_server, email, "wrong")).Is(400, "invalid_credentials");
        Assert.Equal([PasswordHashTests.Bcrypt], Kept());
        var first = new SignedIn(_server, (await TryAsync(_server, email, PasswordHashTests.BcryptPassword)).Is(200));
        Assert.StartsWith("$argon2id$", Kept()[1], StringComparison.Ordinal);
        (await TryAsync(_server, email, PasswordHashTests.BcryptPassword)).Is(200);
        Assert.Equal(2, Kept().Count);
        (await first.RefreshAsync()).Is(200);
    }

    [Fact] // OAUTH-057
    public async Task A_reset_by_mail_sets_another_password_once_and_ends_the_sessions_of_the_old_one()
    {
        var email = Somebody();
        var user = await UserAsync(email, verified: false);
        var made = (await _server.PostAsync("/user_management/password_reset", new { email })).Is(201);
        Assert.Equal(("password_reset", user, email), (made["object"], made["user_id"], made["email"]));
        Assert.Equal(made.Text, (await _server.GetAsync($"/user_management/password_reset/{made["id"]}")).Is(200).Text);
        Assert.EndsWith(made["password_reset_token"]!, made["password_reset_url"], StringComparison.Ordinal);
        Task<Answer> ConfirmAsync(string token, string password) => _server.PostAsync("/user_management/password_reset/confirm", new { token, new_password = password });

        (await ConfirmAsync(made["password_reset_token"]!, "short")).Is(400, "password_reset_error");
        (await ConfirmAsync(made["password_reset_token"]![..^2] + "xx", "another " + Password)).Is(404);
        var confirmed = (await ConfirmAsync(made["password_reset_token"]!, "another " + Password)).Is(200);
        Assert.Equal((user, true), (confirmed.Json.GetProperty("user").GetProperty("id").GetString(), confirmed.Json.GetProperty("user").GetProperty("email_verified").GetBoolean()));
        (await ConfirmAsync(made["password_reset_token"]!, "a third " + Password)).Is(404);

        (await TryAsync(_server, email, Password)).Is(400, "invalid_credentials");
        var session = new SignedIn(_server, (await TryAsync(_server, email, "another " + Password)).Is(200));
        var again = (await _server.PostAsync("/user_management/password_reset", new { email })).Is(201)["password_reset_token"]!;
        (await ConfirmAsync(again, "a third " + Password)).Is(200);
        (await session.RefreshAsync()).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task Of_an_address_that_nobody_has_there_is_nothing_to_reset()
    {
        (await _server.PostAsync("/user_management/password_reset", new { email = Somebody() })).Is(404, "entity_not_found");
        Assert.Equal(["email required"], (await _server.PostAsync("/user_management/password_reset", new { })).Is(422).Faults);
        Assert.Equal(["new_password required"], (await _server.PostAsync("/user_management/password_reset/confirm", new { token = "x" })).Is(422).Faults);
        (await _server.PostAsync("/user_management/password_reset/confirm", new { token = "x", new_password = "y" })).Is(404);
        (await _server.GetAsync("/user_management/password_reset/password_reset_01J00000000000000000000000")).Is(404, "entity_not_found");
    }
}
