using System.Text.Json;
using Holdfast.Claims;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.AuthKit;

/// <summary>What events tell of codes, links and sign-ins.</summary>
public sealed class PersonEventsTests
{
    private const string Password = "correct horse battery staple";

    [Fact] // OAUTH-017
    public async Task Codes_links_and_sign_ins_are_told_once_each_and_without_their_secrets()
    {
        await using var server = await HoldfastServer.StartAsync();
        async Task<List<JsonElement>> ToldAsync()
        {
            server.Clock.Advance(TimeSpan.FromSeconds(1));
            await server.ToldAsync();
            return
            [
                .. (await server.GetAsync("/events?limit=100&order=desc")).Is(200).Json.GetProperty("data").EnumerateArray()
                    .Where(e => e.GetProperty("event").GetString()!.Split('.')[0] is not ("user" or "session")),
            ];
        }
        async Task<JsonElement> LatestAsync(string name, params string[] fields)
        {
            var latest = (await ToldAsync())[0];
            Assert.Equal(name, latest.GetProperty("event").GetString());
            var data = latest.GetProperty("data");
            Assert.Equal(fields.Order(StringComparer.Ordinal), data.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
            return data;
        }
        string[] signIn = ["type", "status", "ip_address", "user_agent", "user_id", "email"];

        var magic = (await server.PostAsync("/user_management/magic_auth", new { email = "new@people.test" })).Is(201);
        var told = await LatestAsync("magic_auth.created", "object", "id", "user_id", "email", "expires_at", "created_at", "updated_at");
        Assert.Equal((magic["id"], magic["user_id"], magic["expires_at"]), (told.GetProperty("id").GetString(), told.GetProperty("user_id").GetString(), told.GetProperty("expires_at").GetString()));
        var session = new SignedIn(server, (await SignedIn.AskAsync(server, SignedIn.MagicGrant, ("email", "new@people.test"), ("code", magic["code"]))).Is(200));
        told = await LatestAsync("authentication.magic_auth_succeeded", signIn);
        Assert.Equal(("magic_auth", session.UserId, "new@people.test"), (told.GetProperty("type").GetString(), told.GetProperty("user_id").GetString(), told.GetProperty("email").GetString()));

        var user = (await server.PostAsync("/user_management/users", new { email = "ada@people.test", password = Password })).Is(201)["id"];
        var asked = (await SignedIn.AskAsync(server, "password", ("email", "ada@people.test"), ("password", Password))).Is(403);
        told = await LatestAsync("email_verification.created", "object", "id", "user_id", "email", "expires_at", "created_at", "updated_at");
        Assert.Equal((asked["email_verification_id"], user), (told.GetProperty("id").GetString(), told.GetProperty("user_id").GetString()));
        var code = (await server.GetAsync($"/user_management/email_verification/{asked["email_verification_id"]}")).Is(200)["code"];
        (await SignedIn.AskAsync(server, "urn:workos:oauth:grant-type:email-verification:code", ("pending_authentication_token", asked["pending_authentication_token"]), ("code", code))).Is(200);
        var two = (await ToldAsync()).Take(2).ToDictionary(e => e.GetProperty("event").GetString()!, e => e.GetProperty("data"));
        Assert.Equal(["authentication.email_verification_succeeded", "authentication.password_succeeded"], two.Keys.Order(StringComparer.Ordinal));
        Assert.All(two.Values, data => Assert.Equal((user, "ada@people.test", "succeeded"), (data.GetProperty("user_id").GetString(), data.GetProperty("email").GetString(), data.GetProperty("status").GetString())));

        var reset = (await server.PostAsync("/user_management/password_reset", new { email = "ada@people.test" })).Is(201);
        told = await LatestAsync("password_reset.created", "object", "id", "user_id", "email", "expires_at", "created_at");
        Assert.Equal(reset["id"], told.GetProperty("id").GetString());
        (await server.PostAsync("/user_management/password_reset/confirm", new { token = reset["password_reset_token"], new_password = Password + " again" })).Is(200);
        told = await LatestAsync("password_reset.succeeded", "object", "id", "user_id", "email", "expires_at", "created_at");
        Assert.Equal((reset["id"], user), (told.GetProperty("id").GetString(), told.GetProperty("user_id").GetString()));

        // What anybody can cause is not told, and not written.
        var before = (await ToldAsync()).Count;
        (await server.WithoutEffectAsync(() => SignedIn.AskAsync(server, "password", ("email", "ada@people.test"), ("password", "wrong")))).Is(400);
        (await server.WithoutEffectAsync(() => SignedIn.AskAsync(server, SignedIn.MagicGrant, ("email", "new@people.test"), ("code", "000000")))).Is(400);
        Assert.Equal(before, (await ToldAsync()).Count);
        var everything = (await server.GetAsync("/events?limit=100")).Text;
        Assert.DoesNotContain(reset["password_reset_token"]!, everything, StringComparison.Ordinal);
        Assert.DoesNotContain($"\"{magic["code"]}\"", everything, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Identities_are_those_at_social_providers()
    {
        await using var server = await HoldfastServer.StartAsync();
        var user = (await server.PostAsync("/user_management/users", new { email = "ada@people.test" })).Is(201)["id"]!;
        var act = server.Services.GetRequiredService<Acts>().Of(server.A.Id);
        await server.Storage.Database.RecordAsync(_ => Decide.To(true, new[] { ("prof_1", "GoogleOAuth", "google-7"), ("prof_2", "GitHubOAuth", "github-8"), ("prof_3", "OktaSAML", "okta-9") }.SelectMany(p => new[]
        {
            Change.To(Schema.Profiles, p.Item1, ("environment_id", server.A.Id), ("connection_id", "conn_1"), ("organization_id", null), ("connection_type", p.Item2), ("idp_id", p.Item3), ("created_at", act.Time)),
            Claim.Give(server.A.Id, act.IdKey, Claim.UserSsoProfile, p.Item1, user, 1, verified: true),
        }).ToList()));

        var listed = (await server.GetAsync($"/user_management/users/{user}/identities")).Is(200);

        Assert.Equal("""[{"idp_id":"github-8","type":"OAuth","provider":"GithubOAuth"},{"idp_id":"google-7","type":"OAuth","provider":"GoogleOAuth"}]""", listed.Text);
    }

    [Fact]
    public async Task Who_loses_an_address_where_two_claims_meet_is_told_of_once()
    {
        await using var server = await HoldfastServer.StartAsync();
        var act = server.Services.GetRequiredService<Acts>().Of(server.A.Id);
        var tell = server.Services.GetRequiredService<TellLostClaims>();
        foreach (var holder in new[] { "user_first", "user_second", "user_second" })
        {
            await server.Storage.Database.RecordAsync(_ => Decide.To(true, Claim.Give(server.A.Id, act.IdKey, Claim.UserEmail, "ada@people.test", holder, 1, verified: true)));
            await tell.RoundAsync();
        }
        await tell.RoundAsync();
        await server.ToldAsync();

        var told = Assert.Single((await server.GetAsync($"/events?events={ClaimLost.EventName}")).Is(200).Json.GetProperty("data").EnumerateArray().ToList()).GetProperty("data");
        Assert.Equal(("user_second", "ada@people.test", "user_first"), (told.GetProperty("user_id").GetString(), told.GetProperty("email").GetString(), told.GetProperty("holder_id").GetString()));
    }
}
