using System.Data;
using System.Data.Common;

namespace Holdfast.Storage.Rows;

/// <summary>Reads, joins and writes rows on one connection: <c>apply</c>, the same on every database. Statements are made once per table.</summary>
/// <remarks>What a quarantine takes back is as if it had never come, whether it comes before the quarantine or after it (decision 0034).</remarks>
internal sealed class RowWriter(DbConnection connection, JoinVersions? join = null) : IDisposable
{
    private readonly JoinVersions _join = join ?? Join.Of;
    private readonly View _view = new(connection);
    private Voids? _voids;
    private readonly Dictionary<string, (DbCommand Read, DbCommand Write)> _statements = new(StringComparer.Ordinal);

    /// <summary>The row as it is; null when there is none.</summary>
    public RowVersion? Read(Table table, string id)
    {
        var read = Statements(table).Read;
        read.Parameters[0].Value = id;
        using var reader = read.ExecuteReader(CommandBehavior.SingleRow);
        return reader.Read() ? ReadRow(table, reader) : null;
    }

    /// <summary>Where what does not stand is kept; null where nobody needs it again.</summary>
    public Beside? Beside { get; init; }

    /// <summary>Told of a quarantine, or the end of one, and of what stands again by it: whoever replaced or never heard it must hear of it.</summary>
    public Action<RowVersion, IReadOnlyList<RowVersion>>? Restored { get; init; }

    /// <summary>What does not count.</summary>
    public Voids Voids => _voids ??= Voids.Of(_view);

    /// <summary>Somebody else may have written, or what was written is undone.</summary>
    public void Forget() => _voids = null;

    /// <summary>Joins a version into its row. True when that changed the row.</summary>
    public bool Apply(RowVersion version)
    {
        if (Voids.Without(version, (group, _) => Beside?.Keep(version, version.Table.GroupAt(group.Name))) is not { } standing)
        {
            return false;
        }
        var held = Read(standing.Table, standing.Id);
        var (joined, differs) = _join(held, standing);
        Replaced(held, standing, joined);
        if (differs)
        {
            Write(joined);
            Reconsider(standing);
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
        if (Voids.Without(version) != version)
        {
            return null;   // a session of a quarantined node, from its token: nobody begins it again
        }
        var (joined, differs) = _join(held, version);
        Replaced(held, version, joined);
        if (differs)
        {
            Write(joined);
            Reconsider(version);
        }
        return differs ? version : null;
    }

    /// <summary>Keeps what has lost, here or on its way here: what won over it may turn out to be void.</summary>
    private void Replaced(RowVersion? held, RowVersion came, RowVersion joined)
    {
        for (var g = 0; Beside is not null && held is not null && g < joined.Groups.Length; g++)
        {
            if (held.Groups[g] is { } before && came.Groups[g] is { } after && Voids.Takes(joined.Table, joined.Table.Groups[g]))
            {
                var stays = joined.Groups[g]!;
                if (!IsOne(before, stays))
                {
                    Beside.Keep(held, g);
                }
                if (!IsOne(after, stays))
                {
                    Beside.Keep(came, g);
                }
            }
        }

        static bool IsOne(GroupVersion a, GroupVersion b) => ReferenceEquals(a, b) || (a.Stamp == b.Stamp && a.Values.SequenceEqual(b.Values));
    }

    /// <summary>After a quarantine began or ended: what is void leaves its rows, and what stands instead of it, or again, is put there.</summary>
    private void Reconsider(RowVersion cause)
    {
        if (cause.Table == Schema.QuarantineVoids)
        {
            if (Voids.Add(_view, cause.Id) is { } one)
            {
                ApplyAgain(cause, TakeBack(one));
            }
            return;
        }
        if (cause.Table != Schema.Quarantines && cause.Table != Schema.QuarantineLifts)
        {
            return;
        }
        var before = Voids;
        Forget();
        var (now, again) = (Voids, new List<RowVersion>());
        foreach (var one in before.Ones.Except(now.Ones))
        {
            again.AddRange(Schema.ByName.TryGetValue(one.Table, out var table) ? Beside?.Take(table, one.Row, one.Group) ?? [] : []);
        }
        foreach (var (life, from) in before.From.Where(b => !now.From.TryGetValue(b.Key, out var left) || string.CompareOrdinal(left, b.Value) > 0))
        {
            again.AddRange(Beside?.Take(life, from) ?? []);   // what is void still comes back to where it was
        }
        foreach (var (life, from) in now.From.Where(n => !before.From.TryGetValue(n.Key, out var was) || string.CompareOrdinal(n.Value, was) < 0))
        {
            again.AddRange(TakeBack(life, from));
        }
        foreach (var one in now.Ones.Except(before.Ones))
        {
            again.AddRange(TakeBack(one));
        }
        ApplyAgain(cause, again);
    }

    private void ApplyAgain(RowVersion cause, List<RowVersion> again)
    {
        // What is to stand comes first, and what it replaces goes back beside it.
        List<RowVersion> restored = [.. again.OrderByDescending(version => version.LatestStamp, StringComparer.Ordinal).Where(version =>
        {
            var stands = Voids.Without(version) is not null;
            return Apply(version) && stands;
        })];
        Restored?.Invoke(cause, restored);
    }

    /// <summary>Takes out of its rows what a life said from a stamp on.</summary>
    /// <returns>What is beside it.</returns>
    private List<RowVersion> TakeBack(string life, string from)
    {
        var beside = new List<RowVersion>();
        foreach (var table in Schema.Tables)
        {
            List<Group> taken = [.. table.Groups.Where(g => Voids.Takes(table, g))];
            if (taken.Count == 0)
            {
                continue;
            }
            var of = string.Join(" OR ", taken.Select(g => $"({g.StampColumn} >= @from AND substr({g.StampColumn}, 18) = @life)"));
            foreach (var id in _view.Query<string>($"SELECT id FROM {table.Name} WHERE {of}", new { from, life }))
            {
                beside.AddRange(TakeBack(Read(table, id)!));
            }
        }
        return beside;
    }

    private List<RowVersion> TakeBack(Voids.One one) => Schema.ByName.TryGetValue(one.Table, out var table) && Read(table, one.Row) is { } row ? TakeBack(row) : [];

    /// <summary>Takes out of a row what is void.</summary>
    private List<RowVersion> TakeBack(RowVersion row)
    {
        var beside = new List<RowVersion>();
        var left = Voids.Without(row, (group, _) =>
        {
            Beside?.Keep(row, row.Table.GroupAt(group.Name));
            beside.AddRange(Beside?.Take(row.Table, row.Id, group.Name) ?? []);
        });
        if (left is null)
        {
            _view.Execute($"DELETE FROM {row.Table.Name} WHERE id = @Id", new { row.Id });
        }
        else if (left != row)
        {
            Write(left);
        }
        return beside;
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
        _view.Dispose();
        foreach (var (read, write) in _statements.Values)
        {
            read.Dispose();
            write.Dispose();
        }
    }
}
