namespace Holdfast.Simulation.Time;

/// <summary>A machine's clock: the world's time and the machine's error. Timers run by the world's time, as a monotonic clock's do.</summary>
internal sealed class MachineClock(World world, Life life, Func<TimeSpan> skew) : TimeProvider
{
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => World.Start + world.Now + skew();

    public override long GetTimestamp() => world.Now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(world, life, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(World world, Life life, Action ring) : ITimer
    {
        private int _setting;
        private TimeSpan _period;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var setting = ++_setting;
            _period = period;
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                world.After(dueTime, life, "timer", () => Ring(setting));
            }
            return true;
        }

        private void Ring(int setting)
        {
            if (setting != _setting)
            {
                return;
            }
            if (_period > TimeSpan.Zero)
            {
                world.After(_period, life, "timer", () => Ring(setting));
            }
            ring();
        }

        public void Dispose() => _setting++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
