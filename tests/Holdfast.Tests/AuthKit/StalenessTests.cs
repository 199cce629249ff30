using Holdfast.Bench;

namespace Holdfast.Tests.AuthKit;

/// <summary>How old the data may be that signs a person in (law 6).</summary>
public sealed class StalenessTests
{
    /// <summary>Takes the primary away, and waits until the node knows it.</summary>
    private static async Task<PrimaryLock> GoneAsync(HoldfastServer server)
    {
        server.Clock.StretchesFrom = TimeSpan.FromDays(1);   // what is away now is not a busy machine
        var gone = new PrimaryLock(Path.Combine(server.Data, "primary.db"));
        (await server.PostAsync("/organizations", new { name = "Never" })).Is(503, "primary_unavailable");
        return gone;
    }

    private static string? Age(Answer answer) => answer.Headers.TryGetValues("Holdfast-Stale", out var said) ? said.Single() : null;

    [Fact]
    public async Task Data_of_71_hours_signs_in_and_of_73_does_not_and_whoever_wants_out_gets_out()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(Clock: new HeldClock()));
        var saml = await server.SamlConnectionAsync();
        var (stays, leaves) = (await SignedIn.ByMagicCodeAsync(server, "ada@people.test"), await SignedIn.ByMagicCodeAsync(server, "grace@people.test"));
        Assert.Null(Age(await server.GetAsync("/organizations")));
        using (await GoneAsync(server))
        {
            server.Clock.Advance(TimeSpan.FromHours(71));
            Assert.Equal($"{71 * 3600}; cause=primary", Age(await stays.RefreshAsync()));
            stays = new SignedIn(server, (await stays.RefreshAsync()).Is(200));
            await SignedIn.ByMagicCodeAsync(server, "new@people.test");
            server.Clock.Advance(new TimeSpan(0, 59, 30));
            var code = await saml.SignInAsync();
            server.Clock.Advance(TimeSpan.FromSeconds(45));
            Task<Answer> ExchangeAsync() => server.SendAsync("POST", "/sso/token", null, new { grant_type = "authorization_code", client_id = server.A.ClientId, client_secret = server.A.ApiKey, code });
            (await server.WithoutEffectAsync(ExchangeAsync)).Is(503, "data_too_old");

            server.Clock.Advance(new TimeSpan(0, 59, 45));
            var refused = (await stays.RefreshAsync()).Is(503, "data_too_old");
            Assert.Equal(60, refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
            Assert.Equal($"{73 * 3600}; cause=primary", Age(refused));
            var (_, mailed) = await SignedIn.MailCodeAsync(server, "new@people.test");
            (await SignedIn.AskAsync(server, SignedIn.MagicGrant, ("email", "new@people.test"), ("code", mailed))).Is(503, "data_too_old");
            var page = (await server.SendAsync("GET", saml.AuthorizePath(), null, null, ("Accept", "text/html"))).Is(503);
            Assert.Contains("Nobody can sign in at the moment", page.Text, StringComparison.Ordinal);

            (await server.PostAsync("/user_management/sessions/revoke", new { session_id = stays.SessionId })).Is(200);
            (await server.SendAsync("GET", $"/user_management/sessions/logout?session_id={leaves.SessionId}", null)).Is(302);
            (await server.DeleteAsync($"/user_management/users/{leaves.UserId}")).Is(200);
            (await server.SendAsync("GET", $"/sso/jwks/{server.A.ClientId}", null)).Is(200);
            (await server.GetAsync("/organizations")).Is(200);   // an administrator sees how things are, and how old
        }
        await server.ShippedAsync();
        await SignedIn.ByMagicCodeAsync(server, "new@people.test");   // the primary is back, and with it everything
        (await stays.RefreshAsync()).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_cold_start_does_not_make_the_data_young()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-stale-").FullName;
        var clock = new HeldClock();
        var server = await HoldfastServer.StartAsync(new Start(Data: data, Clock: clock));
        var (a, b) = (server.A, server.B);
        try
        {
            var session = await SignedIn.ByMagicCodeAsync(server, "ada@people.test");
            await server.ShippedAsync();
            await server.DisposeAsync();
            using (new PrimaryLock(Path.Combine(data, "primary.db")))
            {
                clock.StretchesFrom = TimeSpan.FromDays(1);
                clock.Advance(TimeSpan.FromHours(70));
                server = await HoldfastServer.StartAsync(new Start(Data: data, Clock: clock), a, b);
                session = new SignedIn(server, (await session.RefreshAsync(at: server)).Is(200));
                Assert.Equal($"{70 * 3600}; cause=primary", Age(session.Answer));
                Assert.InRange((await server.GetAsync("/health")).Is(200).Json.GetProperty("replica").GetProperty("age_s").GetDouble(), (70 * 3600) - 60, (70 * 3600) + 60);
                clock.Advance(TimeSpan.FromHours(3));
                (await session.RefreshAsync()).Is(503, "data_too_old");
            }
        }
        finally
        {
            await server.DisposeAsync();
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task An_environment_and_an_organization_have_ceilings_of_their_own()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(Clock: new HeldClock()));
        async Task<SignedIn> MemberAsync(string name, long? ceiling)
        {
            var organization = await server.OrganizationAsync();
            var user = (await server.PostAsync("/user_management/users", new { email = $"{name}@people.test", email_verified = true })).Is(201)["id"];
            (await server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
            (await server.PutAsync($"/organizations/{organization}/sign_in_settings", new { max_staleness = ceiling })).Is(200);
            return await SignedIn.ByMagicCodeAsync(server, $"{name}@people.test");
        }
        var (strict, usual, patient) = (await MemberAsync("strict", 3600), await MemberAsync("usual", null), await MemberAsync("patient", 100 * 3600));
        (await server.PutAsync("/sign_in_settings", new { max_staleness = 10 * 3600 })).Is(200);
        var theirs = (await server.SendAsync("GET", "/sign_in_settings", server.B.ApiKey)).Is(200);
        Assert.Equal(System.Text.Json.JsonValueKind.Null, theirs.Json.GetProperty("max_staleness").ValueKind);
        using (await GoneAsync(server))
        {
            async Task<int[]> After(double hours)
            {
                server.Clock.Advance(TimeSpan.FromHours(hours));
                return [(await strict.RefreshAsync()).Status, (await usual.RefreshAsync()).Status, (await patient.RefreshAsync()).Status];
            }

            Assert.Equal(new[] { 200, 200, 200 }, await After(0.9));
            (strict, usual, patient) = (await NextAsync(strict), await NextAsync(usual), await NextAsync(patient));
            Assert.Equal(new[] { 503, 200, 200 }, await After(0.2));
            (usual, patient) = (await NextAsync(usual), await NextAsync(patient));
            Assert.Equal(new[] { 503, 503, 200 }, await After(10));
        }
    }

    private static async Task<SignedIn> NextAsync(SignedIn session) => session with { Answer = (await session.RefreshAsync()).Is(200) };
}
