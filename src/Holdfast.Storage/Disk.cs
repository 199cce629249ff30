using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Holdfast.Storage;

/// <summary>What the machine says about its files and itself, without opening them.</summary>
/// <param name="Look">The facts of a path; null when there is no file at it, or when it cannot be looked at.</param>
/// <param name="BootId">A text that differs after every boot.</param>
public sealed record Disk(Func<string, FileFacts?> Look, Func<string> BootId)
{
    /// <summary>The real one (Linux: <c>statx(2)</c> and <c>/proc/sys/kernel/random/boot_id</c>).</summary>
    public static Disk Real { get; } = new(Statx, () => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());

    private const int StatxBytes = 256;
    private const uint BasicStats = 0x7ff;
    private const int AtCwd = -100;

    private static FileFacts? Statx(string path)
    {
        var buffer = new byte[StatxBytes];
        if (NativeStatx(AtCwd, path, 0, BasicStats, buffer) != 0)
        {
            return null;
        }
        // Offsets of struct statx, the same on every architecture: mode 28, inode 32, size 40, device 136 and 140.
        var mode = BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(28));
        return new FileFacts(
            $"{BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(136))}:{BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(140))}",
            BinaryPrimitives.ReadUInt64LittleEndian(buffer.AsSpan(32)),
            (long)BinaryPrimitives.ReadUInt64LittleEndian(buffer.AsSpan(40)),
            IsRegular: (mode & 0xf000) == 0x8000,
            OwnerMayReadAndWrite: (mode & 0x180) == 0x180);
    }

    /// <summary>Makes the names in a folder last: what was made, renamed and deleted in it.</summary>
    public static void SyncFolder(string path)
    {
        var folder = NativeOpen(path, 0);
        var synced = folder >= 0 && NativeSync(folder) == 0;
        if (folder >= 0)
        {
            _ = NativeClose(folder);
        }
        if (!synced)
        {
            throw new IOException($"The folder {path} cannot be synced.");
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NativeOpen([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NativeSync(int file);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NativeClose(int file);

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NativeStatx(int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, [Out] byte[] buffer);
}

/// <summary>What <c>stat</c> tells of a file.</summary>
/// <param name="Size">In bytes.</param>
/// <param name="OwnerMayReadAndWrite">Of the mode's bits, the owner's; so taking them away is heeded by a server that runs as root too.</param>
public sealed record FileFacts(string Device, ulong Inode, long Size, bool IsRegular, bool OwnerMayReadAndWrite);
