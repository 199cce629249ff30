using Holdfast.Resilience;

namespace Holdfast.Telemetry;

/// <summary>Keeps the node's quarter of an hour, and sends metrics, traces and logs to the operator's collector, if there is one (OTLP over HTTP, in JSON). Nothing waits for it: one post at
/// a time is on its way, and what is not taken is dropped and counted.</summary>
internal sealed partial class SendTelemetry(
    NodeMetrics metrics, Dependencies dependencies, TelemetryPlace place, TimeProvider clock, ILogger<SendTelemetry> log, KeepTraces? traces = null, KeepLogs? logs = null) : BackgroundService
{
    private const int MostSpans = 2000;
    private const int MostLines = 1000;

    private readonly OperatorHttp _http = new();
    private readonly Dependency? _collector = place.Collector is null ? null : dependencies.Add(new Dependency(Catalogue.Telemetry, clock) { IsProbeAKnock = true });
    private readonly DateTimeOffset _began = clock.GetUtcNow();
    private readonly Otlp _otlp = new(place);

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _collector?.Probe = ct => _http.ReachAsync(place.Collector!, ct);
        return Task.WhenAll(
            Rounds.RunAsync(NodeMetrics.Every, clock, _ =>
            {
                metrics.Keep();
                return Task.CompletedTask;
            }, fault => CutOff(log, fault), stoppingToken),
            _collector is null ? Task.CompletedTask : Rounds.RunAsync(TimeSpan.FromSeconds(5), clock, SendAsync, fault => CutOff(log, fault), stoppingToken));
    }

    /// <summary>One round. Never throws for the collector's sake.</summary>
    internal async Task SendAsync(CancellationToken ct)
    {
        metrics.DroppedTraces = traces?.Dropped ?? 0;
        metrics.DroppedLogs = logs?.Dropped ?? 0;
        var samples = metrics.Read().ToList();
        if (!await PostAsync("/v1/metrics", _otlp.Metrics(samples, _began, clock.GetUtcNow()), ct))
        {
            metrics.Drop(samples.Count);
        }
        if (traces?.Take(MostSpans, place.Shipped()) is { Count: > 0 } spans && !await PostAsync("/v1/traces", _otlp.Traces(spans), ct))
        {
            traces.Drop(spans.Count);
        }
        if (logs?.Take(MostLines) is { Count: > 0 } lines && !await PostAsync("/v1/logs", _otlp.Logs(lines), ct))
        {
            logs.Drop(lines.Count);
        }
    }

    private async Task<bool> PostAsync(string path, byte[] body, CancellationToken ct)
    {
        try
        {
            await _http.PostAsync(
                _collector!, new Uri(place.Collector!, path), body, [], 64 * 1024,
                answer => answer.Status is >= 200 and < 300 ? answer.Status : throw new OutageException(answer.Status is 401 or 403 ? Trouble.Denied : Trouble.Errors, $"It answered with status {answer.Status}."),
                Catalogue.Telemetry.Deadline, clock, ct);
            return true;
        }
        catch (DependencyUnavailableException)
        {
            return false;
        }
    }

    public override void Dispose()
    {
        _http.Dispose();
        base.Dispose();
    }

    [LoggerMessage(1196, LogLevel.Warning, "A round of telemetry was cut off")]
    private static partial void CutOff(ILogger log, Exception fault);
}

/// <summary>Who sends, and whereto.</summary>
/// <param name="Collector">The origin of an OpenTelemetry collector (OTLP over HTTP); null for none.</param>
internal sealed record TelemetryPlace(string Node, string Region, Uri? Collector)
{
    public string Version { get; init; } = "0";

    /// <summary>Of the address under which people know the node.</summary>
    public string Scheme { get; init; } = "https";

    /// <summary>The journal's position that the primary has confirmed.</summary>
    public Func<long> Shipped { get; init; } = static () => 0;
}
