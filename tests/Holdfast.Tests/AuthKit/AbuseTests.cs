namespace Holdfast.Tests.AuthKit;

/// <summary>How often things are tried, by whom, and that a bound on a stranger is none on the owner.</summary>
public sealed class AbuseTests
{
    private const string Password = "correct horse battery staple";

    private static Task<HoldfastServer> StartAsync() => HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));

    private static Task<Answer> ByPasswordAsync(HoldfastServer server, string password, string? from) =>
        SignedIn.AskAsync(server, "password", ("email", "ada@people.test"), ("password", password), ("ip_address", from));

    [Fact] // OAUTH-060
    public async Task Who_guesses_passwords_from_elsewhere_does_not_lock_the_owner_out()
    {
        await using var server = await StartAsync();
        (await server.PostAsync("/user_management/users", new { email = "ada@people.test", email_verified = true, password = Password })).Is(201);
        for (var i = 0; i < 10; i++)
        {
            (await ByPasswordAsync(server, "wrong", "203.0.113.9")).Is(400, "invalid_credentials");
        }

        (await ByPasswordAsync(server, Password, "203.0.113.9")).Is(429, "rate_limit_exceeded");
        (await ByPasswordAsync(server, Password, "198.51.100.7")).Is(200);
        // A network of IPv6 is one place.
        for (var i = 0; i < 10; i++)
        {
            (await ByPasswordAsync(server, "wrong", $"2001:db8:1:2::{i}")).Is(400);
        }
        (await ByPasswordAsync(server, Password, "2001:db8:1:2::ffff")).Is(429);
        (await ByPasswordAsync(server, Password, "2001:db8:1:3::1")).Is(200);
        // What is no address is as if none was named.
        for (var i = 0; i < 10; i++)
        {
            (await ByPasswordAsync(server, "wrong", $"nowhere {i}")).Is(400);
        }
        (await ByPasswordAsync(server, Password, "nowhere else")).Is(429);
    }

    [Fact] // OAUTH-060
    public async Task Many_places_that_guess_together_are_bounded_too()
    {
        await using var server = await StartAsync();
        for (var i = 0; i < 60; i++)
        {
            (await ByPasswordAsync(server, "wrong", $"203.0.113.{i}")).Is(400);
        }
        (await ByPasswordAsync(server, "wrong", "198.51.100.7")).Is(429);
        server.Clock.Advance(TimeSpan.FromMinutes(5));
        (await ByPasswordAsync(server, "wrong", "198.51.100.7")).Is(400);
    }

    [Fact]
    public async Task Who_guesses_codes_from_elsewhere_does_not_use_up_the_owner_s()
    {
        await using var server = await StartAsync();
        var code = (await SignedIn.MailCodeAsync(server, "ada@people.test")).Code;
        var wrong = code == "000000" ? "000001" : "000000";
        Task<Answer> TryAsync(string typed, string? from) => SignedIn.AskAsync(server, SignedIn.MagicGrant, ("email", "ada@people.test"), ("code", typed), ("ip_address", from));
        for (var i = 0; i < 5; i++)
        {
            (await TryAsync(wrong, "203.0.113.9")).Is(400, "invalid_one_time_code");
        }

        (await TryAsync(code, "203.0.113.9")).Is(400, "one_time_code_too_many_attempts");
        (await TryAsync(code, "198.51.100.7")).Is(200);
    }

    [Fact] // OAUTH-061
    public async Task A_code_that_many_places_guess_at_is_bounded()
    {
        await using var server = await StartAsync();
        var code = (await SignedIn.MailCodeAsync(server, "ada@people.test")).Code;
        var wrong = code == "000000" ? "000001" : "000000";
        Task<Answer> TryAsync(string typed, string? from) => SignedIn.AskAsync(server, SignedIn.MagicGrant, ("email", "ada@people.test"), ("code", typed), ("ip_address", from));
        for (var i = 0; i < 20; i++)
        {
            (await TryAsync(wrong, $"203.0.113.{i}")).Is(400, "invalid_one_time_code");
        }
        (await TryAsync(code, "198.51.100.7")).Is(400, "one_time_code_too_many_attempts");
    }

    [Fact]
    public async Task What_one_was_asked_is_answered_ten_times_a_minute_at_most()
    {
        await using var server = await StartAsync();
        (await server.PostAsync("/user_management/users", new { email = "ada@people.test", password = Password })).Is(201);
        var pending = (await ByPasswordAsync(server, Password, null)).Is(403)["pending_authentication_token"];
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(400, (await SignedIn.AskAsync(server, "urn:workos:oauth:grant-type:email-verification:code", ("pending_authentication_token", pending), ("code", "abc"))).Status);
        }
        (await SignedIn.AskAsync(server, "urn:workos:oauth:grant-type:email-verification:code", ("pending_authentication_token", pending), ("code", "abc"))).Is(429, "rate_limit_exceeded");
    }

    [Fact] // PLAT-011
    public async Task Reading_and_writing_people_have_a_bound_each_of_one_environment()
    {
        await using var server = await StartAsync();
        server.Clock.Advance(TimeSpan.FromSeconds(10));   // past what the start wrote
        foreach (var (method, most) in new[] { ("GET", 1000), ("PUT", 500) })
        {
            Task<Answer> AskAsync(string key) => server.SendAsync(method, "/user_management/users/user_nobody", key, method == "PUT" ? "{}" : null);
            for (var i = 0; i < most; i++)
            {
                Assert.Equal(404, (await AskAsync(server.A.ApiKey)).Status);
            }
            var over = (await AskAsync(server.A.ApiKey)).Is(429, "rate_limit_exceeded");
            Assert.Equal(TimeSpan.FromSeconds(10), over.Headers.RetryAfter!.Delta);
            (await AskAsync(server.B.ApiKey)).Is(404);
        }
        (await server.GetAsync("/organizations")).Is(200);
        server.Clock.Advance(TimeSpan.FromSeconds(10));
        (await server.GetAsync("/user_management/users/user_nobody")).Is(404);
    }
}
