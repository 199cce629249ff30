namespace Holdfast.Simulation.Disk;

/// <summary>SQLite's result codes, as a VFS answers them.</summary>
internal static class SqliteCode
{
    public const int Ok = 0;
    public const int Busy = 5;
    public const int IoError = 10;
    public const int NotFound = 12;
    public const int Full = 13;
    public const int CannotOpen = 14;
    public const int ShortRead = IoError | (2 << 8);
    public const int DeleteOfNothing = IoError | (23 << 8);
}
