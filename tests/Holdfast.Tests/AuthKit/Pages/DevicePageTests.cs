using Holdfast.Tests.Peers;

namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>The page where a device's code is typed in, and answered by somebody who has signed in (OAUTH-023).</summary>
public sealed class DevicePageTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    private static async Task<Answer> BeginAsync(HoldfastServer server) =>
        (await server.SendAsync("POST", "/user_management/authorize/device", null, new { client_id = server.A.ClientId })).Is(200);

    private static Task<Answer> PollAsync(HoldfastServer server, Answer begun) => server.SendAsync(
        "POST", "/user_management/authenticate", null, new { grant_type = "urn:ietf:params:oauth:grant-type:device_code", client_id = server.A.ClientId, device_code = begun["device_code"] });

    /// <summary>From the code to the question.</summary>
    private static async Task<Person> SignedInAsync(HoldfastServer server, Answer begun, string email)
    {
        var person = new Person(server);
        await person.GoAsync("/device");
        await person.SendAsync(("user_code", begun["user_code"]!));
        Assert.Equal("/sign-in", person.Path);
        return await person.SignInAsync(email);
    }

    [Fact]
    public async Task Whoever_has_signed_in_says_yes_and_the_device_is_signed_in_as_them()
    {
        var (begun, email) = (await BeginAsync(_server), HostedSignInTests.Somebody());
        var user = await HostedSignInTests.UserAsync(_server, email);

        var person = await SignedInAsync(_server, begun, email);
        Assert.Equal("/device/confirm", person.Path);
        Assert.Contains(begun["user_code"]!, person.Page.Text, StringComparison.Ordinal);
        Assert.Contains(email, person.Page.Text, StringComparison.Ordinal);
        (await PollAsync(_server, begun)).IsOAuth("authorization_pending");
        await person.SendAsync(("answer", "yes"));

        Assert.Equal("Your device is signed in", person.Heading);
        _server.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(user, new SignedIn(_server, (await PollAsync(_server, begun)).Is(200)).UserId);
        await person.GoAsync(person.Path!);
        Assert.Equal(400, person.Page.Status);   // without its flow, the page is nobody's
    }

    [Fact]
    public async Task A_device_goes_into_the_organization_that_was_chosen_and_another_browser_answers_nothing()
    {
        var (begun, email) = (await BeginAsync(_server), HostedSignInTests.Somebody());
        var user = await HostedSignInTests.UserAsync(_server, email);
        var organizations = new[] { await _server.OrganizationAsync(), await _server.OrganizationAsync() };
        foreach (var organization in organizations)
        {
            (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
        }
        var person = await SignedInAsync(_server, begun, email);
        Assert.Equal("/sign-in/organization", person.Path);
        await person.SendAsync(("organization_id", organizations[1]));
        Assert.Equal("/device/confirm", person.Path);

        var form = person.Form();
        var stranger = new Person(_server);
        (await stranger.PostAsync(form, [("answer", "yes")])).Is(400);
        (await person.PostAsync(form, [("answer", "yes"), ("token", "x")])).Is(403);
        (await person.PostAsync(form, [("answer", "yes")], ("Accept", "text/html"), ("Sec-Fetch-Site", "cross-site"))).Is(403);
        (await PollAsync(_server, begun)).IsOAuth("authorization_pending");
        await person.SendAsync(("answer", "yes"));
        _server.Clock.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(organizations[1], new SignedIn(_server, (await PollAsync(_server, begun)).Is(200)).Claim("org_id"));
    }

    [Fact]
    public async Task A_no_is_a_no_and_what_has_expired_is_said_to_have()
    {
        var (refused, late, email) = (await BeginAsync(_server), await BeginAsync(_server), HostedSignInTests.Somebody());
        await HostedSignInTests.UserAsync(_server, email);
        var person = await SignedInAsync(_server, refused, email);
        await person.SendAsync(("answer", "no"));
        Assert.Equal("Your device is not signed in", person.Heading);
        (await PollAsync(_server, refused)).IsOAuth("access_denied");

        var slow = await SignedInAsync(_server, late, email);
        _server.Clock.Advance(TimeSpan.FromMinutes(5));
        await slow.SendAsync(("answer", "yes"));
        Assert.Equal("That code has expired.", slow.Heading);
        (await PollAsync(_server, late)).IsOAuth("expired_token");
    }

    [Fact]
    public async Task Codes_are_tried_ten_times_a_minute_from_one_place_and_what_is_none_is_said_beside_the_field()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1));
        var begun = await BeginAsync(server);
        var person = new Person(server);
        foreach (var typed in new[] { "", "x", "BCDF-GHJK", new string('B', 1000), "<script>" })
        {
            await person.GoAsync("/device");
            await person.SendAsync(("user_code", typed));
            Assert.Equal(422, person.Page.Status);
            Assert.NotNull(person.Fault);
        }
        for (var i = 0; i < 6; i++)
        {
            await person.SendAsync(("user_code", "BCDF-GHJK"));
        }
        await person.SendAsync(("user_code", begun["user_code"]!));   // the right one, too, until the minute is over
        Assert.Equal(429, person.Page.Status);
        server.Clock.Advance(TimeSpan.FromSeconds(60));
        await person.SendAsync(("user_code", begun["user_code"]!));
        Assert.Equal("/sign-in", person.Path);
    }

    [Fact]
    public async Task A_link_fills_the_code_in_and_takes_nothing()
    {
        var begun = await BeginAsync(_server);
        var person = new Person(_server);
        await person.GoAsync($"/device?user_code={begun["user_code"]}");
        Assert.Equal(begun["user_code"], person.Form().Fields["user_code"]);
        Assert.Empty(person.Browser.Cookies);
        await person.GoAsync($"/device?user_code={Uri.EscapeDataString("\"><script>")}");
        Assert.Equal("", person.Form().Fields["user_code"]);
        Assert.Contains("frame-ancestors 'none'", person.Page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_code_is_typed_in_and_answered_at_another_node_than_the_one_that_the_device_asked()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var user = await HostedSignInTests.UserAsync(nodes[0], "ada@people.test");
        await nodes.HasAsync(1, view => view.Find<string>("SELECT id FROM users WHERE id = @user", new { user }) is not null);
        await nodes.HeardAsync(1, 0);
        var begun = await BeginAsync(nodes[0]);

        var person = await SignedInAsync(nodes[1], begun, "ada@people.test");
        await person.SendAsync(("answer", "yes"));

        Assert.Equal("Your device is signed in", person.Heading);
        Assert.Equal(user, new SignedIn(nodes[1], (await PollAsync(nodes[1], begun)).Is(200)).UserId);
    }

    [Fact]
    public async Task With_the_primary_gone_a_device_that_asked_one_node_is_answered_at_another()
    {
        await using var nodes = await Cluster.StartAsync(3);
        var user = await HostedSignInTests.UserAsync(nodes[0], "ada@people.test");
        foreach (var node in new[] { 1, 2 })
        {
            await nodes.HasAsync(node, view => view.Find<string>("SELECT id FROM users WHERE id = @user", new { user }) is not null);
        }
        await nodes.HeardAsync(2, 1);
        await nodes.StopNodeAsync(0);   // it has the primary

        var begun = await BeginAsync(nodes[1]);
        await nodes.HasAsync(2, view => view.Find<string>("SELECT id FROM pending_items WHERE kind = 'device_request_'") is not null);
        var person = await SignedInAsync(nodes[2], begun, "ada@people.test");
        await person.SendAsync(("answer", "yes"));

        Assert.Equal("Your device is signed in", person.Heading);
        nodes.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(user, new SignedIn(nodes[2], (await PollAsync(nodes[2], begun)).Is(200)).UserId);
        nodes.Clock.Advance(TimeSpan.FromSeconds(5));
        (await PollAsync(nodes[1], begun)).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task While_the_node_that_decides_is_away_an_answer_waits_and_when_it_is_gone_the_code_has_expired()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var user = await HostedSignInTests.UserAsync(nodes[0], "ada@people.test");
        await nodes.HasAsync(1, view => view.Find<string>("SELECT id FROM users WHERE id = @user", new { user }) is not null);
        await nodes.HeardAsync(1, 0);
        var begun = await BeginAsync(nodes[0]);
        var life = nodes[0].Storage.Database.Incarnation;
        await nodes.HasAsync(1, view => view.Find<string>("SELECT id FROM pending_items WHERE kind = 'device_request_'") is not null);
        await nodes.StopNodeAsync(0);

        var person = await SignedInAsync(nodes[1], begun, "ada@people.test");
        await person.SendAsync(("answer", "yes"));
        Assert.Equal((503, "/device/confirm"), (person.Page.Status, person.Path));
        Assert.Contains("Wait a moment", person.Notice, StringComparison.Ordinal);
        await nodes.StartNodeAsync(0);
        await nodes.HeardAsync(1, 0);
        await person.SendAsync(("answer", "yes"));
        Assert.Equal("Your device is signed in", person.Heading);

        var second = await BeginAsync(nodes[0]);
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM pending_items WHERE kind = 'device_request_'") == 2);
        var other = await SignedInAsync(nodes[1], second, "ada@people.test");
        await nodes.DeclareDeadAsync(1, life);
        await nodes.StopNodeAsync(0);
        await other.SendAsync(("answer", "yes"));
        Assert.Equal("That code has expired.", other.Heading);
    }

    [Fact]
    public async Task The_question_says_who_asks_for_what_and_whence_and_nothing_that_the_device_says_of_itself()
    {
        var (server, from) = await HostedLimitTests.StartAsync();
        await using var _ = server;
        await HostedSignInTests.UserAsync(server, "ada@people.test");
        (await server.PutAsync("/branding", new { name = "Acme <CLI>" })).Is(200);
        from.Place = "203.0.113.9";
        var begun = (await server.SendAsync("POST", "/user_management/authorize/device", null, new { client_id = server.A.ClientId, name = "Support says yes" }, ("User-Agent", "Support says yes"))).Is(200);

        from.Place = "198.51.100.7";
        var person = await SignedInAsync(server, begun, "ada@people.test");
        foreach (var said in new[] { "Acme &lt;CLI&gt;", "ada@people.test", begun["user_code"]!, "another network than yours", "203.0.113.9", "somebody sent you this code" })
        {
            Assert.Contains(said, person.Page.Text, StringComparison.Ordinal);
        }
        Assert.DoesNotContain("Support", person.Page.Text, StringComparison.Ordinal);
        from.Place = "203.0.113.9";
        Assert.Contains("the network that you are on", (await SignedInAsync(server, begun, "ada@people.test")).Page.Text, StringComparison.Ordinal);
    }
}
