namespace Holdfast.Tests;

/// <summary>A clock that stands until a test moves it. Timers run by the machine's clock, so that the node's own work goes on meanwhile.</summary>
/// <param name="patience">Times the length of timers of half a second and more (<see cref="StretchesFrom"/>): a busy machine must not look like an outage.</param>
internal sealed class HeldClock(int patience = 20) : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private long _ticks = Start.UtcTicks;

    /// <summary>Timers from this length on are stretched.</summary>
    public TimeSpan StretchesFrom { get; set; } = TimeSpan.FromMilliseconds(500);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);

    public override long GetTimestamp() => Interlocked.Read(ref _ticks);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime >= StretchesFrom ? dueTime * patience : dueTime, period);
}
