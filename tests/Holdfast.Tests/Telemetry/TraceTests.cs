using Holdfast.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Telemetry;

/// <summary>What a collector is told of requests: their steps, and nothing that is anybody's secret or name.</summary>
public sealed class TraceTests
{
    private const string Password = "a fine long password of Ada's 4711";

    private static Task<HoldfastServer> StartAsync(Uri collector, int oneOf = 1) => HoldfastServer.StartAsync(new Start(Configure: builder =>
    {
        builder.Services.AddSingleton(_ => new KeepTraces(oneOf));
        builder.Services.AddSingleton<ILoggerProvider>(all => all.GetRequiredService<KeepLogs>());   // the harness has cleared them
    }) { Collector = collector });

    private static Task SendAsync(HoldfastServer server) => server.Services.GetRequiredService<SendTelemetry>().SendAsync(CancellationToken.None);

    [Fact]
    public async Task A_sign_in_shows_its_steps_and_what_shipped_its_facts_is_linked()
    {
        await using var collector = await Collector.StartAsync();
        await using var server = await StartAsync(collector.Origin);
        await SignInAsync(server);
        await server.ShippedAsync();
        await SendAsync(server);

        var spans = collector.Spans;
        var root = Assert.Single(spans, s => s.Name == "POST /user_management/authenticate");
        Assert.Equal("200", root.Attributes["http.response.status_code"]);
        Assert.Null(root.Parent);
        var steps = spans.Where(s => s.TraceId == root.TraceId && s.SpanId != root.SpanId).ToList();
        Assert.All(steps, s => Assert.NotNull(s.Parent));
        Assert.Contains(steps, s => s.Name == "hash password");
        var commit = Assert.Single(steps, s => s.Name == "journal commit");
        Assert.Contains(spans, s => s.Name == "journal ship" && s.TraceId != root.TraceId && s.Links.Contains(commit.SpanId));
    }

    [Fact]
    public async Task A_sign_in_by_an_identity_provider_shows_the_call_to_it_and_its_failure()
    {
        await using var collector = await Collector.StartAsync();
        await using var server = await StartAsync(collector.Origin);
        var connection = await server.SamlConnectionAsync();
        await connection.SignInAsync();
        (await server.SendAsync("POST", "/sso/token", null, "{}")).Is(400);
        await SendAsync(server);

        Assert.Contains(collector.Spans, s => s.Name == "GET /sso/authorize");
        var callback = Assert.Single(collector.Spans, s => s.Name == "POST /sso/saml/acs/{connectionId}");
        Assert.Contains(collector.Spans, s => s.Name == "journal commit" && s.TraceId == callback.TraceId);
    }

