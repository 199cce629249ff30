using System.Globalization;
using System.Runtime.CompilerServices;
using Holdfast.Storage.Rows;
using Npgsql;
using NpgsqlTypes;

namespace Holdfast.Storage.Primary.Postgres;

/// <summary>Reads and writes many rows at once: a round trip for each would be paid with the writers' turn in hand.</summary>
/// <param name="numeric">The columns that hold numbers.</param>
internal sealed class PostgresRows(IReadOnlySet<(string Table, string Column)> numeric)
{
    /// <summary>Adds to a batch the reading of these versions' rows: one result for each table, in the order of <see cref="TablesOf"/>.</summary>
    public static void AddReads(NpgsqlBatch batch, IReadOnlyList<RowVersion> versions)
    {
        foreach (var table in TablesOf(versions))
        {
            var read = new NpgsqlBatchCommand($"SELECT {Columns(table)} FROM {table.Name} WHERE id = ANY (@ids)");
            read.Parameters.Add(Texts("ids", [.. versions.Where(v => v.Table == table).Select(v => PostgresText.Write(v.Id)).Distinct(StringComparer.Ordinal)]));
            batch.BatchCommands.Add(read);
        }
    }

    /// <summary>Reads what <see cref="AddReads"/> asked for, from the result that the reader stands at; at the end it stands at the one that follows.</summary>
    public static async Task<Dictionary<(Table Table, string Id), RowVersion>> ReadAsync(NpgsqlDataReader reader, IReadOnlyList<RowVersion> versions, CancellationToken ct)
    {
        var rows = new Dictionary<(Table, string), RowVersion>();
        foreach (var table in TablesOf(versions))
        {
            while (await reader.ReadAsync(ct))
            {
                var row = ReadRow(table, reader);
                rows[(table, row.Id)] = row;
            }
            await reader.NextResultAsync(ct);
        }
        return rows;
    }

