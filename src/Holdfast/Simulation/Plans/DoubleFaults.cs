using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Time;

namespace Holdfast.Simulation.Plans;

/// <summary>Two things that go wrong together, the second at the moment at which it does the most harm. Apart they are drawn as well; but chance alone brings them so near
/// to one another in one seed of hundreds.</summary>
internal static class DoubleFaults
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LeastWait = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MostWait = TimeSpan.FromSeconds(2);

    /// <summary>For so long after the loss the rest stays as it is, however short the fault was to be: an empty disk is filled in less.</summary>
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(2);

    public static IEnumerable<(string Name, Fault Fault)> All { get; } =
    [
        ("disk-lost-after-a-promise-without-the-primary", new(LoseAfterPromise)),
        ("disk-lost-behind-a-cut", new(LoseBehindCut)),
    ];

    /// <summary>The primary is away. Whichever node is the first to answer that something is on two disks loses its own at once; without such an answer, the given one does.
    /// It gets an empty one and is started, with nobody but its peers to fill it from.</summary>
    private static Action LoseAfterPromise(Cluster cluster, Node node, Dice dice)
    {
        var told = cluster.Ledger.Kept.Count;
        cluster.Primary.StayDown(withPower: false, "a stop");
        var stop = AtTheLatest(cluster, dice, () =>
        {
            for (; told < cluster.Ledger.Kept.Count; told++)
            {
                if (cluster.Ledger.Kept[told] is { Label.Copies: > 1 } promise)
                {
                    return cluster.Nodes.First(n => n.Name == promise.Node);
                }
            }
            return null;
        }, node, GetEmptyDisk);
        return () => stop(cluster.Primary.Start);
    }

    /// <summary>Nobody but clients reaches the node, until it has granted something for single use: then its disk is gone, and what was granted is known nowhere. It gets an empty
    /// one and is started; the primary fills it, and no peer can tell it of the life that is over.</summary>
    private static Action LoseBehindCut(Cluster cluster, Node given, Dice dice)
    {
        var node = cluster.Ledger.Codes is [.., var next] ? cluster.Nodes.First(n => n.Name == next.Authority) : given;   // it will soon be asked
        var granted = cluster.Ledger.Granted.Count;
        var mend = NetworkFaults.Cut(cluster, [node.Name], NetworkFaults.Others(cluster, node), bothWays: true);
        var stop = AtTheLatest(cluster, dice, () =>
        {
            for (; granted < cluster.Ledger.Granted.Count; granted++)
            {
                if (cluster.Ledger.Granted[granted].Node == node.Name)
                {
                    return node;
                }
            }
            return null;
        }, node, loser =>
        {
            GetEmptyDisk(loser);
            mend();
            mend = NetworkFaults.Cut(cluster, [loser.Name], [.. cluster.Nodes.Where(n => n != loser).Select(n => n.Name)], bothWays: true);
        });
        return () => stop(() => mend());
    }

    private static void GetEmptyDisk(Node node)
    {
        node.ReplaceDisk(with: null);
        node.Cluster.Ledger.NoteLoss($"the disk of {node.Name}");
        node.Start();
    }

    /// <summary>Does it to the first that is found, or after a while to another.</summary>
    /// <returns>What calls it off if it has not been done, and does the last when its time has come.</returns>
    private static Action<Action> AtTheLatest(Cluster cluster, Dice dice, Func<Node?> find, Node other, Action<Node> then)
    {
        var (isOver, until, latest) = (false, TimeSpan.Zero, cluster.World.Now + dice.Between(LeastWait, MostWait));
        Look();
        return last =>
        {
            isOver = true;
            if (until <= cluster.World.Now)
            {
                last();
            }
            else
            {
                cluster.World.After(until - cluster.World.Now, cluster.World.Outside, "aftermath", last);
            }
        };

        void Look()
        {
            if (isOver)
            {
                return;
            }
            var found = find() ?? (cluster.World.Now >= latest ? other : null);
            if (found is null)
            {
                cluster.World.After(Glance, cluster.World.Outside, "glance", Look);
                return;
            }
            (isOver, until) = (true, cluster.World.Now + Aftermath);
            then(found);
        }
    }
}
