using Holdfast.Simulation.Disk;
using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Time;
using Holdfast.Storage;

namespace Holdfast.Simulation.Planted;

/// <summary>Disks that say they have synced, and have not.</summary>
internal sealed class SkipFsync : PlantedBug
{
    public override void Prepare(SimulatedDisk disk, string machine) => disk.SkipSync = true;
}

/// <summary>The same of the primary's disk alone: what stood in the log stands there no more, or not whole.</summary>
internal sealed class PrimarySkipsFsync : PlantedBug
{
    public override void Prepare(SimulatedDisk disk, string machine) => disk.SkipSync = machine == "primary";
}

/// <summary>Randomness that begins anew with each process: a node whose disk was lost calls itself what it was called before.</summary>
internal sealed class SameLifeOnEmptyDisk : PlantedBug
{
    public override Surroundings Around(Surroundings surroundings, Machine machine) =>
        surroundings with { Entropy = Dice.Of(machine.World.Seed, $"{machine.Name}/the same again").AsEntropy() };
}
