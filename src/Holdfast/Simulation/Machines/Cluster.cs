using Holdfast.Keys;
using Holdfast.Simulation.Invariants;
using Holdfast.Simulation.Links;
using Holdfast.Simulation.Operations;
using Holdfast.Simulation.Planted;
using Holdfast.Simulation.Plans;
using Holdfast.Simulation.Time;
using Holdfast.Storage;

namespace Holdfast.Simulation.Machines;

/// <summary>A cluster in a world: its nodes, its primary, the network between them, and what its clients were told.</summary>
internal sealed class Cluster : IDisposable
{
    private static readonly string[] Regions = ["north", "south", "west"];
    private static readonly byte[] Secret = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    public Cluster(World world, string slot, Shape shape, PlantedBug planted)
    {
        (World, Slot, Planted) = (world, slot, planted);
        Net = new Net(world);
        Unforeseen = new NothingUnforeseen();
        Primary = new PrimaryMachine(this, Regions[0]);
        Nodes = [.. Enumerable.Range(0, shape.Nodes).Select(i => new Node(this, $"node{i + 1}", Regions[i % shape.Regions]))];
        foreach (var region in Regions)
        {
            Net.Attach(ClientsOf(region), region, () => world.Outside);
        }
        Ledger = new Ledger(this);
        Ground = new Ground(this);
    }

    public World World { get; }

    /// <summary>Where in this process it runs: two clusters at once have two disks.</summary>
    public string Slot { get; }

    public PlantedBug Planted { get; }

    public Net Net { get; }

    public PrimaryMachine Primary { get; }

    public IReadOnlyList<Node> Nodes { get; }

    public IEnumerable<Machine> Machines => [Primary, .. Nodes];

    public Ledger Ledger { get; }

    /// <summary>What is there before the first operation.</summary>
    public Ground Ground { get; }

    public NothingUnforeseen Unforeseen { get; }

    public NothingWaitsForThePrimary Waits { get; } = new();

    /// <summary>The faults that are on, by kind.</summary>
    public List<string> FaultsNow { get; } = [];

    public static string ClientsOf(string region) => $"clients {region}";

    public static ClusterKeys KeysFor(Entropy entropy) => ClusterKeys.Of(Secret, Secret, entropy);

    /// <summary>A clock without an error, for a process or for those outside.</summary>
    public TimeProvider ClockOf(Life life) => new MachineClock(World, life, () => TimeSpan.Zero);

    public void Dispose()
    {
        World.Outside.End();
        foreach (var machine in Machines)
        {
            machine.Dispose();
        }
    }
}
