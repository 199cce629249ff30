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
}
