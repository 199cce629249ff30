using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Holdfast.Simulation.Disk;

/// <summary>What SQLite calls on a file that is open: each function hands over to its <see cref="OpenFile"/>.</summary>
internal static unsafe class SqliteIo
{
    private const int SectorBytes = 4096;   // what SQLite is told may be damaged around a write
    private const int ControlHasMoved = 20;
    private const int MemoryLock = 2;
    private const int MemoryShared = 4;

    private static readonly NativeMethods* Methods = MakeMethods();

    /// <summary>Makes SQLite's file this one, until SQLite closes it.</summary>
    public static void Begin(NativeFile* file, OpenFile open)
    {
        file->Handle = GCHandle.ToIntPtr(GCHandle.Alloc(open));
        file->Methods = Methods;
    }

    private static NativeMethods* MakeMethods()
    {
        var methods = (NativeMethods*)NativeMemory.AllocZeroed((nuint)sizeof(NativeMethods));
        *methods = new NativeMethods
        {
            Version = 2,
            Close = &Close,
            Read = &Read,
            Write = &Write,
            Truncate = &Truncate,
            Sync = &Sync,
            FileSize = &FileSize,
            Lock = &Lock,
            Unlock = &Unlock,
            CheckReservedLock = &CheckReservedLock,
            FileControl = &FileControl,
            SectorSize = &SectorSize,
            DeviceCharacteristics = &DeviceCharacteristics,
            ShmMap = &ShmMap,
            ShmLock = &ShmLock,
            ShmBarrier = &ShmBarrier,
            ShmUnmap = &ShmUnmap,
        };
        return methods;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Close(NativeFile* file)
    {
        var handle = GCHandle.FromIntPtr(file->Handle);
        var open = (OpenFile)handle.Target!;
        try
        {
            open.Close();
            return SqliteCode.Ok;
        }
        catch (Exception fault)
        {
            return SqliteVfs.Failed(fault, open.Disk);
        }
        finally
        {
            handle.Free();
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Read(NativeFile* file, byte* buffer, int count, long offset)
    {
        var open = Of(file);
        try
        {
            return open.Read(new Span<byte>(buffer, count), offset);
        }
        catch (Exception fault)
        {
            return SqliteVfs.Failed(fault, open.Disk);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Write(NativeFile* file, byte* bytes, int count, long offset)
    {
        var open = Of(file);
        try
        {
            return open.Write(new ReadOnlySpan<byte>(bytes, count), offset);
        }
        catch (Exception fault)
        {
            return SqliteVfs.Failed(fault, open.Disk);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Truncate(NativeFile* file, long length)
    {
        var open = Of(file);
        try
        {
            return open.Truncate(length);
        }
        catch (Exception fault)
        {
            return SqliteVfs.Failed(fault, open.Disk);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Sync(NativeFile* file, int flags)
    {
        var open = Of(file);
        try
        {
            return open.Sync();
        }
        catch (Exception fault)
        {
            return SqliteVfs.Failed(fault, open.Disk);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int FileSize(NativeFile* file, long* size) => Of(file).FindSize(out *size);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Lock(NativeFile* file, int level)
    {
        var open = Of(file);
        SqliteVfs.Here = open.Disk;
        return open.Lock(level);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Unlock(NativeFile* file, int level) => Of(file).Unlock(level);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CheckReservedLock(NativeFile* file, int* isReserved)
    {
        var answer = Of(file).FindReserved(out var reserved);
        *isReserved = reserved ? 1 : 0;
        return answer;
    }

    /// <summary>One question is answered: whether the file is still the one at its path, before a journal is made for it.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int FileControl(NativeFile* file, int what, int* argument)
    {
        if (what != ControlHasMoved)
        {
            return SqliteCode.NotFound;
        }
        *argument = Of(file).HasMoved() ? 1 : 0;
        return SqliteCode.Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int SectorSize(NativeFile* file) => SectorBytes;

    /// <summary>It promises nothing.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int DeviceCharacteristics(NativeFile* file) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int ShmMap(NativeFile* file, int index, int bytes, int mayExtend, nint* region)
    {
        var open = Of(file);
        try
        {
            return open.MapMemory(index, bytes, mayExtend != 0, out *region);
        }
        catch (Exception fault)
        {
            return SqliteVfs.Failed(fault, open.Disk);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int ShmLock(NativeFile* file, int first, int count, int flags) =>
        Of(file).LockMemory(((1 << count) - 1) << first, (flags & MemoryLock) != 0, (flags & MemoryShared) != 0);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ShmBarrier(NativeFile* file) => Interlocked.MemoryBarrier();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int ShmUnmap(NativeFile* file, int deleteIt)
    {
        Of(file).UnmapMemory();
        return SqliteCode.Ok;
    }

    private static OpenFile Of(NativeFile* file) => Unsafe.As<OpenFile>(GCHandle.FromIntPtr(file->Handle).Target!);
}
