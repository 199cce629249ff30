using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Holdfast.Protocols.Flags;

/// <summary>How LaunchDarkly compares an attribute with a clause's values. Values of a type that an operator does not compare never match.</summary>
internal static partial class LdOperators
{
    private static readonly HashSet<string> s_known =
    [
        "in", "endsWith", "startsWith", "matches", "contains", "lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual", "before", "after", "semVerEqual", "semVerLessThan",
        "semVerGreaterThan",
    ];

    public static bool Knows(string? op) => op is not null && s_known.Contains(op);

    /// <summary>Whether an attribute fits any of the values.</summary>
    public static bool Any(LdClause clause, JsonElement attribute)
    {
        if (clause.Patterns is { } patterns)
        {
            return attribute.ValueKind == JsonValueKind.String && patterns.Exists(p => p.IsMatch(attribute.GetString()!));
        }
        return (clause.Values ?? []).Exists(value => Fits(clause.Op!, attribute, value));
    }

    private static bool Fits(string op, JsonElement a, JsonElement b) => op switch
    {
        "in" => AreEqual(a, b),
        "endsWith" => Texts(a, b, (x, y) => x.EndsWith(y, StringComparison.Ordinal)),
        "startsWith" => Texts(a, b, (x, y) => x.StartsWith(y, StringComparison.Ordinal)),
        "contains" => Texts(a, b, (x, y) => x.Contains(y, StringComparison.Ordinal)),
        "lessThan" => Numbers(a, b, (x, y) => x < y),
        "lessThanOrEqual" => Numbers(a, b, (x, y) => x <= y),
        "greaterThan" => Numbers(a, b, (x, y) => x > y),
        "greaterThanOrEqual" => Numbers(a, b, (x, y) => x >= y),
        "before" => Time(a) is { } x && Time(b) is { } y && x < y,
        "after" => Time(a) is { } x && Time(b) is { } y && x > y,
        _ => Version(a) is { } x && Version(b) is { } y && Math.Sign(x.CompareTo(y)) == (op == "semVerEqual" ? 0 : op == "semVerLessThan" ? -1 : 1),
    };

    private static bool AreEqual(JsonElement a, JsonElement b) => a.ValueKind == b.ValueKind && a.ValueKind switch
    {
        JsonValueKind.String => a.ValueEquals(b.GetString()),
        JsonValueKind.Number => a.GetDouble() == b.GetDouble(),
        JsonValueKind.True or JsonValueKind.False => true,
        _ => false,
    };

    private static bool Texts(JsonElement a, JsonElement b, Func<string, string, bool> fit) =>
        a.ValueKind == JsonValueKind.String && b.ValueKind == JsonValueKind.String && fit(a.GetString()!, b.GetString()!);

    private static bool Numbers(JsonElement a, JsonElement b, Func<double, double, bool> fit) =>
        a.ValueKind == JsonValueKind.Number && b.ValueKind == JsonValueKind.Number && fit(a.GetDouble(), b.GetDouble());

    private static SemanticVersion? Version(JsonElement value) => value.ValueKind == JsonValueKind.String ? SemanticVersion.Parse(value.GetString()!, partial: true) : null;

    /// <summary>Unix milliseconds: a number, or a time by RFC 3339.</summary>
    private static double? Time(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.String when Rfc3339().IsMatch(value.GetString()!)
            && DateTimeOffset.TryParse(value.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) => time.ToUnixTimeMilliseconds(),
        _ => null,
    };

    [GeneratedRegex(@"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[-+][0-9]{2}(:[0-9]{2})?)\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Rfc3339();
}
