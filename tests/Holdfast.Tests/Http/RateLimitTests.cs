using Holdfast.Http;
using Holdfast.Sso;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Http;

/// <summary>The documented limits, at the limit and one beyond (PLAT-011).</summary>
public sealed class RateLimitTests
{
    [Fact]
    public void The_limits_are_the_documented_ones()
    {
        Assert.Equal((6000, TimeSpan.FromSeconds(60)), (RateLimits.PerApiKey.Requests, RateLimits.PerApiKey.Per));
        Assert.Equal((1000, TimeSpan.FromSeconds(60)), (RateLimits.AuthorizePerConnection.Requests, RateLimits.AuthorizePerConnection.Per));
        Assert.Equal((50, TimeSpan.FromSeconds(60)), (RateLimits.DeleteOrganizationPerApiKey.Requests, RateLimits.DeleteOrganizationPerApiKey.Per));
    }

    [Fact]
    public void At_full_scale_the_limit_passes_and_one_more_does_not()
    {
        var limits = new RateLimits(new HeldClock());
        foreach (var limit in new[] { RateLimits.PerApiKey, RateLimits.AuthorizePerConnection, RateLimits.DeleteOrganizationPerApiKey })
        {
            for (var i = 0; i < limit.Requests; i++)
            {
                Assert.Null(limits.Count(limit, "a"));
            }
            Assert.Equal(60, limits.Count(limit, "a"));
            Assert.Null(limits.Count(limit, "b"));
        }
    }

    [Fact]
    public async Task A_key_has_its_requests_per_minute_and_takes_none_of_another_s()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 0.002));   // 12 a minute; making the server took one
        for (var i = 1; i < 12; i++)
        {
            (await server.GetAsync("/organizations")).Is(200);
        }
        server.Clock.Advance(TimeSpan.FromSeconds(20.5));

        var refused = (await server.WithoutEffectAsync(() => server.PostAsync("/organizations", new { name = "x" }, ("Idempotency-Key", "limited")))).Is(429, "rate_limit_exceeded");

        Assert.Equal(40, refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
        Assert.Equal(["code", "message"], refused.Json.EnumerateObject().Select(p => p.Name).Order());
        (await server.SendAsync("GET", "/organizations", server.B.ApiKey)).Is(200);
        (await server.SendAsync("GET", "/organizations", "sk_live_unknown")).Is(401);
        server.Clock.Advance(TimeSpan.FromSeconds(39.5) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, (await server.GetAsync("/organizations")).Is(429).Headers.RetryAfter!.Delta!.Value.TotalSeconds);
        server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        (await server.PostAsync("/organizations", new { name = "x" }, ("Idempotency-Key", "limited"))).Is(201);
    }

    [Fact]
    public async Task A_code_s_exchange_counts_for_the_key_too()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 0.001));   // 6 a minute
        var connection = await server.SamlConnectionAsync();   // with the redirect URI, three
        var code = "made-up";
        for (var i = 0; i < 3; i++)
        {
            (await connection.RedeemAsync(code)).IsOAuth("invalid_grant");
        }
        Assert.Equal(60, (await connection.RedeemAsync(code)).Is(429, "rate_limit_exceeded").Headers.RetryAfter!.Delta!.Value.TotalSeconds);
    }

    [Fact]
    public async Task A_connection_has_its_sign_ins_per_minute_and_takes_none_of_another_s()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 0.01));   // 10 a minute
        var (connection, other) = (await server.SamlConnectionAsync(), await server.SamlConnectionAsync());
        for (var i = 0; i < 10; i++)
        {
            await connection.BeginAsync();
        }

        var refused = await new Browser(server).GetAsync(connection.AuthorizePath());

        Assert.Equal(60, refused.Is(429, "rate_limit_exceeded").Headers.RetryAfter!.Delta!.Value.TotalSeconds);
        Assert.Null(refused.Location);
        var page = (await new Browser(server).GetAsync(connection.AuthorizePath(), ("Accept", "text/html"))).Is(429);
        Assert.StartsWith("text/html", page.ContentType, StringComparison.Ordinal);
        await other.BeginAsync();
        // What names no connection is nobody's, and makes no window.
        (await new Browser(server).GetAsync(connection.AuthorizePath(("connection", "conn_unknown")))).Is(302);
        server.Clock.Advance(TimeSpan.FromSeconds(60));
        await connection.BeginAsync();
    }

    [Fact]
    public async Task A_key_has_its_deletions_of_organizations_per_minute()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 0.06));   // 3 a minute
        var ids = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            ids.Add(await server.OrganizationAsync());
        }
        foreach (var id in ids.Take(3))
        {
            (await server.DeleteAsync($"/organizations/{id}")).Is(202);
        }

        (await server.WithoutEffectAsync(() => server.DeleteAsync($"/organizations/{ids[3]}"))).Is(429, "rate_limit_exceeded");

        (await server.GetAsync($"/organizations/{ids[3]}")).Is(200);
        server.Clock.Advance(TimeSpan.FromSeconds(60));
        (await server.DeleteAsync($"/organizations/{ids[3]}")).Is(202);
    }

    [Fact]
    public async Task The_ring_of_refused_sign_ins_has_an_end()
    {
        await using var server = await HoldfastServer.StartAsync();
        var ring = server.Services.GetRequiredService<AttemptRing>();
        ring.Remember("conn_quiet", "quiet", new string('x', AttemptRing.LongestDetail + 1));
        for (var i = 0; i <= AttemptRing.MostPerConnection; i++)
        {
            ring.Remember("conn_loud", $"reason {i}", new string('x', AttemptRing.LongestDetail));
        }

        var loud = ring.Latest.Where(a => a.ConnectionId == "conn_loud").ToList();
        Assert.Equal(AttemptRing.MostPerConnection, loud.Count);
        Assert.Equal("reason 1", loud[0].Reason);
        Assert.Equal($"reason {AttemptRing.MostPerConnection}", loud[^1].Reason);
        Assert.Equal(new string('x', AttemptRing.LongestDetail), loud[0].Detail);
        Assert.Equal(new string('x', AttemptRing.LongestDetail) + "…", Assert.Single(ring.Latest, a => a.ConnectionId == "conn_quiet").Detail);

        for (var i = 0; i < AttemptRing.MostConnections; i++)
        {
            ring.Remember($"conn_{i}", "reason", "");
        }
        Assert.Equal(AttemptRing.MostConnections, ring.Latest.Select(a => a.ConnectionId).Distinct().Count());
    }
}