    /// <summary>Adds to a batch the writing of rows.</summary>
    public void AddWrites(NpgsqlBatch batch, IReadOnlyList<RowVersion> rows)
    {
        foreach (var table in TablesOf(rows))
        {
            var these = rows.Where(r => r.Table == table).ToList();
            var columns = ColumnsOf(table);
            var write = new NpgsqlBatchCommand(
                $"INSERT INTO {table.Name} ({Columns(table)}) SELECT * FROM unnest({string.Join(", ", columns.Select((_, i) => $"@c{i}"))}) "
                + $"ON CONFLICT (id) DO UPDATE SET {string.Join(", ", columns.Skip(1).Select(c => $"\"{c}\" = excluded.\"{c}\""))}");
            write.Parameters.Add(Texts("c0", [.. these.Select(r => PostgresText.Write(r.Id))]));
            var at = 1;
            for (var g = 0; g < table.Groups.Length; g++)
            {
                write.Parameters.Add(Texts($"c{at++}", [.. these.Select(r => r.Groups[g]?.Stamp ?? "")]));
                for (var c = 0; c < table.Groups[g].Columns.Length; c++)
                {
                    var values = these.Select(r => r.Groups[g]?.Values[c]);
                    write.Parameters.Add(numeric.Contains((table.Name, table.Groups[g].Columns[c]))
                        ? Numbers($"c{at++}", [.. values.Select(v => AsNumber(v, table))])
                        : Texts($"c{at++}", [.. values.Select(AsText)]));
                }
            }
            batch.BatchCommands.Add(write);
        }
    }

    /// <summary>Adds to a batch that what is void leaves its rows, and rows of which nothing is left. What stands again instead, nodes offer.</summary>
    public static void AddTakingBack(NpgsqlBatch batch, Voids? voids)
    {
        if (voids is null or { From.Count: 0 })
        {
            return;
        }
        foreach (var table in Schema.Tables)
        {
            foreach (var group in table.Groups.Where(g => Voids.Takes(table, g)))
            {
                var empty = string.Join(", ", group.Columns.Select(c => $"\"{c}\" = NULL").Prepend($"\"{group.StampColumn}\" = ''"));
                var ones = voids.Ones.Where(o => o.Table == table.Name && o.Group == group.Name).ToList();
                var update = new NpgsqlBatchCommand(
                    $"UPDATE {table.Name} SET {empty} FROM unnest(@lives, @from) AS v(life, since) WHERE substr({group.StampColumn}, 18) = v.life AND {group.StampColumn} COLLATE \"C\" >= v.since COLLATE \"C\"");
                update.Parameters.Add(Texts("lives", [.. voids.From.Keys]));
                update.Parameters.Add(Texts("from", [.. voids.From.Values]));
                batch.BatchCommands.Add(update);
                if (ones.Count > 0)
                {
                    var each = new NpgsqlBatchCommand($"UPDATE {table.Name} SET {empty} FROM unnest(@ids, @stamps) AS v(id, stamp) WHERE {table.Name}.id = v.id AND {group.StampColumn} = v.stamp");
                    each.Parameters.Add(Texts("ids", [.. ones.Select(o => PostgresText.Write(o.Row))]));
                    each.Parameters.Add(Texts("stamps", [.. ones.Select(o => o.Stamp)]));
                    batch.BatchCommands.Add(each);
                }
            }
            if (table.Groups.Any(g => Voids.Takes(table, g)))
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand($"DELETE FROM {table.Name} WHERE {string.Join(" AND ", table.Groups.Select(g => $"{g.StampColumn} = ''"))}"));
            }
        }
    }

    /// <summary>All rows of all tables, in the order that the digest takes.</summary>
    public static async IAsyncEnumerable<RowVersion> ReadAllAsync(NpgsqlConnection connection, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var table in Schema.Tables)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = $"SELECT {Columns(table)} FROM {table.Name} ORDER BY id COLLATE \"C\"";
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                yield return ReadRow(table, reader);
            }
        }
    }

    public static NpgsqlParameter Texts(string name, string?[] values) => new(name, NpgsqlDbType.Array | NpgsqlDbType.Text) { Value = values };

    public static NpgsqlParameter Numbers(string name, long?[] values) => new(name, NpgsqlDbType.Array | NpgsqlDbType.Bigint) { Value = values };

    private static IEnumerable<Table> TablesOf(IReadOnlyList<RowVersion> versions) => versions.Select(v => v.Table).Distinct();

    private static RowVersion ReadRow(Table table, NpgsqlDataReader reader)
    {
        var id = PostgresText.Read(reader.GetString(0));
        var groups = new GroupVersion?[table.Groups.Length];
        var at = 1;
        for (var g = 0; g < groups.Length; g++)
        {
            var stamp = reader.GetString(at++);
            var values = new object?[table.Groups[g].Columns.Length];
            for (var c = 0; c < values.Length; c++, at++)
            {
                values[c] = reader.IsDBNull(at) ? null : reader.GetValue(at) is string text ? PostgresText.Read(text) : reader.GetInt64(at);
            }
            groups[g] = stamp.Length == 0 ? null : new GroupVersion(stamp, values);
        }
        return new RowVersion(table, id, groups);
    }

    // A column's declared type decides, as it does in SQLite.
    private static string? AsText(object? value) => value switch
    {
        null => null,
        string text => PostgresText.Write(text),
        _ => ((long)value).ToString(CultureInfo.InvariantCulture),
    };

    private static long? AsNumber(object? value, Table table) => value switch
    {
        null => null,
        long number => number,
        _ => long.TryParse((string)value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"A number of {table} is text."),
    };

    private static string[] ColumnsOf(Table table) => ["id", .. table.Groups.SelectMany(g => (string[])[g.StampColumn, .. g.Columns])];

    private static string Columns(Table table) => string.Join(", ", ColumnsOf(table).Select(c => $"\"{c}\""));
}
