using Holdfast.Tests.MultiFactor;

namespace Holdfast.Tests.AuthKit;

/// <summary>A user with a password, whose mailbox is proven.</summary>
internal sealed record Person(HoldfastServer Server, string Email, string UserId)
{
    public const string Password = "correct horse battery staple";
    public const string FactorGrant = "urn:workos:oauth:grant-type:mfa-totp";
    public const string OrganizationGrant = "urn:workos:oauth:grant-type:organization-selection";

    public static async Task<Person> MakeAsync(HoldfastServer server)
    {
        var email = $"{SamlProvider.Unique()}@people.test";
        return new Person(server, email, (await server.PostAsync("/user_management/users", new { email, email_verified = true, password = Password })).Is(201)["id"]!);
    }

    /// <summary>The first factor.</summary>
    public Task<Answer> AskAsync(HoldfastServer? at = null) => SignedIn.AskAsync(at ?? Server, "password", ("email", Email), ("password", Password));

    /// <summary>The second one.</summary>
    /// <param name="challenge">Null for the one that came with the first factor's answer.</param>
    public Task<Answer> ShowAsync(Answer asked, string code, string? challenge = null, HoldfastServer? at = null) => SignedIn.AskAsync(at ?? Server, FactorGrant,
        ("pending_authentication_token", asked["pending_authentication_token"]), ("code", code),
        ("authentication_challenge_id", challenge ?? asked.Json.GetProperty("authentication_challenge").GetProperty("id").GetString()));

    public Task<App> EnrollAsync() => App.EnrollAsync(Server, UserId);

    public async Task<string> JoinAsync(string? organization = null)
    {
        organization ??= await Server.OrganizationAsync();
        (await Server.PostAsync("/user_management/organization_memberships", new { user_id = UserId, organization_id = organization })).Is(201);
        return organization;
    }
}
