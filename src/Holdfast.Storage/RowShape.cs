using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using System.Reflection;

namespace Holdfast.Storage;

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
