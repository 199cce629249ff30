using System.Security.Cryptography;
using System.Text;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Tests.AuthKit;

/// <summary>Whatever is handed out opens one door, and no other (OAUTH-036); and nothing here takes the JWTs that applications read (OAUTH-034).</summary>
public sealed class TokenKindTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    /// <summary>A place where something is shown.</summary>
    /// <param name="Own">The kind that is taken there.</param>
    /// <param name="Takes">Whether it was, for there are answers that are no success: a device is told to wait.</param>
    private sealed record Door(string Name, string Own, Func<string, Task<Answer>> ShowAsync, Func<Answer, bool> Takes)
    {
        /// <summary>Other kinds that it may take: they are not shown there.</summary>
        public string[] Also { get; init; } = [];
    }

    private static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    [Fact] // PLAT-024
    public async Task Each_kind_of_token_is_good_at_its_own_door_alone()
    {
        var connection = await _server.SamlConnectionAsync(null, "GenericSAML", ("idp_slo_url", "https://idp.test/slo"));
        var profile = (await connection.RedeemAsync(await connection.SignInAsync())).Is(200);
        var session = await SignedIn.ByMagicCodeAsync(_server, Somebody());
        var person = await Person.MakeAsync(_server);
        var app = await person.EnrollAsync();
        var asked = (await person.AskAsync()).Is(403, "mfa_challenge");
        var challenge = asked.Json.GetProperty("authentication_challenge").GetProperty("id").GetString();
        var mailbox = Somebody();
        var (_, magicCode) = await SignedIn.MailCodeAsync(_server, mailbox);
        var user = (await _server.PostAsync("/user_management/users", new { email = Somebody(), email_verified = true })).Is(201);
        var device = (await _server.SendAsync("POST", "/user_management/authorize/device", null, new { client_id = _server.A.ClientId })).Is(200);
        var flow = await new Pages.Person(_server).StartAsync();
        var kinds = new Dictionary<string, string>
        {
            ["API key"] = _server.A.ApiKey,
            ["client id"] = _server.A.ClientId,
            ["code"] = await connection.SignInAsync(Somebody()),
            ["profile token"] = profile["access_token"]!,
            ["logout token"] = (await _server.PostAsync("/sso/logout/authorize", new { profile_id = profile.Json.GetProperty("profile").GetProperty("id").GetString() })).Is(200)["logout_token"]!,
            ["access token"] = session.AccessToken,
            ["access token without its signature"] = session.AccessToken[..(session.AccessToken.LastIndexOf('.') + 1)],
            ["access token that says it needs none"] = Unsigned(session.AccessToken),
            ["access token signed with what is published"] = await SignedWithThePublishedKeyAsync(session.AccessToken),
            ["refresh token"] = session.RefreshToken,
            ["session id"] = session.SessionId,
            ["pending token"] = asked["pending_authentication_token"]!,
            ["magic code"] = magicCode,
            ["invitation token"] = (await _server.PostAsync("/user_management/invitations", new { email = Somebody() })).Is(201)["token"]!,
            ["reset token"] = (await _server.PostAsync("/user_management/password_reset", new { email = person.Email })).Is(201)["password_reset_token"]!,
            ["impersonation code"] = (await _server.PostAsync($"/user_management/users/{user["id"]}/impersonations", new { impersonator_email = "boss@app.test", reason = "Ticket 7" })).Is(201)["code"]!,
            ["device code"] = device["device_code"]!,
            ["user code"] = device["user_code"]!,
            ["flow's cookie"] = flow.Browser.Cookies.First().Value.Value,
            ["flow's form token"] = flow.Form().Fields["token"],
        };
        Door[] doors =
        [
            new("the API", "API key", t => _server.SendAsync("GET", "/organizations", t), a => a.Status == 200),
            new("client_secret", "API key", t => connection.RedeemAsync("nobodys.code", ("client_secret", t)), a => a["error"] != "invalid_client"),
            new("refresh_token", "refresh token", t => SignedIn.AskAsync(_server, "refresh_token", ("refresh_token", t)), a => a.Status == 200),
            new("the code of an impersonation", "impersonation code", t => SignedIn.AskAsync(_server, "authorization_code", ("code", t)), a => a.Status == 200) { Also = ["code"] },
            new("/sso/token", "code", t => connection.RedeemAsync(t), a => a.Status == 200),
            new("/sso/profile", "profile token", connection.ProfileAsync, a => a.Status == 200),
            new("a mailed code", "magic code", t => SignedIn.AskAsync(_server, SignedIn.MagicGrant, ("email", mailbox), ("code", t)), a => a.Status == 200),
            new("the step after the first factor", "pending token",
                t => SignedIn.AskAsync(_server, Person.FactorGrant, ("pending_authentication_token", t), ("code", app.Code()), ("authentication_challenge_id", challenge)), a => a.Status == 200),
            new("the choice of an organization", "none", t => SignedIn.AskAsync(_server, Person.OrganizationGrant, ("pending_authentication_token", t), ("organization_id", connection.OrganizationId)), a => a.Status == 200),
            new("a device", "device code",
                t => SignedIn.AskAsync(_server, "urn:ietf:params:oauth:grant-type:device_code", ("device_code", t)), a => a.Json.TryGetProperty("error", out var e) && e.GetString() == "authorization_pending"),
            new("/device", "user code", t => PostAsync("/device", ("user_code", t)), a => a.Status == 303),
            new("an invitation by API", "invitation token", t => _server.GetAsync($"/user_management/invitations/by_token/{Uri.EscapeDataString(t)}"), a => a.Status == 200),
            new("an invitation's page", "invitation token", t => PageAsync($"/invite?invitation_token={Uri.EscapeDataString(t)}"), a => a.Status == 303),
            new("a reset's page", "reset token", t => PageAsync($"/reset-password?token={Uri.EscapeDataString(t)}"), a => a.Status == 200),
            new("a reset by API", "reset token", t => _server.PostAsync("/user_management/password_reset/confirm", new { token = t, new_password = "another horse, another battery" }), a => a.Status == 200),
            new("/sso/logout", "logout token", t => PageAsync($"/sso/logout?token={Uri.EscapeDataString(t)}"), a => a.Status == 302),
            new("signing out", "session id", t => PageAsync($"/user_management/sessions/logout?session_id={Uri.EscapeDataString(t)}"), a => a.Status == 302),
        ];
        long Count(string table) => _server.Storage.Database.Read(view => view.Find<long>($"SELECT count(*) FROM {table}"));
        var (sessions, denies, credentials) = (Count("sessions"), Count("denies"), Count("credentials"));

        foreach (var door in doors)
        {
            foreach (var (kind, token) in kinds.Where(k => k.Key != door.Own && !door.Also.Contains(k.Key)))
            {
                var answer = await door.ShowAsync(token);
                Assert.True(answer.Status is >= 400 and < 500 && !door.Takes(answer), $"{door.Name} with the {kind}: {answer.Status} {answer.Text}");
            }
        }
        Assert.Equal((sessions, denies, credentials), (Count("sessions"), Count("denies"), Count("credentials")));

        // And none of it was used up.
        foreach (var door in doors.Where(d => kinds.ContainsKey(d.Own)))
        {
            var answer = await door.ShowAsync(kinds[door.Own]);
            Assert.True(door.Takes(answer), $"{door.Name} with its {door.Own}: {answer.Status} {answer.Text}");
        }
    }

    private Task<Answer> PageAsync(string path) => _server.SendAsync("GET", path, null, null, ("Accept", "text/html"));

    private Task<Answer> PostAsync(string path, params (string Name, string Value)[] fields) =>
        _server.SendAsync("POST", path, null, new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))), ("Accept", "text/html"), ("Origin", _server.PublicUrl));

    /// <summary>RFC 8725 §2.1.</summary>
    private static string Unsigned(string token) => $"{Base64UrlEncoder.Encode("""{"alg":"none","typ":"JWT"}""")}.{token.Split('.')[1]}.";

    /// <summary>RFC 8725 §2.1: what anybody can read, taken for a secret that two share.</summary>
    private async Task<string> SignedWithThePublishedKeyAsync(string token)
    {
        var key = new JsonWebKeySet((await _server.SendAsync("GET", $"/sso/jwks/{_server.A.ClientId}", null)).Is(200).Text).Keys[0];
        using var rsa = RSA.Create(new RSAParameters { Modulus = Base64UrlEncoder.DecodeBytes(key.N), Exponent = Base64UrlEncoder.DecodeBytes(key.E) });
        var signed = $"{Base64UrlEncoder.Encode($$"""{"alg":"HS256","typ":"JWT","kid":"{{key.Kid}}"}""")}.{token.Split('.')[1]}";
        return $"{signed}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(Encoding.ASCII.GetBytes(rsa.ExportSubjectPublicKeyInfoPem()), Encoding.ASCII.GetBytes(signed)))}";
    }
}
