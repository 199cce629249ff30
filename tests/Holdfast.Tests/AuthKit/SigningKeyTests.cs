using Holdfast.Bench;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Tests.Peers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Tests.AuthKit;

/// <summary>Keys that sign rotate without a gap, and are denied at once (OAUTH-031, OAUTH-032).</summary>
public sealed class SigningKeyTests
{
    private static async Task<string> KeySetAsync(HoldfastServer server) => (await server.SendAsync("GET", $"/sso/jwks/{server.A.ClientId}", null)).Is(200).Text;

    private static List<string> Kids(string keySet) => [.. new JsonWebKeySet(keySet).Keys.Select(k => k.Kid)];

    private static Task RoundAsync(HoldfastServer server) => server.Services.GetRequiredService<KeepSigningKeys>().RoundAsync(CancellationToken.None);

    private static Task<Answer> RotateAsync(HoldfastServer server) => server.PostAsync("/signing_keys/rotate", new { });

    private static async Task<Dictionary<string, string>> StatesAsync(HoldfastServer server) => (await server.GetAsync("/signing_keys")).Is(200).Json.GetProperty("data").EnumerateArray()
        .ToDictionary(k => k.GetProperty("id").GetString()!, k => k.GetProperty("state").GetString()!);

    /// <summary>Whether a reader that has this key set takes the token.</summary>
    private static async Task<bool> IsGoodAsync(HoldfastServer server, SignedIn session, string keySet) => (await new JsonWebTokenHandler().ValidateTokenAsync(session.AccessToken, new TokenValidationParameters
    {
        IssuerSigningKeys = new JsonWebKeySet(keySet).Keys, ValidIssuer = server.PublicUrl, ValidAudience = server.A.ClientId, ValidAlgorithms = ["RS256"],
        LifetimeValidator = (_, expires, _, _) => expires > server.Clock.GetUtcNow().UtcDateTime,
    })).IsValid;

