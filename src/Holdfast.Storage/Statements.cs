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

    private readonly Dictionary<string, Statement> _prepared = new(StringComparer.Ordinal);

    /// <summary>The statement with its parameters: an object whose properties are named like them, or values by name. One that is a list is expanded after <c>IN</c>.</summary>
    /// <remarks>It must have been read to its end before it is asked for again.</remarks>
    /// <exception cref="ArgumentException">The statement has a parameter without a value.</exception>
    public DbCommand Of(string sql, object? parameters)
    {
        var values = ValuesOf(parameters);
        foreach (var (name, list) in values.Where(v => IsList(v.Value)).ToList())
        {
            List<object?> items = [.. ((IEnumerable)list!).Cast<object?>()];
            var places = items.Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"{name}_{i}")).ToList();
            sql = Regex.Replace(sql, $@"@{name}\b", items.Count == 0 ? "(SELECT NULL WHERE 1 = 0)" : $"({string.Join(", ", places.Select(p => "@" + p))})", RegexOptions.NonBacktracking);
            values.AddRange(places.Select((place, i) => KeyValuePair.Create(place, items[i])));
        }
        var statement = Prepared(sql);
        for (var i = 0; i < statement.Names.Length; i++)
        {
            statement.Command.Parameters[i].Value = ValueOf(values, statement.Names[i]) ?? DBNull.Value;
        }
        return statement.Command;
    }

    private static object? ValueOf(List<KeyValuePair<string, object?>> values, string name)
    {
        foreach (var value in values)
        {
            if (value.Key == name)
            {
                return value.Value;
            }
        }
        throw new ArgumentException($"The statement's parameter @{name} has no value.", nameof(values));
    }

    private Statement Prepared(string sql)
    {
        if (_prepared.TryGetValue(sql, out var known))
        {
            return known;
        }
        if (_prepared.Count >= Most)
        {
            Dispose();
        }
        var command = connection.CreateCommand();
        command.CommandText = sql;
        string[] names = [.. Names().Matches(sql).Select(m => m.Groups[1].Value).Distinct(StringComparer.Ordinal)];
        foreach (var name in names)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = "@" + name;
            command.Parameters.Add(parameter);
        }
        return _prepared[sql] = new Statement(command, names);
    }

    private static List<KeyValuePair<string, object?>> ValuesOf(object? parameters) => parameters switch
    {
        null => [],
        IEnumerable<KeyValuePair<string, object?>> named => [.. named],
        _ => [.. Properties.GetOrAdd(parameters.GetType(), t => t.GetProperties(BindingFlags.Public | BindingFlags.Instance)).Select(p => KeyValuePair.Create(p.Name, p.GetValue(parameters)))],
    };

    private static bool IsList(object? value) => value is IEnumerable and not string and not byte[];

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

    private sealed record Statement(DbCommand Command, string[] Names);
}
