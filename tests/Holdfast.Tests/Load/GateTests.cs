using System.Net;
using System.Net.Sockets;
using System.Text;
using Holdfast.Causes;
using Holdfast.Load;
using Holdfast.Resilience;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Load;

/// <summary>The gate on the whole server: what is refused, how it is said, and what is never held up.</summary>
public sealed class GateTests
{
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
        (await RefusedAsync(server, "DELETE", $"/user_management/users/{user}")).Is(503);
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
    private static async Task<Answer> RefusedAsync(HoldfastServer server, string method, string path, params (string Name, string Value)[] headers)
    {
        using var stop = new CancellationTokenSource();
        var sweeping = SweepAsync(server, stop.Token);   // the clock stands: what waits is late with the next tick of it
        var answer = await server.SendAsync(method, path, server.A.ApiKey, method == "POST" ? "{}" : null, headers);
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

    private static async Task<TcpClient> SendAsync(HoldfastServer server, string text)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(server.Url).Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text));
        return client;
    }
}