    [Fact] // OAUTH-017
    public async Task No_secret_no_address_and_no_name_is_in_anything_that_a_collector_gets()
    {
        await using var collector = await Collector.StartAsync();
        await using var server = await StartAsync(collector.Origin);
        var secrets = await SignInAsync(server);
        var connection = await server.SamlConnectionAsync();
        await connection.SignInAsync();
        (await server.PostAsync("/user_management/authenticate", new { grant_type = "password", client_id = server.A.ClientId, client_secret = server.A.ApiKey, email = "ada@acme.test", password = "wrong " + Password })).Is(400);
        (await server.GetAsync("/user_management/invitations/by_token/secret-invitation-token")).Is(404);
        (await server.SendAsync("GET", "/organizations?email=ada@acme.test&secret=in-the-query", "sk_wrong_secret", null, ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("tracestate", "who=ada@acme.test"), ("baggage", "person=ada@acme.test"))).Is(401);
        await server.ShippedAsync();
        await SendAsync(server);

        var got = collector.Everything;
        Assert.Contains("/v1/traces", got, StringComparison.Ordinal);
        Assert.Contains("/v1/metrics", got, StringComparison.Ordinal);
        Assert.All(
            [.. secrets, Password, server.A.ApiKey, "ada@acme.test", "Lovelace", "secret-invitation-token", "in-the-query", "sk_wrong_secret", "203.0.113.7", "SAMLResponse"],
            secret => Assert.DoesNotContain(secret, got, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_caller_s_trace_is_a_link_and_neither_a_parent_nor_a_reason_to_keep()
    {
        await using var collector = await Collector.StartAsync();
        await using var server = await StartAsync(collector.Origin);
        const string Theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        foreach (var traceparent in new[] { Theirs, "nonsense", Theirs + "-" + new string('x', 5000), "00-00000000000000000000000000000000-0000000000000000-01" })
        {
            (await server.SendAsync("GET", "/organizations", server.A.ApiKey, null, ("traceparent", traceparent))).Is(200);
        }
        await SendAsync(server);

        var lists = collector.Spans.FindAll(s => s.Name == "GET /organizations");
        Assert.Equal(4, lists.Count);
        Assert.All(lists, s => Assert.NotEqual("0af7651916cd43dd8448eb211c80319c", s.TraceId));
        Assert.Equal(["b7ad6b7169203331"], lists.SelectMany(s => s.Links));
    }

    [Fact]
    public void What_failed_or_was_slow_is_kept_and_of_the_rest_a_share()
    {
        using var keep = new KeepTraces(oneOf: 1_000_000_000);
        Request("well", TimeSpan.FromMilliseconds(5), failed: false);
        Request("failed", TimeSpan.FromMilliseconds(5), failed: true);
        Request("slow", TimeSpan.FromSeconds(2), failed: false);
        Assert.Equal(["failed", "slow"], keep.Take(100, 0).Select(s => s.DisplayName));

        using var half = new KeepTraces(oneOf: 2);
        for (var i = 0; i < 200; i++)
        {
            using var root = half.Begin("GET", null)!;
            root.SetEndTime(root.StartTimeUtc.AddMilliseconds(5));
            half.End(root, failed: false);
        }
        Assert.InRange(half.Take(1000, 0).Count, 40, 160);

        void Request(string name, TimeSpan took, bool failed)
        {
            using var root = keep.Begin("GET", null)!;
            root.DisplayName = name;
            root.SetEndTime(root.StartTimeUtc + took);
            keep.End(root, failed);
        }
    }

    [Fact]
    public async Task Steps_that_end_with_their_request_break_nothing()
    {
        using var keep = new KeepTraces(oneOf: 1);
        for (var i = 0; i < 500; i++)
        {
            var root = keep.Begin("GET", null)!;
            var steps = Enumerable.Range(0, 60).Select(_ => Holdfast.Resilience.Spans.Step("step")!).ToList();
            steps.ForEach(s => s.SetTag("holdfast.journal.position", 1L));
            var ending = Task.Run(() => steps.ForEach(s => s.Stop()));
            keep.End(root, failed: true);
            await ending;
            Assert.NotEmpty(keep.Take(1000, 0));
        }
        using var over = keep.Begin("GET", null)!;
        keep.End(over, failed: true);
        keep.End(over, failed: true);   // a second end is none
        Assert.Single(keep.Take(1000, 0));
    }

    [Fact]
    public async Task A_refusal_for_load_is_no_failure()
    {
        await using var collector = await Collector.StartAsync();
        await using var server = await HoldfastServer.StartAsync(new Start(Configure: builder =>
        {
            builder.Services.AddSingleton(_ => new KeepTraces(oneOf: 1_000_000_000));
            builder.Services.AddSingleton(Holdfast.Load.LoadOptions.Default with { MostBodies = 400 });
        }) { Collector = collector.Origin });
        (await server.PostAsync("/organizations", new { name = new string('a', 300) })).Is(503, "overloaded");
        Assert.DoesNotContain(server.Services.GetRequiredService<KeepTraces>().Take(100, 0), kept => kept.DisplayName == "POST /organizations");   // the setting up is kept on a slow machine
    }

    [Fact]
    public async Task What_does_not_fit_is_dropped_and_counted()
    {
        await using var collector = await Collector.StartAsync();
        await using var server = await StartAsync(collector.Origin);
        var keep = server.Services.GetRequiredService<KeepTraces>();
        for (var i = 0; i < 1000; i++)
        {
            using var root = keep.Begin("GET", null)!;
            keep.End(root, failed: true);
        }
        Assert.InRange(keep.Dropped, 700, 1000);

        collector.Answer = asked =>
        {
            asked.Http.Response.StatusCode = 503;
            return Task.CompletedTask;
        };
        var before = keep.Dropped;
        await SendAsync(server);
        Assert.True(keep.Dropped > before);
        await SendAsync(server);   // it tells of it when it is heard
        Assert.Contains(server.Services.GetRequiredService<NodeMetrics>().Read(), s => s.Name == "holdfast_telemetry_dropped_total" && s.Labels.Any(l => l.Value == "traces") && s.Value > 0);
    }

    /// <summary>Collectors that are ill, each in its own way: nobody who signs in notices.</summary>
    [Theory, InlineData("hangs"), InlineData("refuses"), InlineData("nonsense"), InlineData("never ends")]
    public async Task An_ill_collector_changes_nothing_for_sign_ins(string how)
    {
        await using var collector = await Collector.StartAsync();
        using var end = new CancellationTokenSource();
        collector.Answer = async asked =>
        {
            switch (how)
            {
                case "hangs":
                    await Task.Delay(Timeout.Infinite, end.Token).ContinueWith(_ => { }, TaskScheduler.Default);
                    break;
                case "refuses":
                    asked.Http.Response.StatusCode = 401;
                    break;
                case "nonsense":
                    await asked.Http.Response.WriteAsync("<html>" + new string('x', 100_000));
                    break;
                default:
                    while (!end.IsCancellationRequested && !asked.Http.RequestAborted.IsCancellationRequested)
                    {
                        await asked.Http.Response.WriteAsync("x");
                        await asked.Http.Response.Body.FlushAsync();
                        await Task.Delay(10);
                    }
                    break;
            }
        };
        await using var server = await StartAsync(collector.Origin);
        var sending = SendAsync(server);
        for (var i = 0; i < 3; i++)
        {
            await SignInAsync(server, $"ada-{i}@acme.test");
        }
        await end.CancelAsync();
        await sending;
        Assert.True(server.Services.GetRequiredService<Holdfast.Resilience.Dependencies>().TryFind("telemetry", out _));
    }

    /// <returns>The secrets that came of it.</returns>
    private static async Task<IReadOnlyList<string>> SignInAsync(HoldfastServer server, string email = "ada@acme.test")
    {
        (await server.PostAsync("/user_management/users", new { email, password = Password, email_verified = true, first_name = "Ada", last_name = "Lovelace" })).Is(201);
        var session = (await server.PostAsync("/user_management/authenticate", new
        {
            grant_type = "password", client_id = server.A.ClientId, client_secret = server.A.ApiKey, email, password = Password, ip_address = "203.0.113.7",
        })).Is(200);
        return [session.Json.GetProperty("access_token").GetString()!, session.Json.GetProperty("refresh_token").GetString()!];
    }
}
