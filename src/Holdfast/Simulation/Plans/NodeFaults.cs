using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Time;

namespace Holdfast.Simulation.Plans;

/// <summary>What goes wrong with a node's machine.</summary>
internal static class NodeFaults
{
    private const int MostWritesUntilCut = 60;

    public static IEnumerable<(string Name, Fault Fault)> All { get; } =
    [
        ("node-killed", new((_, node, _) => Down(node, withPower: false))),
        ("node-power-cut", new((_, node, _) => Down(node, withPower: true))),
        ("node-killed-in-a-write", new((_, node, dice) => InAWrite(node, dice, withPower: false))),
        ("node-power-cut-in-a-write", new((_, node, dice) => InAWrite(node, dice, withPower: true))),
        ("node-disk-lost", new(LoseDisk)),
        ("node-disk-set-back", new(SetBack)),
        ("node-disk-full", new((_, node, _) =>
        {
            node.Disk.IsFull = true;
            return () => node.Disk.IsFull = false;
        })),
        ("node-disk-slow", new((_, node, dice) =>
        {
            node.Slowness = dice.Between(20, 200);
            return () => node.Slowness = 1;
        })),
        ("node-clock-ahead", new((_, node, dice) => Skew(node, dice.Between(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(55))))),
        ("node-clock-behind", new((_, node, dice) => Skew(node, -dice.Between(TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5))))),
    ];

    private static Action Down(Node node, bool withPower)
    {
        node.StayDown(withPower, withPower ? "a power cut" : "kill -9");
        return node.Start;
    }

    private static Action InAWrite(Node node, Dice dice, bool withPower)
    {
        node.EndInAWrite(dice.Below(MostWritesUntilCut), withPower);
        return node.Start;   // which forgets the plan of a cut that did not come
    }

    private static Action LoseDisk(Cluster cluster, Node node, Dice dice)
    {
        node.ReplaceDisk(with: null);
        cluster.Ledger.NoteLoss($"the disk of {node.Name}");
        return node.Start;
    }

    private static Action SetBack(Cluster cluster, Node node, Dice dice)
    {
        var yesterday = node.Disk.Snapshot();
        return () =>
        {
            node.ReplaceDisk(yesterday);
            cluster.Ledger.NoteLoss($"the disk of {node.Name}, set back");
            node.Start();
        };
    }

    private static Action Skew(Node node, TimeSpan by)
    {
        node.Skew = by;
        return () => node.Skew = TimeSpan.Zero;
    }
}
