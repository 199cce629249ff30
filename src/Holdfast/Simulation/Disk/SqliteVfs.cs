using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Holdfast.Storage;

namespace Holdfast.Simulation.Disk;

/// <summary>What SQLite calls: a VFS whose files are on simulated disks. One for the process; a path says which disk.</summary>
/// <remarks>https://sqlite.org/vfs.html. No exception leaves a function, here or in <see cref="SqliteIo"/>: what can throw is caught, SQLite is told of an I/O
/// error, and the disk keeps what it was.</remarks>
internal static unsafe class SqliteVfs
{
    public const string Name = "holdfast-sim";

    private const int MostPathBytes = 512;
    private const int OpenCreate = 0x4;
    private const int OpenDeleteOnClose = 0x8;
    private const int OpenExclusive = 0x10;

    private static readonly int Registered = RegisterOnce();

    /// <summary>The disk that this thread last used: SQLite asks for the time without saying for which file.</summary>
    [ThreadStatic]
    private static SimulatedDisk? _here;

    internal static SimulatedDisk? Here
    {
        set => _here = value;
    }

    public static void Register()
    {
        if (Registered != SqliteCode.Ok)
        {
            throw new InvalidOperationException($"SQLite does not take the VFS: {Registered}.");
        }
    }

    private static int RegisterOnce()
    {
        SqliteLibrary.Load();   // to register is to begin
        var name = (byte*)NativeMemory.AllocZeroed((nuint)(Name.Length + 1));
        Encoding.UTF8.GetBytes(Name, new Span<byte>(name, Name.Length));
        var vfs = (NativeVfs*)NativeMemory.AllocZeroed((nuint)sizeof(NativeVfs));
        *vfs = new NativeVfs
        {
            Version = 2,
            FileBytes = sizeof(NativeFile),
            MostPathBytes = MostPathBytes,
            Name = name,
            Open = &Open,
            Delete = &Delete,
            Access = &Access,
            FullPathname = &FullPathname,
            OpenLibrary = &OpenLibrary,
            LibraryError = &LibraryError,
            FindSymbol = &FindSymbol,
            CloseLibrary = &CloseLibrary,
            Randomness = &Randomness,
            Sleep = &Sleep,
            CurrentTime = &CurrentTime,
            LastError = &LastError,
            CurrentTimeInt64 = &CurrentTimeInt64,
        };
        return NativeRegister(vfs, 0);
    }

    [DllImport("e_sqlite3", EntryPoint = "sqlite3_vfs_register")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories | DllImportSearchPath.AssemblyDirectory)]
    private static extern int NativeRegister(NativeVfs* vfs, int isDefault);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Open(NativeVfs* vfs, byte* path, NativeFile* file, int flags, int* flagsOut)
    {
        file->Methods = null;   // so that SQLite does not close what was not opened
        SimulatedDisk? disk = null;
        try
        {
            OpenFile? open;
            if (path is null)
            {
                open = SimulatedDisk.OpenScratch();
            }
            else
            {
                var text = Marshal.PtrToStringUTF8((nint)path)!;
                _here = disk = SimulatedDisk.Find(text);
                open = disk?.Open(text, (flags & OpenCreate) != 0, (flags & (OpenCreate | OpenExclusive)) == (OpenCreate | OpenExclusive), (flags & OpenDeleteOnClose) != 0);
            }
            if (open is null)
            {
                return SqliteCode.CannotOpen;
            }
            SqliteIo.Begin(file, open);
            if (flagsOut is not null)
            {
                *flagsOut = flags;
            }
            return SqliteCode.Ok;
        }
        catch (Exception fault)
        {
            return Failed(fault, disk);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Delete(NativeVfs* vfs, byte* path, int mustLast)
    {
        SimulatedDisk? disk = null;
        try
        {
            var text = Marshal.PtrToStringUTF8((nint)path)!;
            disk = SimulatedDisk.Find(text);
            return disk is null ? SqliteCode.DeleteOfNothing : disk.Delete(text, mustLast != 0);
        }
        catch (Exception fault)
        {
            return Failed(fault, disk);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Access(NativeVfs* vfs, byte* path, int flags, int* isThere)
    {
        SimulatedDisk? disk = null;
        try
        {
            var text = Marshal.PtrToStringUTF8((nint)path)!;
            disk = SimulatedDisk.Find(text);
            var there = false;
            var answer = disk is null ? SqliteCode.Ok : disk.FindContent(text, out there);
            *isThere = there ? 1 : 0;
            return answer;
        }
        catch (Exception fault)
        {
            return Failed(fault, disk);
        }
    }

    /// <summary>Every path is full already.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int FullPathname(NativeVfs* vfs, byte* path, int room, byte* full)
    {
        for (var i = 0; i < room; i++)
        {
            full[i] = path[i];
            if (path[i] == 0)
            {
                return SqliteCode.Ok;
            }
        }
        return SqliteCode.CannotOpen;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* OpenLibrary(NativeVfs* vfs, byte* path) => null;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void LibraryError(NativeVfs* vfs, int room, byte* text)
    {
        if (room > 0)
        {
            *text = 0;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* FindSymbol(NativeVfs* vfs, void* library, byte* name) => null;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void CloseLibrary(NativeVfs* vfs, void* library)
    {
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Randomness(NativeVfs* vfs, int count, byte* bytes)
    {
        var into = new Span<byte>(bytes, count);
        into.Clear();
        _here?.FillRandom(into);
        return count;
    }

    /// <summary>Nobody waits in a world of one thread: who else would let go?</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Sleep(NativeVfs* vfs, int microseconds) => microseconds;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CurrentTime(NativeVfs* vfs, double* julianDays)
    {
        var answer = Now(out var milliseconds);
        *julianDays = milliseconds / 86_400_000.0;
        return answer;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CurrentTimeInt64(NativeVfs* vfs, long* julianMilliseconds) => Now(out *julianMilliseconds);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int LastError(NativeVfs* vfs, int room, byte* text) => 0;

    private static int Now(out long julianMilliseconds)
    {
        julianMilliseconds = 0;
        try
        {
            julianMilliseconds = _here?.JulianMilliseconds() ?? 0;
            return SqliteCode.Ok;
        }
        catch (Exception fault)
        {
            return Failed(fault, _here);
        }
    }

    /// <summary>Keeps what the simulation did wrong.</summary>
    internal static int Failed(Exception fault, SimulatedDisk? disk)
    {
        disk?.Fault ??= fault;
        return SqliteCode.IoError;
    }
}
