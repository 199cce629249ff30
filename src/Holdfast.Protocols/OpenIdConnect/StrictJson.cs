using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>JSON from strangers: bounded in size and depth, without comments, without a name that stands twice (two readers would each take
/// another one of them), and without half a surrogate pair, which would throw in whoever reads that text later.</summary>
internal static class StrictJson
{
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    /// <returns>False for anything but one JSON object of at most <paramref name="maxBytes"/>.</returns>
    public static bool TryReadObject(ReadOnlySpan<byte> utf8, int maxBytes, out JsonElement value) =>
        TryRead(utf8, maxBytes, out value) && value.ValueKind == JsonValueKind.Object;

    /// <returns>False for anything but one JSON value of at most <paramref name="maxBytes"/>.</returns>
    public static bool TryRead(ReadOnlySpan<byte> utf8, int maxBytes, out JsonElement value)
    {
        value = default;
        if (utf8.Length > maxBytes)
        {
            return false;
        }
        try
        {
            value = JsonElement.Parse(utf8, s_options);
            ReadAllTexts(value);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)   // the second for text that is not sound UTF-16
        {
            return false;
        }
    }

    /// <returns>False when it is absent, empty, or not a string.</returns>
    public static bool TryGetText(this JsonElement json, string name, [NotNullWhen(true)] out string? text)
    {
        text = json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return !string.IsNullOrEmpty(text);
    }

    public static string? TextOrNull(this JsonElement json, string name) => json.TryGetText(name, out var text) ? text : null;

    /// <returns>The strings of an array; null when it is absent or anything else.</returns>
    public static IReadOnlyList<string>? TextsOrNull(this JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array
        && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(v => v.GetString()!)]
            : null;

    public static IReadOnlyDictionary<string, JsonElement> Members(this JsonElement json) =>
        json.EnumerateObject().ToDictionary(p => p.Name, p => p.Value, StringComparer.Ordinal);

    private static void ReadAllTexts(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in value.EnumerateObject())
                {
                    _ = member.Name;
                    ReadAllTexts(member.Value);
                }
                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray())
                {
                    ReadAllTexts(item);
                }
                break;
            case JsonValueKind.String:
                _ = value.GetString();
                break;
        }
    }
}
