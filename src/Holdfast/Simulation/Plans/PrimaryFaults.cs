using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Time;

namespace Holdfast.Simulation.Plans;

/// <summary>What goes wrong with the primary.</summary>
internal static class PrimaryFaults
{
    private const int MostWritesUntilCut = 40;

    public static IEnumerable<(string Name, Fault Fault)> All { get; } =
    [
        ("primary-stopped", new((cluster, _, _) => Down(cluster, withPower: false))),
        ("primary-power-cut", new((cluster, _, _) => Down(cluster, withPower: true))),
        ("primary-power-cut-in-a-write", new((cluster, _, dice) =>
        {
            cluster.Primary.EndInAWrite(dice.Below(MostWritesUntilCut), withPower: true);
            return cluster.Primary.Start;
        })),
        ("primary-hangs", new((cluster, _, _) => Be(cluster, Mood.Hangs))),
        ("primary-late", new((cluster, _, _) => Be(cluster, Mood.IsLate))),
        ("primary-loses-answers", new((cluster, _, _) => Be(cluster, Mood.LosesAnswers))),
        ("primary-disk-full", new((cluster, _, _) =>
        {
            cluster.Primary.Disk.IsFull = true;
            return () => cluster.Primary.Disk.IsFull = false;
        })),
        ("primary-fails-over-whole", new((cluster, _, dice) => FailOver(cluster, dice, losesTail: false))),
        ("primary-fails-over-without-its-tail", new((cluster, _, dice) => FailOver(cluster, dice, losesTail: true))),
        ("primary-clock-off", new((cluster, _, dice) =>
        {
            cluster.Ledger.IsOrderBlurred = true;
            cluster.Primary.Skew = dice.Between(-TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(50));
            return () => cluster.Primary.Skew = TimeSpan.Zero;
        })),
    ];

    private static Action Down(Cluster cluster, bool withPower)
    {
        cluster.Primary.StayDown(withPower, withPower ? "a power cut" : "a stop");
        return cluster.Primary.Start;
    }

    private static Action Be(Cluster cluster, Mood mood)
    {
        cluster.Primary.Mood = mood;
        return () => cluster.Primary.Mood = Mood.Well;
    }

    /// <summary>A standby takes over: from the beginning of the fault it followed no more, where it is to lose the tail.</summary>
    private static Action FailOver(Cluster cluster, Dice dice, bool losesTail)
    {
        var standby = losesTail ? cluster.Primary.Snapshot() : null;
        return () =>
        {
            cluster.Primary.ReplaceDisk(standby ?? cluster.Primary.Snapshot());
            cluster.Primary.Skew = dice.Between(-TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(50));
            cluster.Primary.Start();
            if (losesTail)
            {
                cluster.Ledger.IsOrderBlurred = true;
                cluster.Ledger.NoteLoss("the primary's tail");
            }
        };
    }
}
