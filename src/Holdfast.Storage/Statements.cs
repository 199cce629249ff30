using System.Collections;
using System.Data.Common;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Holdfast.Storage;

/// <summary>The statements of one connection, prepared once: to parse one costs more than to run it.</summary>
internal sealed partial class Statements(DbConnection connection) : IDisposable
{
    private const int Most = 500;

    private readonly Dictionary<string, Statement> _prepared = new(StringComparer.Ordinal);

    /// <summary>The statement with its parameters: an object whose properties are named like them, or values by name. One that is a list is expanded after <c>IN</c>.</summary>
    /// <remarks>It must have been read to its end before it is asked for again.</remarks>
    /// <exception cref="ArgumentException">The statement has a parameter without a value.</exception>
    public Statement Of(string sql, object? parameters)
    {
        if (parameters is null)
        {
            return Prepared(sql).With([]);
        }
        if (parameters is not IEnumerable<KeyValuePair<string, object?>> named)
        {
            var shape = ParameterShape.Of(parameters.GetType());
            if (!shape.HasLists)
            {
                return Prepared(sql).With(shape, parameters);
            }
            named = shape.ValuesOf(parameters);
        }
        List<KeyValuePair<string, object?>> values = [.. named];
        foreach (var (name, list) in values.Where(v => ParameterShape.IsList(v.Value)).ToList())
        {
            List<object?> items = [.. ((IEnumerable)list!).Cast<object?>()];
            var places = items.Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"{name}_{i}")).ToList();
            sql = Regex.Replace(sql, $@"@{name}\b", items.Count == 0 ? "(SELECT NULL WHERE 1 = 0)" : $"({string.Join(", ", places.Select(p => "@" + p))})", RegexOptions.NonBacktracking);
            values.AddRange(places.Select((place, i) => KeyValuePair.Create(place, items[i])));
        }
        return Prepared(sql).With(values);
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
}
