#pragma warning disable RS0030 // Raw sockets of loopback: to say what no client of HTTP says.
using System.Text;
using Holdfast.Edge;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Resilience;
using Holdfast.Storage;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Tests.Edge;

/// <summary>The edge before real web servers, over real sockets.</summary>
public sealed class EdgeServerTests
{
    private const string Refresh = "{\"grant_type\":\"refresh_token\",\"refresh_token\":\"x\"}";
    private const string Authenticate = "/user_management/authenticate";

    private static readonly Asked s_any = Asked.Of("GET", "/organizations", "", null, "Bearer sk_1", false, default);

    private static Task Break(HttpContext http)
    {
        http.Abort();
        return Task.CompletedTask;
    }

    private static Func<HttpContext, Task> Say(int status, string body = "{}") => async http =>
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = body.Length;
        await http.Response.WriteAsync(body);
    };

    private static (string, string) Bearer => ("Authorization", "Bearer sk_1");

    [Fact]
    public async Task A_request_reaches_a_node_as_it_came_and_says_who_sent_it()
    {
        await using var edge = await EdgeHost.StartAsync(1);
        var answer = await edge.SendAsync("POST", "/organizations?a=1&b=%2F%20x", "{\"name\":\"ü\"}", headers:
        [
            Bearer, ("X-Request-ID", "req-1"), ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Prefix", "/x"), ("Forwarded", "for=1.2.3.4"),
            ("X-Real-IP", "1.2.3.4"), ("X-Original-For", "1.2.3.4"), ("Holdfast-Node", "n"), ("Holdfast-Signed", "s"), ("Holdfast-For", "9.9.9.9"), ("Holdfast-Edge", "e"), ("X-Custom", "kept"),
        ]);
        Assert.Equal((200, "here", "req-1"), (answer.Status, answer.Body, answer.Headers["X-Request-ID"]));
        var seen = Assert.Single(edge.Backends[0].Requests);
        Assert.Equal(("POST", "/organizations?a=1&b=%2F%20x", "{\"name\":\"ü\"}"), (seen.Method, seen.Target, seen.Body));
        Assert.Equal(
            (EdgeHost.Host, "127.0.0.1", "http", EdgeHost.Host, "req-1", "kept", "Bearer sk_1"),
            (seen.Headers["Host"], seen.Headers["X-Forwarded-For"], seen.Headers["X-Forwarded-Proto"], seen.Headers["X-Forwarded-Host"], seen.Headers["X-Request-ID"], seen.Headers["X-Custom"], seen.Headers["Authorization"]));
        Assert.DoesNotContain(seen.Headers, h => h.Key.StartsWith("Holdfast-", StringComparison.OrdinalIgnoreCase) || h.Key is "Forwarded" or "X-Real-IP" or "X-Original-For" or "X-Forwarded-Prefix");
        Assert.DoesNotContain(seen.Headers, h => h.Value.Contains("1.2.3.4", StringComparison.Ordinal) || h.Value.Contains("evil", StringComparison.Ordinal));
        Assert.StartsWith("req_", (await edge.SendAsync("GET", "/a", headers: [("X-Request-ID", "no good")])).Headers["X-Request-ID"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_stands_before_the_edge_is_believed_when_it_is_told_to()
    {
        var (proxies, faults) = TrustedProxies.Read("127.0.0.0/8, 10.0.0.0/8");
        Assert.Empty(faults);
        await using var edge = await EdgeHost.StartAsync(1, s => s with { TrustedProxies = proxies });
        await edge.SendAsync("GET", "/a", headers: [("X-Forwarded-For", "6.6.6.6, 203.0.113.7, 10.1.1.1"), ("X-Forwarded-Proto", "https")]);
        var seen = Assert.Single(edge.Backends[0].Requests);
        Assert.Equal(("203.0.113.7", "https"), (seen.Headers["X-Forwarded-For"], seen.Headers["X-Forwarded-Proto"]));
    }

    [Theory]
    [InlineData("/peers/journal")]
    [InlineData("/peers")]
    [InlineData("/PEERS/primary/Commit")]
    [InlineData("/%70eers/journal")]
    [InlineData("/x/../peers/journal")]
    [InlineData("/x/%2e%2e/peers/journal")]
    [InlineData("/health")]
    [InlineData("/health/ready")]
    [InlineData("/metrics")]
    [InlineData("/metrics/recent")]
    [InlineData("/edge/domains")]
    public async Task What_is_inside_is_not_for_the_outside(string path)
    {
        await using var edge = await EdgeHost.StartAsync(1);
        var answer = await edge.RawAsync($"GET {path} HTTP/1.1\r\nHost: {EdgeHost.Host}\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 404 ", answer, StringComparison.Ordinal);
        Assert.Empty(edge.Backends[0].Requests);
    }

    [Theory]
    [InlineData("GET http://id.edge.test/organizations HTTP/1.1\r\nHost: id.edge.test\r\n", 400)]
    [InlineData("GET //peers/journal HTTP/1.1\r\nHost: id.edge.test\r\n", 400)]
    [InlineData("GET /a\\..\\peers HTTP/1.1\r\nHost: id.edge.test\r\n", 400)]
    [InlineData("GET /a HTTP/1.1\r\nHost: id.edge.test\r\nHost: evil.test\r\n", 400)]
    [InlineData("GET /a HTTP/1.1\r\n", 400)]
    [InlineData("GET /a\tb HTTP/1.1\r\nHost: id.edge.test\r\n", 400)]
    [InlineData("GET /a?x=\u0001 HTTP/1.1\r\nHost: id.edge.test\r\n", 400)]
    [InlineData("GET /a\u007fb HTTP/1.1\r\nHost: id.edge.test\r\n", 400)]
    [InlineData("GET /a b HTTP/1.1\r\nHost: id.edge.test\r\n", 400)]
    [InlineData("TRACE /a HTTP/1.1\r\nHost: id.edge.test\r\n", 405)]
    [InlineData("POST /a HTTP/1.1\r\nHost: id.edge.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /peers HTTP/1.1\r\nHost: id.edge.test\r\n", 400)]
    [InlineData("POST /a HTTP/1.1\r\nHost: id.edge.test\r\nTransfer-Encoding: gzip\r\n", 400)]
    [InlineData("POST /a HTTP/1.1\r\nHost: id.edge.test\r\nContent-Length: 4\r\nContent-Length: 5\r\n", 400)]
    [InlineData("GET /a HTTP/1.1\r\nHost: id.edge.test\r\nX-A : b\r\n", 400)]
    [InlineData("GET /a HTTP/1.1\r\nHost: unknown.test\r\n", 421)]
    [InlineData("GET /a HTTP/1.1\r\nHost: id.edge.test.evil.test\r\n", 421)]
    [InlineData("GET /a HTTP/1.1\r\nHost: evil.test/id.edge.test\r\n", 400)]
    public async Task What_two_could_read_differently_and_what_is_not_ours_goes_no_further(string head, int status)
    {
        await using var edge = await EdgeHost.StartAsync(1);
        var answer = await edge.RawAsync(head + "Connection: close\r\n\r\n");
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Empty(edge.Backends[0].Requests);
    }

    [Fact]
    public async Task Bounds_hold_for_headers_and_bodies()
    {
        await using var edge = await EdgeHost.StartAsync(1);
        Assert.StartsWith("HTTP/1.1 431 ", await edge.RawAsync($"GET /a HTTP/1.1\r\nHost: {EdgeHost.Host}\r\nX: {new string('x', 70_000)}\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 414 ", await edge.RawAsync($"GET /{new string('x', 40_000)} HTTP/1.1\r\nHost: {EdgeHost.Host}\r\n\r\n"), StringComparison.Ordinal);
        Assert.Equal((413, "payload_too_large"), await edge.SendAsync("POST", "/a", new string('x', JsonBody.MaxBytes + 1)) is var large ? (large.Status, large.Code) : default);
        Assert.Empty(edge.Backends[0].Requests);
        Assert.Equal(200, (await edge.SendAsync("POST", "/a", new string('x', JsonBody.MaxBytes))).Status);
        Assert.Equal(JsonBody.MaxBytes, Assert.Single(edge.Backends[0].Requests).Body.Length);
    }

    [Fact]
    public async Task Who_sends_drop_by_drop_holds_no_node()
    {
        await using var edge = await EdgeHost.StartAsync(1, bounds: new RequestBounds { BodyWithin = TimeSpan.FromMilliseconds(300) });
        var answer = await edge.RawAsync($"POST /a HTTP/1.1\r\nHost: {EdgeHost.Host}\r\nContent-Length: 1000\r\n\r\nx");
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Empty(edge.Backends[0].Requests);
    }

    [Theory]
    [InlineData("GET", "/organizations", null, false)]
    [InlineData("POST", "/organizations", "{}", true)]
    [InlineData("POST", Authenticate, Refresh, false)]
    public async Task What_is_safe_is_sent_once_more_when_its_node_breaks_off(string method, string path, string? body, bool hasKey)
    {
        await using var edge = await EdgeHost.StartAsync(3);
        foreach (var backend in edge.Backends)
        {
            backend.Answer = Break;
        }
        Assert.Equal((502, "node_lost"), await Ask() is var lost ? (lost.Status, lost.Code) : default);
        Assert.Equal(2, edge.Backends.Sum(b => b.Requests.Count));   // exactly once more, though there are three
        Assert.Equal(2, edge.Backends.Count(b => b.Requests.Count == 1));
        Assert.Equal(1, edge.Counts.Retries.Value);

        Task<EdgeHost.Got> Ask() => edge.SendAsync(method, path, body, headers: hasKey ? [Bearer, ("Idempotency-Key", "k")] : [Bearer]);
    }

    [Theory]
    [InlineData(502)]
    [InlineData(504)]
    [InlineData(503)]
    public async Task What_a_node_says_of_itself_is_asked_elsewhere(int status)
    {
        await using var edge = await EdgeHost.StartAsync(2);
        edge.First(s_any).Answer = Say(status, "{\"code\":\"node_unavailable\"}");
        var answer = await edge.SendAsync("GET", "/organizations", headers: Bearer);
        Assert.Equal((200, "here"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task A_node_that_has_too_much_to_do_is_passed_over_for_this_request_and_is_not_ill()
    {
        await using var edge = await EdgeHost.StartAsync(3);
        Task Busy(HttpContext http)
        {
            http.Response.StatusCode = 503;
            http.Response.Headers["Holdfast-Load"] = "refused; priority=administration";
            http.Response.Headers.RetryAfter = "2";
            return http.Response.WriteAsync("{\"code\":\"overloaded\"}");
        }
        // Nothing was done of it: a change without a key may go elsewhere too.
        edge.First(s_any).Answer = Busy;
        for (var i = 0; i < 6; i++)
        {
            Assert.Equal((200, "here"), await edge.SendAsync("POST", "/organizations", "{}", headers: [Bearer]) is var answer ? (answer.Status, answer.Body) : default);
        }
        foreach (var backend in edge.Backends)
        {
            backend.Answer = Busy;
        }
        var all = await edge.SendAsync("POST", "/organizations", "{}", headers: [Bearer]);
        Assert.Equal((503, "overloaded", "2"), (all.Status, all.Code, all.Headers["Retry-After"]));
        for (var i = 0; i < 20; i++)
        {
            await edge.SendAsync("GET", "/organizations", headers: Bearer);
        }
        Assert.InRange(edge.Counts.Retries.Value, 1, 10 + 6);   // the budget holds: a floor of ten and a share
        Assert.All(edge.Nodes.All, n => Assert.Equal(0, n.Ejections));
    }

    [Fact]
    public async Task What_a_node_says_of_the_primary_is_the_answer_and_no_fault_of_its_own()
    {
        await using var edge = await EdgeHost.StartAsync(2);
        foreach (var backend in edge.Backends)
        {
            backend.Answer = Say(503, "{\"code\":\"primary_unavailable\"}");
        }
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal((503, "primary_unavailable"), await edge.SendAsync("POST", "/organizations", "{}", headers: [Bearer, ("Idempotency-Key", "k")]) is var answer ? (answer.Status, answer.Code) : default);
        }
        Assert.Equal(10, edge.Backends.Sum(b => b.Requests.Count));
        Assert.All(edge.Nodes.All, n => Assert.Equal(0, n.Ejections));
    }

    [Theory]
    [InlineData("POST", "/organizations", "{}")]
    [InlineData("DELETE", "/organizations/org_1", null)]
    [InlineData("POST", Authenticate, "{\"grant_type\":\"password\"}")]
    [InlineData("POST", "/organizations/org_1/verify", null)]
    public async Task What_may_have_been_done_is_not_done_again(string method, string path, string? body)
    {
        await using var edge = await EdgeHost.StartAsync(2);
        // A kept connection first: a client that finds it closed would like to send anew.
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => edge.SendAsync("GET", "/a")));
        foreach (var backend in edge.Backends)
        {
            backend.Requests.Clear();
            backend.Answer = Break;
        }
        var answer = await edge.SendAsync(method, path, body, headers: Bearer);
        Assert.Equal((502, "node_lost"), (answer.Status, answer.Code));
        Assert.Equal(1, edge.Backends.Sum(b => b.Requests.Count));
        Assert.Equal(0, edge.Counts.Retries.Value);
    }

    [Fact]
    public async Task What_no_byte_was_sent_of_goes_elsewhere_whatever_it_is()
    {
        await using var edge = await EdgeHost.StartAsync(2, s => s with { ProbeEvery = TimeSpan.FromHours(1) });   // no probe tells: the request finds out
        var first = edge.First(s_any);
        await first.StopAsync();
        var answer = await edge.SendAsync("POST", "/organizations", "{\"name\":\"once\"}", headers: Bearer);
        Assert.Equal(200, answer.Status);
        Assert.Equal("{\"name\":\"once\"}", Assert.Single(edge.Backends.Single(b => b != first).Requests).Body);
        Assert.Equal((NodeState.Ejected, "refuses"), edge.Nodes.All.Single(n => n.Address.Port == first.Port) is var dead ? (dead.State, dead.Why) : default);

        await edge.Backends.Single(b => b != first).StopAsync();
        Assert.Equal((503, "no_node"), await edge.SendAsync("GET", "/organizations", headers: Bearer) is var none ? (none.Status, none.Code) : default);
        // All look ill, and one is back without anybody having noticed: it is asked.
        await first.ListenAsync();
        Assert.Equal(200, (await edge.SendAsync("GET", "/organizations", headers: Bearer)).Status);
    }

    [Fact]
    public async Task A_node_that_hangs_costs_a_bounded_wait_and_is_asked_no_more()
    {
        await using var edge = await EdgeHost.StartAsync(2, s => s with { Times = s.Times with { Patience = 0.2 } });
        var first = edge.First(s_any);
        var held = new TaskCompletionSource();
        first.Answer = _ => held.Task;
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal((200, "here"), await edge.SendAsync("GET", "/organizations", headers: Bearer) is var answer ? (answer.Status, answer.Body) : default);
        }
        Assert.Equal("hangs", edge.Nodes.All.Single(n => n.Address.Port == first.Port).Why);
        Assert.Equal(3, first.Requests.Count);
        Assert.Equal(200, (await edge.SendAsync("POST", "/organizations", "{}", headers: Bearer)).Status);
        Assert.Equal(3, first.Requests.Count);
        held.SetResult();
    }

    [Fact]
    public async Task A_POST_that_hangs_is_told_that_nobody_knows()
    {
        await using var edge = await EdgeHost.StartAsync(2, s => s with { Times = s.Times with { Patience = 0.05 } });
        var held = new TaskCompletionSource();
        foreach (var backend in edge.Backends)
        {
            backend.Answer = _ => held.Task;
        }
        var answer = await edge.SendAsync("POST", "/organizations", "{}", headers: Bearer);
        Assert.Equal((504, "node_timeout"), (answer.Status, answer.Code));
        Assert.Equal(1, edge.Backends.Sum(b => b.Requests.Count));
        held.SetResult();
    }

    [Fact]
    public async Task A_node_that_says_it_is_not_ready_gets_nothing_until_it_is()
    {
        await using var edge = await EdgeHost.StartAsync(2);
        var first = edge.First(s_any);
        first.IsReady = false;
        var node = edge.Nodes.All.Single(n => n.Address.Port == first.Port);
        await EdgeHost.UntilAsync(() => node.State == NodeState.Ejected);
        Assert.Equal("starting", node.Why);
        await edge.SendAsync("GET", "/organizations", headers: Bearer);
        Assert.Empty(first.Requests);
        first.IsReady = true;
        await EdgeHost.UntilAsync(() => node.State == NodeState.Ready);
    }

    [Fact]
    public async Task An_item_goes_to_its_node_through_the_wire()
    {
        await using var edge = await EdgeHost.StartAsync(3);
        foreach (var backend in edge.Backends)
        {
            for (var i = 0; i < 5; i++)
            {
                await edge.SendAsync("POST", "/sso/token", $"grant_type=authorization_code&code={backend.Incarnation}.abc{i}", "application/x-www-form-urlencoded");
                await edge.SendAsync("GET", $"/sign-in?flow={backend.Incarnation}.abc{i}");
            }
        }
        Assert.All(edge.Backends, b => Assert.Equal(10, b.Requests.Count(r => r.Target.Contains(b.Incarnation, StringComparison.Ordinal) || r.Body.Contains(b.Incarnation, StringComparison.Ordinal))));
    }

    [Fact]
    public async Task The_slowest_reads_are_asked_again_elsewhere_and_the_loser_is_let_go()
    {
        await using var edge = await EdgeHost.StartAsync(2);
        for (var i = 0; i < 200; i++)   // as many as it takes to know what is slow, and no more: a slow machine would spend what may be asked twice before
        {
            await edge.SendAsync("GET", "/organizations", headers: Bearer);
        }
        Assert.Equal(0, edge.Counts.Hedges.Value);
        var first = edge.First(s_any);
        var letGo = new TaskCompletionSource();
        first.Answer = http =>
        {
            var never = new TaskCompletionSource();
            http.RequestAborted.Register(() =>
            {
                letGo.TrySetResult();
                never.TrySetCanceled();
            });
            return never.Task;
        };
        var retries = edge.Counts.Retries.Value;   // a busy machine may have had one before
        var answer = await edge.SendAsync("GET", "/organizations", headers: Bearer);
        Assert.Equal((200, "here"), (answer.Status, answer.Body));
        await letGo.Task.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(edge.Counts.HedgesWon.Value >= 1);
        Assert.Equal(retries, edge.Counts.Retries.Value);
        // A few in a hundred: then nobody is asked twice any more.
        Assert.InRange(edge.Counts.Hedges.Value, 1, 1 + (0.03 * 215));
    }

    [Fact]
    public async Task Too_much_is_turned_away_by_priority_and_not_queued()
    {
        await using var edge = await EdgeHost.StartAsync(2, s => s with { MaxRequests = 10 });
        var held = new TaskCompletionSource();
        foreach (var backend in edge.Backends)
        {
            backend.Answer = async http =>
            {
                await held.Task;
                await http.Response.WriteAsync("late");
            };
        }
        var waiting = Enumerable.Range(0, 6).Select(i => edge.SendAsync("POST", "/organizations", "{}", headers: ("Authorization", $"Bearer sk_{i}"))).ToList();
        await EdgeHost.UntilAsync(() => edge.Backends.Sum(b => b.Requests.Count) == 6);
        var refused = await edge.SendAsync("POST", "/organizations", "{}", headers: Bearer);
        Assert.Equal((429, "busy", "7"), (refused.Status, refused.Code, refused.Headers["Retry-After"]));
        waiting.Add(edge.SendAsync("GET", "/organizations", headers: Bearer));
        await EdgeHost.UntilAsync(() => edge.Backends.Sum(b => b.Requests.Count) == 7);
        Assert.Equal(429, (await edge.SendAsync("GET", "/organizations", headers: Bearer)).Status);
        waiting.AddRange([edge.SendAsync("GET", "/sso/authorize"), edge.SendAsync("GET", "/sso/authorize")]);
        await EdgeHost.UntilAsync(() => edge.Backends.Sum(b => b.Requests.Count) == 9);
        Assert.Equal(429, (await edge.SendAsync("GET", "/sso/authorize")).Status);
        waiting.Add(edge.SendAsync("POST", Authenticate, Refresh));
        await EdgeHost.UntilAsync(() => edge.Backends.Sum(b => b.Requests.Count) == 10);
        var last = await edge.SendAsync("GET", "/sso/jwks/client_1");
        Assert.Equal((429, "1"), (last.Status, last.Headers["Retry-After"]));
        held.SetResult();
        Assert.All(await Task.WhenAll(waiting), w => Assert.Equal(200, w.Status));
        Assert.Equal([1L, 1L, 1L, 1L], edge.Counts.Refused.Select(r => r.Value));
        await EdgeHost.UntilAsync(() => edge.Nodes.All.All(n => n.UnderWay == 0));
        Assert.Equal(200, (await edge.SendAsync("POST", "/organizations", "{}", headers: Bearer)).Status);
    }

    [Fact]
    public async Task Custom_domains_come_from_a_node_and_stay_when_all_are_gone()
    {
        var key = EdgeKey.Of(ClusterKeys.Of(Entropy.Real.Bytes(32), Entropy.Real.Bytes(32), Entropy.Real));
        var backend = await Backend.StartAsync(1);
        (backend.Key, backend.Domains["login.acme.test"]) = (key, "environment_1");
        await using var edge = await EdgeHost.StartAsync(change: s => s with { Key = EdgeKey.Read(key.Value) }, own: [backend]);
        await EdgeHost.UntilAsync(() => edge.Domains.Current is not null);
        Assert.Equal(200, (await edge.SendAsync("GET", "/sign-in", host: "LOGIN.acme.test")).Status);
        Assert.Equal(421, (await edge.SendAsync("GET", "/sign-in", host: "login.other.test")).Status);
        Assert.Equal("login.acme.test", backend.Requests.Last().Headers["Host"].ToLowerInvariant());

        // A node with another key is not believed.
        backend.Key = EdgeKey.Of(ClusterKeys.Of(Entropy.Real.Bytes(32), Entropy.Real.Bytes(32), Entropy.Real));
        backend.Domains.Clear();
        await edge.Domains.ReadAsync(CancellationToken.None);
        Assert.Equal(200, (await edge.SendAsync("GET", "/sign-in", host: "login.acme.test")).Status);

        // All nodes away and the edge started cold: the map is on its disk.
        await backend.StopAsync();
        await edge.RestartAsync();
        Assert.Equal((503, "no_node"), await edge.SendAsync("GET", "/sign-in", host: "login.acme.test") is var away ? (away.Status, away.Code) : default);
        await backend.ListenAsync();
        await EdgeHost.UntilAsync(() => edge.Nodes.All[0].State == NodeState.Ready);
        Assert.Equal(200, (await edge.SendAsync("GET", "/sign-in", host: "login.acme.test")).Status);
        var health = await edge.SendAsync("GET", "/edge/health", host: "localhost");
        Assert.Contains("\"age_seconds\":", health.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_operator_alone_reads_what_the_edge_knows()
    {
        await using var edge = await EdgeHost.StartAsync(2);
        await edge.SendAsync("GET", "/organizations", headers: Bearer);
        var local = await edge.SendAsync("GET", "/edge/health", host: $"localhost:{edge.Port}");
        Assert.Contains("\"incarnation\":\"000000000001\"", local.Body, StringComparison.Ordinal);
        Assert.Contains("holdfast_edge_requests_total 1", (await edge.SendAsync("GET", "/edge/metrics", host: "127.0.0.1")).Body, StringComparison.Ordinal);
        foreach (var (host, headers) in new (string, (string, string)[])[] { (EdgeHost.Host, []), ("localhost", [("X-Forwarded-For", "127.0.0.1")]), ("localhost", [("Forwarded", "for=127.0.0.1")]) })
        {
            Assert.Equal("{\"status\":\"ready\"}", (await edge.SendAsync("GET", "/edge/health", host: host, headers: headers)).Body);
            Assert.Equal(404, (await edge.SendAsync("GET", "/edge/metrics", host: host, headers: headers)).Status);
        }
        Assert.Equal(200, (await edge.SendAsync("GET", "/edge/ready", host: "anything")).Status);
    }

    [Theory]
    [InlineData("X-Name: J\u00fcrgen \u4e16\u754c")]
    [InlineData("User-Agent: caf\u00e9")]
    [InlineData("Cookie: a=\u00fc")]
    [InlineData("Authorization: Bearer \u00fc")]
    public async Task A_header_in_another_alphabet_reaches_a_node_and_is_no_fault_of_one(string header)
    {
        await using var edge = await EdgeHost.StartAsync(2);
        for (var i = 0; i < 8; i++)
        {
            var answer = await edge.RawAsync(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes($"GET /organizations HTTP/1.1\r\nHost: {EdgeHost.Host}\r\n{header}\r\nConnection: close\r\n\r\n")));
            Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        }
        Assert.All(edge.Nodes.All, n => Assert.Equal((NodeState.Ready, 0L), (n.State, n.Ejections)));
        var (name, value) = header.Split(": ", 2) is [var n, var v] ? (n, v) : default;
        Assert.All(edge.Backends.SelectMany(b => b.Requests), r => Assert.Equal(value, r.Headers[name]));
    }

    [Fact]
    public void What_cannot_be_written_down_is_told_apart_from_what_breaks_on_the_way()
    {
        Assert.True(EdgeHttp.WasNotSendable(new HttpRequestException("Request headers must contain only ASCII characters.")));
        Assert.True(EdgeHttp.WasNotSendable(new DependencyUnavailableException("edge_node:a", Trouble.Errors, TimeSpan.Zero, new HttpRequestException("x"))));
        Assert.False(EdgeHttp.WasNotSendable(new HttpRequestException("x", new IOException("y", new System.Net.Sockets.SocketException()))));
        Assert.False(EdgeHttp.WasNotSendable(new HttpRequestException(HttpRequestError.ResponseEnded)));
        Assert.False(EdgeHttp.WasNotSendable(new HttpRequestException(HttpRequestError.InvalidResponse)));
        Assert.False(EdgeHttp.WasNotSendable(new HttpRequestException(HttpRequestError.ConnectionError)));
    }

    [Theory]
    [InlineData(502, "{\"code\":\"identity_provider_unavailable\"}")]
    [InlineData(503, "{\"code\":\"signing_key_unavailable\"}")]
    [InlineData(503, "{\"code\":\"node_unavailable\"}")]   // another node's word, passed on
    [InlineData(504, "{}")]
    public async Task What_a_node_says_of_others_is_the_answer_and_ejects_nobody(int status, string body)
    {
        await using var edge = await EdgeHost.StartAsync(2);
        foreach (var backend in edge.Backends)
        {
            backend.Answer = http =>
            {
                http.Response.Headers[NodeAnswer.Header] = NodeAnswer.Given;
                return Say(status, body)(http);
            };
        }
        for (var i = 0; i < 10; i++)
        {
            var answer = await edge.SendAsync("GET", "/sso/oidc/callback/conn_1?state=x");
            Assert.Equal((status, body), (answer.Status, answer.Body));
            Assert.DoesNotContain(answer.Headers, h => h.Key == NodeAnswer.Header);
        }
        Assert.Equal(10, edge.Backends.Sum(b => b.Requests.Count));
        Assert.All(edge.Nodes.All, n => Assert.Equal((NodeState.Ready, 0L), (n.State, n.Ejections)));
    }

    [Fact]
    public async Task A_page_of_a_node_that_cannot_is_its_own_trouble()
    {
        await using var edge = await EdgeHost.StartAsync(2);
        edge.First(s_any).Answer = async http =>
        {
            (http.Response.StatusCode, http.Response.ContentType) = (503, "text/html; charset=utf-8");
            http.Response.Headers[NodeAnswer.Header] = NodeAnswer.Unable;
            await http.Response.WriteAsync("<!doctype html><h1>Not now</h1>");
        };
        var answer = await edge.SendAsync("GET", "/organizations", headers: [Bearer, ("Accept", "text/html")]);
        Assert.Equal((200, "here"), (answer.Status, answer.Body));
        Assert.Equal(1, edge.Counts.Retries.Value);
    }

    [Fact]
    public async Task Of_two_tries_the_one_is_told_of_which_less_is_known()
    {
        await using var edge = await EdgeHost.StartAsync(2, s => s with { ProbeEvery = TimeSpan.FromHours(1), Times = s.Times with { Patience = 0.05 } });
        var first = edge.First(s_any);
        var held = new TaskCompletionSource();
        first.Answer = _ => held.Task;
        await edge.Backends.Single(b => b != first).StopAsync();
        var answer = await edge.SendAsync("POST", "/organizations", "{}", headers: [Bearer, ("Idempotency-Key", "k")]);
        Assert.Equal((504, "node_timeout"), (answer.Status, answer.Code));
        Assert.Single(first.Requests);
        held.SetResult();
    }

    [Fact]
    public async Task A_node_that_cannot_does_not_speak_for_one_that_may_have()
    {
        await using var edge = await EdgeHost.StartAsync(2);
        var first = edge.First(s_any);
        first.Answer = Break;
        edge.Backends.Single(b => b != first).Answer = Say(503, "{\"code\":\"node_unavailable\"}");
        var answer = await edge.SendAsync("POST", "/organizations", "{}", headers: [Bearer, ("Idempotency-Key", "k")]);
        Assert.Equal((502, "node_lost"), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task Bodies_under_way_have_a_bound_and_small_ones_a_part_of_it()
    {
        var patient = new RequestBounds { BodyWithin = TimeSpan.FromMinutes(10), LeastBytesPerSecond = 1, Grace = TimeSpan.FromMinutes(10) };
        await using var edge = await EdgeHost.StartAsync(1, bounds: patient);
        var large = new string('x', JsonBody.MaxBytes);
        async Task<int> LargeAsync() => (await edge.SendAsync("POST", "/a", large)).Status;
        async Task UntilLargeIsAsync(int status)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(90));
            while (await LargeAsync() != status)
            {
                await Task.Delay(20, deadline.Token);
            }
        }

        var slow = new List<System.Net.Sockets.TcpClient>();
        try
        {
            foreach (var framing in Enumerable.Range(0, 60).Select(i => i % 2 == 0 ? $"Content-Length: {JsonBody.MaxBytes}" : "Transfer-Encoding: chunked"))
            {
                var client = new System.Net.Sockets.TcpClient();
                slow.Add(client);
                await client.ConnectAsync(System.Net.IPAddress.Loopback, edge.Port);
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /a HTTP/1.1\r\nHost: {EdgeHost.Host}\r\n{framing}\r\n\r\n"));   // and no more
            }
            await UntilLargeIsAsync(429);
            Assert.Equal(200, (await edge.SendAsync("POST", Authenticate, Refresh)).Status);
        }
        finally
        {
            slow.ForEach(c => c.Dispose());
        }
        await UntilLargeIsAsync(200);
        await UntilLargeIsAsync(200);
    }

    [Fact]
    public async Task What_the_edge_adds_fits_into_what_a_node_takes()
    {
        await using var edge = await EdgeHost.StartAsync(1);
        string Ask(int headers, int each) => $"GET /a HTTP/1.1\r\nHost: {EdgeHost.Host}\r\nConnection: close\r\n{string.Concat(Enumerable.Range(0, headers).Select(i => $"X-{i}: {new string('x', each)}\r\n"))}\r\n";
        Assert.StartsWith("HTTP/1.1 200 ", await edge.RawAsync(Ask(88, 1)), StringComparison.Ordinal);
        foreach (var (headers, each) in new[] { (98, 1), (62, 1000) })
        {
            Assert.StartsWith("HTTP/1.1 431 ", await edge.RawAsync(Ask(headers, each)), StringComparison.Ordinal);
        }
        Assert.Equal(1, edge.Counts.Tries.Value);   // the edge said so, and no node was asked
        Assert.Single(edge.Backends[0].Requests);
    }

    [Fact]
    public async Task A_browser_gets_a_page()
    {
        await using var edge = await EdgeHost.StartAsync(1);
        var answer = await edge.SendAsync("GET", "/sign-in", host: "unknown.test", headers: ("Accept", "text/html,*/*"));
        Assert.Equal(421, answer.Status);
        Assert.StartsWith("<!doctype html>", answer.Body, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", answer.Headers["Content-Security-Policy"], StringComparison.Ordinal);
    }
}
