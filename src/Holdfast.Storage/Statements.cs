using System.Collections;
using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Holdfast.Storage;

/// <summary>The statements of one connection, prepared once: to parse one costs more than to run it.</summary>
internal sealed partial class Statements(DbConnection connection) : IDisposable
{
    private const int Most = 500;

    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Properties = new();

    private readonly Dictionary<(string Sql, Type? Parameters), Statement> _prepared = [];

    /// <summary>The statement with its parameters: an object whose properties are named like them. One that is a list is expanded after <c>IN</c>.</summary>
    /// <remarks>It must have been read to its end before it is asked for again.</remarks>
    public DbCommand Of(string sql, object? parameters)
    {
        var list = parameters is null ? null : Array.Find(PropertiesOf(parameters.GetType()), p => IsList(p.PropertyType));
        List<object> values = list is null ? [] : [.. ((IEnumerable)list.GetValue(parameters)!).Cast<object>()];
        var prepared = Prepared(list is null ? sql : Expanded(sql, list.Name, values.Count), parameters?.GetType(), list?.Name, values.Count);
        for (var i = 0; i < prepared.From.Length; i++)
        {
            prepared.Command.Parameters[i].Value = prepared.From[i].GetValue(parameters) ?? DBNull.Value;
        }
        for (var i = 0; i < values.Count; i++)
        {
            prepared.Command.Parameters[prepared.From.Length + i].Value = values[i];
        }
        return prepared.Command;
    }

    private Statement Prepared(string sql, Type? parameters, string? list, int count)
    {
        if (_prepared.TryGetValue((sql, parameters), out var known))
        {
            return known;
        }
        if (_prepared.Count >= Most)
        {
            Dispose();
        }
        var command = connection.CreateCommand();
        command.CommandText = sql;
        var named = Names().Matches(sql).Select(m => m.Groups[1].Value).ToHashSet(StringComparer.Ordinal);
        var from = parameters is null ? [] : Array.FindAll(PropertiesOf(parameters), p => named.Contains(p.Name));
        foreach (var name in from.Select(p => p.Name).Concat(Enumerable.Range(0, count).Select(i => Place(list!, i))))
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = "@" + name;
            command.Parameters.Add(parameter);
        }
        return _prepared[(sql, parameters)] = new Statement(command, from);
    }

    private static string Expanded(string sql, string list, int count) => Regex.Replace(
        sql, $@"@{list}\b", count == 0 ? "(SELECT NULL WHERE 1 = 0)" : $"({string.Join(", ", Enumerable.Range(0, count).Select(i => "@" + Place(list, i)))})", RegexOptions.NonBacktracking);

    private static string Place(string list, int i) => string.Create(CultureInfo.InvariantCulture, $"{list}_{i}");

    private static PropertyInfo[] PropertiesOf(Type type) =>
        Properties.GetOrAdd(type, t => t.GetProperties(BindingFlags.Public | BindingFlags.Instance));

    private static bool IsList(Type type) => type != typeof(string) && type != typeof(byte[]) && typeof(IEnumerable).IsAssignableFrom(type);

    public void Dispose()
    {
        foreach (var statement in _prepared.Values)
        {
            statement.Command.Dispose();
        }
        _prepared.Clear();
    }

    [GeneratedRegex(@"@(\w+)", RegexOptions.NonBacktracking)]
    private static partial Regex Names();

    private sealed record Statement(DbCommand Command, PropertyInfo[] From);
}
