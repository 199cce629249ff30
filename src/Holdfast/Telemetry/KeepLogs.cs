using System.Diagnostics;
using System.Threading.Channels;

namespace Holdfast.Telemetry;

/// <summary>Keeps lines of the log until the collector has them. Bounded; what does not fit is dropped and counted. Of an exception only its type: what it says may hold more than it should.</summary>
internal sealed class KeepLogs(TimeProvider clock) : ILoggerProvider
{
    private const int MostLines = 1024;
    private const int LongestLine = 2000;

    private readonly Channel<Line> _lines = Channel.CreateBounded<Line>(MostLines);
    private long _dropped;

    public long Dropped => Interlocked.Read(ref _dropped);

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

    public List<Line> Take(int most)
    {
        var lines = new List<Line>();
        while (lines.Count < most && _lines.Reader.TryRead(out var line))
        {
            lines.Add(line);
        }
        return lines;
    }

    public void Drop(int lines) => Interlocked.Add(ref _dropped, lines);

    public void Dispose()
    {
    }

    private sealed class Category(KeepLogs keep, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information && logLevel != LogLevel.None && name.StartsWith("Holdfast", StringComparison.Ordinal);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }
            var text = formatter(state, null);
            var at = Activity.Current is { } step && step.Source.Name == Resilience.Spans.Name ? step.Context : default;
            if (!keep._lines.Writer.TryWrite(new Line(
                keep.Now, logLevel, name, eventId.Id, eventId.Name, text.Length > LongestLine ? text[..LongestLine] : text, exception?.GetType().FullName, at)))
            {
                keep.Drop(1);
            }
        }
    }

    private DateTimeOffset Now => clock.GetUtcNow();

    /// <param name="Fault">The type of the exception; null for none.</param>
    /// <param name="At">The step that it was written in; the default for none.</param>
    internal sealed record Line(DateTimeOffset When, LogLevel Level, string Category, int EventId, string? EventName, string Text, string? Fault, ActivityContext At);
}
