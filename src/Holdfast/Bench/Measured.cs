using System.Globalization;
using System.Text.Json.Serialization;

namespace Holdfast.Bench;

/// <summary>One figure of a run (contract §5).</summary>
/// <param name="Goal">Null when there is none.</param>
/// <param name="Met">Null when there is no goal.</param>
internal sealed record Measured(string Measure, double? Value, string Unit, double? Goal = null, bool? Met = null, string? Note = null)
{
    /// <summary>A figure that must not be above its goal.</summary>
    public static Measured AtMost(double goal, string measure, double value, string unit, string? note = null) => new(measure, Rounded(value), unit, goal, value <= goal, note);

    /// <summary>A figure that must not be below its goal.</summary>
    public static Measured AtLeast(double goal, string measure, double value, string unit, string? note = null) => new(measure, Rounded(value), unit, goal, value >= goal, note) { IsLeast = true };

    /// <summary>The goal is the least, and not the most.</summary>
    [JsonIgnore]
    public bool IsLeast { get; init; }

    /// <summary>A figure without a goal.</summary>
    public static Measured Of(string measure, double value, string unit, string? note = null) => new(measure, Rounded(value), unit, Note: note);

    public string Line() => string.Create(CultureInfo.InvariantCulture,
        $"{Measure,-36} {Value?.ToString(CultureInfo.InvariantCulture) ?? "-",10} {Unit,-6} {(Met is { } met ? $"goal {(IsLeast ? '≥' : '≤')} {Goal}: {(met ? "met" : "MISSED")}" : ""),-22} {Note}");

    private static double Rounded(double value) => Math.Round(value, 3);
}

/// <summary>What a verb that measures writes as JSON.</summary>
/// <param name="Commit">The checkout's; what was built, where there is none.</param>
internal sealed record Report(string Name, string Commit, DateTimeOffset StartedAt, double DurationS, IReadOnlyList<Measured> Results);
