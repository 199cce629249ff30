using System.Runtime.CompilerServices;
using System.Text.Json;
using Holdfast.Protocols.Flags;

namespace Holdfast.Protocols.Tests.Flags;

/// <summary>Over a generated table of flags and people, what is evaluated here is what the provider's own SDK says (tests/node/flag-judges.test.mjs writes and watches over the files).</summary>
public sealed class JudgeTests
{
    private static readonly DateTimeOffset Now = new(2026, 12, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void LaunchDarkly_s_flags_are_what_its_sdk_says()
    {
        using var vectors = Read("launchdarkly");
        var document = vectors.RootElement.GetProperty("document").GetRawText();
        var flags = LaunchDarklyFlags.Parse(System.Text.Encoding.UTF8.GetBytes(document));

        Assert.Empty(Differences(vectors, flags, (result, expected) =>
            result.Outcome == FlagOutcome.Evaluated ? JsonElement.DeepEquals(result.Value, expected) : result.Outcome is FlagOutcome.None or FlagOutcome.Malformed && expected.ValueKind == JsonValueKind.Null));
        Assert.Equal(FlagOutcome.Malformed, flags.Evaluate("circle", FlagContext.Of("user_1", null), Now).Outcome);
        // What was kept on the disk says the same after a restart.
        Assert.Equal(JsonSerializer.Serialize(All(vectors, flags)), JsonSerializer.Serialize(All(vectors, LaunchDarklyFlags.Parse(flags.ToDocument()))));
    }

    [Fact]
    public void Unleash_s_features_are_what_its_sdk_says()
    {
        using var vectors = Read("unleash");
        var flags = UnleashFlags.Parse(System.Text.Encoding.UTF8.GetBytes(vectors.RootElement.GetProperty("document").GetRawText()), "judge-host");

        Assert.Empty(Differences(vectors, flags, (result, expected) => result.Outcome == FlagOutcome.Evaluated
            && (result.Value.ValueKind == JsonValueKind.True ? result.Variant is null ? "on" : $"on {result.Variant}" : "off") == expected.GetString()));
    }

    private static List<string> Differences(JsonDocument vectors, FlagSet flags, Func<FlagResult, JsonElement, bool> agree)
    {
        var people = People(vectors);
        var differences = new List<string>();
        var compared = 0;
        foreach (var flag in vectors.RootElement.GetProperty("expected").EnumerateObject())
        {
            for (var i = 0; i < people.Count; i++)
            {
                var (result, expected) = (flags.Evaluate(flag.Name, people[i], Now), flag.Value[i]);
                compared++;
                if (!agree(result, expected))
                {
                    differences.Add($"{flag.Name} for person {i}: {result.Outcome} {(result.Outcome == FlagOutcome.Evaluated ? result.Value.GetRawText() : "")} {result.Variant}, and the SDK says {expected.GetRawText()}");
                }
            }
        }
        Assert.True(compared > 5000);
        return [.. differences.Take(20)];
    }

    private static List<(string, string, string)> All(JsonDocument vectors, FlagSet flags) =>
    [
        .. from name in flags.Names.Order(StringComparer.Ordinal)
           from person in People(vectors)
           let result = flags.Evaluate(name, person, Now)
           select (name, result.Outcome.ToString(), result.Outcome == FlagOutcome.Evaluated ? result.Value.GetRawText() : ""),
    ];

    private static List<FlagContext> People(JsonDocument vectors) => [.. vectors.RootElement.GetProperty("people").EnumerateArray().Select(person => new FlagContext(
        person.EnumerateObject().ToDictionary(
            kind => kind.Name,
            kind => new FlagSubject(kind.Value.GetProperty("key").GetString()!)
            {
                Attributes = kind.Value.GetProperty("attributes").EnumerateObject().ToDictionary(a => a.Name, a => a.Value, StringComparer.Ordinal),
            },
            StringComparer.Ordinal)))];

    private static JsonDocument Read(string name, [CallerFilePath] string here = "") => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(here)!, "vectors", $"{name}.json")));
}
