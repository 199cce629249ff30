using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Holdfast.Telemetry;

/// <summary>The requests of OTLP 1 (metrics, traces, logs), as JSON: ids in hex, 64-bit integers as text.</summary>
/// <remarks>opentelemetry-proto 1.x; its JSON mapping, https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.</remarks>
internal sealed class Otlp(TelemetryPlace place)
{
    private const string Scope = "Holdfast";

    public byte[] Metrics(IReadOnlyList<Sample> samples, DateTimeOffset began, DateTimeOffset at)
    {
        var (start, now) = (Nanoseconds(began), Nanoseconds(at));
        return Bytes(new
        {
            resourceMetrics = new[]
            {
                new
                {
                    resource = Resource(),
                    scopeMetrics = new[]
                    {
                        new
                        {
                            scope = new { name = Scope },
                            metrics = samples.GroupBy(s => s.Name, StringComparer.Ordinal).Select(f => f.First() switch
                            {
                                { Times: not null } times => (object)new
                                {
                                    name = "http.server.request.duration", description = times.Help, unit = "s",
                                    histogram = new { aggregationTemporality = 2, dataPoints = f.Select(s => Spread(s, start, now)) },
                                },
                                { IsCounter: true } counter => new { name = f.Key, description = counter.Help, sum = new { aggregationTemporality = 2, isMonotonic = true, dataPoints = f.Select(s => Point(s, start, now)) } },
                                var gauge => new { name = f.Key, description = gauge.Help, gauge = new { dataPoints = f.Select(s => Point(s, start, now)) } },
                            }),
                        },
                    },
                },
            },
        });
    }

    public byte[] Traces(IReadOnlyList<Activity> spans) => Bytes(new
    {
        resourceSpans = new[] { new { resource = Resource(), scopeSpans = new[] { new { scope = new { name = Scope }, spans = spans.Select(Span) } } } },
    });

    public byte[] Logs(IReadOnlyList<KeepLogs.Line> lines) => Bytes(new
    {
        resourceLogs = new[]
        {
            new
            {
                resource = Resource(),
                scopeLogs = lines.GroupBy(l => l.Category, StringComparer.Ordinal).Select(category => new { scope = new { name = category.Key }, logRecords = category.Select(Record) }),
            },
        },
    });

    private object Resource() => new { attributes = new[] { Text("service.name", "holdfast"), Text("service.version", place.Version), Text("service.instance.id", place.Node), Text("cloud.region", place.Region) } };

    private static object Point(Sample sample, string start, string now) => new
    {
        attributes = Labels(sample),
        startTimeUnixNano = start,
        timeUnixNano = now,
        asInt = sample.Value.ToString(CultureInfo.InvariantCulture),
    };

    private static object Spread(Sample sample, string start, string now) => new
    {
        attributes = new[] { Text("http.route", sample.Labels[0].Value), Text("http.request.method", sample.Labels[1].Value), Number("http.response.status_code", sample.Labels[2].Value) },
        startTimeUnixNano = start,
        timeUnixNano = now,
        count = sample.Value.ToString(CultureInfo.InvariantCulture),
        sum = sample.Times!.Sum,
        bucketCounts = sample.Times.Counts.Select(c => c.ToString(CultureInfo.InvariantCulture)),
        explicitBounds = RouteTimes.Bounds,
    };

    private static object Span(Activity span) => new
    {
        traceId = span.TraceId.ToHexString(),
        spanId = span.SpanId.ToHexString(),
        parentSpanId = span.ParentSpanId == default ? null : span.ParentSpanId.ToHexString(),
        name = span.DisplayName,
        kind = span.Kind switch { ActivityKind.Server => 2, ActivityKind.Client => 3, _ => 1 },
        startTimeUnixNano = Nanoseconds(span.StartTimeUtc),
        endTimeUnixNano = Nanoseconds(span.StartTimeUtc + span.Duration),
        attributes = span.TagObjects.Select(t => t.Value is int or long ? Number(t.Key, Convert.ToString(t.Value, CultureInfo.InvariantCulture)!) : Text(t.Key, Convert.ToString(t.Value, CultureInfo.InvariantCulture) ?? "")),
        links = span.Links.Select(l => new { traceId = l.Context.TraceId.ToHexString(), spanId = l.Context.SpanId.ToHexString() }),
        status = new { code = span.Status == ActivityStatusCode.Error ? 2 : 0 },
    };

    private static object Record(KeepLogs.Line line) => new
    {
        timeUnixNano = Nanoseconds(line.When),
        severityNumber = line.Level switch { LogLevel.Information => 9, LogLevel.Warning => 13, LogLevel.Error => 17, _ => 21 },
        severityText = line.Level.ToString(),
        eventName = line.EventName,
        body = new { stringValue = line.Text },
        attributes = line.Fault is { } fault ? new[] { Number("holdfast.event_id", line.EventId.ToString(CultureInfo.InvariantCulture)), Text("exception.type", fault) } : [Number("holdfast.event_id", line.EventId.ToString(CultureInfo.InvariantCulture))],
        traceId = line.At.TraceId == default ? null : line.At.TraceId.ToHexString(),
        spanId = line.At.SpanId == default ? null : line.At.SpanId.ToHexString(),
    };

    private static IEnumerable<object> Labels(Sample sample) => sample.Labels.Select(l => Text(l.Name, l.Value));

    private static object Text(string key, string value) => new { key, value = new { stringValue = value } };

    private static object Number(string key, string value) => new { key, value = new { intValue = value } };

    private static byte[] Bytes(object request) => JsonSerializer.SerializeToUtf8Bytes(request, s_json);

    private static readonly JsonSerializerOptions s_json = new() { DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull };

    private static string Nanoseconds(DateTimeOffset at) => ((at.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) * 100).ToString(CultureInfo.InvariantCulture);
}
