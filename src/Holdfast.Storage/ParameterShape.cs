using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;

namespace Holdfast.Storage;

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
