using Holdfast.Simulation.Planted;
using Holdfast.Simulation.Plans;
using Holdfast.Simulation.Runs;
using Holdfast.Simulation.Time;

namespace Holdfast.Tests.Simulation;

/// <summary>The world itself: one seed is one history, and nothing leaves its thread.</summary>
public sealed class WorldTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_same_seed_is_the_same_history(int seed)
    {
        var plan = Plan.Of((ulong)seed);

        var (once, again) = (Run.Of(plan, $"once{seed}", new NoBug()), Run.Of(plan, $"twice{seed}", new NoBug()));

        Assert.Equal(once.Fingerprint, again.Fingerprint);
        Assert.Equal(once.Steps, again.Steps);
        Assert.Equal(once.Ends, again.Ends);
    }

    [Fact]
    public void Another_seed_is_another_history() =>
        Assert.NotEqual(Run.Of(Plan.Of(1), "one", new NoBug()).Fingerprint, Run.Of(Plan.Of(2), "two", new NoBug()).Fingerprint);

    [Fact]
    public void A_trace_in_words_changes_nothing()
    {
        var plan = Plan.Of(5);

        Assert.Equal(Run.Of(plan, "mute", new NoBug()).Fingerprint, Run.Of(plan, "told", new NoBug(), keepsTrace: true).Fingerprint);
    }

    [Fact]
    public void A_plan_is_as_large_as_was_promised()
    {
        foreach (var plan in Enumerable.Range(1, 200).Select(seed => Plan.Of((ulong)seed)))
        {
            Assert.InRange(plan.Shape.Nodes, 3, 9);
            Assert.InRange(plan.Shape.Regions, 1, 3);
            Assert.True(plan.Operations.Count >= 200 && plan.Faults.Count >= 5);
            Assert.All(plan.Faults, fault => Assert.True(fault.Until > fault.From));
        }
    }

    [Fact]
    public void Work_of_a_life_that_is_over_is_not_done()
    {
        var world = new World(1, keepsTrace: false);
        var life = new Life(world, "machine");
        var (done, clock) = (new List<string>(), new MachineClock(world, life, () => TimeSpan.Zero));
        world.After(TimeSpan.FromSeconds(1), life, "before", () => done.Add("before"));
        world.After(TimeSpan.FromSeconds(2), world.Outside, "ends", life.End);
        world.After(TimeSpan.FromSeconds(3), life, "after", () => done.Add("after"));
        using var timer = clock.CreateTimer(_ => done.Add("timer"), null, TimeSpan.FromSeconds(4), Timeout.InfiniteTimeSpan);

        world.Run(TimeSpan.FromSeconds(10));

        Assert.Equal(["before"], done);
        Assert.Equal(TimeSpan.FromSeconds(10), world.Now);
    }

    [Fact]
    public void A_crash_may_come_at_any_await()
    {
        var world = new World(1, keepsTrace: false);
        var life = new Life(world, "machine");
        var (reached, clock) = (0, new MachineClock(world, life, () => TimeSpan.FromHours(1)));
        var work = life.StartAsync("work", async () =>
        {
            for (; ; reached++)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), clock);
            }
#pragma warning disable CS0162 // the loop has no end of its own
            return true;
#pragma warning restore CS0162
        });

        world.Run(TimeSpan.FromSeconds(3.5));
        life.End();
        world.Run(TimeSpan.FromSeconds(9));

        Assert.Equal(3, reached);
        Assert.False(work.IsCompleted);
    }

    [Fact]
    public void Another_thread_that_comes_in_is_told_loudly()
    {
        var world = new World(1, keepsTrace: false);
        Exception? escaped = null;
        var stranger = new Thread(() => escaped = Record.Exception(() => world.After(TimeSpan.Zero, world.Outside, "stray", () => { })));
        stranger.Start();
        stranger.Join();

        Assert.Contains("another thread", Assert.IsType<InvalidOperationException>(escaped).Message, StringComparison.Ordinal);
    }
}
