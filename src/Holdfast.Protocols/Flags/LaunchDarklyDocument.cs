using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Holdfast.Protocols.Flags;

/// <summary>A flag, as far as it is evaluated.</summary>
internal sealed record LdFlag(
    string Key, long Version, bool On, bool Deleted, string? Salt, int? OffVariation, List<JsonElement>? Variations, List<LdPrerequisite>? Prerequisites, List<LdTarget>? Targets,
    List<LdTarget>? ContextTargets, List<LdRule>? Rules, LdFallthrough? Fallthrough)
{
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web) { MaxDepth = 64 };

    /// <summary>It could not be read. The others can.</summary>
    [JsonIgnore]
    public bool IsMalformed { get; init; }

    /// <summary>As it came.</summary>
    [JsonIgnore]
    public JsonElement Raw { get; init; }

    public static LdFlag Read(string key, JsonElement flag)
    {
        var raw = flag.Clone();   // what is read of it keeps hold of this one, and not of the document that it came in
        return (Read<LdFlag>(raw) ?? Gone(key, VersionOf(raw)) with { Deleted = false, IsMalformed = true }) with { Key = key, Raw = raw };
    }

    public static LdFlag Gone(string key, long version) => new(key, version, false, true, null, null, null, null, null, null, null, null);

    internal static T? Read<T>(JsonElement item) where T : class
    {
        try
        {
            return item.Deserialize<T>(s_options);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    internal static long VersionOf(JsonElement item) =>
        item.ValueKind == JsonValueKind.Object && item.TryGetProperty("version", out var version) && version.ValueKind == JsonValueKind.Number && version.TryGetInt64(out var number) ? number : 0;
}

internal sealed record LdPrerequisite(string? Key, int Variation);

internal sealed record LdTarget(HashSet<string>? Values, int Variation, string? ContextKind);

internal sealed record LdRule(List<LdClause>? Clauses, int? Variation, LdRollout? Rollout);

internal sealed record LdFallthrough(int? Variation, LdRollout? Rollout);

internal sealed record LdRollout(string? Kind, string? ContextKind, string? BucketBy, long? Seed, List<LdShare>? Variations)
{
    [JsonIgnore]
    public LdAttribute By { get; } = LdAttribute.Of(BucketBy is null or "" ? "key" : BucketBy, isReference: ContextKind is { Length: > 0 });
}

/// <param name="Weight">Of 100,000.</param>
internal sealed record LdShare(int Variation, double Weight);

internal sealed record LdClause(string? Attribute, string? Op, List<JsonElement>? Values, bool Negate, string? ContextKind)
{
    /// <summary>What it looks at.</summary>
    [JsonIgnore]
    public LdAttribute On { get; } = LdAttribute.Of(Attribute ?? "", isReference: ContextKind is { Length: > 0 });

    /// <summary>Of <c>matches</c>: each value, made ready once.</summary>
    [JsonIgnore]
    public List<Pattern>? Patterns { get; } = Op == "matches" ? Values?.ConvertAll(v => new Pattern(v.ValueKind == JsonValueKind.String ? v.GetString()! : "\\b\\B")) : null;
}

/// <summary>A segment: people by list, or by rules.</summary>
internal sealed record LdSegment(
    string Key, long Version, bool Deleted, string? Salt, bool Unbounded, HashSet<string>? Included, HashSet<string>? Excluded, List<LdTarget>? IncludedContexts,
    List<LdTarget>? ExcludedContexts, List<LdSegmentRule>? Rules)
{
    /// <inheritdoc cref="LdFlag.IsMalformed"/>
    [JsonIgnore]
    public bool IsMalformed { get; init; }

    /// <inheritdoc cref="LdFlag.Raw"/>
    [JsonIgnore]
    public JsonElement Raw { get; init; }

    public static LdSegment Read(string key, JsonElement segment)
    {
        var raw = segment.Clone();
        return (LdFlag.Read<LdSegment>(raw) ?? Gone(key, LdFlag.VersionOf(raw)) with { Deleted = false, IsMalformed = true }) with { Key = key, Raw = raw };
    }

    public static LdSegment Gone(string key, long version) => new(key, version, true, null, false, null, null, null, null, null);
}

/// <param name="Weight">Of 100,000 of those whom the clauses let through; null for all.</param>
internal sealed record LdSegmentRule(List<LdClause>? Clauses, double? Weight, string? BucketBy, string? RolloutContextKind)
{
    [JsonIgnore]
    public LdAttribute By { get; } = LdAttribute.Of(BucketBy is null or "" ? "key" : BucketBy, isReference: RolloutContextKind is { Length: > 0 });
}

/// <summary>An attribute: a plain name, or a reference such as <c>/address/city</c>, in which <c>~1</c> is a slash and <c>~0</c> a tilde.</summary>
internal sealed record LdAttribute(string[] Parts, bool IsValid)
{
    public static LdAttribute Key { get; } = new(["key"], true);

    public bool IsKind => Parts is ["kind"];

    public static LdAttribute Of(string text, bool isReference)
    {
        if (!isReference || !text.StartsWith('/'))
        {
            return new LdAttribute([text], text.Length > 0);
        }
        var parts = text[1..].Split('/');
        return new LdAttribute(
            [.. parts.Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))],
            Array.TrueForAll(parts, p => p.Length > 0 && IsEscapedWell(p)));
    }

    private static bool IsEscapedWell(string part)
    {
        for (var i = part.IndexOf('~', StringComparison.Ordinal); i >= 0; i = part.IndexOf('~', i + 1))
        {
            if (i + 1 >= part.Length || part[i + 1] is not ('0' or '1'))
            {
                return false;
            }
        }
        return true;
    }
}

/// <summary>For whom, in LaunchDarkly's words.</summary>
internal sealed class LdContext(FlagContext context)
{
    private static readonly JsonElement s_false = JsonElement.Parse("false");

    public string? KeyOf(string kind) => context.Subjects.GetValueOrDefault(kind)?.Key;

    public IEnumerable<JsonElement> Kinds => context.Subjects.Keys.Select(kind => JsonSerializer.SerializeToElement(kind));

    /// <summary>An attribute of the subject of a kind; null when either is not there.</summary>
    public JsonElement? Find(LdAttribute attribute, string? kind)
    {
        if (!context.Subjects.TryGetValue(kind is null or "" ? FlagContext.User : kind, out var subject))
        {
            return null;
        }
        if (attribute.Parts is ["key"])
        {
            return JsonSerializer.SerializeToElement(subject.Key);
        }
        if (!subject.Attributes.TryGetValue(attribute.Parts[0], out var value))
        {
            return attribute.Parts is ["anonymous"] ? s_false : null;
        }
        foreach (var part in attribute.Parts.AsSpan(1))
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(part, out value))
            {
                return null;
            }
        }
        return value;
    }

    /// <summary>What people are spread by: a text, or a whole number; null for anything else.</summary>
    public static string? ToBucket(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number when value.GetDouble() is var number && double.IsInteger(number) && Math.Abs(number) < 1e21 => number.ToString("F0", CultureInfo.InvariantCulture),
        _ => null,
    };
}
