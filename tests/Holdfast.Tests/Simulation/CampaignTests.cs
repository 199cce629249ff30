using Holdfast.Simulation.Planted;
using Holdfast.Simulation.Plans;
using Holdfast.Simulation.Runs;

namespace Holdfast.Tests.Simulation;

/// <summary>Many seeds at once, and what fails made smaller.</summary>
[Trait("Pace", "slow")]
public sealed class CampaignTests
{
    private const int MostSeeds = 150;

    [Fact]
    public void A_failing_plan_is_made_smaller_and_still_fails()
    {
        var failed = Enumerable.Range(1, MostSeeds).Select(seed => Run.Of(Plan.Of((ulong)seed), "shrink", PlantedBug.All["skip-fsync"]()))
            .First(o => o.Broken.Count > 0);

        var small = new Shrinking("shrink", PlantedBug.All["skip-fsync"], _ => { }).Shrink(failed);

        Assert.Contains(small.Broken, b => b.Invariant == failed.Broken[0].Invariant);
        Assert.True(small.Plan.Operations.Count < failed.Plan.Operations.Count / 2);
        Assert.NotEmpty(small.Trace);
    }

    [Fact]
    public void Worlds_on_two_threads_do_not_meet()
    {
        var together = new Campaign(1, 6, TimeSpan.Zero, 2, () => new NoBug(), TimeProvider.System);
        together.Run(stopAtFirst: false, _ => { }, CancellationToken.None);

        Assert.Equal(6, together.Done);
        Assert.Equal(Enumerable.Range(1, 6).Sum(seed => Run.Of(Plan.Of((ulong)seed), "alone", new NoBug()).Steps), together.Steps);
    }
}
