using System.Data.Common;
using System.Reflection;

namespace Holdfast.Storage;

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
