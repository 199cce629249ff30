using SQLitePCL;

namespace Holdfast.Storage;

/// <summary>SQLite's own settings, which count when they come before anything else is asked of it.</summary>
public static class SqliteLibrary
{
    private const int MultiThread = 2;     // SQLITE_CONFIG_MULTITHREAD
    private const int MemoryStatus = 9;    // SQLITE_CONFIG_MEMSTATUS

    private static readonly bool s_isLoaded = LoadOnce();

    /// <summary>Loads it, once.</summary>
    public static void Load() => _ = s_isLoaded;

    /// <summary>No locks that nobody needs: each connection here is used by one thread at a time (a lane's, or a reader's while it has it), and nobody asks how much
    /// memory there is in use. Where another has loaded SQLite before, it stays as it is: slower, and right.</summary>
    private static bool LoadOnce()
    {
        Batteries_V2.Init();
        return raw.sqlite3_config(MultiThread) == raw.SQLITE_OK & raw.sqlite3_config(MemoryStatus, 0) == raw.SQLITE_OK;
    }
}
