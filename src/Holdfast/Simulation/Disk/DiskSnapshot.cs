namespace Holdfast.Simulation.Disk;

/// <summary>A disk's files as they once stood. It never changes, so any number of disks may begin with it.</summary>
internal sealed class DiskSnapshot(IReadOnlyList<DiskSnapshot.File> files)
{
    public IReadOnlyList<File> Files => files;

    /// <param name="Name">On the disk, without the disk's own.</param>
    internal sealed record File(string Name, ulong Inode, ReadOnlyMemory<byte> Bytes);
}
