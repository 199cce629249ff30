using Microsoft.IdentityModel.JsonWebTokens;

namespace Holdfast.Tests.AuthKit;

/// <summary>A session as an application holds it.</summary>
internal sealed record SignedIn(HoldfastServer Server, Answer Answer)
{
    public const string MagicGrant = "urn:workos:oauth:grant-type:magic-auth:code";

    public string UserId => Answer.Json.GetProperty("user").GetProperty("id").GetString()!;

    public string AccessToken => Answer["access_token"]!;

    public string RefreshToken => Answer["refresh_token"]!;

    /// <summary>What the access token says, its signature unseen.</summary>
    public JsonWebToken Token => new(AccessToken);

    public string SessionId => Token.GetClaim("sid").Value;

    public string? Claim(string name) => Token.TryGetClaim(name, out var claim) ? claim.Value : null;

    /// <summary>A request of the first environment's application, with its secret.</summary>
    public static Task<Answer> AskAsync(HoldfastServer server, string grant, params (string Name, string? Value)[] more) => server.SendAsync("POST", "/user_management/authenticate", null,
        more.Append(("grant_type", grant)).Append(("client_id", server.A.ClientId)).Append(("client_secret", server.A.ApiKey)).DistinctBy(p => p.Item1)
            .Where(p => p.Item2 is not null).ToDictionary(p => p.Item1, p => p.Item2));

    public static async Task<(string Id, string Code)> MailCodeAsync(HoldfastServer server, string email)
    {
        var made = (await server.PostAsync("/user_management/magic_auth", new { email })).Is(201);
        return (made["id"]!, made["code"]!);
    }

    public static async Task<SignedIn> ByMagicCodeAsync(HoldfastServer server, string email) =>
        new(server, (await AskAsync(server, MagicGrant, ("email", email), ("code", (await MailCodeAsync(server, email)).Code))).Is(200));

    /// <summary>A code that only whoever has the verifier exchanges (RFC 7636).</summary>
    public static async Task<(string Code, string Verifier)> PkceCodeAsync(SamlConnection connection, string nameId = "ada@acme.test")
    {
        var verifier = $"{SamlProvider.Unique()}{SamlProvider.Unique()}{SamlProvider.Unique()}";
        return (await connection.SignInAsync(nameId, ("code_challenge", Protocols.OpenIdConnect.Pkce.Challenge(verifier)), ("code_challenge_method", "S256")), verifier);
    }

    public static async Task<SignedIn> BySsoAsync(SamlConnection connection, string nameId = "ada@acme.test") =>
        new(connection.Server, (await AskAsync(connection.Server, "authorization_code", ("code", await connection.SignInAsync(nameId)))).Is(200));

    public Task<Answer> RefreshAsync(string? token = null, string? organizationId = null, HoldfastServer? at = null) =>
        AskAsync(at ?? Server, "refresh_token", ("refresh_token", token ?? RefreshToken), ("organization_id", organizationId));
}
