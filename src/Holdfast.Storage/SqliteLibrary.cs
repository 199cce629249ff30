using SQLitePCL;

namespace Holdfast.Storage;

/// <summary>SQLite's own settings, which count when they come before anything else is asked of it.</summary>
public static class SqliteLibrary
{
    private const int MemoryStatus = 9;    // SQLITE_CONFIG_MEMSTATUS

    private static readonly bool s_isLoaded = LoadOnce();

    /// <summary>Loads it, once.</summary>
    public static void Load() => _ = s_isLoaded;

    /// <summary>Nobody asks how much memory there is in use. Its locks stay: what nobody disposed of, the finalizer ends, on a thread of its own. Where another has loaded SQLite
    /// before, it stays as it is: slower, and right.</summary>
    private static bool LoadOnce()
    {
        Batteries_V2.Init();
        return raw.sqlite3_config(MemoryStatus, 0) == raw.SQLITE_OK;
    }
}
