using System.Runtime.InteropServices;

namespace Holdfast.Simulation.Disk;

/// <summary><c>sqlite3_vfs</c>, version 2, of sqlite3.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeVfs
{
    public int Version;
    public int FileBytes;
    public int MostPathBytes;
    public NativeVfs* Next;
    public byte* Name;
    public void* Data;
    public delegate* unmanaged[Cdecl]<NativeVfs*, byte*, NativeFile*, int, int*, int> Open;
    public delegate* unmanaged[Cdecl]<NativeVfs*, byte*, int, int> Delete;
    public delegate* unmanaged[Cdecl]<NativeVfs*, byte*, int, int*, int> Access;
    public delegate* unmanaged[Cdecl]<NativeVfs*, byte*, int, byte*, int> FullPathname;
    public delegate* unmanaged[Cdecl]<NativeVfs*, byte*, void*> OpenLibrary;
    public delegate* unmanaged[Cdecl]<NativeVfs*, int, byte*, void> LibraryError;
    public delegate* unmanaged[Cdecl]<NativeVfs*, void*, byte*, void*> FindSymbol;
    public delegate* unmanaged[Cdecl]<NativeVfs*, void*, void> CloseLibrary;
    public delegate* unmanaged[Cdecl]<NativeVfs*, int, byte*, int> Randomness;
    public delegate* unmanaged[Cdecl]<NativeVfs*, int, int> Sleep;
    public delegate* unmanaged[Cdecl]<NativeVfs*, double*, int> CurrentTime;
    public delegate* unmanaged[Cdecl]<NativeVfs*, int, byte*, int> LastError;
    public delegate* unmanaged[Cdecl]<NativeVfs*, long*, int> CurrentTimeInt64;
}

/// <summary><c>sqlite3_io_methods</c>, version 2 (with shared memory, without memory-mapped files).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeMethods
{
    public int Version;
    public delegate* unmanaged[Cdecl]<NativeFile*, int> Close;
    public delegate* unmanaged[Cdecl]<NativeFile*, byte*, int, long, int> Read;
    public delegate* unmanaged[Cdecl]<NativeFile*, byte*, int, long, int> Write;
    public delegate* unmanaged[Cdecl]<NativeFile*, long, int> Truncate;
    public delegate* unmanaged[Cdecl]<NativeFile*, int, int> Sync;
    public delegate* unmanaged[Cdecl]<NativeFile*, long*, int> FileSize;
    public delegate* unmanaged[Cdecl]<NativeFile*, int, int> Lock;
    public delegate* unmanaged[Cdecl]<NativeFile*, int, int> Unlock;
    public delegate* unmanaged[Cdecl]<NativeFile*, int*, int> CheckReservedLock;
    public delegate* unmanaged[Cdecl]<NativeFile*, int, int*, int> FileControl;
    public delegate* unmanaged[Cdecl]<NativeFile*, int> SectorSize;
    public delegate* unmanaged[Cdecl]<NativeFile*, int> DeviceCharacteristics;
    public delegate* unmanaged[Cdecl]<NativeFile*, int, int, int, nint*, int> ShmMap;
    public delegate* unmanaged[Cdecl]<NativeFile*, int, int, int, int> ShmLock;
    public delegate* unmanaged[Cdecl]<NativeFile*, void> ShmBarrier;
    public delegate* unmanaged[Cdecl]<NativeFile*, int, int> ShmUnmap;
}

/// <summary>Our <c>sqlite3_file</c>: SQLite makes room for it, and we keep a handle to an <see cref="OpenFile"/> in it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeFile
{
    public NativeMethods* Methods;
    public nint Handle;
}
