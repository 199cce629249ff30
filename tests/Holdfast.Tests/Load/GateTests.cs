#pragma warning disable RS0030 // Raw sockets of loopback: to say what no client of HTTP says.
using System.Net;
using System.Net.Sockets;
using System.Text;
using Holdfast.Causes;
using Holdfast.Http;
using Holdfast.Http.Pages;
using Holdfast.Load;
using Holdfast.Resilience;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Load;

/// <summary>The gate on the whole server: what is refused, how it is said, and what is never held up.</summary>
public sealed class GateTests
{
    private const string Refresh = "{\"grant_type\":\"refresh_token\"}";

    /// <summary>Ten places, taken but for a few by visits that the test makes.</summary>
    private static Task<HoldfastServer> FullAsync(bool onNetwork = false) => HoldfastServer.StartAsync(new Start(OnNetwork: onNetwork, Configure: builder =>
        builder.Services.AddSingleton(new LoadOptions(10, 10) { Start = 10, OfOneTenant = 1, Patience = TimeSpan.Zero, ShortPatience = TimeSpan.Zero })));

    private static List<Visit> Fill(HoldfastServer server, int places)
    {
        var visits = Enumerable.Range(0, places).Select(_ => new Visit(Priority.Session, "test", "test", _ => { })).ToList();
        Assert.All(visits, v => Assert.True(server.Services.GetRequiredService<Places>().Enter(v, out _)));
        return visits;
    }

    [Fact]
    public async Task As_it_fills_the_lowest_are_refused_first_in_the_shape_of_their_wire()
    {
        await using var server = await FullAsync();
        var user = (await server.PostAsync("/user_management/users", new { email = "ada@acme.test" })).Is(201)["id"]!;
        var visits = Fill(server, 5);

        var list = await RefusedAsync(server, "GET", "/organizations");
        list.Is(503, "overloaded");
        Assert.Equal("refused; priority=administration", list.Headers.GetValues("Holdfast-Load").Single());
        Assert.InRange(int.Parse(list.Headers.GetValues("Retry-After").Single(), null), 1, 4);
        (await server.GetAsync($"/user_management/users/{user}")).Is(200);

        visits.AddRange(Fill(server, 2));
        (await RefusedAsync(server, "GET", $"/user_management/users/{user}")).Is(503, "overloaded");
        (await server.SendAsync("GET", "/sign-in", null, null, ("Accept", "text/html"))).Is(400);   // shown: it says that it was not begun

        visits.AddRange(Fill(server, 1));
        var page = await RefusedAsync(server, "GET", "/sign-in", ("Accept", "text/html"));
        page.Is(503);
        Assert.Contains("Wait a moment", page.Text, StringComparison.Ordinal);
        Assert.Contains("\"error\"", (await server.PostAsync("/user_management/authenticate", new { grant_type = "authorization_code" })).Text, StringComparison.Ordinal);

        visits.AddRange(Fill(server, 1));
        (await RefusedAsync(server, "POST", "/user_management/authenticate")).Is(503, "overloaded");
        (await server.PostAsync("/user_management/authenticate", new { grant_type = "refresh_token" })).Is(400);
        (await server.DeleteAsync($"/user_management/users/{user}")).Is(200);

        visits.AddRange(Fill(server, 1));
        (await RefusedAsync(server, "POST", "/user_management/authenticate", Refresh)).Is(503, "overloaded");
        (await server.DeleteAsync($"/user_management/users/{user}")).Is(404);   // a deny with a shown key comes in all the same
        var health = (await server.GetAsync("/health")).Is(200);
        Assert.Equal(["session", "sign_in", "page", "read", "administration"], health.Json.GetProperty("load").GetProperty("refused").EnumerateArray().Select(p => p.GetString()));
        (await server.GetAsync("/health/ready")).Is(200);

        visits.ForEach(server.Services.GetRequiredService<Places>().Leave);
        (await server.GetAsync("/organizations")).Is(200);
        Assert.Equal(0, server.Services.GetRequiredService<Places>().State.Inside);
    }

