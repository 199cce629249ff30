using Holdfast.Http;
using Holdfast.Protocols.Saml;
using Holdfast.Sso;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Tests.Sso;

/// <summary>The login explainer: what is kept of a sign-in, for how long and where, and what a replay says.</summary>
public sealed class AttemptTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task A_refused_response_passes_once_its_connection_is_set_right_and_a_replay_says_so()
    {
        using var next = SamlProvider.MakeCertificate();
        var connection = await _server.SamlConnectionAsync();
        var begun = await connection.BeginAsync();
        (await connection.PostAsync(begun.Browser, connection.Response(begun, "ada@acme.test", null, next), begun.RelayState)).Is(400);
        var id = _server.LatestAttempt.Id;
        var path = $"/connections/{connection.Id}/attempts/{id}/replay";

        var same = (await _server.WithoutEffectAsync(() => _server.PostAsync(path, new { }))).Is(200);
        Assert.Equal(("connection_attempt_replay", "refused", "SignatureInvalid"), (same["object"], same["outcome"], same["reason"]));

        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { idp_certificates = new[] { next.ExportCertificatePem() } } })).Is(200);
        _server.Clock.Advance(TimeSpan.FromHours(1));   // it is judged as of when it came
        var right = (await _server.WithoutEffectAsync(() => _server.PostAsync(path, null))).Is(200);
        Assert.Equal(("succeeded", null, id), (right["outcome"], right["reason"], right["id"]));
        Assert.All(right.Json.GetProperty("steps").EnumerateArray(), s => Assert.Equal("passed", s.GetProperty("outcome").GetString()));
        Assert.Equal("refused", (await _server.GetAsync($"/connections/{connection.Id}/attempts/{id}")).Is(200)["outcome"]);
    }

    [Fact]
    public async Task A_sign_in_that_succeeded_is_told_for_thirty_days_without_the_person()
    {
        await using var server = await HoldfastServer.StartAsync();
        var connection = await server.SamlConnectionAsync();
        var response = await connection.BeginAsync();
        var profile = (await connection.RedeemAsync((await connection.FinishAsync(response)).Is(302).Sent("code")!)).Is(200).Json.GetProperty("profile").GetProperty("id").GetString();

        var list = (await server.GetAsync($"/connections/{connection.Id}/attempts")).Is(200);
        var attempt = (await server.GetAsync($"/connections/{connection.Id}/attempts/{list.Ids.Single()}")).Is(200);
        Assert.Equal(("succeeded", null, profile, "True"), (attempt["outcome"], attempt["reason"], attempt["profile_id"], attempt["can_replay"]));
        Assert.All(attempt.Json.GetProperty("steps").EnumerateArray(), s => Assert.Equal("passed", s.GetProperty("outcome").GetString()));
        Assert.DoesNotContain("ada@acme.test", attempt.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Lovelace", attempt.Text, StringComparison.Ordinal);
        Assert.Equal("succeeded", (await server.PostAsync($"/connections/{connection.Id}/attempts/{attempt["id"]}/replay", new { })).Is(200)["outcome"]);

        // New settings: what was expected then stays told, and a replay goes by what is expected now.
        (await server.PutAsync($"/connections/{connection.Id}", new { saml = new { sp_entity_id = "urn:moved" } })).Is(200);
        Assert.Equal(attempt.Text, (await server.GetAsync($"/connections/{connection.Id}/attempts/{attempt["id"]}")).Is(200).Text);
        Assert.Equal("WrongAudience", (await server.PostAsync($"/connections/{connection.Id}/attempts/{attempt["id"]}/replay", new { })).Is(200)["reason"]);

        server.Clock.Advance(TimeSpan.FromDays(30) - TimeSpan.FromSeconds(1));
        Assert.Single((await server.GetAsync($"/connections/{connection.Id}/attempts")).Ids);
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty((await server.GetAsync($"/connections/{connection.Id}/attempts")).Ids);
        (await server.GetAsync($"/connections/{connection.Id}/attempts/{attempt["id"]}")).Is(404, "entity_not_found");
    }

    [Fact]
    public async Task Attempts_of_both_kinds_are_one_list_in_pages()
    {
        await using var server = await HoldfastServer.StartAsync();
        var (connection, other) = (await server.SamlConnectionAsync(), await server.SamlConnectionAsync());
        for (var i = 0; i < 5; i++)
        {
            server.Clock.Advance(TimeSpan.FromSeconds(1));
            var begun = await connection.BeginAsync();
            (await connection.FinishAsync(begun, "ada@acme.test", issue => i % 2 == 0 ? issue : issue with { Audience = "urn:x" })).Is(i % 2 == 0 ? 302 : 400);
        }
        await other.SignInAsync();
        var all = (await server.GetAsync($"/connections/{connection.Id}/attempts")).Is(200);
        Assert.Equal(["succeeded", "refused", "succeeded", "refused", "succeeded"], all.Json.GetProperty("data").EnumerateArray().Select(a => a.GetProperty("outcome").GetString()));
        foreach (var (order, expected) in new[] { ("desc", all.Ids), ("asc", Enumerable.Reverse(all.Ids).ToList()) })
        {
            var (seen, after) = (new List<string>(), "");
            do
            {
                var page = (await server.GetAsync($"/connections/{connection.Id}/attempts?limit=2&order={order}{after}")).Is(200);
                seen.AddRange(page.Ids);
                after = page.Cursor("after") is { } cursor ? $"&after={cursor}" : "";
            }
            while (after.Length > 0);
            Assert.Equal(expected, seen);
        }
        Assert.Equal(all.Ids.Take(2), (await server.GetAsync($"/connections/{connection.Id}/attempts?limit=2&before={all.Ids[2]}")).Is(200).Ids);
        (await server.GetAsync($"/connections/{connection.Id}/attempts?limit=0")).Is(422);
        (await server.GetAsync($"/connections/{other.Id}/attempts/{all.Ids[0]}")).Is(404, "entity_not_found");
        (await server.PostAsync($"/connections/{other.Id}/attempts/{all.Ids[0]}/replay", new { })).Is(404, "entity_not_found");
    }

    [Fact]
    public async Task What_nothing_was_read_of_cannot_be_replayed()
    {
        var connection = await _server.SamlConnectionAsync();
        (await connection.PostAsync(new Browser(_server), "x", "y")).Is(400);
        var id = _server.LatestAttempt.Id;
        Assert.Equal("False", (await _server.GetAsync($"/connections/{connection.Id}/attempts/{id}")).Is(200)["can_replay"]);
        (await _server.PostAsync($"/connections/{connection.Id}/attempts/{id}/replay", new { })).Is(409, "response_not_kept");
        (await _server.PostAsync($"/connections/{connection.Id}/attempts/attempt_x/replay", new { })).Is(404, "entity_not_found");
    }

    [Fact]
    public async Task A_replay_takes_a_sign_in_that_began_at_the_identity_provider_for_one()
    {
        var connection = await _server.SamlConnectionAsync(null, "GenericSAML", ("allow_idp_initiated", true));
        (await connection.PostAsync(new Browser(_server), connection.Response(null, "ada@acme.test"), null)).Is(302);
        var attempt = (await _server.GetAsync($"/connections/{connection.Id}/attempts")).Is(200).Json.GetProperty("data")[0];
        Assert.True(attempt.GetProperty("idp_initiated").GetBoolean());
        var path = $"/connections/{connection.Id}/attempts/{attempt.GetProperty("id").GetString()}/replay";
        Assert.Equal("succeeded", (await _server.PostAsync(path, new { })).Is(200)["outcome"]);
        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { allow_idp_initiated = false } })).Is(200);
        Assert.Equal("UnsolicitedNotAllowed", (await _server.PostAsync(path, new { })).Is(200)["reason"]);
    }

    [Fact]
    public void What_strangers_cause_is_bounded()
    {
        var ring = new AttemptRing(_server.Services.GetRequiredService<Ids>(), _server.Clock, NullLogger<AttemptRing>.Instance);
        var trust = new SamlTrust("x", [SamlProvider.Certificate], "y", "z");
        var (one, most) = (SamlProvider.Unique(), AttemptRing.MostCharacters / AttemptRing.LongestResponse);
        var large = ring.Remember(one, "NotXml", "", new SamlMaterial(null, trust, null, null, new string('x', AttemptRing.LongestResponse)));
        var tooLarge = ring.Remember(one, "NotXml", "", new SamlMaterial(null, trust, null, null, new string('x', AttemptRing.LongestResponse + 1)));
        Assert.Equal((true, false), (ring.ResponseOf(large) is not null, ring.ResponseOf(tooLarge) is not null));
        for (var i = 0; i < most; i++)
        {
            ring.Remember(one, "NotXml", "", new SamlMaterial(null, trust, null, null, new string('x', AttemptRing.LongestResponse)));
        }
        Assert.Null(ring.ResponseOf(large));
        Assert.Null(ring.ResponseOf(ring.Remember(one, "NotXml", "", new SamlMaterial(null, trust, null, null, ""))));
        // What is small costs what keeping it costs, and what a message says of itself counts as it does.
        var small = ring.Remember(one, "NotXml", "", new SamlMaterial(null, trust, null, null, "x"));
        for (var i = 0; i < AttemptRing.MostCharacters / 300; i++)
        {
            ring.Remember(one, "NotXml", "", new SamlMaterial(null, trust, null, null, "x"));
        }
        Assert.Null(ring.ResponseOf(small));
        var surface = new SamlSurface(
            new string('i', 300), null, null, null, [], [], new SamlSurface.Instants(null, null, null), false, null, [], [], [], [], [.. Enumerable.Repeat(new string('a', 300), 50)]);
        Assert.Equal(51 * 300, surface.CountCharacters());
        var told = ring.Remember(one, "WrongIssuer", "", new SamlMaterial(surface, trust, null, null, null));
        Assert.NotNull(ring.MaterialOf(told));
        for (var i = 0; i < (AttemptRing.MostCharacters / surface.CountCharacters()) + 1; i++)
        {
            ring.Remember(one, "WrongIssuer", "", new SamlMaterial(surface, trust, null, null, null));
        }
        Assert.Null(ring.MaterialOf(told));
        Assert.Equal(AttemptRing.MostPerConnection, ring.Of(one).Count);
        for (var i = 0; i < 210; i++)
        {
            var connection = SamlProvider.Unique();
            for (var j = 0; j < AttemptRing.MostPerConnection; j++)
            {
                ring.Remember(connection, "NotXml", "");
            }
        }
        Assert.InRange(ring.Latest.Count, 1, AttemptRing.MostAttempts);
    }
}
