using System.Text.RegularExpressions;
using Holdfast.Protocols.OneTimePasswords;
using Holdfast.Tests.MultiFactor;

namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>Second factors and passkeys at the hosted pages.</summary>
public sealed class HostedFactorTests(Shared shared) : IClassFixture<Shared>
{
    private const string Origin = "https://id.holdfast.test";

    private readonly HoldfastServer _server = shared.Server;

    private async Task<(string Email, string User)> SomebodyAsync()
    {
        var email = HostedSignInTests.Somebody();
        return (email, await HostedSignInTests.UserAsync(_server, email));
    }

    private async Task<string> StrictAsync(string user)
    {
        var organization = await _server.OrganizationAsync();
        (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
        (await _server.PutAsync($"/organizations/{organization}/sign_in_policy", new { mfa = "required" })).Is(200);
        return organization;
    }

    [Fact]
    public async Task Who_has_a_factor_types_in_its_code_and_gets_to_the_application()
    {
        var (email, user) = await SomebodyAsync();
        var (first, second) = (await App.EnrollAsync(_server, user), await App.EnrollAsync(_server, user));
        var person = await (await new Person(_server).StartAsync()).SignInAsync(email);
        Assert.Equal(("/sign-in/factor", "Enter the code of your app"), (person.Path, person.Heading));
        Assert.Contains("one-time-code", person.Page.Text, StringComparison.Ordinal);

        foreach (var (typed, says) in new[] { ("", "Type the code"), ("12345", "six digits"), (first.Wrong(), "not right") })
        {
            await person.SendAsync(("code", typed));
            Assert.Equal((422, "/sign-in/factor"), (person.Page.Status, person.Path));
            Assert.Contains(says, person.Fault, StringComparison.Ordinal);
        }
        var twice = person.Copy();
        // Either app will do, and spaces in between.
        await person.SendAsync(("code", $"{first.Code()[..3]} {first.Code()[3..]}"));
        await twice.SendAsync(("code", first.Code()));   // a second click
        Assert.Equal(person.Code, twice.Code);
        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        Assert.Equal((user, "Password"), (session.UserId, session.Answer["authentication_method"]));

        // The code is used up, for the other browser too.
        var other = await (await new Person(_server).StartAsync()).SignInAsync(email);
        await other.SendAsync(("code", first.Code()));
        Assert.Contains("used before", other.Fault, StringComparison.Ordinal);
        await other.SendAsync(("code", second.Code()));
        (await other.RedeemAsync()).Is(200);
        // And the session of the pages knows the factor: it ends with it.
        (await _server.DeleteAsync($"/auth/factors/{first.FactorId}")).Is(204);
        (await session.RefreshAsync()).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_step_is_not_left_out_and_the_back_button_begins_anew_OAUTH_064()
    {
        var (email, user) = await SomebodyAsync();
        var app = await App.EnrollAsync(_server, user);
        var person = await (await new Person(_server).StartAsync()).SignInAsync(email);
        var flow = person.Form().Fields["flow"];
        foreach (var path in new[] { "/sign-in/organization", "/sign-in/verify", "/sign-in/enroll", "/sign-in/recovery-codes", "/sign-in/add-passkey" })
        {
            var other = person.Copy();
            await other.GoAsync($"{path}?flow={flow}");
            Assert.Equal("/sign-in", other.Path);   // nothing of it is asked of them
            var form = person.Form();
            var posted = await person.PostAsync((path, form.Fields), [("organization_id", "x"), ("code", app.Code()), ("skip", "1")]);
            Assert.StartsWith("/sign-in?", posted.Is(303).Location, StringComparison.Ordinal);
        }
        var used = person.Copy();
        await person.SendAsync(("code", app.Code()));
        (await person.RedeemAsync()).Is(200);
        _server.Clock.Advance(TimeSpan.FromSeconds(30));
        await used.SendAsync(("code", app.Code()));
        Assert.Equal("/sign-in", used.Path);
        Assert.Contains("done already", used.Notice, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Who_must_have_one_sets_up_an_app_keeps_ten_codes_and_may_use_one_of_them()
    {
        var (email, user) = await SomebodyAsync();
        var organization = await StrictAsync(user);
        var person = await (await new Person(_server).StartAsync()).SignInAsync(email);
        Assert.Equal(("/sign-in/enroll", "Set up your authenticator app"), (person.Path, person.Heading));
        var secret = Regex.Match(person.Page.Text, "data-copy=\"([A-Z2-7]+)\"").Groups[1].Value;
        Assert.Equal(20, Base32.Decode(secret)!.Length);
        Assert.Contains("<svg", person.Page.Text, StringComparison.Ordinal);
        var app = new App(_server, "", secret);
        Assert.Empty((await _server.GetAsync($"/user_management/users/{user}/auth_factors")).Is(200).Ids);

        await person.SendAsync(("code", app.Wrong()));
        Assert.Contains("not right", person.Fault, StringComparison.Ordinal);
        Assert.Contains(secret, person.Page.Text, StringComparison.Ordinal);   // the same one: it may be scanned already
        Assert.Empty((await _server.GetAsync($"/user_management/users/{user}/auth_factors")).Is(200).Ids);
        await person.SendAsync(("code", app.Code()));
        Assert.Equal("/sign-in/recovery-codes", person.Path);
        var codes = Regex.Matches(person.Page.Text, "<li><code>(.*?)</code>").Select(m => m.Groups[1].Value).ToList();
        Assert.Equal(10, codes.Count);
        var factor = Assert.Single((await _server.GetAsync($"/user_management/users/{user}/auth_factors")).Is(200).Ids);
        await person.SendAsync();
        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        Assert.Equal((user, organization), (session.UserId, session.Claim("org_id")));

        // The phone is lost.
        var later = await (await new Person(_server).StartAsync()).SignInAsync(email);
        await later.GoAsync(Regex.Match(later.Page.Text, "href=\"(/sign-in/recovery[^\"]*)\"").Groups[1].Value.Replace("&amp;", "&", StringComparison.Ordinal));
        Assert.Equal("Use a recovery code", later.Heading);
        await later.SendAsync(("code", "abc"));
        Assert.Contains("ten letters", later.Fault, StringComparison.Ordinal);
        await later.SendAsync(("code", codes[0].ToUpperInvariant()));
        (await later.RedeemAsync()).Is(200);
        var again = await (await new Person(_server).StartAsync()).SignInAsync(email);
        Assert.Equal("/sign-in/factor", again.Path);
        Assert.DoesNotContain(codes[1], again.Page.Text, StringComparison.Ordinal);
        (await _server.GetAsync($"/auth/factors/{factor}")).Is(200);
    }

    [Fact]
    public async Task A_passkey_signs_in_from_the_first_page_without_an_address()
    {
        var (email, user) = await SomebodyAsync();
        using var passkey = new Authenticator();
        var added = await new Person(_server).StartAsync();
        await added.SendAsync(("email", email), ("passkeys", "1"));
        await added.SendAsync(("password", Person.Password));
        Assert.Equal(("/sign-in/add-passkey", "Sign in faster next time"), (added.Path, added.Heading));
        var question = await QuestionAsync(added);
        await AnswerAsync(added, ("question", question.Token), ("answer", passkey.Register(question.Options)));
        (await added.RedeemAsync()).Is(200);

        var person = await new Person(_server).StartAsync();
        Assert.Contains($"data-passkey=\"{Origin}\"", person.Page.Text, StringComparison.Ordinal);
        passkey.SignCount = 2;
        var asked = await QuestionAsync(person);
        await AnswerAsync(person, ("question", asked.Token), ("answer", passkey.Sign(asked.Options)));
        var session = new SignedIn(_server, (await person.RedeemAsync()).Is(200));
        Assert.Equal((user, "Passkey"), (session.UserId, session.Answer["authentication_method"]));
        // Who has one is offered none.
        var next = await new Person(_server).StartAsync();
        await next.SendAsync(("email", email), ("passkeys", "1"));
        await next.SendAsync(("password", Person.Password));
        (await next.RedeemAsync()).Is(200);

        // A copy, and nonsense.
        var copy = await new Person(_server).StartAsync();
        var last = await QuestionAsync(copy);
        await AnswerAsync(copy, ("question", last.Token), ("answer", passkey.Sign(last.Options)));
        Assert.Contains("somebody has a copy", copy.Notice, StringComparison.Ordinal);
        await AnswerAsync(copy, ("question", "x"), ("answer", "{}"));
        Assert.Contains("could not be used", copy.Notice, StringComparison.Ordinal);
        (await _server.SendAsync("GET", "/sign-in/passkey/question?flow=x", null)).Is(404);
        (await _server.SendAsync("GET", "/sign-in/add-passkey/question?flow=x", null)).Is(404);
    }

    /// <summary>OAUTH-066: nor is a passkey a way around the provider that their organization has since.</summary>
    [Fact]
    public async Task A_passkey_of_whose_organization_has_its_own_provider_leads_there()
    {
        var domain = $"{SamlProvider.Unique()}.test";
        var (email, organization) = ($"ada@{domain}", (await _server.PostAsync("/organizations", new { name = "Late", domain_data = new[] { new { domain, state = "verified" } } })).Is(201)["id"]!);
        await HostedSignInTests.UserAsync(_server, email);
        using var passkey = new Authenticator();
        var added = await new Person(_server).StartAsync();
        await added.SendAsync(("email", email), ("passkeys", "1"));
        await added.SendAsync(("password", Person.Password));
        var question = await QuestionAsync(added);
        await AnswerAsync(added, ("question", question.Token), ("answer", passkey.Register(question.Options)));
        (await added.RedeemAsync()).Is(200);
        var connection = await _server.SamlConnectionAsync(organization);

        var person = await new Person(_server).StartAsync();
        passkey.SignCount = 2;
        var asked = await QuestionAsync(person);
        await AnswerAsync(person, ("question", asked.Token), ("answer", passkey.Sign(asked.Options)));
        var begun = SamlConnection.Read(person.Browser, person.Page.Is(302));
        await person.GoAsync((await connection.FinishAsync(begun, email)).Is(302).Location!);
        Assert.Equal("SSO", (await person.RedeemAsync()).Is(200)["authentication_method"]);
    }

    [Fact]
    public async Task A_passkey_is_offered_where_it_can_be_made_and_may_be_left()
    {
        var (email, _) = await SomebodyAsync();
        var person = await new Person(_server).StartAsync();
        await person.SendAsync(("email", email), ("passkeys", "1"));
        await person.SendAsync(("password", Person.Password));
        Assert.Equal("/sign-in/add-passkey", person.Path);
        await AnswerAsync(person, ("question", "x"), ("answer", "{}"));
        Assert.Contains("not created", person.Notice, StringComparison.Ordinal);
        await person.SendAsync(("skip", "1"));
        (await person.RedeemAsync()).Is(200);

        var without = await (await new Person(_server).StartAsync()).SignInAsync(email);   // a browser that has said nothing
        (await without.RedeemAsync()).Is(200);
    }

    [Fact]
    public async Task Pages_speak_German_too()
    {
        var (email, user) = await SomebodyAsync();
        await App.EnrollAsync(_server, user);
        var person = await (await new Person(_server).StartAsync(("ui_locales", "de"))).SignInAsync(email);
        Assert.Equal("Geben Sie den Code Ihrer App ein", person.Heading);
    }

    /// <summary>Sends the form that the page's script fills in.</summary>
    private static Task<Answer> AnswerAsync(Person person, (string, string) question, (string, string) answer) => person.SendAsync(((string, string)?)question, answer);

    /// <summary>What the page's script asks for.</summary>
    private static async Task<(string Options, string Token)> QuestionAsync(Person person)
    {
        var path = Regex.Match(person.Page.Text, "data-question=\"([^\"]*)\"").Groups[1].Value;
        var answer = (await person.Browser.GetAsync(System.Net.WebUtility.HtmlDecode(path))).Is(200);
        return (answer["options"]!, answer["token"]!);
    }
}
