namespace Holdfast.Tests.AuthKit;

/// <summary>Guesses at once are bounded like guesses one after the other, whichever way a mailed code is typed in (OAUTH-061).</summary>
public sealed class GuessesAtOnceTests : IAsyncLifetime
{
    private const string Wrong = "no code";

    private HoldfastServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static Task<Answer[]> AtOnceAsync(int number, Func<int, Task<Answer>> guessAsync) => Task.WhenAll(Enumerable.Range(0, number).Select(i => Task.Run(() => guessAsync(i))));

    private async Task<string> UserAsync(string email) => (await _server.PostAsync("/user_management/users", new { email, password = Person.Password })).Is(201)["id"]!;

    [Fact]
    public async Task Who_has_the_password_tries_a_code_five_times_however_often_they_are_asked_for_it()
    {
        await UserAsync("ada@people.test");
        Task<Answer> AskAsync() => SignedIn.AskAsync(_server, "password", ("email", "ada@people.test"), ("password", Person.Password));
        Task<Answer> ProveAsync(Answer asked, string code) => SignedIn.AskAsync(
            _server, "urn:workos:oauth:grant-type:email-verification:code", ("pending_authentication_token", asked["pending_authentication_token"]), ("code", code));
        async Task<string> CodeAsync(Answer asked) => (await _server.GetAsync($"/user_management/email_verification/{asked["email_verification_id"]}")).Is(200)["code"]!;
        var pending = new List<Answer>();
        for (var i = 0; i < 4; i++)
        {
            pending.Add((await AskAsync()).Is(403, "email_verification_required"));
        }
        Assert.Single(pending.Select(p => p["email_verification_id"]).Distinct());   // one code, asked for four times

        var answers = await AtOnceAsync(40, i => ProveAsync(pending[i % 4], Wrong));

        Assert.Equal(5, answers.Count(a => a["code"] == "invalid_one_time_code"));
        Assert.Equal(35, answers.Count(a => a["code"] == "one_time_code_too_many_attempts"));
        // A new code has tries of its own, and the right one gets in.
        _server.Clock.Advance(TimeSpan.FromMinutes(1));
        var next = (await AskAsync()).Is(403);
        answers = await AtOnceAsync(4, _ => ProveAsync(next, Wrong));
        Assert.All(answers, a => a.Is(400, "invalid_one_time_code"));
        (await ProveAsync(next, await CodeAsync(next))).Is(200);
    }

    [Fact]
    public async Task So_does_an_application_for_its_person()
    {
        var user = await UserAsync("grace@people.test");
        (await _server.PostAsync($"/user_management/users/{user}/email_verification/send", new { })).Is(200);
        (await _server.PostAsync($"/user_management/users/{user}/email_change/send", new { new_email = "grace@new.test" })).Is(200);

        foreach (var (way, wrong, tooMany) in new[] { ("email_verification", "email_verification_code_incorrect", "rate_limit_exceeded"), ("email_change", "email_change_code_incorrect", "email_change_too_many_attempts") })
        {
            var answers = await AtOnceAsync(40, _ => _server.PostAsync($"/user_management/users/{user}/{way}/confirm", new { code = Wrong }));

            Assert.Equal(5, answers.Count(a => a.Status == 400 && a["code"] == wrong));
            Assert.Equal(35, answers.Count(a => a.Status == 429 && a["code"] == tooMany));
        }
    }

    [Fact]
    public async Task So_does_who_says_that_a_mailbox_is_theirs()
    {
        var (_, code) = await SignedIn.MailCodeAsync(_server, "hedy@people.test");
        Task<Answer> TryAsync(string typed) => SignedIn.AskAsync(_server, SignedIn.MagicGrant, ("email", "hedy@people.test"), ("code", typed));

        var answers = await AtOnceAsync(10, _ => TryAsync(Wrong));

        Assert.Equal(5, answers.Count(a => a["code"] == "invalid_one_time_code"));
        Assert.Equal(5, answers.Count(a => a["code"] == "one_time_code_too_many_attempts"));
        _server.Clock.Advance(TimeSpan.FromMinutes(1));
        (await TryAsync(code)).Is(400, "one_time_code_too_many_attempts");
        await SignedIn.ByMagicCodeAsync(_server, "hedy@people.test");
    }
}
