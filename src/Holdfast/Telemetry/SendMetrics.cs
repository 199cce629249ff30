using System.Text.Json;
using Holdfast.Resilience;

namespace Holdfast.Telemetry;

/// <summary>Keeps the node's quarter of an hour, and sends samples to the operator's collector, if there is one (OTLP over HTTP, in JSON). Nothing waits for it: one round at
/// a time is on its way, and what is not taken is dropped and counted.</summary>
internal sealed partial class SendMetrics(NodeMetrics metrics, Dependencies dependencies, TelemetryPlace place, TimeProvider clock, ILogger<SendMetrics> log) : BackgroundService
{
    private readonly OperatorHttp _http = new();
    private readonly Dependency? _collector = place.Collector is null ? null : dependencies.Add(new Dependency(Catalogue.Telemetry, clock));
    private readonly long _began = clock.GetUtcNow().ToUnixTimeMilliseconds();

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        Rounds.RunAsync(NodeMetrics.Every, clock, _ =>
        {
            metrics.Keep();
            return Task.CompletedTask;
        }, fault => CutOff(log, fault), stoppingToken),
        _collector is null ? Task.CompletedTask : Rounds.RunAsync(TimeSpan.FromSeconds(5), clock, SendAsync, fault => CutOff(log, fault), stoppingToken));

    /// <summary>One round. Never throws for the collector's sake.</summary>
    internal async Task SendAsync(CancellationToken ct)
    {
        var samples = metrics.Read().ToList();
        try
        {
            var status = await _http.PostAsync(
                _collector!, new Uri(place.Collector!, "/v1/metrics"), Body(samples), [], 64 * 1024,
                answer => answer.Status is >= 200 and < 300 ? answer.Status : throw new OutageException(answer.Status is 401 or 403 ? Trouble.Denied : Trouble.Errors, $"It answered with status {answer.Status}."),
                Catalogue.Telemetry.Deadline, clock, ct);
        }
        catch (DependencyUnavailableException)
        {
            metrics.Drop(samples.Count);
        }
    }

    public override void Dispose()
    {
        _http.Dispose();
        base.Dispose();
    }

    /// <summary>ExportMetricsServiceRequest of OTLP 1, as JSON: 64-bit integers are text there.</summary>
    private byte[] Body(List<Sample> samples)
    {
        var (now, began) = (Nanoseconds(clock.GetUtcNow().ToUnixTimeMilliseconds()), Nanoseconds(_began));
        object Attribute(string key, string value) => new { key, value = new { stringValue = value } };
        object Point(Sample sample) => new
        {
            attributes = sample.Labels.Select(l => Attribute(l.Name, l.Value)),
            startTimeUnixNano = began,
            timeUnixNano = now,
            asInt = sample.Value.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        return JsonSerializer.SerializeToUtf8Bytes(new
        {
            resourceMetrics = new[]
            {
                new
                {
                    resource = new { attributes = new[] { Attribute("service.name", "holdfast"), Attribute("service.instance.id", place.Node), Attribute("cloud.region", place.Region) } },
                    scopeMetrics = new[]
                    {
                        new
                        {
                            scope = new { name = NodeMeter.Name },
                            metrics = samples.GroupBy(s => s.Name, StringComparer.Ordinal).Select(f => f.First().IsCounter
                                ? (object)new { name = f.Key, description = f.First().Help, sum = new { aggregationTemporality = 2, isMonotonic = true, dataPoints = f.Select(Point) } }
                                : new { name = f.Key, description = f.First().Help, gauge = new { dataPoints = f.Select(Point) } }),
                        },
                    },
                },
            },
        });
    }

    private static string Nanoseconds(long milliseconds) => milliseconds.ToString(System.Globalization.CultureInfo.InvariantCulture) + "000000";

    [LoggerMessage(1196, LogLevel.Warning, "A round of metrics was cut off")]
    private static partial void CutOff(ILogger log, Exception fault);
}

/// <summary>Who sends, and whereto.</summary>
/// <param name="Collector">The origin of an OpenTelemetry collector (OTLP over HTTP); null for none.</param>
internal sealed record TelemetryPlace(string Node, string Region, Uri? Collector);
