using Holdfast.Simulation.Planted;

namespace Holdfast.Simulation.Runs;

/// <summary>How soon a planted bug is found.</summary>
/// <param name="SeedsToFind">Of each trial; null where it was not found.</param>
/// <param name="By">By which invariants.</param>
internal sealed record Found(string Name, IReadOnlyList<long?> SeedsToFind, IReadOnlyList<string> By)
{
    /// <summary>The worst trial; null when one did not find it.</summary>
    public long? Worst => SeedsToFind.All(s => s is not null) ? SeedsToFind.Max() : null;

    public double Median => SeedsToFind.Select(s => s ?? double.PositiveInfinity).Order().ElementAt(SeedsToFind.Count / 2);
}

/// <summary>Plants bugs, and counts the seeds until the simulation finds each: several times, from other seeds every time.</summary>
internal static class PlantedTrials
{
    public const int MostSeeds = 1000;
    public const int Trials = 20;

    private const ulong Apart = 1_000_000;

    /// <param name="most">After so many seeds a trial has not found it.</param>
    public static Found Of(string name, int trials, long most, ulong first, int threads, TimeProvider clock, Action<string> progress, CancellationToken ct)
    {
        var (seeds, by) = (new List<long?>(), new SortedSet<string>(StringComparer.Ordinal));
        for (var trial = 0; trial < trials && !ct.IsCancellationRequested; trial++)
        {
            var from = first + ((ulong)trial * Apart);
            var campaign = new Campaign(from, most, TimeSpan.Zero, threads, PlantedBug.All[name], clock);
            campaign.Run(stopAtFirst: true, _ => { }, ct);
            seeds.Add(campaign.Failed is [var found, ..] ? (long)(found.Plan.Seed - from) + 1 : null);
            by.UnionWith(campaign.Failed.SelectMany(f => f.Broken.Select(b => b.Invariant)));
            progress($"{name}, trial {trial + 1}: {(seeds[^1] is { } after ? $"found by seed {after}" : "not found")}");
        }
        return new Found(name, seeds, [.. by]);
    }
}
