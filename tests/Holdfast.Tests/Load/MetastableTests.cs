using Holdfast.Load;

namespace Holdfast.Tests.Load;

/// <summary>The state that keeps itself up: a trigger is over, and goodput stays down, because clients that gave up have come again and the node works for those who have gone. In virtual time,
/// the same each time it runs.</summary>
public sealed class MetastableTests
{
    private static readonly TimeSpan Healthy = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Trigger = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan After = TimeSpan.FromSeconds(30);

    /// <summary>What the trigger does to what a request costs: a slow disk, a slow primary, a machine that is busy with something else.</summary>
    public static TheoryData<double> Triggers => [4.0, 10.0, 40.0];

    [Theory, MemberData(nameof(Triggers))]
    public void Goodput_is_back_within_ten_seconds_of_the_trigger_s_end_at_full_retrying_load(double timesSlower)
    {
        var goodput = new World(isBounded: true).Run(timesSlower);

        var before = goodput[..(int)Healthy.TotalSeconds].Average();
        Assert.InRange(before, World.PerSecond * 0.95, World.PerSecond * 1.05);
        var back = goodput[(int)(Healthy + Trigger).TotalSeconds..];
        Assert.All(back[10..], second => Assert.True(second >= before * 0.9, $"{second} a second, {before} before: {string.Join(' ', back)}"));
    }

    [Theory, MemberData(nameof(Triggers))]
    public void Without_the_places_it_stays_down(double timesSlower)
    {
        var goodput = new World(isBounded: false).Run(timesSlower);

        var before = goodput[..(int)Healthy.TotalSeconds].Average();
        Assert.InRange(before, World.PerSecond * 0.95, World.PerSecond * 1.05);
        Assert.True(goodput[^5..].Average() < before * 0.2, string.Join(' ', goodput));
    }

    /// <summary>Two processors that all who are inside share, and clients who give up after a second and come again at once.</summary>
    private sealed class World
    {
        /// <summary>People who come: seven tenths of what the node can do.</summary>
        public const double PerSecond = 280;

        private const double Processors = 2;
        private const double Cost = 5;             // milliseconds of a processor
        private const double CostOfRefusal = 0.05;
        private const double Patience = 1000;
        private const double PauseAfterRefusal = 500;

        private readonly VirtualClock _clock = new();
        private readonly Places? _places;
        private readonly PriorityQueue<Try, (double, long)> _inside = new();   // by how much each must have had for this one to be done
        private double _each;    // what each has had that was inside from the beginning
        private readonly PriorityQueue<Action, (double, long)> _later = new();
        private double _now;
        private double _debt;    // of processor time: what refusing costs
        private long _order;
        private int _good;

        public World(bool isBounded) => _places = isBounded ? new Places(new LoadOptions(16, 512), _clock) : null;

        private sealed class Try
        {
            public bool IsInside { get; set; }

            public bool IsOver { get; set; }

            public Visit? Visit { get; set; }
        }

        /// <returns>Answers that reached somebody who still waited, second by second.</returns>
        public List<double> Run(double timesSlower)
        {
            var (seconds, arrived, goodput) = ((Healthy + Trigger + After).TotalSeconds, 0.0, new List<double>());
            for (_now = 0; _now < seconds * 1000; _now++, _clock.Advance(TimeSpan.FromMilliseconds(1)))
            {
                var isIll = _now >= Healthy.TotalMilliseconds && _now < (Healthy + Trigger).TotalMilliseconds;
                while (_later.TryPeek(out var due, out var at) && at.Item1 <= _now)
                {
                    _later.Dequeue();
                    due();
                }
                for (arrived += PerSecond / 1000; arrived >= 1; arrived--)
                {
                    Come();
                }
                if (_now % 10 == 0)
                {
                    _places?.Sweep();
                }
                Work(isIll ? timesSlower : 1);
                if ((_now + 1) % 1000 == 0)
                {
                    goodput.Add(_good);
                    _good = 0;
                }
            }
            return goodput;
        }

        private void Later(double inMs, Action what) => _later.Enqueue(what, (_now + inMs, _order++));

        /// <summary>Somebody tries, and until it works tries again.</summary>
        private void Come()
        {
            var one = new Try();
            Later(Patience, () =>
            {
                if (!one.IsOver)
                {
                    one.IsOver = true;
                    if (one is { IsInside: false, Visit: { } waiting })
                    {
                        _places!.Leave(waiting);   // the node sees that it has gone as long as it waits; what works for it goes on
                    }
                    Come();
                }
            });
            if (_places is null)
            {
                Begin(one);
                return;
            }
            one.Visit = new Visit(Priority.Read, "work", "environment", refusal => Decide(one, refusal));
            if (_places.Enter(one.Visit, out var why) is { } isInside)
            {
                Decide(one, isInside ? null : why);
            }
        }

        private void Begin(Try one)
        {
            one.IsInside = true;
            _inside.Enqueue(one, (_each + Cost, _order++));
        }

        private void Decide(Try one, Refusal? refusal)
        {
            if (refusal is null)
            {
                Begin(one);
                return;
            }
            _debt += CostOfRefusal;
            if (!one.IsOver)
            {
                one.IsOver = true;
                Later(PauseAfterRefusal, Come);
            }
        }

        private void Work(double timesSlower)
        {
            var had = Math.Max(0, Processors - _debt);
            _debt = Math.Max(0, _debt - Processors);
            if (_inside.Count == 0)
            {
                return;
            }
            _each += Math.Min(1, had / _inside.Count) / timesSlower;
            while (_inside.TryPeek(out var one, out var done) && done.Item1 <= _each)
            {
                _inside.Dequeue();
                _good += one.IsOver ? 0 : 1;
                one.IsOver = true;
                if (one.Visit is { } visit)
                {
                    _places!.Leave(visit);
                }
            }
        }
    }
}
