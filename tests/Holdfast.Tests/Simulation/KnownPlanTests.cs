using Holdfast.Simulation.Planted;
using Holdfast.Simulation.Plans;
using Holdfast.Simulation.Runs;

namespace Holdfast.Tests.Simulation;

/// <summary>Plans that have once shown something, each made as small as it still showed it (<c>holdfast simulate --shrink --save</c>).</summary>
[Trait("Pace", "slow")]
public sealed class KnownPlanTests
{
    /// <summary>A change of the product moves what happens by milliseconds: then the same plan under another chance of the network shows it.</summary>
    private const int MostChances = 20;

    public static TheoryData<string> Names => [.. All];

    /// <summary>Those that a planted bug was found by. What another found is mended, and shows no more.</summary>
    public static TheoryData<string> OfPlantedBugs => [.. All.Where(name => Read(name).Planted is not null)];

    private static IEnumerable<string> All => Directory.EnumerateFiles(Folder, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal);

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Simulation", "Plans");

    [Theory]
    [MemberData(nameof(Names))]
    public void A_plan_that_once_broke_something_breaks_nothing(string name)
    {
        Assert.Empty(Run.Of(Read(name).Plan(), "known", new NoBug()).Broken);
    }

    [Theory]
    [MemberData(nameof(OfPlantedBugs))]
    public void And_still_shows_what_it_showed(string name)
    {
        var file = Read(name);
        var plan = file.Plan();

        Assert.Contains(Enumerable.Range(0, MostChances), i => Run.Of(plan with { Seed = plan.Seed + (ulong)i }, "known", PlantedBug.All[file.Planted!]()).Broken.Count > 0);
    }

    private static PlanFile Read(string name) => PlanFile.Read(Path.Combine(Folder, $"{name}.json"));
}
