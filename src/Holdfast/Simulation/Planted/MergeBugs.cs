using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Planted;

/// <summary>A join that chooses wrongly between two values of a group.</summary>
internal abstract class WrongJoin : PlantedBug
{
    public override Surroundings Around(Surroundings surroundings, Machine machine) => surroundings with { Join = (held, incoming) => Of(machine, held, incoming) };

    /// <summary>Whether the incoming value stays; null: as the rule says. Of equal stamps nobody is asked.</summary>
    protected abstract bool? Takes(Machine machine, Group group, GroupVersion held, GroupVersion incoming);

    private (RowVersion Joined, bool Differs) Of(Machine machine, RowVersion? held, RowVersion incoming)
    {
        var (joined, differs) = Join.Of(held, incoming);
        if (held is null)
        {
            return (joined, differs);
        }
        var groups = (GroupVersion?[])joined.Groups.Clone();
        differs = false;
        for (var g = 0; g < groups.Length; g++)
        {
            if (held.Groups[g] is { } a && incoming.Groups[g] is { } b && a.Stamp != b.Stamp && Takes(machine, held.Table.Groups[g], a, b) is { } takes)
            {
                groups[g] = takes ? b : a;
            }
            differs |= groups[g] is { } now && held.Groups[g]?.Stamp != now.Stamp;
        }
        return (new RowVersion(held.Table, held.Id, groups), differs);
    }
}

/// <summary>Of two names, the one that was there stays: who hears of them in another order calls the thing otherwise.</summary>
internal sealed class JoinKeepsWhatItHolds : WrongJoin
{
    protected override bool? Takes(Machine machine, Group group, GroupVersion held, GroupVersion incoming) =>
        group == Schema.Organizations.Groups[Schema.Organizations.GroupAt("named")] ? false : null;
}

/// <summary>Stamps are not compared.</summary>
internal sealed class LaterTakesWhatComesLast : WrongJoin
{
    protected override bool? Takes(Machine machine, Group group, GroupVersion held, GroupVersion incoming) => group.Rule == MergeRule.Later ? true : null;
}

/// <summary>What is immutable is replaced by who comes later with the same id.</summary>
internal sealed class FirstIsOverwritten : WrongJoin
{
    protected override bool? Takes(Machine machine, Group group, GroupVersion held, GroupVersion incoming) => group.Rule == MergeRule.First ? true : null;
}

/// <summary>Of two numbers, the greater one does not always stay.</summary>
internal sealed class GreatestTakesWhatComesLast : WrongJoin
{
    protected override bool? Takes(Machine machine, Group group, GroupVersion held, GroupVersion incoming) => group.Rule == MergeRule.Greatest ? true : null;
}

/// <summary>A claim of a higher term does not replace one of an earlier.</summary>
internal sealed class ClaimIgnoresTheTerm : WrongJoin
{
    protected override bool? Takes(Machine machine, Group group, GroupVersion held, GroupVersion incoming) =>
        group.Rule == MergeRule.Claim ? string.CompareOrdinal(incoming.Stamp, held.Stamp) < 0 : null;
}

/// <summary>What comes from another node replaces this node's own value, even where that is the later.</summary>
internal sealed class OthersOverwriteWhatIsPending : WrongJoin
{
    protected override bool? Takes(Machine machine, Group group, GroupVersion held, GroupVersion incoming) =>
        group.Rule == MergeRule.Later && (machine as Node)?.Host?.Node.Incarnation is { } own
        && held.Stamp.EndsWith(own, StringComparison.Ordinal) && !incoming.Stamp.EndsWith(own, StringComparison.Ordinal) ? true : null;
}
