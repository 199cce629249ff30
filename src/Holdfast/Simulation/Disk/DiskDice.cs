namespace Holdfast.Simulation.Disk;

/// <summary>The disk's own chance, the same for the same seed (SplitMix64; Steele, Lea and Flood 2014).</summary>
internal sealed class DiskDice(int seed)
{
    private ulong _state = (uint)seed;

    /// <summary>From 0 up to, not including, a number.</summary>
    public int Below(int number) => (int)(Next() % (uint)number);

    public ulong Next()
    {
        var z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
