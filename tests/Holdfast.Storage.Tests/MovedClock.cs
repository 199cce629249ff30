namespace Holdfast.Storage.Tests;

/// <summary>The machine's clock, wrong by as much as a test wants. Timers run as ever.</summary>
internal sealed class MovedClock(TimeSpan ahead = default) : TimeProvider
{
    private long _ticks = ahead.Ticks;

    public TimeSpan Ahead
    {
        get => new(Interlocked.Read(ref _ticks));
        set => Interlocked.Exchange(ref _ticks, value.Ticks);
    }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;
}
