using System.Net;
using Holdfast.Http;
using Holdfast.Incidents;

namespace Holdfast.Telemetry;

/// <summary>What the operator watches the node by: every service and route.</summary>
internal static class TelemetryEndpoints
{
    public static void AddTelemetry(this IServiceCollection services, TelemetryPlace place) =>
        services.AddSingleton(place).AddSingleton<NodeMetrics>().AddSingleton<SendMetrics>().AddHostedService(all => all.GetRequiredService<SendMetrics>());

    public static void MapTelemetry(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/metrics", (HttpContext http, OperatorKey key, NodeMetrics metrics) =>
            IsOperators(http, key) ? Results.Text(metrics.Text(), "text/plain; version=0.0.4; charset=utf-8") : ApiError.Unauthorized).WithTags("Health").Produces<string>(200, "text/plain");
        routes.MapGet("/metrics/recent", (HttpContext http, OperatorKey key, NodeMetrics metrics) =>
            IsOperators(http, key) ? ApiAnswer.Ok(new RecentBody(metrics.Recent)) : ApiError.Unauthorized).WithTags("Health").Produces<RecentBody>();
    }

    /// <summary>From this machine without a proxy in between, or with the operator's key. A proxy on this machine would make the whole world local.</summary>
    private static bool IsOperators(HttpContext http, OperatorKey key) => key.IsShownBy(http)
        || (http.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from) && !TrustedProxies.IsSentOn(http.Request)
            && IPAddress.TryParse(http.Request.Host.Host.Trim('[', ']'), out var named) && IPAddress.IsLoopback(named));

    /// <summary>The last 15 minutes, a picture each 15 s, the eldest first.</summary>
    internal sealed record RecentBody(IReadOnlyList<NodeMetrics.Picture> Data);
}
