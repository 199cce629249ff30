using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Time;

namespace Holdfast.Simulation.Plans;

/// <summary>Something that goes wrong for a while.</summary>
/// <param name="begin">Does it, and returns what ends it.</param>
internal sealed class Fault(Func<Cluster, Node, Dice, Action> begin)
{
    /// <summary>All of them, by the names that stand in tables.</summary>
    public static IReadOnlyDictionary<string, Fault> All { get; } =
        NodeFaults.All.Concat(NetworkFaults.All).Concat(PrimaryFaults.All).Concat(DoubleFaults.All).ToDictionary(f => f.Name, f => f.Fault, StringComparer.Ordinal);

    public static IReadOnlyList<string> Names { get; } = [.. All.Keys];

    public Action Begin(Cluster cluster, Node node, Dice dice) => begin(cluster, node, dice);
}
