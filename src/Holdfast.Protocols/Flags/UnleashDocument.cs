using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Holdfast.Protocols.Flags;

/// <summary>The answer of Unleash's client API, as far as it is evaluated.</summary>
internal sealed record UnleashDocument(List<UnleashFeature?>? Features, List<UnleashSegment?>? Segments)
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web) { MaxDepth = 32, NumberHandling = JsonNumberHandling.AllowReadingFromString };
}

internal sealed record UnleashFeature(string? Name, bool Enabled, List<UnleashStrategy>? Strategies, List<UnleashVariant>? Variants, List<UnleashDependency>? Dependencies)
{
    public UnleashFeature Prepared()
    {
        Strategies?.RemoveAll(s => s is null);
        Variants?.RemoveAll(v => v is null);
        Dependencies?.RemoveAll(d => d is null);
        Strategies?.ForEach(s => s.Constraints?.ForEach(c => c?.Prepare()));
        return this;
    }
}

internal sealed record UnleashStrategy(string? Name, Dictionary<string, JsonElement>? Parameters, List<UnleashConstraint>? Constraints, List<long>? Segments, List<UnleashVariant>? Variants)
{
    /// <summary>Null when it is not there, or empty.</summary>
    public string? Parameter(string name) =>
        Parameters is not null && Parameters.TryGetValue(name, out var value) && UnleashContext.Text(value) is { Length: > 0 } text ? text : null;

    public double? Number(string name) => Parameter(name) is { } text && UnleashConstraint.ToNumber(text) is var number && !double.IsNaN(number) ? number : null;
}

internal sealed record UnleashVariant(string? Name, long Weight, string? Stickiness, List<UnleashOverride>? Overrides);

internal sealed record UnleashOverride(string? ContextName, List<string>? Values);

internal sealed record UnleashDependency(string? Feature, bool? Enabled, List<string>? Variants);

internal sealed record UnleashSegment(long Id, List<UnleashConstraint>? Constraints)
{
    public UnleashSegment Prepared()
    {
        Constraints?.ForEach(c => c?.Prepare());
        return this;
    }
}

/// <summary>A condition on one field of the context.</summary>
internal sealed record UnleashConstraint(string? ContextName, string? Operator, List<string?>? Values, JsonElement? Value, bool? CaseInsensitive, bool? Inverted)
{
    private Pattern? _pattern;
    private string? _value;

    public void Prepare()
    {
        _value = Value is { } value ? UnleashContext.Text(value) : null;
        if (Operator == "REGEX" && _value is not null)
        {
            _pattern = new Pattern(_value, CaseInsensitive == true);
        }
    }

    /// <returns>Null when nobody here can say.</returns>
    public bool? Holds(UnleashContext context) => Inverted == true ? !Plain(context) : Plain(context);

    private bool? Plain(UnleashContext context)
    {
        var field = ContextName is null ? null : context[ContextName];
        var values = (Values ?? []).Where(v => !string.IsNullOrEmpty(v)).Select(v => v!.Trim());
        var comparison = CaseInsensitive == true ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        switch (Operator)
        {
            case "IN":
                return field is not null && values.Contains(field);
            case "NOT_IN":
                return field is null || !values.Contains(field);
            case "STR_STARTS_WITH":
                return field is not null && values.Any(v => field.StartsWith(v, comparison));
            case "STR_ENDS_WITH":
                return field is not null && values.Any(v => field.EndsWith(v, comparison));
            case "STR_CONTAINS":
                return field is not null && values.Any(v => field.Contains(v, comparison));
            case "NUM_EQ" or "NUM_GT" or "NUM_GTE" or "NUM_LT" or "NUM_LTE":
                return field is not null && _value is not null && Compared(ToNumber(field), ToNumber(_value));
            case "DATE_AFTER" or "DATE_BEFORE":
                return DateTimeOffset.TryParse(_value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var when)
                    && (Operator == "DATE_AFTER" ? context.Now > when : context.Now < when);
            case "SEMVER_EQ" or "SEMVER_GT" or "SEMVER_GTE" or "SEMVER_LT" or "SEMVER_LTE":
                return field is not null && SemanticVersion.Parse(field, partial: false) is { } mine && SemanticVersion.Parse(_value ?? "", partial: false) is { } theirs
                    && Ordered(mine.CompareTo(theirs));
            case "REGEX":
                return _pattern is { IsNotEvaluated: true } ? null : field is not null && _pattern?.IsMatch(field) == true;
            case "IN_CIDR":
                return field is not null && values.Any(range => IpRange.Contains(range, field, version4Only: false));
            default:
                return null;
        }
    }

    private bool Compared(double field, double value) => !double.IsNaN(field) && !double.IsNaN(value) && Ordered(field.CompareTo(value));

    private bool Ordered(int order) => Operator![(Operator!.IndexOf('_', StringComparison.Ordinal) + 1)..] switch
    {
        "EQ" => order == 0,
        "GT" => order > 0,
        "GTE" => order >= 0,
        "LT" => order < 0,
        _ => order <= 0,
    };

    /// <summary>A number as JavaScript reads one from a text, decimal ones alone.</summary>
    public static double ToNumber(string text) =>
        string.IsNullOrWhiteSpace(text) ? 0 : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : double.NaN;
}

/// <summary>For whom, in Unleash's words: <c>userId</c>, <c>organizationId</c>, and the user's and the organization's attributes by their names.</summary>
internal sealed class UnleashContext(FlagContext context, DateTimeOffset now)
{
    public DateTimeOffset Now => now;

    /// <summary>A field as text; null when it is not there.</summary>
    public string? this[string name]
    {
        get
        {
            var (user, organization) = (context.Subjects.GetValueOrDefault(FlagContext.User), context.Subjects.GetValueOrDefault(FlagContext.Organization));
            return name switch
            {
                "userId" => user?.Key,
                "organizationId" => organization?.Key,
                "currentTime" => now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
                _ => user?.Attributes.TryGetValue(name, out var value) == true || organization?.Attributes.TryGetValue(name, out value) == true ? Text(value) : null,
            };
        }
    }

    public string? NonEmpty(string name) => this[name] is { Length: > 0 } text ? text : null;

    /// <summary>A value as text; null for null, and for what is none.</summary>
    public static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => null,
    };
}
