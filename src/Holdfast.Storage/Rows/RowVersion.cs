using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Holdfast.Storage.Rows;

/// <summary>One group of a version: its stamp, and its values in the order of the group's columns (text, 64-bit integer or null).</summary>
public sealed record GroupVersion(string Stamp, object?[] Values);

/// <summary>A version of a row: any subset of its groups. A fact, a change-log row and a line of a snapshot are all this.</summary>
public sealed class RowVersion(Table table, string id, GroupVersion?[] groups)
{
    public Table Table { get; } = table;

    public string Id { get; } = id;

    /// <summary>Aligned with <see cref="Table.Groups"/>; null where this version says nothing.</summary>
    public GroupVersion?[] Groups { get; } = groups;

    /// <summary>The value of a column; null also when this version does not speak of it.</summary>
    public object? Value(string column)
    {
        var (group, place) = Table.Place(column);
        return Groups[group]?.Values[place];
    }

    /// <summary>The latest stamp of its groups.</summary>
    public string LatestStamp => Groups.Where(g => g is not null).Select(g => g!.Stamp).Max(StringComparer.Ordinal) ?? "";

    /// <summary>What its text takes on disk.</summary>
    public int Bytes => Encoding.UTF8.GetByteCount(ToJson());

    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The canonical text: <c>{"t":table,"i":id,"g":{group:[stamp,{column:value}]}}</c>, groups and columns in declared order.</summary>
    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Writing))
        {
            json.WriteStartObject();
            json.WriteString("t", Table.Name);
            json.WriteString("i", Id);
            json.WriteStartObject("g");
            for (var g = 0; g < Groups.Length; g++)
            {
                if (Groups[g] is { } group)
                {
                    json.WriteStartArray(Table.Groups[g].Name);
                    json.WriteStringValue(group.Stamp);
                    json.WriteStartObject();
                    for (var c = 0; c < group.Values.Length; c++)
                    {
                        json.WritePropertyName(Table.Groups[g].Columns[c]);
                        Write(json, group.Values[c]);
                    }
                    json.WriteEndObject();
                    json.WriteEndArray();
                }
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case string text: json.WriteStringValue(text); break;
            case long number: json.WriteNumberValue(number); break;
            default: throw new ArgumentException($"A column holds text, a 64-bit integer or null, not {value.GetType().Name}.");
        }
    }

    /// <summary>Reads <see cref="ToJson"/>.</summary>
    /// <returns>Null when a part of it is not known here, which a younger release may cause: nothing of it may be dropped.</returns>
    /// <exception cref="FormatException">It is no version of a row.</exception>
    public static RowVersion? FromJson(string json, IReadOnlyDictionary<string, Table> tables)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Of(document.RootElement, tables);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentException or IndexOutOfRangeException)
        {
            throw new FormatException("This is no version of a row.", fault);
        }
    }

    private static RowVersion? Of(JsonElement root, IReadOnlyDictionary<string, Table> tables)
    {
        if (!tables.TryGetValue(root.GetProperty("t").GetString()!, out var table))
        {
            return null;
        }
        var groups = new GroupVersion?[table.Groups.Length];
        foreach (var property in root.GetProperty("g").EnumerateObject())
        {
            if (table.GroupAt(property.Name) is not (var at and >= 0))
            {
                return null;
            }
            var (stamp, columns) = (property.Value[0].GetString(), property.Value[1]);
            if (!HybridClock.IsStamp(stamp))
            {
                throw new FormatException("This is no stamp.");
            }
            if (columns.EnumerateObject().Any(c => Array.IndexOf(table.Groups[at].Columns, c.Name) < 0))
            {
                return null;
            }
            groups[at] = new GroupVersion(stamp!, [.. table.Groups[at].Columns.Select(c => columns.TryGetProperty(c, out var value) ? Read(value) : null)]);
        }
        return new RowVersion(table, root.GetProperty("i").GetString()!, groups);
    }

    private static object? Read(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.Number => value.TryGetInt64(out var number) ? number : throw new FormatException("A number is a 64-bit integer."),
        JsonValueKind.String => value.GetString(),
        _ => throw new FormatException("A value is text, a number or null."),
    };
}
