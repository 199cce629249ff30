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
    [InlineData("deny-lost-on-shipping", 1)]
    [InlineData("fact-waits-for-the-primary", 1)]
    [InlineData("random-successor", 1)]
    [InlineData("ships-nothing-for-others", 1)]
    [InlineData("spend-is-not-kept", 1)]
    [InlineData("write-does-not-wait-for-the-replica", 1)]
    [InlineData("first-is-overwritten", 2)]
    [InlineData("later-takes-what-comes-last", 2)]
    [InlineData("others-overwrite-what-is-pending", 2)]
    [InlineData("any-node-redeems", 3)]
    [InlineData("join-keeps-what-it-holds", 3)]
    [InlineData("snapshot-position-too-new", 3)]
    [InlineData("snapshot-without-its-tail", 3)]
    [InlineData("retry-as-new", 4)]
    [InlineData("unproven-password-counts", 22)]
    [InlineData("claim-ignores-the-term", 5)]
    [InlineData("lift-by-time", 5)]
    [InlineData("same-life-on-an-empty-disk", 50)]
    [InlineData("receipt-before-the-disk", 12)]
    [InlineData("primary-skips-fsync", 16)]
    [InlineData("skip-fsync", 16)]
    [InlineData("reset-replaces-nothing", 29)]
    [InlineData("greatest-takes-what-comes-last", 1)]
    [InlineData("lost-tail-is-not-noticed", 1)]
    [InlineData("offer-acknowledged-and-lost", 1)]
    [InlineData("enrolled-app-is-not-asked-for", 6)]
    [InlineData("invitation-is-not-claimed", 1)]
    [InlineData("passkey-count-is-not-kept", 2)]
    [InlineData("sent-mail-is-not-noted", 1)]
    [InlineData("session-row-is-not-its-token", 1)]
    [InlineData("recovery-codes-replace-nothing", 63)]
    [InlineData("repeat-is-not-known", 13)]
    [InlineData("sign-up-claims-at-once", 48)]
    [InlineData("silence-is-a-yes", 3)]
    [InlineData("switch-without-a-membership", 1)]
    [InlineData("unproven-password-is-vouched-for", 9000027)]
    [InlineData("user-id-by-node", 1)]
    public void A_planted_bug_is_found(string name, int knownSeed)
    {
        var found = Enumerable.Range(0, MostSeeds).Select(i => (ulong)(knownSeed + i))
            .Where(seed => Breaks(seed, PlantedBug.All[name]()) && s_clean.GetOrAdd(seed, s => !Breaks(s, new NoBug()))).Cast<ulong?>().FirstOrDefault();

        Assert.True(found is not null, $"'{name}' was not found in the {MostSeeds} seeds from {knownSeed} on.");
    }

    private static bool Breaks(ulong seed, PlantedBug planted) => Run.Of(Plan.Of(seed), "planted", planted).Broken.Count > 0;
}