    [Fact]
    public async Task A_key_is_published_before_it_signs_and_after_and_a_token_is_good_for_its_life()
    {
        await using var server = await HoldfastServer.StartAsync();
        var first = await SignedIn.ByMagicCodeAsync(server, "ada@people.test");
        var before = await StatesAsync(server);
        var next = before.Single(k => k.Value == "next").Key;
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), Kids(await KeySetAsync(server)).Order(StringComparer.Ordinal));
        Assert.Equal("current", before[first.Token.Kid]);

        await RoundAsync(server);
        (await RotateAsync(server)).Is(409, "next_key_too_young");
        server.Clock.Advance(TimeSpan.FromMinutes(15));
        var rotated = (await RotateAsync(server)).Is(200);
        (await RotateAsync(server)).Is(409, "next_key_too_young");   // another one is there, and young

        Assert.Equal((next, "current"), (rotated["id"], rotated["state"]));
        var states = await StatesAsync(server);
        Assert.Equal(("previous", "current", 1), (states[first.Token.Kid], states[next], states.Count(k => k.Value == "next")));
        var second = await SignedIn.ByMagicCodeAsync(server, "ada@people.test");
        Assert.Equal(next, second.Token.Kid);
        var old = new SignedIn(server, (await first.RefreshAsync()).Is(200));
        Assert.Equal(next, old.Token.Kid);
        Assert.True(await IsGoodAsync(server, second, await KeySetAsync(server)));
        Assert.Contains(first.Token.Kid, Kids(await KeySetAsync(server)));
        server.Clock.Advance(TimeSpan.FromDays(5));
        Assert.DoesNotContain(first.Token.Kid, Kids(await KeySetAsync(server)));   // and a retired one goes
        Assert.Equal(2, Kids(await KeySetAsync(server)).Count);
    }

    [Fact]
    public async Task A_reader_that_keeps_the_key_set_for_ten_minutes_never_meets_a_key_that_it_does_not_know()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var cached = (Set: await KeySetAsync(nodes[0]), At: nodes.Clock.GetUtcNow());
        List<SignedIn> signedBefore = [];
        var rotations = 0;
        for (var minute = 0; minute < 90; minute++)
        {
            await RoundAsync(nodes[0]);
            await RoundAsync(nodes[1]);
            if (minute % 5 == 0 && (await RotateAsync(nodes[minute % 2])) is { Status: 200 } rotated)
            {
                rotations++;
                await nodes.HasAsync(0, view => SigningKeys.Current(SigningKeys.All(view, nodes[0].A.Id))?.Id == rotated["id"] && SigningKeys.Next(SigningKeys.All(view, nodes[0].A.Id)) is not null);
                await nodes.HasAsync(1, view => SigningKeys.Current(SigningKeys.All(view, nodes[0].A.Id))?.Id == rotated["id"] && SigningKeys.Next(SigningKeys.All(view, nodes[0].A.Id)) is not null);
            }
            if (nodes.Clock.GetUtcNow() - cached.At >= TimeSpan.FromMinutes(10))
            {
                cached = (await KeySetAsync(nodes[(minute + 1) % 2]), nodes.Clock.GetUtcNow());
            }
            var session = await SignedIn.ByMagicCodeAsync(nodes[minute % 2], "ada@people.test");
            Assert.True(await IsGoodAsync(nodes[0], session, cached.Set), $"minute {minute}: {session.Token.Kid} is not in {string.Join(' ', Kids(cached.Set))}");
            signedBefore.RemoveAll(s => s.Token.ValidTo <= nodes.Clock.GetUtcNow().UtcDateTime);
            foreach (var earlier in signedBefore)
            {
                Assert.True(await IsGoodAsync(nodes[0], earlier, cached.Set));
            }
            signedBefore.Add(session);
            nodes.Clock.Advance(TimeSpan.FromMinutes(1));
        }
        Assert.InRange(rotations, 3, 6);
    }

    [Fact]
    public async Task Rotation_waits_for_every_node_and_denying_for_none()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var current = (await StatesAsync(nodes[0])).Single(k => k.Value == "current").Key;
        await nodes.HasAsync(0, view => Storage.Peers.NodeList.Of(view).Now.Count == 2);
        await RoundAsync(nodes[0]);
        await nodes[0].ShippedAsync();   // the primary decides by what it has heard
        nodes.Clock.Advance(TimeSpan.FromMinutes(15));
        await nodes.LevelAsync(0);
        var refused = (await RotateAsync(nodes[0])).Is(409, "next_key_not_everywhere");
        Assert.EndsWith(": node-2.", refused["message"], StringComparison.Ordinal);

        await RoundAsync(nodes[1]);
        await nodes.HasAsync(0, view => view.Find<long>("SELECT count(DISTINCT node) FROM signing_key_copies") == 2);
        await nodes[0].ShippedAsync();
        await nodes[1].ShippedAsync();
        var rotated = (await RotateAsync(nodes[0])).Is(200)["id"]!;
        await nodes.HasAsync(1, view => SigningKeys.Current(SigningKeys.All(view, nodes[0].A.Id))?.Id == rotated);
        Assert.Equal(rotated, (await SignedIn.ByMagicCodeAsync(nodes[1], "ada.rotates@people.test")).Token.Kid);

        (await nodes[1].DeleteAsync($"/signing_keys/{rotated}")).Is(204);   // at once, whatever others have
        var after = await SignedIn.ByMagicCodeAsync(nodes[1], "bob.rotates@people.test");
        Assert.DoesNotContain(after.Token.Kid, new[] { rotated, current });
        Assert.DoesNotContain(rotated, Kids(await KeySetAsync(nodes[1])));
        await nodes.HasAsync(0, view => Holdfast.Http.Denied.Is(view, rotated));
        Assert.Equal(after.Token.Kid, (await SignedIn.ByMagicCodeAsync(nodes[0], "carol.rotates@people.test")).Token.Kid);
    }

    [Fact]
    public async Task A_key_is_denied_while_the_primary_is_gone_the_next_one_signs_at_once_and_afterwards_there_is_another_next_one()
    {
        await using var server = await HoldfastServer.StartAsync(new Start());
        var states = await StatesAsync(server);
        var (current, next) = (states.Single(k => k.Value == "current").Key, states.Single(k => k.Value == "next").Key);
        server.Clock.StretchesFrom = TimeSpan.FromDays(1);   // what is away now is not a busy machine
        using (new PrimaryLock(Path.Combine(server.Data, "primary.db")))
        {
            (await server.DeleteAsync($"/signing_keys/{current}")).Is(204);
            var session = await SignedIn.ByMagicCodeAsync(server, "ada@people.test");
            Assert.Equal(next, session.Token.Kid);
            Assert.Equal([next], Kids(await KeySetAsync(server)));
            Assert.True(await IsGoodAsync(server, session, await KeySetAsync(server)));
            (await server.DeleteAsync($"/signing_keys/{next}")).Is(409, "last_signing_key");
            (await server.DeleteAsync($"/signing_keys/{current}")).Is(404, "entity_not_found");
            (await RotateAsync(server)).Is(503, "primary_unavailable");
        }
        server.Clock.StretchesFrom = TimeSpan.FromMilliseconds(500);
        await server.ShippedAsync();
        await RoundAsync(server);

        var healed = await StatesAsync(server);
        Assert.Equal(("current", 2), (healed[next], healed.Count));
        Assert.Equal(next, (await SignedIn.ByMagicCodeAsync(server, "ada@people.test")).Token.Kid);
        await RoundAsync(server);
        Assert.Equal(2, (await StatesAsync(server)).Count);   // once
    }

    [Fact]
    public async Task Two_nodes_that_denied_each_a_key_apart_say_so_until_there_is_a_new_one()
    {
        await using var server = await HoldfastServer.StartAsync();
        var session = await SignedIn.ByMagicCodeAsync(server, "ada@people.test");
        foreach (var key in (await StatesAsync(server)).Keys)
        {
            await server.Storage.Database.RecordAsync(_ => Storage.Rows.Decide.To(true, Holdfast.Http.Denied.Because("deleted", key, server.A.Id, $"deny_{key}", server.Clock.GetUtcNow())));
        }
        var without = (await session.RefreshAsync()).Is(503, "signing_key_unavailable");
        Assert.Equal(NodeAnswer.Given, without.Headers.GetValues(NodeAnswer.Header).Single());   // one environment's trouble, and not the node's
        Assert.Empty(Kids(await KeySetAsync(server)));
        await server.ShippedAsync();
        await RoundAsync(server);

        var next = new SignedIn(server, (await session.RefreshAsync()).Is(200));   // inside the grace: nothing was lost
        Assert.True(await IsGoodAsync(server, next, await KeySetAsync(server)));
    }
}
