namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>From the hosted pages to identity providers, and back.</summary>
public sealed class HostedSsoTests(HostedSsoTests.Made made) : IClassFixture<HostedSsoTests.Made>
{
    private readonly HoldfastServer _server = made.Server;

    public sealed class Made : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        internal SamlConnection Connection { get; private set; } = null!;

        internal string Domain { get; } = $"{SamlProvider.Unique()}.test";

        public async ValueTask InitializeAsync()
        {
            Server = await HoldfastServer.StartAsync(new Start(IsDev: true));
            Connection = await Server.SamlConnectionAsync((await Server.PostAsync("/organizations", new { name = "Acme", domain_data = new[] { new { domain = Domain, state = "verified" } } })).Is(201)["id"]!);
        }

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    /// <summary>OAUTH-066: whatever they try, people of such a domain come to their own identity provider.</summary>
    [Fact]
    public async Task People_of_a_verified_domain_sign_in_at_their_organization_s_provider()
    {
        var email = $"ada@{made.Domain}";
        var person = await new Person(_server).StartAsync();
        var begun = SamlConnection.Read(person.Browser, (await person.SendAsync(("email", email.ToUpperInvariant()))).Is(302));

        var session = await BackAsync(person, begun, email);

        Assert.Equal(("SSO", made.Connection.OrganizationId), (session.Answer["authentication_method"], session.Claim("org_id")));
        foreach (var start in new (string, string)[][] { [("login_hint", email)], [("organization_id", made.Connection.OrganizationId)], [("organization_id", made.Connection.OrganizationId), ("login_hint", email)] })
        {
            begun = SamlConnection.Read(person.Browser, (await person.StartAsync(start)).Page.Is(302));
            Assert.Equal(session.UserId, (await BackAsync(person, begun, email)).UserId);
        }
        await person.StartAsync(("screen_hint", "sign-up"));
        SamlConnection.Read(person.Browser, (await person.SendAsync(("email", email))).Is(302));
    }

    /// <summary>OAUTH-066, of the API: the credential is right, and still it is for the provider to say who they are.</summary>
    [Fact]
    public async Task Neither_password_nor_mailed_code_begins_a_session_of_theirs()
    {
        var (email, guest) = ($"alan@{made.Domain}", HostedSignInTests.Somebody());
        await HostedSignInTests.UserAsync(_server, email);
        await HostedSignInTests.UserAsync(_server, guest);
        Task<Answer> ByPasswordAsync(string address, string password = Person.Password) => SignedIn.AskAsync(_server, "password", ("email", address), ("password", password));
        async Task<Answer> ByCodeAsync(string address) => await SignedIn.AskAsync(_server, SignedIn.MagicGrant, ("email", address), ("code", (await SignedIn.MailCodeAsync(_server, address)).Code));

        foreach (var refused in new[] { await ByPasswordAsync(email), await ByCodeAsync(email), await ByCodeAsync($"nobody.yet@{made.Domain}") })
        {
            refused.IsOAuth("sso_required");
            Assert.Equal([made.Connection.Id], refused.Json.GetProperty("connection_ids").EnumerateArray().Select(id => id.GetString()));
            Assert.EndsWith($"@{made.Domain}", refused["email"], StringComparison.Ordinal);
        }
        (await ByPasswordAsync(email, "wrong")).Is(400, "invalid_credentials");   // whoever has not shown it is told nothing
        Assert.Empty((await _server.GetAsync($"/user_management/users?email=nobody.yet@{made.Domain}")).Is(200).Ids);
        (await ByPasswordAsync(guest)).Is(200);
        (await ByCodeAsync(guest)).Is(200);
    }

