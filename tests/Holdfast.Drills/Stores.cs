using Dapper;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Drills;

/// <summary>What a stopped server's two files hold, read without it.</summary>
internal static class Stores
{
    /// <summary>Replica and primary are one, and no version stands in the change log twice.</summary>
    public static void AssertLevel(string data, TimeProvider? clock = null)
    {
        using var node = Open(Path.Combine(data, "node.db"));
        using var primary = Open(Path.Combine(data, "primary.db"));
        var now = (clock ?? TimeProvider.System).GetUtcNow();
        Assert.Equal(Digest.Of(primary, Schema.Tables, now), Digest.Of(node, Schema.Tables, now));
        Assert.Empty(primary.Query<string>("SELECT version FROM change_log WHERE version <> '' GROUP BY version HAVING count(*) > 1"));
    }

    /// <summary>How often the change log tells of a row.</summary>
    public static IReadOnlyDictionary<(string Table, string Id), int> Told(string data)
    {
        using var primary = Open(Path.Combine(data, "primary.db"));
        return primary.Query<(string Table, string Id)>("SELECT json_extract(version, '$.t'), json_extract(version, '$.i') FROM change_log WHERE version <> ''")
            .CountBy(row => row).ToDictionary();
    }

    /// <summary>Which of these values a column of a file does not hold.</summary>
    public static List<string> Missing(string file, string table, string column, IEnumerable<string> values)
    {
        using var connection = Open(file);
        var held = connection.Query<string>($"SELECT {column} FROM {table}").ToHashSet(StringComparer.Ordinal);
        return [.. values.Where(v => !held.Contains(v))];
    }

    public static List<string> Column(string file, string sql)
    {
        using var connection = Open(file);
        return [.. connection.Query<string>(sql)];
    }

    /// <summary>A code's row, by the code.</summary>
    public static string RowOf(string code) => Caller.Hash(code);

    public static SqliteConnection Open(string file)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadWrite, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }
}
