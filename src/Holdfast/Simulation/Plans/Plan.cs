using Holdfast.Simulation.Operations;
using Holdfast.Simulation.Time;

namespace Holdfast.Simulation.Plans;

/// <summary>How big a cluster is.</summary>
internal sealed record Shape(int Nodes, int Regions);

/// <param name="Node">Which node is asked first, modulo their number.</param>
/// <param name="Seed">Its own, so that leaving out another changes nothing here.</param>
internal sealed record PlannedOperation(int Number, TimeSpan At, int Kind, int Node, ulong Seed)
{
    public Operation Operation => Operation.All[Kind].Operation;
}

/// <param name="Kind">Of <see cref="Fault.All"/>.</param>
/// <param name="Node">Which node it is about, where it is about one, modulo their number.</param>
internal sealed record PlannedFault(int Number, TimeSpan From, TimeSpan Until, string Kind, int Node, ulong Seed);

/// <summary>What will be done to a cluster, and what will go wrong: all of it from one seed.</summary>
internal sealed record Plan(ulong Seed, Shape Shape, TimeSpan Load, IReadOnlyList<PlannedOperation> Operations, IReadOnlyList<PlannedFault> Faults)
{
    public const int LeastOperations = 200;
    public const int MostOperations = 240;
    public const int LeastFaults = 5;
    public const int MostFaults = 9;

    private static readonly TimeSpan LeastLoad = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan MostLoad = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LeastFault = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MostFault = TimeSpan.FromSeconds(8);

    public static Plan Of(ulong seed)
    {
        var dice = Dice.Of(seed, "plan");
        // Small clusters show most faults; large ones are drawn less often, because they cost more.
        var nodes = dice.Chance(0.6) ? 3 : dice.Chance(0.6) ? dice.Between(4, 5) : dice.Between(6, 9);
        var shape = new Shape(nodes, dice.Between(1, 3));
        var load = dice.Between(LeastLoad, MostLoad);
        var operations = Enumerable.Range(0, dice.Between(LeastOperations, MostOperations))
            .Select(_ => (At: dice.Between(TimeSpan.Zero, load), Kind: Draw(dice), Node: dice.Below(nodes), Seed: dice.Next()))
            .OrderBy(o => o.At)
            .Select((o, i) => new PlannedOperation(i, o.At, o.Kind, o.Node, o.Seed))
            .ToList();
        var faults = Enumerable.Range(0, dice.Between(LeastFaults, MostFaults))
            .Select(i =>
            {
                var from = dice.Between(TimeSpan.Zero, load);
                return new PlannedFault(i, from, from + dice.Between(LeastFault, MostFault), dice.Pick(Fault.Names), dice.Below(nodes), dice.Next());
            })
            .OrderBy(f => f.From).ToList();
        return new Plan(seed, shape, load, operations, faults);
    }

    private static int Draw(Dice dice)
    {
        var at = dice.Below(Operation.All.Sum(o => o.Weight));
        for (var kind = 0; ; kind++)
        {
            if ((at -= Operation.All[kind].Weight) < 0)
            {
                return kind;
            }
        }
    }
}
