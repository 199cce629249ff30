using System.Net;
using Holdfast.Http;
using Holdfast.Incidents;
using Holdfast.Resilience;

namespace Holdfast.Telemetry;

/// <summary>What the operator watches the node by: every service and route.</summary>
internal static class TelemetryEndpoints
{
    public static void AddTelemetry(this IServiceCollection services, TelemetryPlace place)
    {
        services.AddSingleton(place).AddSingleton<NodeMetrics>().AddSingleton<RouteTimes>();
        if (place.Collector is not null)
        {
            services.AddSingleton<KeepTraces>().AddSingleton<KeepLogs>().AddSingleton<ILoggerProvider>(all => all.GetRequiredService<KeepLogs>());
        }
        services.AddSingleton(all => new SendTelemetry(
            all.GetRequiredService<NodeMetrics>(), all.GetRequiredService<Dependencies>(), place, all.GetRequiredService<TimeProvider>(), all.GetRequiredService<ILogger<SendTelemetry>>(),
            all.GetService<KeepTraces>(), all.GetService<KeepLogs>()));
        services.AddHostedService(all => all.GetRequiredService<SendTelemetry>());
    }

    /// <summary>Above everything that answers.</summary>
    public static void UseTelemetry(this WebApplication app)
    {
        var all = app.Services;
        var watch = new WatchRequests(all.GetRequiredService<RouteTimes>(), all.GetRequiredService<TelemetryPlace>(), all.GetRequiredService<TimeProvider>(), all.GetService<KeepTraces>());
        app.Use((http, next) => watch.HandleAsync(http, next));
    }

    public static void MapTelemetry(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/metrics", (HttpContext http, OperatorKey key, NodeMetrics metrics) =>
            IsOperators(http, key) ? Results.Text(metrics.Text(), "text/plain; version=0.0.4; charset=utf-8") : ApiError.Unauthorized).WithTags("Health").Produces<string>(200, "text/plain");
        routes.MapGet("/metrics/recent", (HttpContext http, OperatorKey key, NodeMetrics metrics) =>
            IsOperators(http, key) ? ApiAnswer.Ok(RecentBody.Of(metrics.Recent)) : ApiError.Unauthorized).WithTags("Health").Produces<RecentBody>();
    }

    /// <summary>From this machine without a proxy in between, or with the operator's key. A proxy on this machine would make the whole world local.</summary>
    private static bool IsOperators(HttpContext http, OperatorKey key) => key.IsShownBy(http)
        || (http.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from) && !TrustedProxies.IsSentOn(http.Request)
            && IPAddress.TryParse(http.Request.Host.Host.Trim('[', ']'), out var named) && IPAddress.IsLoopback(named));

    /// <summary>The last 15 minutes in steps of 10 s, the eldest first.</summary>
    /// <param name="At">When each picture was taken.</param>
    internal sealed record RecentBody(IReadOnlyList<DateTimeOffset> At, IReadOnlyList<SeriesBody> Series)
    {
        public static RecentBody Of(IReadOnlyList<NodeMetrics.Picture> pictures)
        {
            var series = new Dictionary<(string Name, string Labels), (Sample First, long?[] Values)>();
            for (var i = 0; i < pictures.Count; i++)
            {
                foreach (var sample in pictures[i].Samples)
                {
                    var key = (sample.Name, string.Join(',', sample.Labels.Select(l => $"{l.Name}={l.Value}")));
                    if (!series.TryGetValue(key, out var known))
                    {
                        series[key] = known = (sample, new long?[pictures.Count]);
                    }
                    known.Values[i] = sample.Value;
                }
            }
            return new RecentBody([.. pictures.Select(p => p.At)], [.. series.Values.Select(s => new SeriesBody(s.First.Name, s.First.Labels.ToDictionary(l => l.Name, l => l.Value), s.First.IsCounter, s.Values))]);
        }
    }

    /// <param name="IsCounter">It only grows, since the start of the process.</param>
    /// <param name="Values">One for each picture; null where there was none.</param>
    internal sealed record SeriesBody(string Name, IReadOnlyDictionary<string, string> Labels, bool IsCounter, IReadOnlyList<long?> Values);
}
