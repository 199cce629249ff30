using System.Data.Common;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage;

/// <summary>Reading SQL over one consistent state: of the replica, of the node's writer, or of a transaction of the primary.</summary>
/// <remarks>Statements keep to the part of SQL that SQLite and PostgreSQL share; parameters are <c>@name</c>, and a list is expanded after <c>IN</c>.</remarks>
public sealed class View(DbConnection connection) : IDisposable
{
    private readonly Statements _statements = new(connection);

    /// <summary>All rows: scalars, or records whose parameters are named like the columns.</summary>
    public List<T> Query<T>(string sql, object? parameters = null)
    {
        var statement = _statements.Of(sql, parameters);
        using var reader = statement.Command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(Row<T>(statement, reader));
        }
        return rows;
    }

    /// <summary>The first row, or null.</summary>
    public T? Find<T>(string sql, object? parameters = null)
    {
        var statement = _statements.Of(sql, parameters);
        using var reader = statement.Command.ExecuteReader();
        return reader.Read() ? Row<T>(statement, reader) : default;
    }

    /// <summary>Runs a statement that reads nothing; only where the view is of a transaction that writes.</summary>
    /// <returns>The rows that it changed.</returns>
    internal int Execute(string sql, object? parameters = null) => _statements.Of(sql, parameters).Command.ExecuteNonQuery();

    /// <summary>Whole rows of a table in the order of ids, from after one.</summary>
    internal IEnumerable<RowVersion> ReadAll(Table table, string afterId, int limit)
    {
        using var rows = new RowWriter(connection);
        foreach (var row in rows.ReadAll(table, afterId, limit))
        {
            yield return row;
        }
    }

    private static T Row<T>(Statement statement, DbDataReader row)
    {
        var type = Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T);
        if (type == typeof(string) || type.IsPrimitive)
        {
            return (T)RowShape.Value(row, 0, type)!;
        }
        var shape = RowShape.Of(type);
        return (T)shape.Read(row, statement.PlacesOf(shape, row));
    }

    /// <summary>What the node remembers of itself; only where the view is of a node.</summary>
    internal NodeState NodeState => new(this);

    /// <summary>Lets go of the statements, and not of the connection.</summary>
    public void Dispose() => _statements.Dispose();
}
