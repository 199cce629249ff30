using Holdfast.Simulation.Disk;
using Microsoft.Data.Sqlite;

namespace Holdfast.Tests.Simulation;

/// <summary>SQLite on a simulated disk: its connections, and statements without the driver's retries.</summary>
internal static class SimulatedSqlite
{
    private static readonly DateTimeOffset Now = new(2031, 5, 6, 7, 8, 9, TimeSpan.Zero);

    private static int _disks;

    public static SimulatedDisk NewDisk(int seed = 1) => new($"disk-{Interlocked.Increment(ref _disks)}", seed, () => Now);

    public static SqliteConnection Open(SimulatedDisk disk, string journal)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = disk.PathOf("a.db"),
            Pooling = false,
            Vfs = SimulatedDisk.Vfs,
        }.ToString());
        try
        {
            connection.Open();
            Run(connection, $"PRAGMA journal_mode = {journal}; PRAGMA synchronous = FULL");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Each in a transaction of its own; long enough that pages split and the file grows.</summary>
    public static void Fill(SqliteConnection connection, int count, int from = 1)
    {
        for (var n = from; n < from + count; n++)
        {
            Run(connection, $"INSERT INTO t VALUES ({n}, hex(zeroblob({n * 37 % 900})))");
        }
    }

    public static void Run(SqliteConnection connection, string sql, bool mayFail = false)
    {
        var code = SQLitePCL.raw.sqlite3_exec(connection.Handle, sql);
        if (!mayFail)
        {
            SqliteException.ThrowExceptionForRC(code, connection.Handle);
        }
    }

    public static int Refused(SqliteConnection connection, string sql) => Assert.Throws<SqliteException>(() => Run(connection, sql)).SqliteErrorCode;

    public static string? Ask(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar()?.ToString();
    }

    public static long Count(SqliteConnection connection) => Numbers(connection).Count;

    public static List<long> Numbers(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT n FROM t ORDER BY n";
        using var reader = command.ExecuteReader();
        var numbers = new List<long>();
        while (reader.Read())
        {
            numbers.Add(reader.GetInt64(0));
        }
        return numbers;
    }
}