    [Fact]
    public async Task The_finder_names_the_node_s_own_overload_and_no_dependency()
    {
        await using var server = await FullAsync();
        var visits = Fill(server, 10);
        await RefusedAsync(server, "GET", "/organizations");
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        await RefusedAsync(server, "GET", "/organizations");

        Assert.Equal("load", await server.CauseAsync());
        var cause = server.Services.GetRequiredService<Finder>().Current!;
        Assert.Equal("overloaded", cause.How);
        Assert.Contains("This node has more to do than it can, since", cause.Text, StringComparison.Ordinal);
        Assert.Contains("lists and administrators' changes", cause.Text, StringComparison.Ordinal);
        Assert.Contains("Served: refreshes and sign-outs, sign-ins", cause.Text, StringComparison.Ordinal);
        Assert.All(server.Services.GetRequiredService<Dependencies>().All, d => Assert.Null(d.Health.How));

        visits.ForEach(server.Services.GetRequiredService<Places>().Leave);
        server.Clock.Advance(TimeSpan.FromSeconds(6));
        server.Services.GetRequiredService<Finder>().Look();
        Assert.Null(server.Services.GetRequiredService<Finder>().Current);
    }

    [Fact]
    public async Task Whoever_sends_a_body_drop_by_drop_holds_no_place_and_who_goes_while_waiting_leaves_none()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(OnNetwork: true, Configure: builder =>
            builder.Services.AddSingleton(new LoadOptions(4, 4) { Start = 4, OfOneTenant = 1, Patience = TimeSpan.FromHours(1), Standing = TimeSpan.FromHours(1) })));
        var places = server.Services.GetRequiredService<Places>();
        var slow = new List<TcpClient>();
        for (var i = 0; i < 8; i++)
        {
            slow.Add(await SendAsync(server, $"POST /sso/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\ngrant"));
        }
        (await server.GetAsync("/organizations")).Is(200);
        Assert.Equal(0, places.State.Inside);

        var visits = Fill(server, 4);
        var gone = await SendAsync(server, "GET /sso/jwks/client_unknown HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        await UntilAsync(() => places.State.Waiting == 1);
        gone.Client.LingerState = new LingerOption(true, 0);
        gone.Dispose();
        await UntilAsync(() => places.State.Waiting == 0);
        Assert.Equal(1, places.State.Counts.Single(c => c.Priority == Priority.Session).Left);

        visits.ForEach(places.Leave);
        slow.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task Whoever_takes_its_answer_drop_by_drop_holds_no_place()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(OnNetwork: true, Configure: builder =>
        {
            builder.Services.AddSingleton(new LoadOptions(4, 4) { Start = 4, OfOneTenant = 1, Patience = TimeSpan.FromHours(1), Standing = TimeSpan.FromHours(1) });
            builder.Services.AddSingleton(new RequestBounds { Grace = TimeSpan.FromHours(1), LeastBytesTakenPerSecond = 1 });   // the web server lets none of them go
        }));
        var places = server.Services.GetRequiredService<Places>();
        // Each asks for more than any buffer on the way holds, and takes none of it.
        var size = (await server.GetAsync("/openapi.json")).Is(200).Text.Length;
        var slow = new List<TcpClient>();
        for (var i = 0; i < 6; i++)
        {
            slow.Add(await SendAsync(server, string.Concat(Enumerable.Repeat("GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 1 + (16_000_000 / size))), receives: 8 * 1024));
        }
        // Until all of them are stuck, and then once more.
        var (before, same) = (0L, 0);
        while (same < 10)
        {
            (await server.GetAsync("/organizations").WaitAsync(TimeSpan.FromSeconds(120))).Is(200);
            await Task.Delay(20);
            var now = places.State.Counts.Single(c => c.Priority == Priority.Read).Admitted;
            (before, same) = (now, now == before && now > 6 ? same + 1 : 0);
        }
        Assert.Equal(0, places.State.Inside);
        slow.ForEach(s => s.Dispose());
    }

    [Fact]
    public void Who_takes_an_answer_has_a_rate_to_take_it_at()
    {
        var limits = new Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerLimits();
        new RequestBounds().Apply(limits);
        Assert.Equal((4096, TimeSpan.FromSeconds(5)), (limits.MinResponseDataRate!.BytesPerSecond, limits.MinResponseDataRate.GracePeriod));
    }

    [Fact]
    public async Task Bodies_are_bounded_in_sum_and_each_by_its_route()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(Configure: builder => builder.Services.AddSingleton(LoadOptions.Default with { MostBodies = 4000 })));
        var bodies = server.Services.GetRequiredService<Bodies>();
        (await server.PostAsync("/organizations", new { name = "Acme", metadata = new { a = new string('a', 500) } })).Is(201);
        var refused = await server.PostAsync("/organizations", new { name = new string('a', 2500) });   // one tenant has half
        refused.Is(503, "overloaded");
        Assert.Contains("Retry-After", refused.Headers.Select(h => h.Key));
        Assert.Equal("refused; priority=administration", refused.Headers.GetValues("Holdfast-Load").Single());
        Assert.Equal(0, bodies.Held);

        var other = new Visit(Priority.SignIn, "test", "other", _ => { });
        var (another, deny) = (new Visit(Priority.SignIn, "test", "another", _ => { }), new Visit(Priority.Session, "test", "deny", _ => { }, isDeny: true));
        Assert.True(bodies.TryTake(other, 2000));
        Assert.True(bodies.TryTake(another, 1990));
        (await server.PostAsync("/organizations", new { name = "Acme" })).Is(503, "overloaded");
        Assert.False(bodies.HasRoomFor(another, 11));
        Assert.True(bodies.HasRoomFor(deny, 500));
        Assert.False(bodies.HasRoomFor(deny, 600));
        bodies.GiveBack(other, 2000);
        bodies.GiveBack(another, 1990);
        (await server.PostAsync("/organizations", new { name = "Acme" })).Is(201);
        Assert.Equal(0, bodies.Held);

        var most = server.Routes.Where(r => r.RoutePattern.RawText is "/sso/token" or "/user_management/authenticate" or "/device" or "/sso/saml/acs/{connectionId}")
            .Where(r => r.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Contains("POST")).ToDictionary(r => r.RoutePattern.RawText!, r => MostBytes.Of(r) / 1024);
        Assert.Equal([4, 768, 64, 64], most.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => m.Value));
    }

    [Theory]
    [InlineData("{\"grant_type\":\"refresh_token\",\"refresh_token\":\"x\"}", true)]
    [InlineData(" {\"client_id\":\"c\", \"grant\\u005ftype\" : \"refresh_token\"}", true)]
    [InlineData("client_id=c&grant_type=refresh_token", true)]
    [InlineData("{\"a\":{\"grant_type\":\"refresh_token\"},\"grant_type\":\"password\"}", false)]
    [InlineData("{\"grant_type\":\"password\",\"a\":\"grant_type\\\":\\\"refresh_token\"}", false)]
    [InlineData("{\"grant_type\":\"refresh_token\",\"grant_type\":\"password\"}", false)]
    [InlineData("{\"grant_type\":\"refresh_token\"", false)]
    [InlineData("[{\"grant_type\":\"refresh_token\"}]", false)]
    [InlineData("grant_type=refresh_token&grant_type=password", false)]
    [InlineData("a=grant_type=refresh_token&grant_type=password", false)]
    [InlineData("grant_type=refresh_tokens", false)]
    [InlineData("", false)]
    public void A_refresh_is_what_its_endpoint_takes_for_one(string body, bool isRefresh) =>
        Assert.Equal(isRefresh ? Priority.Session : Priority.SignIn, Priorities.Of(Route("/user_management/authenticate", Writes.Fact), Encoding.UTF8.GetBytes(body)));

    [Fact]
    public void A_path_that_begins_like_one_that_is_never_held_up_is_held_up()
    {
        Assert.Null(Priorities.Of(Route("/dev/saml")));
        Assert.Equal(Priority.Page, Priorities.Of(Route("/device", PageRoute.Yes)));
        Assert.NotNull(Priorities.Of(Route("/healthy")));
    }

    [Fact]
    public void What_is_said_of_a_tenant_counts_against_nobody_who_showed_a_key_and_at_the_place_that_says_it()
    {
        var shown = Asked("192.0.2.1");
        shown.Features.Set(new Holdfast.Http.Caller("environment_1", "key_1"));
        string[] all =
        [
            LoadGate.TenantOf(shown, false), LoadGate.TenantOf(shown, true), LoadGate.TenantOf(Asked("192.0.2.1", "?client_id=environment_1"), false), LoadGate.TenantOf(Asked("192.0.2.2", "?client_id=environment_1"), false),
            LoadGate.TenantOf(Asked("192.0.2.1"), false), LoadGate.TenantOf(Asked("192.0.2.1", "?connection=192.0.2.1"), false),
        ];
        Assert.Equal(all, all.Distinct());

        static DefaultHttpContext Asked(string from, string query = "")
        {
            var http = new DefaultHttpContext();
            (http.Connection.RemoteIpAddress, http.Request.QueryString) = (IPAddress.Parse(from), new QueryString(query));
            return http;
        }
    }

    private static RouteEndpoint Route(string path, params object[] metadata) =>
        new(_ => Task.CompletedTask, RoutePatternFactory.Parse(path), 0, new EndpointMetadataCollection(metadata), path);

    [Fact]
    public async Task Every_route_has_its_priority_as_the_page_says()
    {
        await using var server = await HoldfastServer.StartAsync();
        var rows = server.Routes
            .Select(r => (Path: "/" + r.RoutePattern.RawText!.Trim('/'), Methods: string.Join(", ", r.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["any"]), Priority: Priorities.Of(r)))
            .Distinct().GroupBy(r => r.Priority)
            .OrderBy(g => g.Key is { } p ? (int)p : -1)
            .Select(g => $"| {(g.Key is { } p ? $"`{p.Name()}`" : "never held up")} | {string.Join("; ", g.OrderBy(r => r.Path, StringComparer.Ordinal).ThenBy(r => r.Methods, StringComparer.Ordinal).Select(r => $"{r.Methods} `{r.Path}`"))} |");
        var table = $"| priority | routes |\n|---|---|\n{string.Join('\n', rows)}\n";
        var page = Path.Combine(FloorsTests.Root, "docs/load.md");
        const string Begin = "<!-- routes: HOLDFAST_UPDATE=1 writes them anew -->\n", End = "<!-- end of the routes -->";
        var text = await File.ReadAllTextAsync(page);
        var (from, to) = (text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, text.IndexOf(End, StringComparison.Ordinal));
        if (Environment.GetEnvironmentVariable("HOLDFAST_UPDATE") == "1")
        {
            await File.WriteAllTextAsync(page, text[..from] + table + text[to..]);
            return;
        }
        Assert.Equal(text[from..to], table);
    }

    /// <summary>A refusal comes at once, or after those who wait have been looked at.</summary>
    private static Task<Answer> RefusedAsync(HoldfastServer server, string method, string path, params (string Name, string Value)[] headers) =>
        RefusedAsync(server, method, path, method == "POST" ? "{}" : null, headers);

    private static async Task<Answer> RefusedAsync(HoldfastServer server, string method, string path, string? body, params (string Name, string Value)[] headers)
    {
        using var stop = new CancellationTokenSource();
        var sweeping = SweepAsync(server, stop.Token);   // the clock stands: what waits is late with the next tick of it
        var answer = await server.SendAsync(method, path, server.A.ApiKey, body, headers);
        await stop.CancelAsync();
        await sweeping;
        return answer;
    }

    private static async Task SweepAsync(HoldfastServer server, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            server.Clock.Advance(TimeSpan.FromTicks(1));
            await Task.Delay(5, CancellationToken.None);
        }
    }

    private static async Task UntilAsync(Func<bool> done)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!done())
        {
            await Task.Delay(5, deadline.Token);
        }
    }

    /// <param name="receives">What its side of the connection holds.</param>
    private static async Task<TcpClient> SendAsync(HoldfastServer server, string text, int? receives = null)
    {
        var client = new TcpClient();
        client.ReceiveBufferSize = receives ?? client.ReceiveBufferSize;
        await client.ConnectAsync(IPAddress.Loopback, new Uri(server.Url).Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text));
        return client;
    }
}
