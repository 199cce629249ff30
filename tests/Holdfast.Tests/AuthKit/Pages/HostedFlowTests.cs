using Holdfast.Protocols.OpenIdConnect;
using Microsoft.Data.Sqlite;

namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>What keeps a flow to its browser, its code to its application, and both to their time.</summary>
public sealed class HostedFlowTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    private static string Somebody() => HostedSignInTests.Somebody();

    private async Task<(Person Person, string Email)> AtPasswordAsync(HoldfastServer? server = null)
    {
        var email = Somebody();
        await HostedSignInTests.UserAsync(server ?? _server, email);
        var person = await new Person(server ?? _server).StartAsync();
        await person.SendAsync(("email", email));
        return (person, email);
    }

    /// <summary>OAUTH-052.</summary>
    [Fact]
    public async Task The_cookie_is_this_host_s_alone_sealed_and_small()
    {
        var (person, email) = await AtPasswordAsync();

        Assert.All(person.Browser.LastSetCookies, cookie =>
        {
            Assert.StartsWith("__Host-holdfast-sign-in-", cookie, StringComparison.Ordinal);
            Assert.Matches("; path=/; secure; samesite=lax; httponly$", cookie);
            Assert.DoesNotContain("domain", cookie, StringComparison.OrdinalIgnoreCase);
            Assert.InRange(cookie.Length, 100, 4096);
            Assert.DoesNotContain(email, cookie, StringComparison.Ordinal);
        });
        var state = new string('s', 8000);
        var large = await new Person(_server).StartAsync(("state", state));
        await (await large.SendAsync(("email", email)) is { Status: 200 } ? large : throw new InvalidOperationException()).SendAsync(("password", Person.Password));
        Assert.Equal(state, large.Page.Is(303).Sent("state"));
    }

    /// <summary>OAUTH-053: a flow goes on in the browser that began it, and a cookie that was changed is none.</summary>
    [Fact]
    public async Task Another_browser_s_flow_goes_nowhere()
    {
        var (person, _) = await AtPasswordAsync();
        var form = person.Form();
        var stranger = new Person(_server);

        await _server.WithoutEffectAsync(async () => (await stranger.PostAsync(form, [("password", Person.Password)])).Is(400));
        await stranger.GoAsync($"/sign-in/password?flow={Uri.EscapeDataString(form.Fields["flow"])}");
        Assert.Equal(400, stranger.Page.Status);
        Assert.Contains("another browser", stranger.Page.Text, StringComparison.Ordinal);
        foreach (var (name, (value, _)) in person.Browser.Cookies)
        {
            var changed = new Person(_server);
            changed.Browser.Set(name, value[..^8] + (value[^8] == 'A' ? 'B' : 'A') + value[^7..]);
            (await changed.PostAsync(form, [("password", Person.Password)])).Is(400);
            var moved = new Person(_server);
            moved.Browser.Set("__Host-holdfast-flow-" + name["__Host-holdfast-sign-in-".Length..], value);   // as a flow of Single Sign-On
            (await moved.PostAsync(form, [("password", Person.Password)])).Is(400);
        }
        (await person.SendAsync(("password", Person.Password))).Is(303);
    }

    /// <summary>OAUTH-054.</summary>
    [Theory]
    [InlineData("cross-site", null, true)]
    [InlineData("same-site", null, true)]
    [InlineData("none", null, true)]
    [InlineData(null, "https://evil.test", true)]
    [InlineData(null, "https://id.holdfast.test.evil.test", true)]
    [InlineData(null, "null", true)]
    [InlineData("same-origin", "https://id.holdfast.test", false)]
    public async Task A_post_from_elsewhere_does_nothing(string? site, string? origin, bool withToken)
    {
        var (person, _) = await AtPasswordAsync();
        var (action, fields) = person.Form();
        if (!withToken)
        {
            fields["token"] = "AAAAAAAAAAAAAAAAAAAAAA";
        }
        var headers = new List<(string, string)> { ("Accept", "text/html") };
        headers.AddRange(site is null ? [] : [("Sec-Fetch-Site", site)]);
        headers.AddRange(origin is null ? [] : [("Origin", origin)]);

        await _server.WithoutEffectAsync(async () => (await person.PostAsync((action, fields), [("password", Person.Password)], [.. headers])).Is(403));

        // The same post from the page itself.
        fields = person.Form().Fields;
        (await person.PostAsync((action, fields), [("password", Person.Password)], ("Origin", _server.PublicUrl))).Is(303);
    }

    /// <summary>OAUTH-055.</summary>
    [Fact] // OAUTH-001
    public async Task Nobody_is_sent_to_an_address_that_is_not_registered()
    {
        foreach (var uri in new[] { "https://evil.test/callback", HoldfastServer.Callback + "/", HoldfastServer.Callback + "?x=1", "//evil.test", "javascript:alert(1)", "/sign-in/continue", "" })
        {
            var page = (await _server.SendAsync("GET", Person.StartPath(_server, ("redirect_uri", uri)), null, null, ("Accept", "text/html"))).Is(400);
            Assert.Null(page.Location);
        }
        await using var server = await HoldfastServer.StartAsync();
        var (person, _) = await AtPasswordAsync(server);
        var registered = (await server.GetAsync("/user_management/redirect_uris")).Is(200).Json.GetProperty("data")[0].GetProperty("id").GetString();
        (await server.DeleteAsync($"/user_management/redirect_uris/{registered}")).Is(204);

        Assert.Null((await person.SendAsync(("password", Person.Password))).Is(422).Location);   // withdrawn meanwhile
    }

    /// <summary>OAUTH-005, OAUTH-002: two parsers would read two things; and one name under two spellings is one.</summary>
    [Theory]
    [InlineData("client_id", "client_id")]
    [InlineData("redirect_uri", "redirect_uri")]
    [InlineData("response_type", "response_type")]
    [InlineData("state", "state")]
    [InlineData("provider", "provider")]
    [InlineData("code_challenge", "code_challenge")]
    [InlineData("organization_id", "organization")]
    [InlineData("connection_id", "connection")]
    [InlineData("login_hint", "login_hint")]
    public async Task The_start_of_the_pages_takes_no_parameter_twice(string one, string other)
    {
        var path = Person.StartPath(_server) + "&x=y";
        var given = path.Contains($"{one}=", StringComparison.Ordinal) ? path : $"{path}&{one}=a";

        var refused = (await _server.WithoutEffectAsync(() => _server.SendAsync("GET", $"{given}&{other}=https%3A%2F%2Fevil.test", null))).Is(400, "invalid_request");

        Assert.Null(refused.Location);
        Assert.False(refused.Headers.Contains("Set-Cookie"));
        (await _server.SendAsync("GET", path, null)).Is(302);
    }

    /// <summary>OAUTH-007: the pages remember nobody, so that there is no session that <c>prompt</c> or <c>max_age</c> would have to set aside; and no hint signs anybody in.</summary>
    [Fact]
    public async Task A_second_sign_in_of_one_browser_asks_again_and_a_hint_fills_in_a_field_at_most()
    {
        var (person, email) = await AtPasswordAsync();
        await person.SendAsync(("password", Person.Password));
        var first = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        _server.Clock.Advance(TimeSpan.FromMinutes(2));
        foreach (var more in new (string, string)[][]
        {
            [], [("max_age", "1")], [("max_age", "100000")], [("prompt", "login")], [("login_hint", email)], [("id_token_hint", first.AccessToken)], [("login_hint", "\"><script>alert(1)</script>@x.test")],
        })
        {
            await person.StartAsync(more);
            Assert.Equal((200, "/sign-in"), (person.Page.Status, person.Path));
            Assert.DoesNotContain("<script>alert", person.Page.Text, StringComparison.Ordinal);
        }

        await person.StartAsync(("login_hint", email));
        await person.SendAsync();
        Assert.Equal("/sign-in/password", person.Path);
        await person.SendAsync(("password", Person.Password));
        var second = new SignedIn(_server, (await person.RedeemAsync()).Is(200));

        Assert.NotEqual(first.SessionId, second.SessionId);
        Assert.Equal(120, long.Parse(second.Claim("auth_time")!, System.Globalization.CultureInfo.InvariantCulture) - long.Parse(first.Claim("auth_time")!, System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact] // OAUTH-012, OAUTH-013
    public async Task A_code_is_good_once_for_its_application_for_a_minute_and_for_no_profile()
    {
        async Task<Person> ArrivedAsync(params (string, string)[] start)
        {
            var email = Somebody();
            await HostedSignInTests.UserAsync(_server, email);
            return await (await new Person(_server).StartAsync(start)).SignInAsync(email);
        }
        var person = await ArrivedAsync();
        (await SamlConnection.RedeemAsync(_server, _server.A, person.Code, null)).IsOAuth("invalid_grant");
        (await person.RedeemAsync()).IsOAuth("invalid_grant");   // it was shown where it is of no use: it has leaked

        person = await ArrivedAsync();
        (await person.RedeemAsync(("redirect_uri", HoldfastServer.Callback))).Is(200);
        (await person.RedeemAsync()).IsOAuth("invalid_grant");

        foreach (var wrong in new[] { ("redirect_uri", "https://app.test/other"), ("code_verifier", new string('v', 43)), ("client_secret", "") })
        {
            person = await ArrivedAsync();
            Assert.Equal(400, (await person.RedeemAsync(wrong)).Status);
        }
        person = await ArrivedAsync();
        (await SignedIn.AskAsync(_server, "authorization_code", ("client_id", _server.B.ClientId), ("client_secret", _server.B.ApiKey), ("code", person.Code))).IsOAuth("invalid_grant");

        var verifier = new string('v', 43);
        (string, string)[] pkce = [("code_challenge", Pkce.Challenge(verifier)), ("code_challenge_method", "S256")];
        person = await ArrivedAsync(pkce);
        (await person.RedeemAsync(("code_verifier", new string('w', 43)))).IsOAuth("invalid_grant");
        person = await ArrivedAsync(pkce);
        (await person.RedeemAsync(("client_secret", ""), ("code_verifier", verifier))).Is(200);   // a public client

        person = await ArrivedAsync();
        _server.Clock.Advance(TimeSpan.FromSeconds(61));
        (await person.RedeemAsync()).IsOAuth("invalid_grant");
    }

    [Fact] // OAUTH-011
    public async Task A_code_that_twenty_show_at_once_begins_one_session()
    {
        var (person, _) = await AtPasswordAsync();
        await person.SendAsync(("password", Person.Password));

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => person.RedeemAsync())));

        Assert.Single(answers, a => a.Status == 200);
        Assert.All(answers.Where(a => a.Status != 200), a => a.IsOAuth("invalid_grant"));
    }

    [Fact]
    public async Task Who_comes_back_late_begins_anew_and_comes_to_the_application_all_the_same()
    {
        var (person, email) = await AtPasswordAsync();
        _server.Clock.Advance(TimeSpan.FromMinutes(31));
        var old = person.Form().Fields["flow"];

        await person.SendAsync(("password", Person.Password));

        Assert.Equal("/sign-in", person.Path);
        Assert.Contains("started again", person.Notice, StringComparison.Ordinal);
        Assert.NotEqual(old, person.Form().Fields["flow"]);
        Assert.Contains($"value=\"{email}\"", person.Page.Text, StringComparison.Ordinal);
        await person.SignInAsync(email);
        Assert.Equal("s t&a=te", person.Page.Is(303).Sent("state"));
        (await person.RedeemAsync()).Is(200);
    }

    [Fact] // OAUTH-053
    public async Task Who_goes_back_after_the_end_is_told_that_it_is_done()
    {
        var (person, _) = await AtPasswordAsync();
        var form = person.Form();
        var early = person.Copy();
        await person.SendAsync(("password", Person.Password));
        (await person.RedeemAsync()).Is(200);

        await person.GoAsync($"/sign-in/password?flow={Uri.EscapeDataString(form.Fields["flow"])}");
        Assert.Equal((200, "You have signed in"), (person.Page.Status, person.Heading));
        Assert.Contains("href=\"https://app.test/\"", person.Page.Text, StringComparison.Ordinal);
        await _server.WithoutEffectAsync(async () => (await person.PostAsync(form, [("password", Person.Password)])).Is(200));
        // A cookie that was kept from before the end proves nothing: the password is asked for again.
        await early.GoAsync($"/sign-in/password?flow={Uri.EscapeDataString(form.Fields["flow"])}");
        Assert.Equal("Enter your password", early.Heading);
        foreach (var path in new[] { "/sign-in/organization", "/sign-in/verify", "/sign-in/code", "/sign-up/verify", "/sign-up/details" })
        {
            await early.GoAsync($"{path}?flow={Uri.EscapeDataString(form.Fields["flow"])}");
            Assert.Contains(early.Path, new[] { "/sign-in", "/sign-in/password", "/sign-up", "/sign-up/details" });
        }
    }

    [Fact]
    public async Task Two_tabs_are_two_flows_and_both_arrive()
    {
        var (email, other) = (Somebody(), Somebody());
        await HostedSignInTests.UserAsync(_server, email);
        await HostedSignInTests.UserAsync(_server, other);
        var one = await new Person(_server).StartAsync(("state", "one"));
        var first = one.Form();
        await one.StartAsync(("state", "two"));
        var second = one.Form();

        await one.PostAsync(first, [("email", email)]);
        await one.PostAsync(second, [("email", other)]);
        foreach (var (form, state, who) in new[] { (first, "one", email), (second, "two", other) })
        {
            await one.GoAsync($"/sign-in/password?flow={Uri.EscapeDataString(form.Fields["flow"])}");
            await one.SendAsync(("password", Person.Password));
            Assert.Equal(state, one.Page.Is(303).Sent("state"));
            Assert.Equal(who, (await one.RedeemAsync()).Is(200).Json.GetProperty("user").GetProperty("email").GetString());
        }
        for (var i = 0; i < 12; i++)
        {
            await one.StartAsync();
        }
        Assert.InRange(one.Browser.Cookies.Count, 1, 6);   // a server is never shut out by its own cookies
    }

    [Fact] // OAUTH-062
    public async Task Another_address_takes_nothing_along_of_the_one_before()
    {
        var (person, _) = await AtPasswordAsync();
        var code = await person.MailedAsync(() => person.SendAsync(("again", "1"), []));
        var flow = person.Form().Fields["flow"];
        var other = Somebody();
        await HostedSignInTests.UserAsync(_server, other);
        await person.GoAsync($"/sign-in?flow={Uri.EscapeDataString(flow)}");
        await person.SendAsync(("email", other));
        await person.MailedAsync(() => person.SendAsync(("again", "1"), []));

        await person.SendAsync(("code", code));

        Assert.Contains("not right", person.Fault, StringComparison.Ordinal);
    }

    /// <summary>OAUTH-060, OAUTH-061.</summary>
    [Fact]
    public async Task Who_guesses_is_slowed_and_its_owner_is_not_shut_out()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));
        var (person, email) = await AtPasswordAsync(server);
        for (var i = 0; i < 10; i++)
        {
            (await person.SendAsync(("password", "guess"))).Is(422);
        }
        Assert.InRange(int.Parse((await person.SendAsync(("password", Person.Password))).Is(429).Headers.GetValues("Retry-After").Single(), System.Globalization.CultureInfo.InvariantCulture), 1, 60);
        Assert.Contains("too often", person.Fault, StringComparison.Ordinal);
        server.Clock.Advance(TimeSpan.FromSeconds(61));
        var code = await person.MailedAsync(() => person.SendAsync(("again", "1"), []));
        var guesses = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => person.PostAsync(person.Form(), [("code", HostedSignInTests.Other(code))]))));
        Assert.Equal(5, guesses.Count(g => g.Text.Contains("not right", StringComparison.Ordinal)));
        await person.SendAsync(("code", code));
        Assert.Contains("Too many codes", person.Fault, StringComparison.Ordinal);
        for (var i = 0; i < 2; i++)
        {
            await person.SendAsync(("again", "1"), []);
        }
        (await person.SendAsync(("again", "1"), [])).Is(429);
        server.Clock.Advance(TimeSpan.FromSeconds(61));
        await person.StartAsync();
        await person.SignInAsync(email);
        (await person.RedeemAsync()).Is(200);
    }

    [Theory] // OAUTH-006
    [InlineData("screen_hint", "elsewhere")]
    [InlineData("prompt", "none")]
    [InlineData("response_type", "token")]
    [InlineData("code_challenge", "short")]
    [InlineData("code_challenge_method", "plain")]
    [InlineData("connection_id", "conn_1")]
    public async Task What_an_application_asks_wrongly_goes_back_to_it(string name, string value)
    {
        var answer = (await _server.SendAsync("GET", Person.StartPath(_server, (name, value)), null)).Is(302);

        Assert.StartsWith(HoldfastServer.Callback, answer.Location, StringComparison.Ordinal);
        Assert.Equal("s t&a=te", answer.Sent("state"));
        Assert.NotNull(answer.Sent("error"));
        Assert.NotEmpty(answer.Sent("error_description")!);
    }

    [Theory]
    [InlineData("/sign-in")]
    [InlineData("/sign-up")]
    [InlineData("/sign-in/password?flow=nobody.0000000000000000000000000000")]
    [InlineData("/sign-in/continue?code=x")]
    public async Task Who_lands_here_without_a_flow_is_told_what_to_do(string path)
    {
        var page = (await _server.SendAsync("GET", path, null, null, ("Accept", "text/html"))).Is(400);

        Assert.Contains("Go back to the application", page.Text, StringComparison.Ordinal);
        Assert.Matches("req_[0-9A-Z]{26}", page.Text);
        Assert.Equal("flow_not_found", (await _server.SendAsync("GET", path, null)).Is(400)["code"]);
    }

    [Theory]
    [InlineData("multipart/form-data; boundary=x", "--x--", 415)]
    [InlineData("application/json", "{}", 415)]
    [InlineData("application/x-www-form-urlencoded", "flow=a&flow=b&token=%ff%fe", 400)]
    [InlineData("application/x-www-form-urlencoded", "", 400)]
    [InlineData("application/x-www-form-urlencoded", "LONG", 413)]
    public async Task Whatever_is_posted_is_answered_and_changes_nothing(string type, string body, int status)
    {
        foreach (var path in new[] { "/sign-in", "/sign-in/password", "/sign-in/code", "/sign-in/verify", "/sign-in/organization", "/sign-up", "/sign-up/details", "/sign-up/verify" })
        {
            using var content = new ByteArrayContent(System.Text.Encoding.ASCII.GetBytes(body == "LONG" ? new string('x', 20_000) : body));
            content.Headers.TryAddWithoutValidation("Content-Type", type);
            await _server.WithoutEffectAsync(async () => (await _server.SendAsync("POST", path, null, content, ("Accept", "text/html"))).Is(status));
        }
    }

    [Fact]
    public async Task With_the_primary_gone_and_after_a_cold_start_people_sign_in_and_sign_up()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            var (a, b, email) = default((Environments.NewEnvironment, Environments.NewEnvironment, string));
            Person waiting;
            await using (var before = await HoldfastServer.StartAsync(new Start(Data: data)))
            {
                (a, b) = (before.A, before.B);
                (waiting, email) = await AtPasswordAsync(before);
                await before.ShippedAsync();
            }
            await using var hold = new SqliteConnection($"Data Source={Path.Combine(data, "primary.db")};Pooling=False");
            await hold.OpenAsync();
            await using var command = hold.CreateCommand();
            command.CommandText = "BEGIN EXCLUSIVE";
            await command.ExecuteNonQueryAsync();
            await using var server = await HoldfastServer.StartAsync(new Start(Data: data, Clock: new HeldClock(patience: 1)), a, b);

            var person = waiting.At(server);   // the flow goes on where it was
            await person.SendAsync(("password", Person.Password));
            (await person.RedeemAsync()).Is(200);
            await person.StartAsync(("screen_hint", "sign-up"));
            await person.SendAsync(("email", Somebody()));
            await person.SendAsync(("code", await person.MailedAsync(() => person.SendAsync(("password", Person.Password)))));
            (await person.RedeemAsync()).Is(200);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_step_is_taken_by_the_node_that_alone_may_and_the_flow_begins_anew_where_that_is_gone()
    {
        await using var nodes = await Peers.Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 1, whom: 0);
        var email = Somebody();
        var person = await new Person(nodes[0]).StartAsync(("login_hint", email));
        await person.SendAsync();
        var code = await person.MailedAsync(() => person.SendAsync(("again", "1"), []));

        var elsewhere = person.At(nodes[1]);
        await elsewhere.SendAsync(("code", HostedSignInTests.Other(code)));
        Assert.Contains("not right", elsewhere.Fault, StringComparison.Ordinal);
        await elsewhere.SendAsync(("code", code));
        Assert.StartsWith(nodes[0].Storage.Database.Incarnation, elsewhere.Code, StringComparison.Ordinal);
        var session = new SignedIn(nodes[1], (await elsewhere.RedeemAsync()).Is(200));
        Assert.Equal("MagicAuth", session.Answer["authentication_method"]);

        await person.StartAsync(("login_hint", email));
        await person.SendAsync();
        code = await person.MailedAsync(() => person.SendAsync(("again", "1"), []));
        await nodes.StopNodeAsync(0);
        elsewhere = person.At(nodes[1]);
        await elsewhere.SendAsync(("code", code));
        Assert.Equal("/sign-in", elsewhere.Path);
        Assert.Contains("start again", elsewhere.Notice, StringComparison.Ordinal);
        await elsewhere.SendAsync();
        await elsewhere.SendAsync(("code", await elsewhere.MailedAsync(() => elsewhere.SendAsync(("again", "1"), []))));
        Assert.Equal("s t&a=te", elsewhere.Page.Is(303).Sent("state"));
        (await elsewhere.RedeemAsync()).Is(200);
    }
}
