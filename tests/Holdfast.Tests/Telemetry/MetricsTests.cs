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
        Assert.Contains("holdfast_cause", (await server.SendAsync("GET", "/metrics/recent", key)).Is(200).Text, StringComparison.Ordinal);
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
        using var send = new SendMetrics(metrics, dependencies, new TelemetryPlace("node", "region", new Uri(collector.Urls.Single())), TimeProvider.System, NullLogger<SendMetrics>.Instance);

        await send.SendAsync(CancellationToken.None);

        var sent = Assert.Single(bodies);
        Assert.StartsWith("/v1/metrics {\"resourceMetrics\":", sent, StringComparison.Ordinal);
        Assert.Contains("\"name\":\"holdfast_requests_total\"", sent, StringComparison.Ordinal);
        Assert.Equal(dropped > 0, metrics.Read().Single(s => s.Name == "holdfast_telemetry_dropped_total").Value > 0);
        Assert.True(dependencies.TryFind("telemetry", out var telemetry));
        Assert.Equal(status switch { 200 => null, 401 => Trouble.Denied, _ => Trouble.Errors }, telemetry.Health.How);
    }
}
