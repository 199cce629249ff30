using System.Text.Json;
using System.Text.RegularExpressions;

namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>Pages that a mailed link leads to: another password, an invitation.</summary>
public sealed partial class MailedPagesTests : IAsyncLifetime
{
    private HoldfastServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await HoldfastServer.StartAsync(new Start(IsDev: true));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task<List<JsonElement>> InboxAsync(string to) =>
        [.. (await _server.SendAsync("GET", "/dev/inbox", null, null, ("Accept", "application/json"))).Is(200).Json.EnumerateArray().Where(mail => mail.GetProperty("to").GetString() == to)];

    private async Task<string> LinkAsync(string to) => Link().Match((await InboxAsync(to))[0].GetProperty("text").GetString()!).Value;

    private async Task<Person> ForgotAsync(string email, params (string Name, string Value)[] more)
    {
        var person = await new Person(_server).StartAsync(more);
        await person.SendAsync(("email", email));
        await person.GoAsync(Forgot().Match(person.Page.Text).Value.Replace("&amp;", "&", StringComparison.Ordinal));
        Assert.Equal("/sign-in/forgot", person.Path);
        await person.SendAsync(("email", email));
        return person;
    }

    [Fact] // OAUTH-062
    public async Task A_forgotten_password_is_replaced_by_mail_and_the_sign_in_goes_on()
    {
        var email = HostedSignInTests.Somebody();
        await HostedSignInTests.UserAsync(_server, email);
        var before = new SignedIn(_server, (await SignedIn.AskAsync(_server, "password", ("email", email), ("password", Person.Password))).Is(200));
        var person = await ForgotAsync(email);
        Assert.Equal(("/sign-in/forgot/sent", "Check your email"), (person.Path, person.Heading));
        var link = await LinkAsync(email);

        await person.GoAsync(link);
        await person.GoAsync(link);   // looking at it uses nothing up
        Assert.Equal("Choose a new password", person.Heading);
        Assert.Equal("no-referrer", person.Page.Headers.GetValues("Referrer-Policy").Single());
        await person.SendAsync(("password", "Password1!"));
        Assert.Equal(422, person.Page.Status);
        Assert.Contains("soon guessed", person.Fault, StringComparison.Ordinal);
        _server.Clock.Advance(TimeSpan.FromSeconds(1));
        (await person.SendAsync(("password", "another horse, another battery"))).Is(303);

        Assert.Equal("s t&a=te", person.Page.Sent("state"));
        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        Assert.Equal("Password", session.Answer["authentication_method"]);
        (await before.RefreshAsync()).IsOAuth("invalid_grant");
        (await SignedIn.AskAsync(_server, "password", ("email", email), ("password", Person.Password))).Is(400);
        (await SignedIn.AskAsync(_server, "password", ("email", email), ("password", "another horse, another battery"))).Is(200);
        Assert.Equal(404, (await person.GoAsync(link)).Status);
        Assert.StartsWith("Your password", (await InboxAsync(email))[0].GetProperty("subject").GetString(), StringComparison.Ordinal);
    }

    [Fact] // OAUTH-055
    public async Task In_another_browser_the_link_ends_at_the_environment_s_own_address()
    {
        var email = HostedSignInTests.Somebody();
        await HostedSignInTests.UserAsync(_server, email);
        await ForgotAsync(email);
        var elsewhere = new Person(_server);

        await elsewhere.GoAsync(await LinkAsync(email));
        (await elsewhere.SendAsync(("password", "another horse, another battery"))).Is(303);

        Assert.StartsWith(HoldfastServer.Callback, elsewhere.Page.Location, StringComparison.Ordinal);
        Assert.Null(elsewhere.Page.Sent("state"));
        (await elsewhere.RedeemAsync()).Is(200);
    }

