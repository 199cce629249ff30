using System.Globalization;
using System.Text;
using Holdfast.Causes;
using Holdfast.Load;
using Holdfast.Resilience;

namespace Holdfast.Telemetry;

/// <summary>What the node counts, under names that stay. The same samples go to Prometheus, to a collector, and into the node's own quarter of an hour.</summary>
internal sealed class NodeMetrics(Traffic traffic, Dependencies dependencies, Finder finder, TimeProvider clock)
{
    /// <summary>How often the node keeps a picture of itself, and how many it keeps: 15 minutes.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(15);

    private const int Pictures = 60;

    private readonly Lock _gate = new();
    private readonly Queue<Picture> _recent = new();
    private long _dropped;

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

    /// <summary>A round of samples could not be sent.</summary>
    public void Drop(int samples) => Interlocked.Add(ref _dropped, samples);

    /// <summary>Keeps a picture.</summary>
    public void Keep()
    {
        var picture = new Picture(clock.GetUtcNow(), [.. Read()]);
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
        yield return new("holdfast_telemetry_dropped_total", "Samples that the collector did not take.", true, Interlocked.Read(ref _dropped));
    }

    /// <summary>The text format of Prometheus, version 0.0.4.</summary>
    public string Text()
    {
        var text = new StringBuilder();
        foreach (var family in Read().GroupBy(s => s.Name, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"# HELP {family.Key} {family.First().Help}\n# TYPE {family.Key} {(family.First().IsCounter ? "counter" : "gauge")}\n");
            foreach (var sample in family)
            {
                var labels = string.Join(',', sample.Labels.Select(l => $"{l.Name}=\"{l.Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\""));
                text.Append(CultureInfo.InvariantCulture, $"{sample.Name}{(labels.Length > 0 ? $"{{{labels}}}" : "")} {sample.Value}\n");
            }
        }
        return text.ToString();
    }

    internal sealed record Picture(DateTimeOffset At, IReadOnlyList<Sample> Samples);
}

/// <param name="IsCounter">It only grows, since the start of the process.</param>
internal sealed record Sample(string Name, string Help, bool IsCounter, long Value, IReadOnlyList<Label> Labels)
{
    public Sample(string name, string help, bool isCounter, long value, params (string Name, string Value)[] labels) : this(name, help, isCounter, value, (IReadOnlyList<Label>)[.. labels.Select(l => new Label(l.Name, l.Value))])
    {
    }
}

internal sealed record Label(string Name, string Value);
