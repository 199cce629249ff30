using System.Runtime.InteropServices;
using Holdfast.Storage;

namespace Holdfast.Keys;

/// <summary>Writing a file that only its owner reads (mode 0600), whole or not at all.</summary>
internal static class OwnFile
{
    /// <summary>From now on, what this process makes is its owner's alone (umask 077): databases hold people.</summary>
    public static void KeepToOwner() => _ = Umask(0b000_111_111);

    [DllImport("libc", EntryPoint = "umask")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint Umask(uint mask);

    public static void Write(string path, byte[] content)
    {
        var temporary = path + ".new";
        using (var file = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        Rename(temporary, path);
    }

    /// <summary>Gives a file another name in its folder, which is on the disk when this returns.</summary>
    public static void Rename(string path, string name)
    {
        File.Move(path, name, overwrite: true);
        Disk.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(name))!);
    }
}
