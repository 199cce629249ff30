using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Holdfast.Bench;

namespace Holdfast.Drills;

/// <summary>What a drill counted, by kind and by part of the outage, as a table for <c>docs/measurements</c>.</summary>
internal sealed class Table
{
    private readonly ConcurrentQueue<(string Kind, string When, string? Failure, double Milliseconds)> _rows = new();

    public int Count => _rows.Count;

    public IReadOnlyList<string> Failures => [.. _rows.Where(r => r.Failure is not null).Select(r => $"{r.Kind}, {r.When}: {r.Failure}")];

    /// <summary>Does something and notes what came of it.</summary>
    public async Task CountAsync(string kind, string when, Func<Task> work)
    {
        var began = Stopwatch.GetTimestamp();
        string? failure = null;
        try
        {
            await work();
        }
        catch (Exception fault)
        {
            failure = fault.Message.ReplaceLineEndings(" ");
        }
        _rows.Enqueue((kind, when, failure, Stopwatch.GetElapsedTime(began).TotalMilliseconds));
    }

    /// <summary>A line a kind: how many in each part, how many failed, and the slowest hundredth while the primary was gone.</summary>
    public string Write(object way)
    {
        var rows = _rows.ToList();
        var parts = rows.Select(r => r.When).Distinct().ToList();
        var text = new StringBuilder().AppendLine($"| {way} | {string.Join(" | ", parts)} | failed | p99, ms |").AppendLine($"|---|{string.Concat(parts.Select(_ => "---|"))}---|---|");
        foreach (var kind in rows.GroupBy(r => r.Kind))
        {
            text.AppendLine(System.Globalization.CultureInfo.InvariantCulture,
                $"| {kind.Key} | {string.Join(" | ", parts.Select(p => kind.Count(r => r.When == p)))} | {kind.Count(r => r.Failure is not null)} | {Percentile.Of([.. kind.Select(r => r.Milliseconds)], 0.99):0} |");
        }
        foreach (var failure in Failures.Take(20))
        {
            text.AppendLine(failure);
        }
        return text.ToString();
    }
}
