using System.Text.Json;
using Holdfast.Keys;
using Holdfast.Tests.Organizations;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.AuthKit.Pages;

/// <summary>The hosted pages under a name of the environment's own.</summary>
public sealed class CustomDomainPageTests : IAsyncLifetime
{
    private const string Acme = "login.acme.test";
    private const string Bravo = "login.bravo.test";

    private readonly DnsServer _dns = new();

    private HoldfastServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await HoldfastServer.StartAsync(new Start { Dns = _dns.EndPoint });
        await CustomDomainTests.ProvenAsync(_server, _dns, Acme);
        await CustomDomainTests.ProvenAsync(_server, _dns, Bravo, _server.B.ApiKey);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _dns.Dispose();
    }

    [Fact]
    public async Task A_sign_in_that_begins_there_stays_there_and_its_token_is_issued_by_the_server_itself()
    {
        var email = HostedSignInTests.Somebody();
        await HostedSignInTests.UserAsync(_server, email);
        var person = await new Person(_server) { Under = Acme }.StartAsync();
        Assert.Equal((200, "/sign-in"), (person.Page.Status, person.Path));
        Assert.DoesNotContain("data-passkey", person.Page.Text, StringComparison.Ordinal);   // passkeys are the public address's
        Assert.Contains("data-passkey", (await new Person(_server).StartAsync()).Page.Text, StringComparison.Ordinal);
        Assert.All(person.Browser.Cookies.Keys, name => Assert.StartsWith("__Host-", name, StringComparison.Ordinal));
        await person.SignInAsync(email);
        Assert.StartsWith(HoldfastServer.Callback, person.Page.Location, StringComparison.Ordinal);
        Assert.Equal(_server.PublicUrl, new SignedIn(_server, (await person.RedeemAsync()).Is(200)).Claim("iss"));
    }

    [Fact]
    public async Task Of_another_environment_no_flow_goes_on_there_and_no_link_is_good()
    {
        var email = HostedSignInTests.Somebody();
        var user = await HostedSignInTests.UserAsync(_server, email);
        var session = await SignedIn.ByMagicCodeAsync(_server, email);
        var here = await new Person(_server).StartAsync();
        var there = new Person(_server) { Under = Bravo };
        foreach (var (name, (value, path)) in here.Browser.Cookies)
        {
            there.Browser.Set(name, value, path);
        }
        var form = here.Form();
        var flow = form.Fields["flow"];
        Assert.Equal(400, (await there.GoAsync($"/sign-in?flow={flow}")).Status);
        (await there.PostAsync(form, [("email", email)])).Is(400);
        Assert.Equal(400, (await there.GoAsync($"/sign-in/continue?flow={flow}&code=x")).Status);

        var reset = (await _server.PostAsync("/user_management/password_reset", new { email })).Is(201)["password_reset_token"]!;
        var invitation = (await _server.PostAsync("/user_management/invitations", new { email = HostedSignInTests.Somebody() })).Is(201)["token"]!;
        var change = new Uri((await _server.PostAsync("/user_management/organization_switches", new { session_id = session.SessionId })).Is(201)["url"]!).PathAndQuery;
        (await _server.PutAsync("/branding", new { name = "Acme", logo = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==" })).Is(200);
        foreach (var path in new[] { $"/reset-password?token={reset}", $"/invite?invitation_token={invitation}", change, $"/assets/logo/{_server.A.Id}" })
        {
            Assert.Equal(404, (await new Person(_server) { Under = Bravo }.GoAsync(path)).Status);
            Assert.Equal(200, (await new Person(_server) { Under = Acme }.GoAsync(path)).Status);
        }
        var device = (await _server.SendAsync("POST", "/user_management/authorize/device", null, new { client_id = _server.A.ClientId }, ("Host", Acme))).Is(200);
        Assert.Equal($"https://{Acme}/device", device["verification_uri"]);
        foreach (var (under, leads) in new[] { (Bravo, "/device"), (Acme, "/sign-in") })
        {
            var typing = new Person(_server) { Under = under };
            await typing.GoAsync("/device");
            await typing.SendAsync(("user_code", device["user_code"]!));
            Assert.Equal(leads, typing.Path);
        }
        Assert.NotNull(user);
    }

    [Fact]
    public async Task To_an_identity_provider_people_go_by_the_public_address_and_come_back()
    {
        var connection = await _server.SamlConnectionAsync((await _server.PostAsync("/organizations", new { name = "Acme", domain_data = new[] { new { domain = "people.acme.test", state = "verified" } } })).Is(201)["id"]!);
        var person = await new Person(_server) { Under = Acme }.StartAsync();
        await person.SendAsync(("email", "ada@people.acme.test"));
        var onward = person.Page.Is(303).Location!;
        Assert.StartsWith($"{_server.PublicUrl}/sign-in/provider?to=", onward, StringComparison.Ordinal);

        var atPublic = new Browser(_server);   // the same browser, with the cookies of another origin
        var begun = SamlConnection.Read(atPublic, (await atPublic.GetAsync(new Uri(onward).PathAndQuery)).Is(302));
        var back = (await connection.FinishAsync(begun, "ada@people.acme.test")).Is(302).Location!;
        Assert.StartsWith("/sign-in/continue?", back, StringComparison.Ordinal);
        var home = (await atPublic.GetAsync(back, ("Accept", "text/html"))).Is(303).Location!;
        Assert.StartsWith($"https://{Acme}/sign-in/continue?", home, StringComparison.Ordinal);
        Assert.Equal(400, (await new Person(_server) { Under = Acme }.GoAsync(new Uri(home).PathAndQuery)).Status);   // another browser: its code is good for nobody else
        await person.GoAsync(new Uri(home).PathAndQuery);

        Assert.StartsWith(HoldfastServer.Callback, person.Page.Location, StringComparison.Ordinal);
        Assert.Equal(connection.OrganizationId, new SignedIn(_server, (await person.RedeemAsync()).Is(200)).Claim("org_id"));
    }

    [Fact]
    public async Task Nobody_is_sent_to_a_name_that_is_not_served()
    {
        var person = await new Person(_server).StartAsync();
        var flow = person.Form().Fields["flow"];
        foreach (var at in new[] { "evil.test", "login.acme.test.evil.test", "login.acme.test:8080", "login.acme.test@evil.test", "evil.test/login.acme.test", "//evil.test", "id.holdfast.test", new string('x', 3000) })
        {
            var answer = await new Browser(_server).GetAsync($"/sign-in/continue?flow={flow}&code=x&at={Uri.EscapeDataString(at)}", ("Accept", "text/html"));
            Assert.True(answer is { Status: 400, Location: null }, $"{at}: {answer.Status} {answer.Location}");
        }
        foreach (var to in new[] { "", "x", person.Form().Fields["token"], new string('x', 9000) })
        {
            Assert.Equal(400, (await new Person(_server).GoAsync($"/sign-in/provider?to={to}")).Status);
        }
    }

    /// <summary>The link in the last mail to an address.</summary>
    private string LinkTo(string email)
    {
        var mail = _server.Storage.Database.Read(view => view.Find<Mail>("SELECT id AS Id, values_sealed AS Sealed FROM mails WHERE recipient = @email ORDER BY id DESC LIMIT 1", new { email }))!;
        var values = _server.Services.GetRequiredService<ClusterKeys>().OpenAtRest($"mails/{mail.Id}/values", mail.Sealed);
        return JsonDocument.Parse(values).RootElement.GetProperty("link").GetString()!;
    }

    private sealed record Mail(string Id, string Sealed);

    [Fact]
    public async Task A_link_that_is_mailed_leads_to_the_name_and_never_where_a_header_says()
    {
        foreach (var (host, leads) in new[] { (Acme, $"https://{Acme}/reset-password?"), ($"{Acme}:666", $"https://{Acme}/reset-password?"), ("evil.test", $"{_server.PublicUrl}/reset-password?") })
        {
            var email = HostedSignInTests.Somebody();
            await HostedSignInTests.UserAsync(_server, email);
            var person = await new Person(_server) { Under = host }.StartAsync(("login_hint", email));
            await person.GoAsync($"/sign-in/forgot?flow={person.Form().Fields["flow"]}");
            await person.SendAsync(("email", email));
            Assert.Equal("/sign-in/forgot/sent", person.Path);
            Assert.StartsWith(leads, LinkTo(email), StringComparison.Ordinal);
        }
    }
}
