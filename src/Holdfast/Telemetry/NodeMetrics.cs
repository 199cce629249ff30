using System.Globalization;
using System.Text;
using Holdfast.Causes;
using Holdfast.Resilience;

namespace Holdfast.Telemetry;

/// <summary>What the node counts, under names that stay. The same samples go to Prometheus, to a collector, and into the node's own quarter of an hour.</summary>
internal sealed class NodeMetrics(Traffic traffic, Dependencies dependencies, Finder finder, TimeProvider clock)
{
    /// <summary>How often the node keeps a picture of itself, and how many it keeps: 15 minutes.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    private const int Pictures = 90;

    private readonly Lock _gate = new();
    private readonly Queue<Picture> _recent = new();
    private readonly List<Func<IEnumerable<Sample>>> _others = [];
    private long _dropped;

    /// <summary>Spans, and lines of the log, that were dropped since the start.</summary>
    public long DroppedTraces { get; set; }

    public long DroppedLogs { get; set; }

    /// <summary>The last quarter of an hour, the eldest first.</summary>
    public IReadOnlyList<Picture> Recent
    {
        get
        {
            lock (_gate)
            {
                return [.. _recent];
            }
        }
    }

    /// <summary>More to read, of what stands on higher floors. Before the first reading.</summary>
    public void Add(Func<IEnumerable<Sample>> others) => _others.Add(others);

    /// <summary>A round of samples could not be sent.</summary>
    public void Drop(int samples) => Interlocked.Add(ref _dropped, samples);

    /// <summary>Keeps a picture.</summary>
    public void Keep()
    {
        var picture = new Picture(clock.GetUtcNow(), [.. Read().Where(s => s.Times is null)]);
        lock (_gate)
        {
            _recent.Enqueue(picture);
            if (_recent.Count > Pictures)
            {
                _recent.Dequeue();
            }
        }
    }

    /// <summary>Now. Tenants' dependencies only in sum: a name for each would be without bound.</summary>
    public IEnumerable<Sample> Read()
    {
        foreach (var (product, count) in traffic.Totals.OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            yield return new("holdfast_requests_total", "Requests since the start, by product.", true, count.Requests, ("product", product));
            yield return new("holdfast_requests_failed_total", "Those that were answered with 5xx.", true, count.Failed, ("product", product));
        }
        foreach (var dependency in dependencies.All)
        {
            yield return new("holdfast_dependency_state", "0: well. 1: failing. 2: its breaker is open.", false, (int)dependency.Health.State, ("dependency", dependency.Name));
            yield return new("holdfast_dependency_under_way", "Calls that have not ended.", false, dependency.UnderWay, ("dependency", dependency.Name));
            yield return new("holdfast_dependency_repeats_refused_total", "Repeats that the budget did not allow.", true, dependency.RepeatsRefused, ("dependency", dependency.Name));
            yield return new("holdfast_dependency_outcomes_total", "Calls, reports and probes that are over.", true, dependency.Calls.Count, ("dependency", dependency.Name));
        }
        foreach (var (kind, count, failing) in dependencies.OfTenants)
        {
            yield return new("holdfast_tenant_dependencies", "Dependencies that tenants made.", false, count, ("kind", kind));
            yield return new("holdfast_tenant_dependencies_failing", "Those that are not well.", false, failing, ("kind", kind));
        }
        foreach (var cause in finder.All.Where(c => c.Scope == CauseScope.Platform))
        {
            yield return new("holdfast_cause", "1 while the finder names it.", false, 1, ("dependency", cause.Dependency), ("how", cause.How));
        }
        foreach (var (signal, dropped) in new[] { ("metrics", Interlocked.Read(ref _dropped)), ("traces", DroppedTraces), ("logs", DroppedLogs) })
        {
            yield return new("holdfast_telemetry_dropped_total", "Samples, spans and lines of the log that the collector did not take, or that did not fit.", true, dropped, ("signal", signal));
        }
        foreach (var sample in _others.SelectMany(o => o()))
        {
            yield return sample;
        }
    }

    /// <summary>The text format of Prometheus, version 0.0.4.</summary>
    public string Text()
    {
        var text = new StringBuilder();
        foreach (var family in Read().GroupBy(s => s.Name, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"# HELP {family.Key} {family.First().Help}\n# TYPE {family.Key} {(family.First().Times is not null ? "histogram" : family.First().IsCounter ? "counter" : "gauge")}\n");
            foreach (var sample in family)
            {
                if (sample.Times is { } times)
                {
                    Append(text, sample, times);
                    continue;
                }
                var labels = string.Join(',', sample.Labels.Select(l => $"{l.Name}=\"{l.Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\""));
                text.Append(CultureInfo.InvariantCulture, $"{sample.Name}{(labels.Length > 0 ? $"{{{labels}}}" : "")} {sample.Value}\n");
            }
        }
        return text.ToString();
    }

    private static void Append(StringBuilder text, Sample sample, Spread times)
    {
        var labels = string.Join(',', sample.Labels.Select(l => $"{l.Name}=\"{l.Value}\""));   // routes, methods and numbers: nothing to escape
        var below = 0L;
        for (var i = 0; i < times.Counts.Count; i++)
        {
            below += times.Counts[i];
            text.Append(CultureInfo.InvariantCulture, $"{sample.Name}_bucket{{{labels},le=\"{(i < RouteTimes.Bounds.Length ? RouteTimes.Bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf")}\"}} {below}\n");
        }
        text.Append(CultureInfo.InvariantCulture, $"{sample.Name}_sum{{{labels}}} {times.Sum}\n{sample.Name}_count{{{labels}}} {below}\n");
    }

    internal sealed record Picture(DateTimeOffset At, IReadOnlyList<Sample> Samples);
}

/// <param name="IsCounter">It only grows, since the start of the process.</param>
internal sealed record Sample(string Name, string Help, bool IsCounter, long Value, IReadOnlyList<Label> Labels)
{
    /// <summary>How it is spread, where it is a length of time; then its value is how many there were.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public Spread? Times { get; init; }

    public Sample(string name, string help, bool isCounter, long value, params (string Name, string Value)[] labels) : this(name, help, isCounter, value, (IReadOnlyList<Label>)[.. labels.Select(l => new Label(l.Name, l.Value))])
    {
    }
}

internal sealed record Label(string Name, string Value);
