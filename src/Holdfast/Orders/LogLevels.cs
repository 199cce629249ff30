using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Holdfast.Orders;

/// <summary>Levels of the log that an operator has ordered, over those that the program starts with.</summary>
/// <remarks>Of our own categories alone: what the framework and drivers say on lower levels holds paths, headers and statements, and with them secrets.</remarks>
internal sealed class LogLevels : IConfigureOptions<LoggerFilterOptions>, IOptionsChangeTokenSource<LoggerFilterOptions>, IDisposable
{
    private volatile IReadOnlyDictionary<string, LogLevel> _levels = new Dictionary<string, LogLevel>();
    private CancellationTokenSource _changed = new();

    public string? Name => Options.DefaultName;

    public static bool IsOurs(string category) => category == "Holdfast" || category.StartsWith("Holdfast.", StringComparison.Ordinal);

    public static LogLevel Of(string setting) => setting switch { "trace" => LogLevel.Trace, "debug" => LogLevel.Debug, _ => LogLevel.Information };

    public void Set(IReadOnlyDictionary<string, LogLevel> levels)
    {
        if (levels.Count == _levels.Count && levels.All(l => _levels.TryGetValue(l.Key, out var level) && level == l.Value))
        {
            return;
        }
        _levels = levels;
        using var before = Interlocked.Exchange(ref _changed, new CancellationTokenSource());
        before.Cancel();
    }

    public void Configure(LoggerFilterOptions options)
    {
        foreach (var (category, level) in _levels)
        {
            options.Rules.Add(new LoggerFilterRule(null, category, level, null));
        }
    }

    public IChangeToken GetChangeToken() => new CancellationChangeToken(Volatile.Read(ref _changed).Token);

    public void Dispose() => _changed.Dispose();
}