    /// <summary>Neither a forgotten password, nor a link that was mailed before, nor an invitation is a way around the provider.</summary>
    [Fact] // OAUTH-063, OAUTH-066
    public async Task Links_in_mails_lead_to_the_provider()
    {
        var domain = $"{SamlProvider.Unique()}.test";
        var email = $"ada@{domain}";
        var organization = (await _server.PostAsync("/organizations", new { name = "Late", domain_data = new[] { new { domain, state = "verified" } } })).Is(201)["id"]!;
        await HostedSignInTests.UserAsync(_server, email);
        long Mails(string kind) => _server.Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM mails WHERE kind = @kind AND recipient = @email", new { kind, email }));
        async Task<Person> ForgotAsync()
        {
            var person = await new Person(_server).StartAsync();
            await person.GoAsync($"/sign-in/forgot?flow={Uri.EscapeDataString(person.Form().Fields["flow"])}");
            await person.SendAsync(("email", email));
            return person;
        }
        await ForgotAsync();
        Assert.Equal(1, Mails("password_reset"));
        var link = (await _server.PostAsync("/user_management/password_reset", new { email })).Is(201)["password_reset_url"]!;
        var open = new Person(_server);
        await open.GoAsync(link);
        var connection = await _server.SamlConnectionAsync(organization);

        Assert.Equal("/sign-in/forgot/sent", (await ForgotAsync()).Path);
        Assert.Equal(1, Mails("password_reset"));
        var begun = SamlConnection.Read(open.Browser, (await open.SendAsync(("password", "another horse, another battery"))).Is(302));
        await open.GoAsync((await connection.FinishAsync(begun, email)).Is(302).Location!);
        Assert.Equal("SSO", (await open.RedeemAsync()).Is(200)["authentication_method"]);

        var invited = $"grace@{domain}";
        var token = (await _server.PostAsync("/user_management/invitations", new { email = invited, organization_id = organization })).Is(201)["token"]!;
        var guest = new Person(_server);
        begun = SamlConnection.Read(guest.Browser, (await guest.GoAsync($"/invite?invitation_token={Uri.EscapeDataString(token)}")).Is(302));
        await guest.GoAsync((await connection.FinishAsync(begun, invited)).Is(302).Location!);
        var session = new SignedIn(_server, (await guest.RedeemAsync()).Is(200));
        Assert.Equal(("SSO", organization), (session.Answer["authentication_method"], session.Claim("org_id")));
        Assert.Equal("accepted", (await _server.GetAsync($"/user_management/invitations?email={Uri.EscapeDataString(invited)}")).Is(200).Json.GetProperty("data")[0].GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_guest_of_an_organization_signs_in_here()
    {
        var guest = HostedSignInTests.Somebody();
        var person = await new Person(_server).StartAsync(("organization_id", made.Connection.OrganizationId), ("login_hint", guest));
        Assert.Equal("/sign-in", person.Path);
    }

    [Fact]
    public async Task Who_had_typed_the_address_before_there_was_a_connection_is_sent_there_instead()
    {
        var domain = $"{SamlProvider.Unique()}.test";
        var organization = (await _server.PostAsync("/organizations", new { name = "Late", domain_data = new[] { new { domain, state = "verified" } } })).Is(201)["id"]!;
        await HostedSignInTests.UserAsync(_server, $"ada@{domain}");
        var person = await new Person(_server).StartAsync();
        await person.SendAsync(("email", $"ada@{domain}"));
        var connection = await _server.SamlConnectionAsync(organization);
        var other = person.Copy();

        SamlConnection.Read(person.Browser, (await person.SendAsync(("password", Person.Password))).Is(302));
        SamlConnection.Read(other.Browser, (await other.SendAsync(("again", "1"), [])).Is(302));
        (await _server.PutAsync($"/connections/{connection.Id}", new { state = "inactive" })).Is(200);
        await (await other.StartAsync()).SignInAsync($"ada@{domain}");
        (await other.RedeemAsync()).Is(200);
    }

    [Fact] // OAUTH-053, OAUTH-054
    public async Task What_comes_back_belongs_to_the_browser_that_left_and_is_taken_once()
    {
        var email = $"grace@{made.Domain}";
        var (person, victim) = (await new Person(_server).StartAsync(), await new Person(_server).StartAsync());
        var begun = SamlConnection.Read(person.Browser, (await person.SendAsync(("email", email))).Is(302));
        var way = (await made.Connection.FinishAsync(begun, email)).Is(302).Location!;
        Assert.StartsWith("/sign-in/continue?flow=", way, StringComparison.Ordinal);
        var code = System.Web.HttpUtility.ParseQueryString(way.Split('?')[1])["code"]!;

        // Login CSRF: another's code, in somebody's own flow (OAUTH-053, OAUTH-054).
        await victim.GoAsync($"/sign-in/continue?flow={Uri.EscapeDataString(victim.Form().Fields["flow"])}&code={code}");
        Assert.Equal(("/sign-in", 200), (victim.Path, victim.Page.Status));
        Assert.NotNull(victim.Notice);
        (await victim.Browser.GetAsync(way)).Is(400);
        // It has leaked by that, and is of no use any more.
        await person.GoAsync(way);
        Assert.Equal("/sign-in", person.Path);

        begun = SamlConnection.Read(person.Browser, (await person.SendAsync(("email", email))).Is(302));
        var session = await BackAsync(person, begun, email);
        Assert.Equal("SSO", session.Answer["authentication_method"]);
    }

    [Fact]
    public async Task A_provider_for_everybody_has_its_button_and_leads_back()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = (await _server.PostAsync("/connections", new
        {
            connection_type = "GoogleOAuth", name = "Google", oidc = new { base_url = provider.Url, client_id = OidcStandIn.ClientId, client_secret = OidcStandIn.Secret },
        })).Is(201)["id"]!;
        var person = await new Person(_server).StartAsync(("provider_scopes", "calendar"), ("prompt", "login"));
        Assert.Contains("Continue with Google", person.Page.Text, StringComparison.Ordinal);

        var begun = OidcStandIn.Read(person.Browser, connection, (await person.SendAsync(("provider", "GoogleOAuth"), [])).Is(302));
        Assert.Contains("calendar", begun["scope"], StringComparison.Ordinal);
        Assert.Equal("login", begun["prompt"]);
        await person.GoAsync((await provider.FinishAsync(begun)).Is(302).Location!);

        Assert.Equal("GoogleOAuth", (await person.RedeemAsync()).Is(200)["authentication_method"]);
        (await _server.DeleteAsync($"/connections/{connection}")).Is(204);
        await person.StartAsync();
        Assert.DoesNotContain("Google", person.Page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_is_refused_there_may_try_again_here()
    {
        await using var provider = await OidcStandIn.StartAsync(_server);
        var connection = (await _server.PostAsync("/connections", new
        {
            connection_type = "GitLabOAuth", name = "GitLab", oidc = new { base_url = provider.Url, client_id = OidcStandIn.ClientId, client_secret = OidcStandIn.Secret },
        })).Is(201)["id"]!;
        var person = await new Person(_server).StartAsync();
        var begun = OidcStandIn.Read(person.Browser, connection, (await person.SendAsync(("provider", "GitLabOAuth"), [])).Is(302));

        await person.GoAsync((await provider.FinishAsync(begun, new() { ["error"] = "access_denied", ["state"] = begun["state"]! })).Is(302).Location!);

        Assert.Equal("/sign-in", person.Path);
        Assert.Contains("another way", person.Notice, StringComparison.Ordinal);
        (await _server.DeleteAsync($"/connections/{connection}")).Is(204);
    }

    private async Task<SignedIn> BackAsync(Person person, SamlConnection.Begun begun, string email)
    {
        await person.GoAsync((await made.Connection.FinishAsync(begun, email)).Is(302).Location!);
        Assert.Equal("s t&a=te", person.Page.Is(303).Sent("state"));
        return new SignedIn(_server, (await person.RedeemAsync()).Is(200));
    }
}
