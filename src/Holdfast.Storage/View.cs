using System.Data.Common;
using Dapper;

namespace Holdfast.Storage;

/// <summary>Reading SQL over one consistent state: of the replica, of the node's writer, or of a transaction of the primary.</summary>
/// <remarks>Statements keep to the part of SQL that SQLite and PostgreSQL share; parameters are <c>@name</c>.</remarks>
public sealed class View(DbConnection connection)
{
    /// <summary>All rows.</summary>
    public List<T> Query<T>(string sql, object? parameters = null) => connection.Query<T>(sql, parameters, buffered: true).AsList();

    /// <summary>The one row, or null.</summary>
    public T? Find<T>(string sql, object? parameters = null) => connection.QueryFirstOrDefault<T>(sql, parameters);
}
