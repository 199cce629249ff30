using Holdfast.Bench;
using Holdfast.Sso;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Tests.Sso;

/// <summary>Sign-ins by OpenID Connect while what they could do without is away: the primary, and the hosts of the provider's documents.</summary>
public sealed class OidcOutageTests
{
    [Fact]
    public async Task With_the_primary_gone_and_the_documents_hanging_sign_ins_go_on_by_the_last_good_ones()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true));
        await using var provider = await OidcStandIn.StartAsync(server);
        var (oidc, github) = (await provider.ConnectAsync(), await provider.ConnectAsync("GoogleOAuth"));
        await provider.SignInAsync(oidc);
        await provider.SignInAsync(github);
        await server.ShippedAsync();
        provider.Hang("/.well-known/openid-configuration", isWaitedFor: false);
        provider.Hang("/jwks", isWaitedFor: false);
        var known = provider.Count("/jwks");

        using (new PrimaryLock(Path.Combine(server.Data, "primary.db")))
        {
            (await server.PostAsync("/organizations", new { name = "Never" })).Is(503, "primary_unavailable");
            server.Clock.Advance(TimeSpan.FromHours(71));   // no age evicts them (law 6), below the ceiling of what signs people in
            var profiles = new List<string>();
            for (var i = 0; i < 10; i++)
            {
                var subject = $"sub-{i}";
                provider.Claims = c => c["sub"] = subject;
                profiles.Add((await provider.SignInAsync(i % 2 == 0 ? oidc : github)).GetProperty("id").GetString()!);
            }
            Assert.Equal(10, profiles.Distinct().Count());
            Assert.Equal(known, provider.Count("/jwks"));   // nobody asked, so nobody waited
            // A deny is always writable.
            (await server.PutAsync($"/connections/{github}", new { state = "inactive" })).Is(200);
            Assert.Equal("connection_unlinked", (await provider.AuthorizeAsync(new Browser(server), github)).Is(302).Sent("error"));
        }
        await server.ShippedAsync();
        await provider.SignInAsync(oidc);
    }

    [Fact]
    public async Task All_who_wait_for_one_fetch_of_the_documents_hold_no_place()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true));
        await using var provider = await OidcStandIn.StartAsync(server);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        provider.Paths["/.well-known/openid-configuration"] = async http =>
        {
            await release.Task;
            http.Response.StatusCode = 500;
        };
        var connection = await provider.ConnectAsync();

        var asked = Enumerable.Range(0, 3).Select(_ => provider.AuthorizeAsync(new Browser(server), connection)).ToList();
        var places = server.Services.GetRequiredService<Holdfast.Load.Places>();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (places.State is not { Outside: 3, Inside: 0 })
        {
            await Task.Delay(5, deadline.Token);
        }
        release.SetResult();
        Assert.All(await Task.WhenAll(asked), a => a.Is(502));
        Assert.Equal((0, 0), (places.State.Inside, places.State.Outside));
    }

    [Fact]
    public async Task The_documents_of_a_connection_that_is_not_in_force_are_knocked_at_no_more()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true));
        await using var provider = await OidcStandIn.StartAsync(server);
        var (deleted, inactive, stays) = (await provider.ConnectAsync(), await provider.ConnectAsync(), await provider.ConnectAsync());
        foreach (var connection in (string[])[deleted, inactive, stays])
        {
            await provider.SignInAsync(connection);
        }
        (await server.DeleteAsync($"/connections/{deleted}")).Is(204);
        (await server.PutAsync($"/connections/{inactive}", new { state = "inactive" })).Is(200);

        server.Services.GetRequiredService<ProviderDocuments>().LetGo();

        var known = server.Services.GetRequiredService<Holdfast.Resilience.Dependencies>().Tenants.Where(d => d.Document is not null).Select(d => d.Policy.Instance);
        Assert.Equal([stays], known);
    }

    [Fact] // OAUTH-038
    public async Task An_unknown_key_causes_one_fetch_inside_the_budget_and_the_rotated_key_is_found()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true));
        await using var provider = await OidcStandIn.StartAsync(server);
        var connection = await provider.ConnectAsync();
        await provider.SignInAsync(connection);
        var before = provider.Count("/jwks");
        server.Clock.Advance(TimeSpan.FromMinutes(1));

        // Rotated just before signing: the first sign-in finds it.
        provider.Keys.Add(OidcStandIn.Jwk(OidcStandIn.Stranger, "new-1"));
        provider.SigningKey = new RsaSecurityKey(OidcStandIn.Stranger) { KeyId = "new-1" };
        await provider.SignInAsync(connection);
        Assert.Equal(before + 1, provider.Count("/jwks"));
        await provider.SignInAsync(connection);
        Assert.Equal(before + 1, provider.Count("/jwks"));

        // Keys that nobody publishes: one fetch in five seconds, however many come, and the known key goes on meanwhile.
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        for (var i = 0; i < 5; i++)
        {
            provider.SigningKey = new RsaSecurityKey(OidcStandIn.Stranger) { KeyId = $"made-up-{i}" };
            var begun = await provider.BeginAsync(connection);
            await server.RefusedAsync(() => provider.FinishAsync(begun), "sign_in_refused", "KeyUnknown");
        }
        Assert.Equal(before + 2, provider.Count("/jwks"));
        provider.SigningKey = null;
        await provider.SignInAsync(connection);
        server.Clock.Advance(TimeSpan.FromSeconds(5));
        provider.SigningKey = new RsaSecurityKey(OidcStandIn.Stranger) { KeyId = "made-up" };
        var again = await provider.BeginAsync(connection);
        await server.RefusedAsync(() => provider.FinishAsync(again), "sign_in_refused", "KeyUnknown");
        Assert.Equal(before + 3, provider.Count("/jwks"));
    }

    [Fact] // OAUTH-043
    public async Task With_the_key_host_hanging_an_unknown_key_is_refused_and_a_known_one_is_not_held_up()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true));
        await using var provider = await OidcStandIn.StartAsync(server);
        var connection = await provider.ConnectAsync();
        await provider.SignInAsync(connection);
        var release = new TaskCompletionSource();
        provider.Paths["/jwks"] = async http =>
        {
            await release.Task;
            http.Response.StatusCode = 503;
        };
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        provider.SigningKey = new RsaSecurityKey(OidcStandIn.Stranger) { KeyId = "new-1" };
        var (stuck, known) = (await provider.BeginAsync(connection), await provider.BeginAsync(connection));
        var refused = provider.FinishAsync(stuck);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (provider.Count("/jwks") < 2)
        {
            await Task.Delay(5, deadline.Token);
        }
        provider.SigningKey = null;

        (await provider.FinishAsync(known)).Is(302);   // while the other still waits
        Assert.False(refused.IsCompleted);
        release.SetResult();
        (await refused).Is(400, "sign_in_refused");
        Assert.Equal("KeyUnknown", server.LatestAttempt.Reason);
    }

    [Theory]
    [InlineData("/token", "email", 502)]
    [InlineData("/userinfo", "email", 502)]
    [InlineData("/userinfo", "family_name", 302)]
    public async Task All_questions_of_a_sign_in_share_a_budget(string hanging, string missing, int status)
    {
        // By this clock one question alone may take 40 s, and the budget is just below what is stretched: the answer comes by the budget.
        await using var server = await HoldfastServer.StartAsync(new Start(
            IsDev: true, Clock: new HeldClock { StretchesFrom = TimeSpan.FromSeconds(2) }, Configure: b => b.Services.AddSingleton(new SsoOptions { ProviderBudget = TimeSpan.FromSeconds(1.9) })));
        await using var provider = await OidcStandIn.StartAsync(server);
        var connection = await provider.ConnectAsync();
        provider.Claims = c => c.Remove(missing);
        var begun = await provider.BeginAsync(connection);
        provider.Hang(hanging, isWaitedFor: false);

        var answer = await provider.FinishAsync(begun).WaitAsync(TimeSpan.FromSeconds(20));

        answer.Is(status);
        Assert.Equal(status == 502 ? "hangs" : null, status == 502 ? server.LatestAttempt.Detail : null);
    }

    [Fact]
    public async Task Documents_that_were_never_read_are_waited_for_inside_the_same_budget()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(
            IsDev: true, Clock: new HeldClock { StretchesFrom = TimeSpan.FromSeconds(2) }, Configure: b => b.Services.AddSingleton(new SsoOptions { ProviderBudget = TimeSpan.FromSeconds(1.9) })));
        await using var provider = await OidcStandIn.StartAsync(server);
        var connection = await provider.ConnectAsync();
        var begun = await provider.BeginAsync(connection);
        // Another issuer's: what was read before is not about it.
        (await server.PutAsync($"/connections/{connection}", new { oidc = new { discovery_url = provider.Url + "/other/.well-known/openid-configuration", client_secret = OidcStandIn.Secret } })).Is(200);
        provider.Hang("/other/.well-known/openid-configuration", isWaitedFor: false);

        foreach (var ask in new Func<Task<Answer>>[] { () => provider.FinishAsync(begun), () => provider.AuthorizeAsync(new Browser(server), connection) })
        {
            (await ask().WaitAsync(TimeSpan.FromSeconds(20))).Is(502, "identity_provider_unavailable");   // one reading alone would take 40 s by this clock
            Assert.Equal("ProviderDocumentsMissing", server.LatestAttempt.Reason);
        }
    }

    [Fact]
    public async Task Parsed_documents_are_bounded_and_those_that_were_let_go_are_parsed_again()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true, Configure: b => b.Services.AddSingleton(new SsoOptions { MostProvidersParsed = 2 })));
        await using var provider = await OidcStandIn.StartAsync(server);
        var connections = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            connections.Add(await provider.ConnectAsync());
        }
        for (var i = 0; i < 10; i++)
        {
            await provider.SignInAsync(connections[i % 5]);
            Assert.InRange(server.Services.GetRequiredService<ProviderDocuments>().Parsed, 1, 2);
        }
    }

    [Theory]
    [InlineData("order of keys", true)]
    [InlineData("blanks and order of fields", true)]
    [InlineData("a field that nobody reads", true)]
    [InlineData("a key", false)]
    [InlineData("the name of a key", false)]
    [InlineData("an endpoint", false)]
    public async Task Documents_that_mean_the_same_are_no_news(string change, bool isSame)
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true));
        await using var provider = await OidcStandIn.StartAsync(server);
        var connection = await provider.ConnectAsync();
        await provider.SignInAsync(connection);
        string? Stamp() => server.Storage.Database.Read(view => view.Find<string>("SELECT document_stamp FROM provider_documents WHERE id = @connection", new { connection }));
        var before = Stamp();
        Assert.NotNull(before);
        switch (change)
        {
            case "order of keys":
                provider.Keys.Reverse();
                break;
            case "blanks and order of fields":
                var (all, keys) = (provider.Discovery!.Reverse().ToList(), provider.Keys.ConvertAll(k => k.ToJsonString()));
                provider.Paths["/.well-known/openid-configuration"] = http => Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(
                    http.Response, "{\n " + string.Join(" ,\n", all.Select(p => $"\"{p.Key}\" : {p.Value!.ToJsonString()}")) + "\n}");
                provider.Paths["/jwks"] = http => Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(http.Response, $"{{ \"keys\": [ {string.Join(" , ", keys)} ] }}");
                break;
            case "a field that nobody reads":
                (provider.Discovery!["generated_at"], provider.Keys[0]["x5t"]) = ("2026-01-01T00:00:01Z", "abc");
                break;
            case "a key":
                provider.Keys.Add(OidcStandIn.Jwk(OidcStandIn.Stranger, "new-1"));
                break;
            case "the name of a key":
                provider.Keys[1]["kid"] = "ec-2";
                break;
            default:
                provider.Discovery!["userinfo_endpoint"] = provider.Url + "/userinfo2";
                break;
        }
        server.Clock.Advance(TimeSpan.FromMinutes(1));

        await server.Services.GetRequiredService<ProviderDocuments>().FetchAsync(server.Services.GetRequiredService<Connections>().Find(connection)!, CancellationToken.None);

        Assert.Equal(isSame, before == Stamp());
        await provider.SignInAsync(connection);
    }

    [Theory] // OAUTH-043
    [InlineData("oversized")]
    [InlineData("too many")]
    [InlineData("no key")]
    [InlineData("weak")]
    [InlineData("html")]
    [InlineData("304")]
    public async Task A_key_set_that_cannot_be_used_does_not_replace_the_last_good_one(string wrong)
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true));
        await using var provider = await OidcStandIn.StartAsync(server);
        var connection = await provider.ConnectAsync();
        await provider.SignInAsync(connection);
        var key = OidcStandIn.Jwk(OidcStandIn.Rsa, "rsa-1").ToJsonString();
        using var weak = System.Security.Cryptography.RSA.Create(1024);
        provider.Paths["/jwks"] = http => wrong switch
        {
            "304" => Task.FromResult(http.Response.StatusCode = 304),
            _ => Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(http.Response, wrong switch
            {
                "oversized" => $$"""{"keys":[{{key}}],"x":"{{new string('x', 300_000)}}"}""",
                "too many" => $$"""{"keys":[{{string.Join(',', Enumerable.Repeat(key, 5000))}}]}""",
                "no key" => """{"keys":[]}""",
                "weak" => $$"""{"keys":[{{OidcStandIn.Jwk(weak, "rsa-1").ToJsonString()}}]}""",
                _ => "<html>",
            }),
        };
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        provider.SigningKey = new RsaSecurityKey(OidcStandIn.Stranger) { KeyId = "new-1" };
        var begun = await provider.BeginAsync(connection);
        await server.RefusedAsync(() => provider.FinishAsync(begun), "sign_in_refused", "KeyUnknown");
        Assert.Equal(2, provider.Count("/jwks"));

        provider.SigningKey = null;
        await provider.SignInAsync(connection);
    }
}
