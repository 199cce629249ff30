using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using System.Reflection;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage;

/// <summary>Reading SQL over one consistent state: of the replica, of the node's writer, or of a transaction of the primary.</summary>
/// <remarks>Statements keep to the part of SQL that SQLite and PostgreSQL share; parameters are <c>@name</c>, and a list is expanded after <c>IN</c>.</remarks>
public sealed class View(DbConnection connection) : IDisposable
{
    private readonly Statements _statements = new(connection);

    private static readonly ConcurrentDictionary<Type, ConstructorInfo> Constructors = new();

    /// <summary>All rows: scalars, or records whose parameters are named like the columns.</summary>
    public List<T> Query<T>(string sql, object? parameters = null)
    {
        using var reader = _statements.Of(sql, parameters).ExecuteReader();
        var rows = new List<T>();
        var read = Reading<T>(reader);
        while (reader.Read())
        {
            rows.Add(read(reader));
        }
        return rows;
    }

    /// <summary>The first row, or null.</summary>
    public T? Find<T>(string sql, object? parameters = null)
    {
        using var reader = _statements.Of(sql, parameters).ExecuteReader();
        return reader.Read() ? Reading<T>(reader)(reader) : default;
    }

    /// <summary>Runs a statement that reads nothing; only where the view is of a transaction that writes.</summary>
    /// <returns>The rows that it changed.</returns>
    internal int Execute(string sql, object? parameters = null) => _statements.Of(sql, parameters).ExecuteNonQuery();

    /// <summary>Whole rows of a table in the order of ids, from after one.</summary>
    internal IEnumerable<RowVersion> ReadAll(Table table, string afterId, int limit)
    {
        using var rows = new RowWriter(connection);
        foreach (var row in rows.ReadAll(table, afterId, limit))
        {
            yield return row;
        }
    }

    /// <summary>By the record's types, not the driver's guess: SQLite has no type for an expression that is null in the first row.</summary>
    private static Func<DbDataReader, T> Reading<T>(DbDataReader reader)
    {
        var type = Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T);
        if (type == typeof(string) || type.IsPrimitive)
        {
            return row => (T)Value(row, 0, typeof(T))!;
        }
        var constructor = Constructors.GetOrAdd(type, t => t.GetConstructors(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance)
            .OrderByDescending(c => c.GetParameters().Length).First());
        var parameters = constructor.GetParameters();
        var places = Array.ConvertAll(parameters, p => reader.GetOrdinal(p.Name!));
        return row =>
        {
            var values = new object?[parameters.Length];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = Value(row, places[i], parameters[i].ParameterType);
            }
            return (T)constructor.Invoke(values);
        };
    }

    /// <summary>What the node remembers of itself; only where the view is of a node.</summary>
    internal NodeState NodeState => new(this);

    private static object? Value(DbDataReader row, int place, Type type)
    {
        if (row.IsDBNull(place))
        {
            return null;
        }
        var value = row.GetValue(place);
        var wanted = Nullable.GetUnderlyingType(type) ?? type;
        return wanted.IsInstanceOfType(value) ? value : Convert.ChangeType(value, wanted, CultureInfo.InvariantCulture);
    }

    /// <summary>Lets go of the statements, and not of the connection.</summary>
    public void Dispose() => _statements.Dispose();
}