    /// <summary>Login CSRF (OAUTH-053): a stranger's token, posted by a stranger's page.</summary>
    [Fact] // OAUTH-054
    public async Task A_new_password_is_taken_from_our_own_page_alone()
    {
        var email = HostedSignInTests.Somebody();
        await HostedSignInTests.UserAsync(_server, email);
        await ForgotAsync(email);
        var victim = await GoneToAsync(new Person(_server), await LinkAsync(email));
        (string, string)[] typed = [("password", "another horse, another battery")];

        foreach (var headers in new (string, string)[][] { [("Sec-Fetch-Site", "cross-site")], [("Sec-Fetch-Site", "same-site")], [("Origin", "https://evil.test")] })
        {
            Assert.Equal(403, (await _server.WithoutEffectAsync(() => victim.PostAsync(victim.Form(), typed, headers))).Status);
        }
        (await victim.SendAsync(typed)).Is(303);
    }

    [Fact] // OAUTH-059
    public async Task An_address_that_nobody_has_is_answered_alike_and_mailed_nothing()
    {
        var (known, nobody) = (HostedSignInTests.Somebody(), HostedSignInTests.Somebody());
        await HostedSignInTests.UserAsync(_server, known);
        long Items() => _server.Storage.Database.Read(view => view.Find<long>("SELECT count(*) FROM pending_items WHERE kind = 'password_reset_'"));

        var counts = new List<long> { Items() };
        var pages = new List<string>();
        foreach (var email in new[] { known, nobody })
        {
            var person = await ForgotAsync(email);
            pages.Add(Regex.Replace(person.Page.Text.Replace(email, "X", StringComparison.Ordinal), "(name=\"(flow|token)\" value=|flow=)\"?[^\"&]+", ""));
            counts.Add(Items());
        }

        Assert.Equal(pages[0], pages[1]);
        Assert.Equal([0, 1, 2], counts.Select(c => c - counts[0]));   // as much is written, and waited for
        Assert.Single(await InboxAsync(known));
        Assert.Empty(await InboxAsync(nobody));
    }

