using System.Net;
using Holdfast.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Http;

/// <summary>Whose word about a request's sender is believed.</summary>
public sealed class TrustedProxiesTests
{
    /// <summary>The sender, scheme and host as the server sees them, of a request from <paramref name="from"/>.</summary>
    private static async Task<string> SeenAsync(string trusted, string from, params (string Name, string Value)[] headers)
    {
        var (proxies, faults) = TrustedProxies.Read(trusted);
        Assert.Empty(faults);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseTestServer();
        await using var app = builder.Build();
        app.Use((http, next) =>
        {
            http.Connection.RemoteIpAddress = IPAddress.Parse(from);
            return next(http);
        });
        proxies.Use(app);
        app.Run(http => http.Response.WriteAsync($"{http.Connection.RemoteIpAddress} {http.Request.Scheme} {http.Request.Host} {TrustedProxies.IsSentOn(http.Request)}"));
        await app.StartAsync();
        var context = await app.GetTestServer().SendAsync(http =>
        {
            http.Request.Host = new HostString("id.test");
            http.Request.Scheme = "http";
            foreach (var (name, value) in headers)
            {
                http.Request.Headers.Append(name, value);
            }
        });
        using var reader = new StreamReader(context.Response.Body);
        return await reader.ReadToEndAsync();
    }

    [Theory] // OAUTH-058
    // Whom nobody trusts says nothing.
    [InlineData("", "203.0.113.9", "1.1.1.1", "203.0.113.9")]
    [InlineData("10.0.0.0/8", "203.0.113.9", "1.1.1.1", "203.0.113.9")]
    [InlineData("10.0.0.0/8", "11.0.0.1", "1.1.1.1", "11.0.0.1")]
    // The right end of the chain counts, up to the first who is none of ours.
    [InlineData("10.0.0.0/8", "10.0.0.1", "1.1.1.1", "1.1.1.1")]
    [InlineData("10.0.0.0/8", "10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9")]
    [InlineData("10.0.0.0/8", "10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9")]
    [InlineData("10.0.0.0/8", "10.0.0.1", "10.6.6.6, 203.0.113.9", "203.0.113.9")]
    [InlineData("10.0.0.1", "10.0.0.1", "203.0.113.9, 10.0.0.2", "10.0.0.2")]
    [InlineData("10.0.0.0/8", "10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1")]
    [InlineData("10.0.0.0/8", "10.0.0.1", "nonsense, 203.0.113.9", "203.0.113.9")]
    [InlineData("10.0.0.0/8", "10.0.0.1", "203.0.113.9:4711", "203.0.113.9")]
    // IPv6, and IPv4 that came by a socket of IPv6.
    [InlineData("2001:db8::/32", "2001:db8::1", "2001:db9::7", "2001:db9::7")]
    [InlineData("2001:db8::/32", "2001:db8::1", "6.6.6.6, [2001:db9::7]:4711, 2001:db8::2", "2001:db9::7")]
    [InlineData("2001:db8::/32", "2001:db9::1", "2001:db9::7", "2001:db9::1")]
    [InlineData("10.0.0.0/8", "::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9")]
    [InlineData("::1, 127.0.0.0/8", "::1", "203.0.113.9", "203.0.113.9")]
    public async Task The_rightmost_hop_that_is_none_of_ours_is_the_sender(string trusted, string from, string chain, string sender) =>
        Assert.StartsWith($"{sender} http id.test ", await SeenAsync(trusted, from, ("X-Forwarded-For", chain)), StringComparison.Ordinal);

    [Fact] // OAUTH-058
    public async Task Scheme_and_host_are_believed_of_the_same_only()
    {
        (string, string)[] said = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "login.acme.test")];
        Assert.Equal("203.0.113.9 https login.acme.test True", await SeenAsync("10.0.0.0/8", "10.0.0.1", said));
        Assert.Equal("203.0.113.1 http id.test True", await SeenAsync("10.0.0.0/8", "203.0.113.1", said));
        Assert.Equal("203.0.113.1 http id.test True", await SeenAsync("10.0.0.0/8", "203.0.113.1", said[1..]));
        Assert.Equal("203.0.113.1 http id.test True", await SeenAsync("", "203.0.113.1", said[2..]));
        Assert.Equal("203.0.113.1 http id.test False", await SeenAsync("10.0.0.0/8", "203.0.113.1", ("X-Original-For", "1.1.1.1")));
    }

    [Fact]
    public void What_is_no_address_is_said_all_at_once()
    {
        var (_, faults) = TrustedProxies.Read("10.0.0.0/8, here, 10.0.0.0/99, ::1/64x");
        Assert.Equal(3, faults.Count);
        Assert.All(faults, f => Assert.StartsWith("--trusted-proxies: '", f, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_place_is_the_address_that_a_trusted_proxy_names_and_nobody_else_makes_himself_another()
    {
        async Task<List<int>> AskAsync(HoldfastServer server, string from, int times)
        {
            var got = new List<int>();
            for (var i = 0; i < times; i++)
            {
                got.Add((await server.SendAsync("POST", "/user_management/authorize/device", null, new { client_id = server.A.ClientId }, ("X-Forwarded-For", from))).Status);
            }
            return got;
        }

        var most = RateLimits.DevicesPerPlace.Requests;
        await using (var behind = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1, OnNetwork: true) { TrustedProxies = TrustedProxies.Read("127.0.0.0/8, ::1").Proxies }))
        {
            Assert.All(await AskAsync(behind, "203.0.113.1", most), s => Assert.Equal(200, s));
            Assert.Equal([429], await AskAsync(behind, "203.0.113.1", 1));
            Assert.Equal([429], await AskAsync(behind, "198.51.100.7, 203.0.113.1", 1));   // what stands further left was made up
            Assert.Equal([200], await AskAsync(behind, "203.0.113.2", 1));
            Assert.Equal(401, (await behind.SendAsync("GET", "/metrics", null, null, ("X-Forwarded-For", "127.0.0.1"))).Status);   // through a proxy nobody is local
        }
        await using (var alone = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 1, OnNetwork: true)))
        {
            for (var i = 0; i < most; i++)
            {
                Assert.Equal([200], await AskAsync(alone, $"203.0.113.{i}", 1));
            }
            Assert.Equal([429], await AskAsync(alone, "203.0.113.250", 1));
            Assert.Equal(200, (await alone.SendAsync("GET", "/metrics", null)).Status);
        }
    }
}
