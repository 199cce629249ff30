using System.Text.Json;

namespace Holdfast.Protocols.Flags;

/// <summary>Flags in a file of the operator's: <c>{"flags": {"name": true, "other": {"value": true, "users": ["user_…"], "organizations": ["org_…"], "otherwise": false}}}</c>.
/// A value is any JSON that is no object; one that is an object stands under <c>value</c>.</summary>
public sealed class FileFlags : FlagSet
{
    private readonly Dictionary<string, Flag> _flags;

    private FileFlags(Dictionary<string, Flag> flags) => _flags = flags;

    public override IReadOnlyCollection<string> Names => _flags.Keys;

    /// <exception cref="FlagDocumentException">It is not of that shape.</exception>
    public static FileFlags Parse(byte[] text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 32, AllowDuplicateProperties = false, CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return new FileFlags(document.RootElement.GetProperty("flags").EnumerateObject().ToDictionary(f => f.Name, f => Read(f.Value), StringComparer.Ordinal));
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FlagDocumentException("The file is not of the form {\"flags\": {…}}.", fault);
        }
    }

    public override FlagResult Evaluate(string name, FlagContext context, DateTimeOffset now)
    {
        if (!_flags.TryGetValue(name, out var flag))
        {
            return new FlagResult(FlagOutcome.Unknown);
        }
        bool IsIn(HashSet<string>? ids, string kind) => ids is not null && context.Subjects.TryGetValue(kind, out var subject) && ids.Contains(subject.Key);
        return flag is { Users: null, Organizations: null } || IsIn(flag.Users, FlagContext.User) || IsIn(flag.Organizations, FlagContext.Organization)
            ? FlagResult.Of(flag.Value)
            : flag.Otherwise is { } otherwise ? FlagResult.Of(otherwise) : new FlagResult(FlagOutcome.None);
    }

    private static Flag Read(JsonElement flag)
    {
        if (flag.ValueKind != JsonValueKind.Object)
        {
            return new Flag(flag.Clone(), null, null, null);
        }
        HashSet<string>? Ids(string name) => flag.TryGetProperty(name, out var list) ? [.. list.EnumerateArray().Select(id => id.GetString() ?? "")] : null;
        return new Flag(flag.GetProperty("value").Clone(), Ids("users"), Ids("organizations"), flag.TryGetProperty("otherwise", out var otherwise) ? otherwise.Clone() : null);
    }

    private sealed record Flag(JsonElement Value, HashSet<string>? Users, HashSet<string>? Organizations, JsonElement? Otherwise);
}
