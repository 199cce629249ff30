using Holdfast.Simulation.Machines;

namespace Holdfast.Simulation.Invariants;

/// <summary>What was answered as being on two disks is there after one disk was lost (law 3), or one primary's tail.</summary>
internal sealed class TwoCopiesSurviveOneDisk : Invariant
{
    public override string Name => "two-copies-survive-one-disk";

    public override void LookAtEnd(Cluster cluster)
    {
        var losses = cluster.Ledger.Losses;
        var lost = cluster.Ledger.Kept.Where(k => k is { Lost: not null, Label.Copies: > 1 }).GroupBy(k => k.Table).ToList();
        var ids = lost.Count > 0 ? cluster.Primary.Ids(lost.Select(t => t.Key)) : [];
        foreach (var table in lost)
        {
            var held = ids[table.Key];
            foreach (var fact in table.Where(k => !held.Contains(k.Id) && losses.Count(at => at >= k.Label!.Value.At) == 1))
            {
                Break($"{fact.What} was answered by {fact.Node} as being on two disks, and its row {fact.Id} of {fact.Table} went with {fact.Lost}");
            }
        }
    }
}
