namespace Holdfast.Tests.AuthKit;

/// <summary>Codes that are mailed and typed in.</summary>
public sealed class MagicAuthTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    private static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    private static Task<Answer> TryAsync(HoldfastServer server, string email, string code) => SignedIn.AskAsync(server, SignedIn.MagicGrant, ("email", email), ("code", code));

    [Fact] // OAUTH-062
    public async Task A_code_makes_the_address_s_user_once_and_then_finds_them()
    {
        var email = Somebody();
        var made = (await _server.PostAsync("/user_management/magic_auth", new { email })).Is(201);
        Assert.Matches("^[0-9]{6}$", made["code"]!);
        Assert.Equal(("magic_auth", email), (made["object"], made["email"]));
        Assert.Equal(made.Text, (await _server.GetAsync($"/user_management/magic_auth/{made["id"]}")).Is(200).Text);

        var session = (await TryAsync(_server, email.ToUpperInvariant(), made["code"]!)).Is(200);
        var user = session.Json.GetProperty("user");
        Assert.Equal((made["user_id"], email, true), (user.GetProperty("id").GetString(), user.GetProperty("email").GetString(), user.GetProperty("email_verified").GetBoolean()));
        Assert.Equal(made["user_id"], (await SignedIn.ByMagicCodeAsync(_server, email)).UserId);
        (await TryAsync(_server, email, made["code"]!)).Is(400, "one_time_code_previously_used");
        (await _server.GetAsync($"/user_management/magic_auth/{made["id"]}")).Is(404);
    }

    [Fact]
    public async Task An_elder_mail_may_be_read_first()
    {
        var email = Somebody();
        var (_, elder) = await SignedIn.MailCodeAsync(_server, email);
        var (_, newer) = await SignedIn.MailCodeAsync(_server, email);
        (await TryAsync(_server, email, elder)).Is(200);
        (await TryAsync(_server, email, newer)).Is(200);
    }

    [Fact] // OAUTH-059
    public async Task A_wrong_code_and_an_unknown_address_are_answered_alike()
    {
        var email = Somebody();
        var (_, code) = await SignedIn.MailCodeAsync(_server, email);
        var wrong = (await TryAsync(_server, email, code == "000000" ? "000001" : "000000")).Is(400, "invalid_one_time_code");
        Assert.Equal(wrong.Text, (await TryAsync(_server, Somebody(), code)).Is(400).Text);
        (await TryAsync(_server, email, code)).Is(200);
    }

    [Fact] // OAUTH-062
    public async Task A_code_is_over_after_ten_minutes()
    {
        await using var server = await HoldfastServer.StartAsync();
        var (id, code) = await SignedIn.MailCodeAsync(server, "ada@people.test");
        server.Clock.Advance(TimeSpan.FromMinutes(10));
        (await TryAsync(server, "ada@people.test", code)).Is(400, "one_time_code_expired");
        (await server.GetAsync($"/user_management/magic_auth/{id}")).Is(404);
    }

    [Fact]
    public async Task Guesses_are_bounded_also_for_the_one_who_then_knows_it()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));
        var (_, code) = await SignedIn.MailCodeAsync(server, "ada@people.test");
        var wrong = code == "000000" ? "000001" : "000000";
        for (var i = 0; i < 5; i++)
        {
            (await TryAsync(server, "ada@people.test", wrong)).Is(400, "invalid_one_time_code");
        }
        (await TryAsync(server, "ada@people.test", code)).Is(400, "one_time_code_too_many_attempts");
        // A new one has tries of its own, until the address's are used up.
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var (_, again) = await SignedIn.MailCodeAsync(server, "ada@people.test");
        for (var i = 0; i < 4; i++)
        {
            (await TryAsync(server, "ada@people.test", again == wrong ? code : wrong)).Is(400, "invalid_one_time_code");
        }
        var limited = (await TryAsync(server, "ada@people.test", again)).Is(429, "rate_limit_exceeded");
        Assert.NotNull(limited.Headers.RetryAfter);
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        (await TryAsync(server, "ada@people.test", again)).Is(200);
    }

    [Fact] // OAUTH-061
    public async Task Wrong_tries_of_an_address_are_bounded_however_many_codes_there_are()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));
        for (var i = 0; i < 20; i++)
        {
            await SignedIn.MailCodeAsync(server, "ada@people.test");
            (await TryAsync(server, "ada@people.test", "no code")).Is(400, "invalid_one_time_code");
            server.Clock.Advance(TimeSpan.FromSeconds(61));
        }
        var (_, code) = await SignedIn.MailCodeAsync(server, "ada@people.test");
        (await TryAsync(server, "ada@people.test", code)).Is(400, "one_time_code_too_many_attempts");
        await SignedIn.ByMagicCodeAsync(server, "grace@people.test");
        server.Clock.Advance(TimeSpan.FromMinutes(50));
        await SignedIn.ByMagicCodeAsync(server, "ada@people.test");
    }

    [Fact]
    public async Task So_is_how_many_are_made_for_one_address()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));
        for (var i = 0; i < 3; i++)
        {
            await SignedIn.MailCodeAsync(server, "ada@people.test");
        }
        (await server.PostAsync("/user_management/magic_auth", new { email = "ADA@people.test" })).Is(429, "rate_limit_exceeded");
        await SignedIn.MailCodeAsync(server, "grace@people.test");
    }

    [Fact]
    public async Task The_same_request_again_makes_the_same_code()
    {
        var email = Somebody();
        var one = (await _server.PostAsync("/user_management/magic_auth", new { email }, ("Idempotency-Key", email))).Is(201);
        var again = (await _server.PostAsync("/user_management/magic_auth", new { email }, ("Idempotency-Key", email))).Is(201);
        Assert.Equal(one.Text, again.Text);
    }

    [Theory]
    [InlineData("{}", "email required")]
    [InlineData("{\"email\":null}", "email required")]
    [InlineData("{\"email\":\"nobody\"}", "email invalid_email")]
    [InlineData("{\"email\":\"a@b@c.test\"}", "email invalid_email")]
    [InlineData("{\"email\":\"a b@c.test\"}", "email invalid_email")]
    [InlineData("{\"email\":\"a@.test\"}", "email invalid_email")]
    [InlineData("{\"email\":\"a@c.test\\r\\nBcc: x@y.test\"}", "email invalid_email")]
    [InlineData("{\"email\":7}", "email invalid_type")]
    public async Task What_is_no_address_gets_no_code(string body, string fault) =>
        Assert.Equal([fault], (await _server.WithoutEffectAsync(() => _server.PostAsync("/user_management/magic_auth", body))).Is(422).Faults);
}
