namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>The way in through the hosted pages, to a session at the application.</summary>
public sealed class HostedSignInTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    internal static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    internal static async Task<string> UserAsync(HoldfastServer server, string email, bool verified = true) =>
        (await server.PostAsync("/user_management/users", new { email, email_verified = verified, password = Person.Password })).Is(201)["id"]!;

    [Fact]
    public async Task An_address_and_its_password_lead_to_a_session()
    {
        var email = Somebody();
        var user = await UserAsync(_server, email);
        var person = await new Person(_server).StartAsync();
        Assert.Equal(("/sign-in", "Sign in"), (person.Path, person.Heading));

        await person.SendAsync(("email", $" {email.ToUpperInvariant()} "));
        Assert.Equal("/sign-in/password", person.Path);
        Assert.Contains(email.ToUpperInvariant(), person.Page.Text, StringComparison.Ordinal);
        var sent = (await person.SendAsync(("password", Person.Password))).Is(303);

        Assert.StartsWith(HoldfastServer.Callback, sent.Location, StringComparison.Ordinal);
        Assert.Equal("s t&a=te", sent.Sent("state"));
        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        Assert.Equal((user, "Password"), (session.UserId, session.Answer["authentication_method"]));
        Assert.Null(session.Claim("org_id"));
        (await session.RefreshAsync()).Is(200);
    }

    [Fact]
    public async Task A_wrong_password_is_said_beside_the_field_and_the_address_stays()
    {
        var email = Somebody();
        await UserAsync(_server, email);
        var person = await new Person(_server).StartAsync();

        await person.SignInAsync(email, "wrong");

        Assert.Equal(422, person.Page.Status);
        Assert.Contains("not right", person.Fault, StringComparison.Ordinal);
        Assert.Contains("aria-describedby=\"password-fault\"", person.Page.Text, StringComparison.Ordinal);
        Assert.Contains("<title>Error:", person.Page.Text, StringComparison.Ordinal);
        Assert.Contains(email, person.Page.Text, StringComparison.Ordinal);
        await person.SendAsync(("password", Person.Password));
        (await person.RedeemAsync()).Is(200);
    }

    [Fact]
    public async Task A_mailed_code_signs_in_whoever_has_the_mailbox()
    {
        var email = Somebody();
        var person = await new Person(_server).StartAsync(("login_hint", email));
        Assert.Contains($"value=\"{email}\"", person.Page.Text, StringComparison.Ordinal);
        await person.SendAsync();
        var code = await person.MailedAsync(() => person.SendAsync(("again", "1"), []));
        Assert.Equal(("/sign-in/code", "Check your email"), (person.Path, person.Heading));
        Assert.Contains("autocomplete=\"one-time-code\"", person.Page.Text, StringComparison.Ordinal);

        foreach (var (typed, said) in new[] { ("", "Type the code"), ("12 34", "six digits"), ("abcdef", "six digits"), (Other(code), "not right") })
        {
            await person.SendAsync(("code", typed));
            Assert.Contains(said, person.Fault, StringComparison.Ordinal);
        }
        await person.SendAsync(("code", $" {code[..3]} - {code[3..]} "));   // as people copy it

        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        Assert.Equal(("MagicAuth", email), (session.Answer["authentication_method"], session.Answer.Json.GetProperty("user").GetProperty("email").GetString()));
    }

    [Fact]
    public async Task A_new_code_is_sent_and_the_one_before_is_taken_too()
    {
        var person = await new Person(_server).StartAsync(("login_hint", Somebody()));
        await person.SendAsync();
        var first = await person.MailedAsync(() => person.SendAsync(("again", "1"), []));

        var second = await person.MailedAsync(() => person.SendAsync(("again", "1"), []));
        Assert.Contains("new code", person.Notice, StringComparison.Ordinal);
        var other = person.Copy();
        await person.SendAsync(("code", first));
        (await person.RedeemAsync()).Is(200);

        await other.SendAsync(("code", first));
        Assert.Contains("used before", other.Fault, StringComparison.Ordinal);
        await other.SendAsync(("code", second));
        (await other.RedeemAsync()).Is(200);
    }

    [Fact]
    public async Task Who_has_not_proven_the_mailbox_does_so_first()
    {
        var email = Somebody();
        await UserAsync(_server, email, verified: false);
        var person = await new Person(_server).StartAsync();
        await person.SendAsync(("email", email));

        var first = await person.MailedAsync(() => person.SendAsync(("password", Person.Password)));
        Assert.Equal("/sign-in/verify", person.Path);
        await person.SendAsync(("code", Other(first)));
        Assert.Contains("not right", person.Fault, StringComparison.Ordinal);
        var second = await person.MailedAsync(() => person.SendAsync(("again", "1"), []));
        await person.SendAsync(("code", second));

        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        Assert.Equal("Password", session.Answer["authentication_method"]);
        Assert.True(session.Answer.Json.GetProperty("user").GetProperty("email_verified").GetBoolean());
    }

    [Fact] // OAUTH-056
    public async Task Who_is_in_several_organizations_chooses_one_and_a_second_click_changes_nothing()
    {
        var email = Somebody();
        var user = await UserAsync(_server, email);
        var (one, other) = (await _server.OrganizationAsync("<script>alert(1)</script> & Söhne"), await _server.OrganizationAsync("Initech"));
        foreach (var organization in new[] { one, other })
        {
            (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
        }
        var person = await (await new Person(_server).StartAsync()).SignInAsync(email);
        Assert.Equal("/sign-in/organization", person.Path);
        Assert.DoesNotContain("<script>alert", person.Page.Text, StringComparison.Ordinal);   // OAUTH-056
        Assert.Contains("&lt;script&gt;", person.Page.Text, StringComparison.Ordinal);
        var (twice, changed, stranger) = (person.Copy(), person.Copy(), person.Copy());

        await stranger.SendAsync(("organization_id", await _server.OrganizationAsync("Not theirs")));
        Assert.Contains("not in that organization", stranger.Notice, StringComparison.Ordinal);
        await person.SendAsync(("organization_id", other));
        await twice.SendAsync(("organization_id", other));
        await changed.SendAsync(("organization_id", one));

        Assert.Equal(person.Code, twice.Code);
        Assert.Equal("/sign-in", changed.Path);
        Assert.Contains("sign in once more", changed.Notice, StringComparison.Ordinal);
        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        Assert.Equal((other, other), (session.Claim("org_id"), session.Answer["organization_id"]));
        (await twice.RedeemAsync()).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task The_organization_that_the_application_wants_is_the_one_if_they_are_in_it()
    {
        var email = Somebody();
        var user = await UserAsync(_server, email);
        var (one, other, strange) = (await _server.OrganizationAsync("One"), await _server.OrganizationAsync("Other"), await _server.OrganizationAsync("Strange"));
        foreach (var organization in new[] { one, other })
        {
            (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
        }

        var person = await (await new Person(_server).StartAsync(("organization_id", other))).SignInAsync(email);
        Assert.Equal(other, new SignedIn(_server, (await person.RedeemAsync()).Is(200)).Claim("org_id"));

        await (await person.StartAsync(("organization_id", strange))).SignInAsync(email);
        Assert.Contains("not a member", person.Fault, StringComparison.Ordinal);
        Assert.Equal("organization_invalid", (await person.Browser.GetAsync(Person.StartPath(_server, ("organization_id", "org_01NOBODY")))).Is(302).Sent("error"));
    }

    [Fact]
    public async Task Somebody_new_signs_up_with_a_password_and_proves_the_mailbox()
    {
        var email = Somebody();
        var person = await new Person(_server).StartAsync(("screen_hint", "sign-up"));
        Assert.Equal(("/sign-up", "Create an account"), (person.Path, person.Heading));
        await person.SendAsync(("email", email));
        Assert.Equal("/sign-up/details", person.Path);
        await _server.WithoutEffectAsync(() => person.SendAsync(("first_name", "Grace"), ("last_name", "Hopper"), ("password", "short")));
        Assert.Contains("too short", person.Fault, StringComparison.Ordinal);
        Assert.Contains("value=\"Grace\"", person.Page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("short\"", person.Page.Text, StringComparison.Ordinal);

        var code = await person.MailedAsync(() => person.SendAsync(("password", Person.Password)));
        Assert.Equal("/sign-up/verify", person.Path);
        Assert.Equal(0, Users(email));
        code = await person.MailedAsync(() => person.SendAsync(("again", "1"), []));
        await person.SendAsync(("code", code));

        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        var user = session.Answer.Json.GetProperty("user");
        Assert.Equal(("Password", email, "Grace", "Hopper", true), (session.Answer["authentication_method"], user.GetProperty("email").GetString(), user.GetProperty("first_name").GetString(),
            user.GetProperty("last_name").GetString(), user.GetProperty("email_verified").GetBoolean()));
        await (await person.StartAsync()).SignInAsync(email);
        (await person.RedeemAsync()).Is(200);
    }

    [Fact] // OAUTH-059
    public async Task An_address_that_is_taken_is_told_by_mail_alone()
    {
        var (taken, free) = (Somebody(), Somebody());
        await UserAsync(_server, taken);
        var pages = new List<string>();
        foreach (var email in new[] { taken, free })
        {
            var person = await new Person(_server).StartAsync(("screen_hint", "sign-up"));
            await person.SendAsync(("email", email));
            await person.SendAsync(("password", "a very different horse of mine"));
            pages.Add(Bare(person.Page, email));
        }

        Assert.Equal(pages[0], pages[1]);
        Assert.Equal(("sign_up_attempt", "email_verification"), (LastMail(taken), LastMail(free)));
        await (await new Person(_server).StartAsync()).SignInAsync(taken);
        Assert.Equal(0, Users(free));
    }

    /// <summary>OAUTH-059: pages, statuses and headers of each step, for somebody and for nobody.</summary>
    [Fact]
    public async Task A_stranger_cannot_tell_who_has_an_account()
    {
        var (somebody, bare, nobody) = (Somebody(), Somebody(), Somebody());
        await UserAsync(_server, somebody);
        await SignedIn.ByMagicCodeAsync(_server, bare);
        var seen = new List<List<string>>();
        foreach (var email in new[] { somebody, bare, nobody })
        {
            var steps = new List<string>();
            var person = await new Person(_server).StartAsync();
            await person.SendAsync(("email", email));
            steps.Add(Bare(person.Page, email));
            await person.SendAsync(("password", "not this one"));
            steps.Add(Bare(person.Page, email));
            await person.SendAsync(("again", "1"), []);
            steps.Add(Bare(person.Page, email));
            await person.SendAsync(("code", "000000"));
            steps.Add(Bare(person.Page, email));
            seen.Add(steps);
        }
        Assert.Equal(seen[0], seen[1]);
        Assert.Equal(seen[0], seen[2]);
    }

    [Fact]
    public async Task An_invitation_leads_into_its_organization()
    {
        var (email, organization) = (Somebody(), await _server.OrganizationAsync());
        var invited = (await _server.PostAsync("/user_management/invitations", new { email, organization_id = organization })).Is(201);
        var person = await new Person(_server).StartAsync(("invitation_token", invited["token"]!), ("screen_hint", "sign-up"));
        Assert.Contains($"value=\"{email}\"", person.Page.Text, StringComparison.Ordinal);
        await person.SendAsync();
        await person.SendAsync(("code", await person.MailedAsync(() => person.SendAsync(("password", Person.Password)))));

        Assert.Equal(organization, new SignedIn(_server, (await person.RedeemAsync()).Is(200)).Claim("org_id"));
        Assert.Equal("accepted", (await _server.GetAsync($"/user_management/invitations/{invited["id"]}")).Is(200)["state"]);

        var other = await new Person(_server).StartAsync(("invitation_token", invited["token"]!));
        Assert.Contains("has been used", other.Notice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_invitation_of_somebody_else_leads_nowhere()
    {
        var (invitedEmail, email, organization) = (Somebody(), Somebody(), await _server.OrganizationAsync());
        await UserAsync(_server, email);
        var invited = (await _server.PostAsync("/user_management/invitations", new { email = invitedEmail, organization_id = organization })).Is(201);

        var person = await (await new Person(_server).StartAsync(("invitation_token", invited["token"]!))).SignInAsync(email);

        Assert.Contains("not a member", person.Fault, StringComparison.Ordinal);
        Assert.Equal("pending", (await _server.GetAsync($"/user_management/invitations/{invited["id"]}")).Is(200)["state"]);
    }

    internal static string Other(string code) => code == "000000" ? "000001" : "000000";

    private long Users(string email) => _server.Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM users WHERE lower(email) = @email", new { email }));

    private string? LastMail(string email) => _server.Storage.Database.Read(view => view.Find<string>("SELECT kind FROM mails WHERE recipient = @email", new { email }));

    /// <summary>A page without what is one browser's own.</summary>
    private static string Bare(Answer page, string email) => $"{page.Status}\n"
        + string.Join('\n', page.Headers.Where(h => h.Key is not ("X-Request-ID" or "Set-Cookie")).Select(h => $"{h.Key}: {string.Join(',', h.Value)}")) + "\n"
        + System.Text.RegularExpressions.Regex.Replace(page.Text.Replace(email, "ADDRESS", StringComparison.Ordinal), "(name=\"(flow|token)\" value|\\?flow)=\"?[^\"]*\"", "");
}
