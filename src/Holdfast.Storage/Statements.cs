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

/// <summary>A prepared statement.</summary>
/// <param name="names">Of its parameters, without the sign, in the command's order.</param>
internal sealed class Statement(DbCommand command, string[] names)
{
    private ParameterShape? _shape;
    private MethodInvoker[] _getters = [];
    private (RowShape Shape, int[] Places)? _reading;

    public DbCommand Command { get; } = command;

    public Statement With(List<KeyValuePair<string, object?>> values)
    {
        for (var i = 0; i < names.Length; i++)
        {
            var at = values.FindIndex(v => v.Key == names[i]);
            Command.Parameters[i].Value = at < 0 ? throw Missing(names[i]) : values[at].Value ?? DBNull.Value;
        }
        return this;
    }

    public Statement With(ParameterShape shape, object parameters)
    {
        if (_shape != shape)
        {
            _getters = Array.ConvertAll(names, name => shape.Getters.GetValueOrDefault(name) ?? throw Missing(name));
            _shape = shape;
        }
        for (var i = 0; i < _getters.Length; i++)
        {
            Command.Parameters[i].Value = _getters[i].Invoke(parameters) ?? DBNull.Value;
        }
        return this;
    }

    /// <summary>How a row is read as a record of this shape: the columns' places are looked up once.</summary>
    public int[] PlacesOf(RowShape shape, DbDataReader reader)
    {
        if (_reading is not { } known || known.Shape != shape)
        {
            _reading = known = (shape, Array.ConvertAll(shape.Names, reader.GetOrdinal));
        }
        return known.Places;
    }

    private static ArgumentException Missing(string name) => new($"The statement's parameter @{name} has no value.");
}

/// <summary>How a type is read as parameters.</summary>
internal sealed class ParameterShape
{
    private static readonly ConcurrentDictionary<Type, ParameterShape> s_known = new();

    private ParameterShape(Type type)
    {
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance);
        Getters = properties.ToDictionary(p => p.Name, p => MethodInvoker.Create(p.GetMethod!), StringComparer.Ordinal);
        HasLists = properties.Any(p => p.PropertyType == typeof(object) || (p.PropertyType.IsAssignableTo(typeof(IEnumerable)) && p.PropertyType != typeof(string) && p.PropertyType != typeof(byte[])));
    }

    /// <summary>By property.</summary>
    public IReadOnlyDictionary<string, MethodInvoker> Getters { get; }

    /// <summary>Whether one of them may be a list, which is expanded in the statement's text.</summary>
    public bool HasLists { get; }

    public static ParameterShape Of(Type type) => s_known.GetOrAdd(type, t => new ParameterShape(t));

    public static bool IsList(object? value) => value is IEnumerable and not string and not byte[];

    public IEnumerable<KeyValuePair<string, object?>> ValuesOf(object parameters) => Getters.Select(g => KeyValuePair.Create(g.Key, g.Value.Invoke(parameters)));
}

/// <summary>How a record is made of a row: its longest constructor, whose parameters are named like the columns.</summary>
internal sealed class RowShape
{
    private static readonly ConcurrentDictionary<Type, RowShape> s_known = new();

    private readonly ConstructorInvoker _constructor;
    private readonly Type[] _types;

    private RowShape(Type type)
    {
        var constructor = type.GetConstructors(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance).OrderByDescending(c => c.GetParameters().Length).First();
        var parameters = constructor.GetParameters();
        _constructor = ConstructorInvoker.Create(constructor);
        _types = Array.ConvertAll(parameters, p => Nullable.GetUnderlyingType(p.ParameterType) ?? p.ParameterType);
        Names = Array.ConvertAll(parameters, p => p.Name!);
    }

    public string[] Names { get; }

    public static RowShape Of(Type type) => s_known.GetOrAdd(type, t => new RowShape(t));

    public object Read(DbDataReader row, int[] places)
    {
        var values = new object?[places.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = Value(row, places[i], _types[i]);
        }
        return _constructor.Invoke(values.AsSpan());
    }

    /// <summary>By the record's type, not the driver's guess: SQLite has no type for an expression that is null in the first row.</summary>
    /// <param name="wanted">Not a <see cref="Nullable{T}"/>.</param>
    public static object? Value(DbDataReader row, int place, Type wanted)
    {
        var value = row.GetValue(place);
        return value is DBNull ? null
            : wanted.IsInstanceOfType(value) ? value
            : Convert.ChangeType(value, wanted, CultureInfo.InvariantCulture);
    }
}
