using Holdfast.Storage.Peers;

namespace Holdfast.Storage.Tests.Peers;

/// <summary>Whose copy an answer waits for: of another failure domain, and of another region while a node of one is there.</summary>
public sealed class CopiesTests
{
    private static readonly NodeIdentity Beside = new("node-2", "eu", "zone-a", "2");
    private static readonly NodeIdentity Near = new("node-3", "eu", "zone-b", "3");
    private static readonly NodeIdentity Far = new("node-4", "us", "zone-c", "4");

    private readonly StoppedClock _clock = new();

    [Fact]
    public async Task Where_no_other_region_is_a_copy_in_another_zone_will_do_and_one_in_the_same_will_not()
    {
        var copies = new Copies("eu", "zone-a", _clock);
        copies.Confirm(Near, 1);
        var copied = copies.WaitAsync(5);
        copies.Confirm(Beside, 5);
        Assert.False(copied.IsCompleted);
        copies.Confirm(Near, 5);
        Assert.True(await copied);
    }

    [Fact]
    public async Task While_a_node_of_another_region_is_there_its_copy_is_waited_for()
    {
        var copies = new Copies("eu", "zone-a", _clock);
        copies.Confirm(Near, 1);
        copies.Confirm(Far, 1);
        var copied = copies.WaitAsync(5);
        copies.Confirm(Near, 5);
        Assert.False(copied.IsCompleted);
        copies.Confirm(Far, 5);
        Assert.True(await copied);
    }

    [Fact]
    public async Task When_it_does_not_come_in_time_the_near_copy_counts_and_without_that_none()
    {
        var copies = new Copies("eu", "zone-a", _clock);
        copies.Confirm(Near, 1);
        copies.Confirm(Far, 1);
        var (copied, alone) = (copies.WaitAsync(5), copies.WaitAsync(6));
        copies.Confirm(Near, 5);
        _clock.Pass(Copies.Patience);
        Assert.True(await copied);
        Assert.False(await alone);
    }

    [Fact]
    public async Task A_region_that_has_fallen_silent_is_not_waited_for()
    {
        var copies = new Copies("eu", "zone-a", _clock);
        copies.Confirm(Far, 1);
        _clock.Pass(Copies.Silence);
        copies.Confirm(Near, 1);
        var copied = copies.WaitAsync(5);
        copies.Confirm(Near, 5);
        Assert.True(await copied);
    }

    /// <summary>Stands until it is moved; its timers go off then.</summary>
    private sealed class StoppedClock : TimeProvider
    {
        private readonly List<Timer> _timers = [];
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Pass(TimeSpan time)
        {
            _now += time.Ticks;
            foreach (var timer in _timers.Where(t => t.Due <= _now).ToList())
            {
                _timers.Remove(timer);
                timer.GoOff();
            }
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(() => callback(state)) { Due = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : _now + dueTime.Ticks };
            _timers.Add(timer);
            return timer;
        }

        private sealed class Timer(Action goOff) : ITimer
        {
            public long Due { get; set; }

            public void GoOff() => goOff();

            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose() => Due = long.MaxValue;

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
