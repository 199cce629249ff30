using System.Globalization;
using Holdfast.Simulation.Disk;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Simulation.Machines;

/// <summary>Under which term a claim stands somewhere.</summary>
internal sealed record ClaimTerm(string Id, long Term);

/// <summary>Looking into a database as an auditor would, beside the process that has it open.</summary>
internal static class Rows
{
    public static SqliteConnection Open(string path)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, Vfs = SimulatedDisk.Vfs,
        }.ToString());
        connection.Open();
        return connection;
    }

    public static List<string[]> Texts(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string[]>();
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "null" : Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture)!)]);
        }
        return rows;
    }

    public static Dictionary<string, string> ById(SqliteConnection connection, Table table) =>
        Texts(connection, $"SELECT * FROM {table.Name} ORDER BY id").ToDictionary(r => r[0], r => string.Join(" | ", r), StringComparer.Ordinal);
}
