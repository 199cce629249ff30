using System.Net;
using System.Text;
using Holdfast.Causes;
using Holdfast.Incidents;
using Holdfast.Resilience;
using Holdfast.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Tests.Telemetry;

public sealed class MetricsTests
{
    [Fact]
    public async Task Metrics_are_the_operator_s_alone()
    {
        await using var server = await HoldfastServer.StartAsync();
        foreach (var path in new[] { "/metrics", "/metrics/recent" })
        {
            (await server.SendAsync("GET", path, null)).Is(401);
            (await server.SendAsync("GET", path, server.A.ApiKey)).Is(401);
            (await server.SendAsync("GET", path, server.Services.GetRequiredService<OperatorKey>().Value)).Is(200);
        }
    }

    [Fact]
    public async Task They_count_requests_by_product_and_name_what_is_broken()
    {
        await using var server = await HoldfastServer.StartAsync();
        Assert.True(server.Services.GetRequiredService<Dependencies>().TryFind("dns", out var dns));
        for (var i = 0; i < 3; i++)
        {
            (await server.GetAsync("/organizations")).Is(200);
            dns.Report(false, Trouble.Refuses);
        }
        server.Services.GetRequiredService<Finder>().Look();
        server.Services.GetRequiredService<NodeMetrics>().Keep();

        var key = server.Services.GetRequiredService<OperatorKey>().Value;
        var text = (await server.SendAsync("GET", "/metrics", key)).Is(200).Text;
        Assert.Contains("# TYPE holdfast_requests_total counter\nholdfast_requests_total{product=\"administration\"} 4\n", text, StringComparison.Ordinal);   // and the redirect URI of the start
        Assert.Contains("holdfast_requests_failed_total{product=\"administration\"} 0\n", text, StringComparison.Ordinal);
        Assert.Contains("holdfast_cause{dependency=\"dns\",how=\"refuses\"} 1\n", text, StringComparison.Ordinal);
        var recent = (await server.SendAsync("GET", "/metrics/recent", key)).Is(200);
        Assert.Contains("holdfast_cause", recent.Text, StringComparison.Ordinal);
        Assert.Equal(1, recent.Json.GetProperty("at").GetArrayLength());
    }

    [Fact]
    public async Task They_have_what_an_operator_asks_first_and_a_quarter_of_an_hour_of_it()
    {
        await using var server = await HoldfastServer.StartAsync();
        (await server.GetAsync("/organizations")).Is(200);
        (await server.GetAsync("/organizations/org_unknown")).Is(404);
        var key = server.Services.GetRequiredService<OperatorKey>().Value;
        var text = (await server.SendAsync("GET", "/metrics", key)).Is(200).Text;

        Assert.Contains("http_server_request_duration_seconds_count{http_route=\"/organizations\",http_request_method=\"GET\",http_response_status_code=\"200\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("http_server_request_duration_seconds_bucket{http_route=\"/organizations/{id}\",http_request_method=\"GET\",http_response_status_code=\"404\",le=\"+Inf\"} 1\n", text, StringComparison.Ordinal);
        foreach (var name in new[]
        {
            "holdfast_requests_total", "holdfast_dependency_state", "holdfast_dependency_repeats_refused_total", "holdfast_load_limit", "holdfast_load_refused_total", "holdfast_load_admitted_total", "holdfast_replica_age_ms",
            "holdfast_journal_depth", "holdfast_journal_bytes", "holdfast_copies_answers_total", "holdfast_hash_queue_waiting", "holdfast_gc_collections_total", "holdfast_telemetry_dropped_total",
        })
        {
            Assert.Contains($"# TYPE {name} ", text, StringComparison.Ordinal);
        }
        Assert.Equal(text.Split('\n').Where(l => l.StartsWith("# TYPE", StringComparison.Ordinal)).Distinct().Count(), text.Split('\n').Count(l => l.StartsWith("# TYPE", StringComparison.Ordinal)));   // each name once

        var metrics = server.Services.GetRequiredService<NodeMetrics>();
        for (var i = 0; i < 200; i++)
        {
            server.Clock.Advance(NodeMetrics.Every);
            metrics.Keep();
        }
        var recent = (await server.SendAsync("GET", "/metrics/recent", key)).Is(200);
        Assert.Equal(90, recent.Json.GetProperty("at").GetArrayLength());
        Assert.True(recent.Bytes.Length < 512 * 1024, $"{recent.Bytes.Length} bytes");
    }

    [Theory, InlineData(200, 0), InlineData(503, 1), InlineData(401, 1)]
    public async Task What_a_collector_does_not_take_is_dropped_and_counted(int status, int dropped)
    {
        var bodies = new List<string>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var collector = builder.Build();
        collector.Run(async http =>
        {
            using var body = new StreamReader(http.Request.Body, Encoding.UTF8);
            bodies.Add($"{http.Request.Path} {await body.ReadToEndAsync()}");
            http.Response.StatusCode = status;
        });
        await collector.StartAsync();
        var dependencies = new Dependencies();
        var traffic = new Traffic(TimeProvider.System);
        traffic.Count("sso", failed: false);
        var metrics = new NodeMetrics(traffic, dependencies, new Finder(dependencies, traffic, () => [], null!, TimeProvider.System), TimeProvider.System);
        using var send = new SendTelemetry(metrics, dependencies, new TelemetryPlace("node", "region", new Uri(collector.Urls.Single())), TimeProvider.System, NullLogger<SendTelemetry>.Instance);

        await send.SendAsync(CancellationToken.None);

        var sent = Assert.Single(bodies);
        Assert.StartsWith("/v1/metrics {\"resourceMetrics\":", sent, StringComparison.Ordinal);
        Assert.Contains("\"name\":\"holdfast_requests_total\"", sent, StringComparison.Ordinal);
        Assert.Equal(dropped > 0, metrics.Read().First(s => s.Name == "holdfast_telemetry_dropped_total").Value > 0);
        Assert.True(dependencies.TryFind("telemetry", out var telemetry));
        Assert.Equal(status switch { 200 => null, 401 => Trouble.Denied, _ => Trouble.Errors }, telemetry.Health.How);
    }
}