    [Theory]
    [InlineData("/reset-password")]
    [InlineData("/reset-password?token=")]
    [InlineData("/reset-password?token=password_reset_01J00000000000000000000000.x")]
    [InlineData("/reset-password?token=a.b.c")]
    [InlineData("/invite")]
    [InlineData("/invite?invitation_token=nobodys")]
    public async Task A_link_that_is_none_is_an_honest_page(string path)
    {
        var answer = await _server.WithoutEffectAsync(() => new Browser(_server).GetAsync(path, ("Accept", "text/html")));
        answer.Is(404);
        Assert.Contains("does not work any more", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_and_mails_speak_the_person_s_language()
    {
        var email = HostedSignInTests.Somebody();
        await HostedSignInTests.UserAsync(_server, email);

        var person = await ForgotAsync(email, ("ui_locales", "de"));

        Assert.Equal("Sehen Sie in Ihr Postfach", person.Heading);
        Assert.StartsWith("Wählen Sie ein neues Passwort", (await InboxAsync(email))[0].GetProperty("subject").GetString(), StringComparison.Ordinal);
        Assert.Equal("Neues Passwort wählen", (await GoneToAsync(person, await LinkAsync(email))).Heading);
    }

    private static async Task<Person> GoneToAsync(Person person, string link)
    {
        await person.GoAsync(link);
        return person;
    }

    [Fact]
    public async Task Who_was_invited_and_is_new_makes_an_account_and_is_a_member()
    {
        var email = HostedSignInTests.Somebody();
        var organization = await _server.OrganizationAsync("Acme");
        var inviter = (await _server.PostAsync("/user_management/users", new { email = HostedSignInTests.Somebody(), first_name = "Grace", last_name = "Hopper" })).Is(201)["id"];
        var invited = (await _server.PostAsync("/user_management/invitations", new { email, organization_id = organization, inviter_user_id = inviter, role_slug = "admin" })).Is(201);
        var person = await GoneToAsync(new Person(_server), await LinkAsync(email));
        Assert.Equal(("/sign-in/invitation", "You are invited"), (person.Path, person.Heading));
        Assert.Contains("Grace Hopper", person.Page.Text, StringComparison.Ordinal);
        Assert.Contains(email, person.Page.Text, StringComparison.Ordinal);

        await person.SendAsync(("first_name", "Ada"), ("last_name", "Lovelace"), ("password", "adalovelace"));
        Assert.Equal((422, "Ada"), (person.Page.Status, person.Form().Fields["first_name"]));
        (await person.SendAsync(("first_name", "Ada"), ("last_name", "Lovelace"), ("password", Person.Password))).Is(303);

        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        Assert.Equal((organization, "admin"), (session.Claim("org_id"), session.Claim("role")));
        var user = session.Answer.Json.GetProperty("user");
        Assert.Equal(("Ada", "Lovelace", email, true), (user.GetProperty("first_name").GetString(), user.GetProperty("last_name").GetString(), user.GetProperty("email").GetString(), user.GetProperty("email_verified").GetBoolean()));
        var after = (await _server.GetAsync($"/user_management/invitations/{invited["id"]}")).Is(200);
        Assert.Equal(("accepted", session.UserId), (after["state"], after["accepted_user_id"]));
        // The link again is a way to sign in.
        Assert.Equal("/sign-in/password", (await GoneToAsync(new Person(_server), await LinkAsync(email))).Path);
    }

    [Fact]
    public async Task Who_was_invited_and_has_an_account_signs_in_and_is_a_member()
    {
        var email = HostedSignInTests.Somebody();
        var user = await HostedSignInTests.UserAsync(_server, email);
        var organization = await _server.OrganizationAsync("Acme");
        var invited = (await _server.PostAsync("/user_management/invitations", new { email, organization_id = organization })).Is(201);
        var person = await GoneToAsync(new Person(_server), await LinkAsync(email));

        await person.SendAsync();
        Assert.Equal("/sign-in/password", person.Path);
        (await person.SendAsync(("password", Person.Password))).Is(303);

        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        Assert.Equal((user, organization), (session.UserId, session.Claim("org_id")));
        Assert.Equal("accepted", (await _server.GetAsync($"/user_management/invitations/{invited["id"]}")).Is(200)["state"]);
    }

    [Fact]
    public async Task An_invitation_is_accepted_by_nobody_but_whose_address_it_is_of()
    {
        var (invitedEmail, other) = (HostedSignInTests.Somebody(), HostedSignInTests.Somebody());
        await HostedSignInTests.UserAsync(_server, other);
        var organization = await _server.OrganizationAsync("Acme");
        var invited = (await _server.PostAsync("/user_management/invitations", new { email = invitedEmail, organization_id = organization })).Is(201);

        var person = await new Person(_server).StartAsync(("invitation_token", invited["token"]!));
        await person.SignInAsync(other);

        Assert.StartsWith("/sign-in", person.Path, StringComparison.Ordinal);   // they are not in that organization, and are told so
        Assert.Equal("pending", (await _server.GetAsync($"/user_management/invitations/{invited["id"]}")).Is(200)["state"]);
        Assert.Empty((await _server.GetAsync($"/user_management/organization_memberships?organization_id={organization}")).Is(200).Ids);
    }

    [Fact]
    public async Task A_revoked_invitation_and_one_that_is_over_lead_nowhere()
    {
        var (revoked, late) = (HostedSignInTests.Somebody(), HostedSignInTests.Somebody());
        var one = (await _server.PostAsync("/user_management/invitations", new { email = revoked })).Is(201);
        await _server.PostAsync("/user_management/invitations", new { email = late, expires_in_days = 1 });
        var open = await GoneToAsync(new Person(_server), await LinkAsync(revoked));
        var links = new[] { await LinkAsync(revoked), await LinkAsync(late) };
        (await _server.PostAsync($"/user_management/invitations/{one["id"]}/revoke", new { })).Is(200);
        Assert.Equal(404, (await open.SendAsync(("password", Person.Password))).Status);   // while the form was open
        _server.Clock.Advance(TimeSpan.FromDays(1));

        foreach (var link in links)
        {
            Assert.Equal(404, (await new Person(_server).GoAsync(link)).Status);
        }
    }

    [GeneratedRegex("https?://[^ \n]+")]
    private static partial Regex Link();

    [GeneratedRegex("/sign-in/forgot\\?flow=[^\"]+")]
    private static partial Regex Forgot();
}
