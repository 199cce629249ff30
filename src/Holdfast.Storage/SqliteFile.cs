using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Holdfast.Storage;

/// <summary>Opening SQLite files, and the statements whose result codes must be seen at once rather than retried inside the driver.</summary>
internal static class SqliteFile
{
    /// <param name="mode">Whether the file may be made.</param>
    /// <param name="busyTimeout">How long a statement waits for another process's lock.</param>
    public static SqliteConnection Open(string path, SqliteOpenMode mode, TimeSpan busyTimeout, string? vfs)
    {
        SqliteLibrary.Load();
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            Pooling = false,
            DefaultTimeout = 1,
            Vfs = vfs,
        }.ToString());
        try
        {
            connection.Open();
            raw.sqlite3_busy_timeout(connection.Handle, (int)busyTimeout.TotalMilliseconds);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Runs a statement without the driver's retries.</summary>
    /// <exception cref="SqliteException">Its result code was not OK.</exception>
    public static void Execute(this SqliteConnection connection, string sql) => SqliteException.ThrowExceptionForRC(raw.sqlite3_exec(connection.Handle, sql), connection.Handle);

    /// <summary>Whether it is the file or its disk that refuses, and not a mistake in the statement: BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN,
    /// PROTOCOL, NOTADB.</summary>
    public static bool IsOfTheDisk(this SqliteException fault) => fault.SqliteErrorCode is 5 or 6 or 8 or 10 or 11 or 13 or 14 or 15 or 26;

    /// <summary>Ends a transaction if one is open; what fails here was failing already.</summary>
    public static void RollBack(this SqliteConnection connection)
    {
        if (connection.Handle is { } handle && raw.sqlite3_get_autocommit(handle) == 0)
        {
            _ = raw.sqlite3_exec(handle, "ROLLBACK");
        }
    }
}
