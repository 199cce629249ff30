using System.Text.Json;

namespace Holdfast.Http;

/// <summary>Keys and values that an application keeps with an object: their bounds, and how a change is merged into what is there.</summary>
internal static class Metadata
{
    public const int MostKeys = 50;
    public const int LongestKey = 40;
    public const int LongestValue = 600;

    public static ApiAnswer Invalid { get; } = ApiError.BadRequest("invalid_metadata",
        $"Metadata holds at most {MostKeys} keys of at most {LongestKey} characters, with values of at most {LongestValue}.");

    /// <summary>What is wrong with it; null when nothing is, or none is given.</summary>
    public static ApiAnswer? Check(Dictionary<string, string?>? named)
    {
        var isSound = named is null || (named.Count <= MostKeys && named.All(m =>
            m.Key.Length is > 0 and <= LongestKey && (m.Value is null || m.Value.Length <= LongestValue)
            && new Fields() is var check && check.Text("key", m.Key) is not null && check.Text("value", m.Value ?? "") is not null && check.Refusal is null));
        return isSound ? null : Invalid;
    }

    /// <summary>As it is stored: keys that are not named stay, null takes one away, and an empty object takes all away.</summary>
    public static string Merge(Dictionary<string, string?>? named, string? held = null)
    {
        var metadata = held is null || named is null or { Count: 0 } ? [] : Read(held);
        foreach (var (key, value) in named ?? [])
        {
            if (value is null)
            {
                metadata.Remove(key);
            }
            else
            {
                metadata[key] = value;
            }
        }
        return JsonSerializer.Serialize(metadata, JavaScriptJson.Options);
    }

    /// <summary>Stored metadata.</summary>
    public static Dictionary<string, string> Read(string? stored) => stored is null ? [] : JsonSerializer.Deserialize<Dictionary<string, string>>(stored)!;
}
