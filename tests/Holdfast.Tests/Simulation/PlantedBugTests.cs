using System.Collections.Concurrent;
using Holdfast.Simulation.Planted;
using Holdfast.Simulation.Plans;
using Holdfast.Simulation.Runs;

namespace Holdfast.Tests.Simulation;

/// <summary>What is planted is found, by a seed that is clean without it.</summary>
[Trait("Pace", "slow")]
public sealed class PlantedBugTests
{
    /// <summary>A seed finds another history when the product changes: then one of the next finds the bug.</summary>
    private const int MostSeeds = 25;

    private static readonly ConcurrentDictionary<ulong, bool> s_clean = new();

    [Theory]
    [InlineData("answer-before-commit", 1)]
    public void A_planted_bug_is_found(string name, ulong knownSeed)
    {
        var found = Enumerable.Range(0, MostSeeds).Select(i => knownSeed + (ulong)i)
            .Where(seed => Breaks(seed, PlantedBug.All[name]()) && s_clean.GetOrAdd(seed, s => !Breaks(s, new NoBug()))).Cast<ulong?>().FirstOrDefault();

        Assert.True(found is not null, $"'{name}' was not found in the {MostSeeds} seeds from {knownSeed} on.");
    }

    private static bool Breaks(ulong seed, PlantedBug planted) => Run.Of(Plan.Of(seed), "planted", planted).Broken.Count > 0;
}
