using Holdfast.Simulation.Links;
using Holdfast.Simulation.Machines;

namespace Holdfast.Simulation.Plans;

/// <summary>What goes wrong between machines.</summary>
internal static class NetworkFaults
{
    public static IEnumerable<(string Name, Fault Fault)> All { get; } =
    [
        ("node-cut-off", new((cluster, node, _) => Cut(cluster, [node.Name], Others(cluster, node), bothWays: true))),
        ("node-cut-off-one-way", new((cluster, node, dice) => dice.Chance(0.5)
            ? Cut(cluster, [node.Name], Others(cluster, node), bothWays: false)
            : Cut(cluster, Others(cluster, node), [node.Name], bothWays: false))),
        ("node-cut-off-from-primary", new((cluster, node, _) => Cut(cluster, [node.Name], [cluster.Primary.Name], bothWays: true))),
        ("region-cut-off", new((cluster, node, _) =>
        {
            var (inside, outside) = (cluster.Machines.Where(m => m.Region == node.Region), cluster.Machines.Where(m => m.Region != node.Region));
            return Cut(cluster, [.. inside.Select(m => m.Name)], [.. outside.Select(m => m.Name)], bothWays: true);
        })),
        ("network-loses", new((cluster, node, dice) => Storm(cluster, new Storm(Everybody(cluster), dice.Between(5, 40) / 100.0, 0, 0, TimeSpan.Zero)))),
        ("network-doubles-and-reorders", new((cluster, node, dice) => Storm(cluster, new Storm(Everybody(cluster), 0, 0.3, 0.3, TimeSpan.Zero)))),
        ("network-slow", new((cluster, node, dice) => Storm(cluster, new Storm(
            new HashSet<string>(StringComparer.Ordinal) { node.Name }, 0.02, 0, 0.1, dice.Between(TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(900)))))),
        ("clients-lose-answers", new((cluster, node, dice) => Cut(cluster,
            [.. cluster.Nodes.Where(n => n.Region == node.Region).Select(n => n.Name)], [Cluster.ClientsOf(node.Region)], bothWays: false))),
    ];

    internal static string[] Others(Cluster cluster, Machine machine) => [.. cluster.Machines.Where(m => m != machine).Select(m => m.Name)];

    private static HashSet<string> Everybody(Cluster cluster) => cluster.Machines.Select(m => m.Name).ToHashSet(StringComparer.Ordinal);

    internal static Action Cut(Cluster cluster, string[] from, string[] to, bool bothWays)
    {
        var cut = new Cut(from.ToHashSet(StringComparer.Ordinal), to.ToHashSet(StringComparer.Ordinal), bothWays);
        cluster.Net.Begin(cut);
        return () => cluster.Net.End(cut);
    }

    private static Action Storm(Cluster cluster, Storm storm)
    {
        cluster.Net.Begin(storm);
        return () => cluster.Net.End(storm);
    }
}
