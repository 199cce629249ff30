using System.Text.Json;
using System.Text;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Telemetry;

/// <summary>A collector that takes OTLP over HTTP in JSON, on a port of its own, and keeps what it got.</summary>
internal sealed class Collector : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly List<(string Path, string Body)> _got = [];

    private Collector(WebApplication app) => _app = app;

    public Uri Origin => new(_app.Urls.Single());

    /// <summary>What it does with a post, after it has read it.</summary>
    public Func<Asked, Task> Answer { get; set; } = static _ => Task.CompletedTask;

    public static async Task<Collector> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var collector = new Collector(builder.Build());
        collector._app.Run(async http =>
        {
            using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
            var body = await reader.ReadToEndAsync();
            lock (collector._got)
            {
                collector._got.Add((http.Request.Path.Value!, body));
            }
            await collector.Answer(new Asked(http));
        });
        await collector._app.StartAsync();
        return collector;
    }

    /// <summary>Everything that came, as text.</summary>
    public string Everything
    {
        get
        {
            lock (_got)
            {
                return string.Join('\n', _got.Select(g => $"{g.Path} {g.Body}"));
            }
        }
    }

    public List<Span> Spans
    {
        get
        {
            lock (_got)
            {
                return
                [
                    .. _got.Where(g => g.Path == "/v1/traces").SelectMany(g => JsonDocument.Parse(g.Body).RootElement.GetProperty("resourceSpans").EnumerateArray())
                        .SelectMany(r => r.GetProperty("scopeSpans").EnumerateArray()).SelectMany(s => s.GetProperty("spans").EnumerateArray()).Select(Span.Of),
                ];
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    internal sealed record Span(string TraceId, string SpanId, string? Parent, string Name, int Status, IReadOnlyList<string> Links, IReadOnlyDictionary<string, string> Attributes)
    {
        public static Span Of(JsonElement span) => new(
            span.GetProperty("traceId").GetString()!, span.GetProperty("spanId").GetString()!, span.TryGetProperty("parentSpanId", out var parent) ? parent.GetString() : null, span.GetProperty("name").GetString()!,
            span.GetProperty("status").GetProperty("code").GetInt32(), [.. span.GetProperty("links").EnumerateArray().Select(l => l.GetProperty("spanId").GetString()!)],
            span.GetProperty("attributes").EnumerateArray().ToDictionary(a => a.GetProperty("key").GetString()!, a => a.GetProperty("value").EnumerateObject().First().Value.ToString()));
    }

    internal sealed record Asked(Microsoft.AspNetCore.Http.HttpContext Http);
}
