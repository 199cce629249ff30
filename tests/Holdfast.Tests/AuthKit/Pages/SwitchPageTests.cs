using Holdfast.Tests.Peers;

namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>Somebody who is signed in chooses another of their organizations at a page of ours.</summary>
public sealed class SwitchPageTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    /// <summary>Somebody in two organizations, signed in to the first.</summary>
    private static async Task<(SignedIn Session, string Email, string[] Organizations)> SomebodyAsync(HoldfastServer server)
    {
        var email = HostedSignInTests.Somebody();
        var user = await HostedSignInTests.UserAsync(server, email);
        var organizations = new[] { await server.OrganizationAsync(), await server.OrganizationAsync() };
        foreach (var organization in organizations)
        {
            (await server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
        }
        var person = await new Person(server).StartAsync(("organization_id", organizations[0]));
        await person.SignInAsync(email);
        return (new SignedIn(server, (await person.RedeemAsync()).Is(200)), email, organizations);
    }

    private static Task<Answer> AskAsync(HoldfastServer server, string sessionId, string? organizationId = null) => server.WithoutEffectAsync(() => server.PostAsync(
        "/user_management/organization_switches", new { session_id = sessionId, redirect_uri = HoldfastServer.Callback, state = "s t&a=te", organization_id = organizationId }));

    /// <summary>As a path of the server.</summary>
    private static string PathOf(Answer made) => new Uri(made.Is(201)["url"]!).PathAndQuery;

    [Fact]
    public async Task What_is_chosen_is_told_to_the_application_and_its_session_goes_on_there()
    {
        var (session, email, organizations) = await SomebodyAsync(_server);
        var person = new Person(_server);
        var made = await AskAsync(_server, session.SessionId, organizations[0]);
        Assert.StartsWith($"{_server.PublicUrl}/switch-organization?token=", made["url"], StringComparison.Ordinal);
        Assert.Equal((session.SessionId, "organization_switch"), (made["session_id"], made["object"]));
        await _server.WithoutEffectAsync(() => person.GoAsync(PathOf(made)));
        Assert.Equal(("/switch-organization/choose", "Switch organization"), (person.Path, person.Heading));
        Assert.Contains(email, person.Page.Text, StringComparison.Ordinal);
        Assert.Matches($"value=\"{organizations[0]}\" aria-current=\"true\"", person.Page.Text);
        Assert.Matches($"value=\"{organizations[1]}\"\\s*>", person.Page.Text);

        var sent = (await _server.WithoutEffectAsync(() => person.SendAsync(("organization_id", organizations[1])))).Is(303);

        Assert.StartsWith(HoldfastServer.Callback, sent.Location, StringComparison.Ordinal);
        Assert.Equal((organizations[1], "s t&a=te", null), (sent.Sent("organization_id"), sent.Sent("state"), sent.Sent("code")));
        var there = new SignedIn(_server, (await session.RefreshAsync(organizationId: sent.Sent("organization_id"))).Is(200));
        Assert.Equal((organizations[1], session.SessionId), (there.Claim("org_id"), there.SessionId));
    }

    [Fact]
    public async Task Where_more_is_asked_than_the_session_has_shown_they_sign_in_there_and_the_application_gets_a_code()
    {
        var (session, email, organizations) = await SomebodyAsync(_server);
        (await _server.PutAsync($"/organizations/{organizations[1]}/sign_in_policy", new { mfa = "required" })).Is(200);
        (await session.RefreshAsync(organizationId: organizations[1])).IsOAuth("mfa_enrollment");   // the page and the refresh are of one mind
        var person = new Person(_server);
        await person.GoAsync(PathOf(await AskAsync(_server, session.SessionId)));
        await person.SendAsync(("organization_id", organizations[1]));

        Assert.Equal(("/sign-in", email), (person.Path, person.Form().Fields["email"]));
        Assert.Contains("second step", person.Notice, StringComparison.Ordinal);
        await person.SignInAsync(email);
        Assert.Equal("/sign-in/enroll", person.Path);
    }

    [Fact]
    public async Task Whoever_was_signed_out_meanwhile_signs_in_and_nobody_comes_where_they_are_not_a_member()
    {
        var (session, email, organizations) = await SomebodyAsync(_server);
        var (other, _, theirs) = await SomebodyAsync(_server);
        var person = new Person(_server);
        var made = await AskAsync(_server, session.SessionId);
        await person.GoAsync(PathOf(made));
        foreach (var organization in new[] { theirs[0], "org_x", new string('x', 5000), "<script>" })
        {
            await _server.WithoutEffectAsync(() => person.SendAsync(("organization_id", organization)));
            Assert.Equal((422, "/switch-organization/choose"), (person.Page.Status, person.Path));
            Assert.DoesNotContain(organization, person.Page.Text, StringComparison.Ordinal);
        }
        await person.SendAsync();
        Assert.Equal("Choose one of your organizations.", person.Notice);
        var form = person.Form();
        (await new Person(_server).PostAsync(form, [("organization_id", organizations[1])])).Is(400);   // another browser
        (await person.PostAsync(form, [("organization_id", organizations[1]), ("token", "x")])).Is(403);
        (await person.PostAsync(form, [("organization_id", organizations[1])], ("Accept", "text/html"), ("Sec-Fetch-Site", "cross-site"))).Is(403);

        (await _server.PostAsync("/user_management/sessions/revoke", new { session_id = session.SessionId })).Is(200);
        await person.SendAsync(("organization_id", organizations[1]));
        Assert.Equal("/sign-in", person.Path);
        Assert.Contains("signed out", person.Notice, StringComparison.Ordinal);
        (await AskAsync(_server, session.SessionId)).Is(400, "session_ended");
        await person.SignInAsync(email);
        await person.SendAsync(("organization_id", organizations[1]));
        Assert.Equal(organizations[1], new SignedIn(_server, (await person.RedeemAsync()).Is(200)).Claim("org_id"));
        Assert.NotNull(other);
    }

    [Fact]
    public async Task A_link_lives_ten_minutes_lets_nobody_in_and_is_no_other_token()
    {
        var (session, _, organizations) = await SomebodyAsync(_server);
        var path = PathOf(await AskAsync(_server, session.SessionId));
        foreach (var wrong in new[] { path + "x", "/switch-organization", "/switch-organization?token=", $"/switch-organization?token={session.RefreshToken}", $"/switch-organization?token={new string('x', 9000)}",
            path.Replace(_server.A.Id, _server.B.Id, StringComparison.Ordinal) })
        {
            var answer = await new Person(_server).GoAsync(wrong);
            Assert.True(answer.Status == 404, $"{wrong[..Math.Min(80, wrong.Length)]}: {answer.Status}");
        }
        var token = path[(path.IndexOf('=', StringComparison.Ordinal) + 1)..];
        (await SignedIn.AskAsync(_server, "refresh_token", ("refresh_token", token))).IsOAuth("invalid_grant");
        (await SignedIn.AskAsync(_server, "urn:workos:oauth:grant-type:organization-selection", ("pending_authentication_token", token), ("organization_id", organizations[0]))).Is(400, "invalid_pending_authentication_token");
        Assert.Equal(200, (await new Person(_server).GoAsync(path)).Status);
        Assert.Equal(200, (await new Person(_server).GoAsync(path)).Status);   // twice: it lets nobody in
        _server.Clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(404, (await new Person(_server).GoAsync(path)).Status);
    }

    [Fact]
    public async Task What_cannot_be_asked_is_refused()
    {
        var (session, _, _) = await SomebodyAsync(_server);
        Task<Answer> PostAsync(object body) => _server.WithoutEffectAsync(() => _server.PostAsync("/user_management/organization_switches", body));
        (await PostAsync(new { })).Is(422);
        (await PostAsync(new { session_id = "session_x" })).Is(404);
        (await PostAsync(new { session_id = session.SessionId, redirect_uri = "https://evil.test/" })).Is(422);
        (await PostAsync(new { session_id = session.SessionId, state = new string('x', 2049) })).Is(422);
        (await PostAsync(new { session_id = session.SessionId, organization_id = new string('x', 129) })).Is(422);
        (await PostAsync(new { session_id = session.SessionId })).Is(201);
        var acting = (await _server.PostAsync($"/user_management/users/{session.UserId}/impersonations", new
        {
            impersonator_email = "eve@acme.test", reason = "why", organization_id = session.Claim("org_id"),
        })).Is(201);
        var acted = new SignedIn(_server, (await SignedIn.AskAsync(_server, "authorization_code", ("code", acting["code"]))).Is(200));
        (await PostAsync(new { session_id = acted.SessionId })).Is(400, "session_impersonated");
    }

    [Fact]
    public async Task A_link_that_one_node_made_is_followed_at_another_with_the_primary_gone()
    {
        await using var nodes = await Cluster.StartAsync(3);
        var (session, _, organizations) = await SomebodyAsync(nodes[1]);
        await nodes.HasAsync(2, view => view.Find<long>("SELECT count(*) FROM memberships") == 2 && view.Find<string>("SELECT id FROM sessions WHERE id = @SessionId", new { session.SessionId }) is not null);
        await nodes.StopNodeAsync(0);

        var person = new Person(nodes[2]);
        await person.GoAsync(PathOf(await AskAsync(nodes[1], session.SessionId, organizations[0])));
        await person.SendAsync(("organization_id", organizations[1]));

        Assert.Equal(organizations[1], person.Page.Sent("organization_id"));
        Assert.Equal(organizations[1], new SignedIn(nodes[2], (await session.RefreshAsync(organizationId: organizations[1], at: nodes[2])).Is(200)).Claim("org_id"));
    }
}
