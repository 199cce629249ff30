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

/// <summary>A life that is drawn from the machine, and not from chance: a node whose disk was lost calls itself what it was called before.</summary>
internal sealed class SameLifeOnEmptyDisk : PlantedBug
{
    public override Surroundings Around(Surroundings surroundings, Machine machine)
    {
        if (machine is not Node || machine.Disk.Names.Count > 0)
        {
            return surroundings;
        }
        // The first that a process draws whose disk is empty is its life; a later one, when a peer finds it out, is a new one.
        var (isDrawn, chance) = (false, surroundings.Entropy);
        return surroundings with
        {
            Entropy = new Entropy(buffer =>
            {
                (isDrawn ? chance : Dice.Of(machine.World.Seed, $"{machine.Name}/life").AsEntropy()).Bytes(buffer.Length).CopyTo(buffer);
                isDrawn = true;
            }),
        };
    }
}
