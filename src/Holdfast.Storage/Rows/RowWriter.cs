using System.Data;
using System.Data.Common;

namespace Holdfast.Storage.Rows;

/// <summary>Reads, joins and writes rows on one connection: <c>apply</c>, the same on every database. Statements are made once per table.</summary>
internal sealed class RowWriter(DbConnection connection, JoinVersions? join = null) : IDisposable
{
    private readonly JoinVersions _join = join ?? Join.Of;
    private readonly Dictionary<string, (DbCommand Read, DbCommand Write)> _statements = new(StringComparer.Ordinal);

    /// <summary>The row as it is; null when there is none.</summary>
    public RowVersion? Read(Table table, string id)
    {
        var read = Statements(table).Read;
        read.Parameters[0].Value = id;
        using var reader = read.ExecuteReader(CommandBehavior.SingleRow);
        return reader.Read() ? ReadRow(table, reader) : null;
    }

    /// <summary>Joins a version into its row. True when that changed the row.</summary>
    public bool Apply(RowVersion version)
    {
        var (joined, differs) = _join(Read(version.Table, version.Id), version);
        if (differs)
        {
            Write(joined);
        }
        return differs;
    }

    /// <summary>Stamps a change so that it exceeds all that it replaces (unless it brings its stamp), and applies it.</summary>
    /// <returns>Null when the row is as it was: it is immutable and there already.</returns>
    public RowVersion? Put(Change change, HybridClock clock)
    {
        var held = Read(change.Table, change.Id);
        var after = "";
        for (var g = 0; held is not null && g < held.Groups.Length; g++)
        {
            if (held.Groups[g] is { } group && change.Touches(change.Table.Groups[g]) && string.CompareOrdinal(group.Stamp, after) > 0)
            {
                after = group.Stamp;
            }
        }
        var version = change.Stamped(change.Stamp ?? clock.Next(after));
        var (joined, differs) = _join(held, version);
        if (differs)
        {
            Write(joined);
        }
        return differs ? version : null;
    }

    /// <summary>Every row of a table in the order of ids, from after <paramref name="afterId"/>.</summary>
    public IEnumerable<RowVersion> ReadAll(Table table, string afterId = "", int limit = int.MaxValue)
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT {Columns(table)} FROM {table.Name} WHERE id > @after ORDER BY id LIMIT @limit";
        Add(command, "@after", afterId);
        Add(command, "@limit", (long)limit);
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            yield return ReadRow(table, reader);
        }
    }

    private void Write(RowVersion row)
    {
        var write = Statements(row.Table).Write;
        var at = 0;
        write.Parameters[at++].Value = row.Id;
        for (var g = 0; g < row.Groups.Length; g++)
        {
            var group = row.Groups[g];
            write.Parameters[at++].Value = group?.Stamp ?? "";
            for (var c = 0; c < row.Table.Groups[g].Columns.Length; c++)
            {
                write.Parameters[at++].Value = group?.Values[c] ?? DBNull.Value;
            }
        }
        write.ExecuteNonQuery();
    }

    private static RowVersion ReadRow(Table table, DbDataReader reader)
    {
        var id = reader.GetString(0);
        var groups = new GroupVersion?[table.Groups.Length];
        var at = 1;
        for (var g = 0; g < groups.Length; g++)
        {
            var stamp = reader.GetString(at++);
            var values = new object?[table.Groups[g].Columns.Length];
            for (var c = 0; c < values.Length; c++)
            {
                values[c] = reader.IsDBNull(at) ? null : reader.GetValue(at);
                at++;
            }
            groups[g] = stamp.Length == 0 ? null : new GroupVersion(stamp, values);
        }
        return new RowVersion(table, id, groups);
    }

    private (DbCommand Read, DbCommand Write) Statements(Table table)
    {
        if (!_statements.TryGetValue(table.Name, out var pair))
        {
            var names = ColumnNames(table).ToList();
            var read = connection.CreateCommand();
            read.CommandText = $"SELECT {Columns(table)} FROM {table.Name} WHERE id = @id";
            Add(read, "@id", null);
            var write = connection.CreateCommand();
            write.CommandText =
                $"INSERT INTO {table.Name} ({string.Join(", ", names)}) VALUES ({string.Join(", ", names.Select(n => "@" + n))}) "
                + $"ON CONFLICT (id) DO UPDATE SET {string.Join(", ", names.Skip(1).Select(n => $"{n} = excluded.{n}"))}";
            names.ForEach(n => Add(write, "@" + n, null));
            _statements[table.Name] = pair = (read, write);
        }
        return pair;
    }

    private static void Add(DbCommand command, string name, object? value)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = value ?? DBNull.Value;
        command.Parameters.Add(parameter);
    }

    private static IEnumerable<string> ColumnNames(Table table) => ["id", .. table.Groups.SelectMany(g => (string[])[g.StampColumn, .. g.Columns])];

    private static string Columns(Table table) => string.Join(", ", ColumnNames(table));

    public void Dispose()
    {
        foreach (var (read, write) in _statements.Values)
        {
            read.Dispose();
            write.Dispose();
        }
    }
}
