using System.Text;
using System.Text.Json;
using Holdfast.Protocols.Flags;

namespace Holdfast.Protocols.Tests.Flags;

/// <summary>What the judges' tables do not hold: what is not evaluated, what is broken, and what comes piece by piece.</summary>
public sealed class FlagSetTests
{
    private static readonly DateTimeOffset Now = new(2026, 12, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly FlagContext Ada = FlagContext.Of("user_ada", "org_acme");

    [Theory]
    [InlineData("""{"name":"f","enabled":true,"strategies":[{"name":"of-our-own"}]}""", null)]
    [InlineData("""{"name":"f","enabled":true,"strategies":[{"name":"of-our-own"},{"name":"default"}]}""", true)]
    [InlineData("""{"name":"f","enabled":true,"strategies":[{"name":"of-our-own","constraints":[{"contextName":"userId","operator":"IN","values":["user_bob"]}]}]}""", false)]
    [InlineData("""{"name":"f","enabled":true,"strategies":[{"name":"gradualRolloutRandom","parameters":{"percentage":"50"}}]}""", null)]
    [InlineData("""{"name":"f","enabled":true,"strategies":[{"name":"gradualRolloutRandom","parameters":{"percentage":"100"}}]}""", true)]
    [InlineData("""{"name":"f","enabled":true,"strategies":[{"name":"flexibleRollout","parameters":{"rollout":"50","stickiness":"random"}}]}""", null)]
    [InlineData("""{"name":"f","enabled":true,"strategies":[{"name":"default","constraints":[{"contextName":"userId","operator":"OF_TOMORROW","values":[]}]}]}""", null)]
    [InlineData("""{"name":"f","enabled":true,"strategies":[{"name":"default","constraints":[{"contextName":"userId","operator":"REGEX","value":"(?=a)"}]}]}""", null)]
    [InlineData("""{"name":"f","enabled":true,"strategies":[{"name":"default","constraints":[{"contextName":"organizationId","operator":"IN","values":["org_acme"]}]}]}""", true)]
    [InlineData("""{"name":"f","enabled":false,"strategies":[{"name":"of-our-own"}]}""", false)]
    public void What_unleash_leaves_to_chance_or_to_others_is_neither_on_nor_off(string feature, bool? expected)
    {
        var result = UnleashFlags.Parse(Encoding.UTF8.GetBytes($$"""{"version":2,"features":[{{feature}}]}"""), "node").Evaluate("f", Ada, Now);

        Assert.Equal(expected is null ? FlagOutcome.NotEvaluated : FlagOutcome.Evaluated, result.Outcome);
        Assert.Equal(expected == true, result.Outcome == FlagOutcome.Evaluated && result.Value.ValueKind == JsonValueKind.True);
    }

    [Theory]
    [InlineData("""{"segments":{"s":{"key":"s","unbounded":true}},"clause":{"op":"segmentMatch","values":["s"]}}""", FlagOutcome.NotEvaluated)]
    [InlineData("""{"clause":{"attribute":"key","op":"ofTomorrow","values":["x"]}}""", FlagOutcome.NotEvaluated)]
    [InlineData("""{"clause":{"attribute":"key","op":"matches","values":["(a)\\1"]}}""", FlagOutcome.NotEvaluated)]
    [InlineData("""{"clause":{"attribute":"//","op":"in","values":["x"],"contextKind":"user"}}""", FlagOutcome.Malformed)]
    [InlineData("""{"segments":{"s":{"key":"s","rules":[{"clauses":[{"op":"segmentMatch","values":["s"]}]}]}},"clause":{"op":"segmentMatch","values":["s"]}}""", FlagOutcome.Malformed)]
    [InlineData("""{"clause":{"attribute":"key","op":"in","values":["user_ada"]}}""", FlagOutcome.Evaluated)]
    public void What_launchdarkly_keeps_elsewhere_or_nobody_here_knows_is_not_guessed(string parts, FlagOutcome expected)
    {
        using var read = JsonDocument.Parse(parts);
        var segments = read.RootElement.TryGetProperty("segments", out var some) ? some.GetRawText() : "{}";
        var rules = ",\"rules\":[{\"clauses\":[" + read.RootElement.GetProperty("clause").GetRawText() + "],\"variation\":0}]";
        var document = "{\"flags\":{" + Flag("f", 1, rules) + "},\"segments\":" + segments + "}";

        Assert.Equal(expected, LaunchDarklyFlags.Parse(Encoding.UTF8.GetBytes(document)).Evaluate("f", Ada, Now).Outcome);
    }

    [Fact]
    public void Prerequisites_that_double_with_every_step_end_soon()
    {
        var flags = Enumerable.Range(0, 60).Select(i => Flag($"f{i}", 1, i == 0 ? "" : $$""","prerequisites":[{"key":"f{{i - 1}}","variation":0},{"key":"f{{i - 1}}","variation":0}]"""));
        var set = LaunchDarklyFlags.Parse(Encoding.UTF8.GetBytes("{\"flags\":{" + string.Join(',', flags) + "}}"));

        Assert.Equal(FlagOutcome.Evaluated, set.Evaluate("f5", Ada, Now).Outcome);
        Assert.Equal(FlagOutcome.NotEvaluated, set.Evaluate("f59", Ada, Now).Outcome);
    }

    [Fact]
    public void A_stream_s_changes_count_when_they_are_newer_and_a_late_one_brings_nothing_back()
    {
        var set = LaunchDarklyFlags.Empty.After("put", "{\"path\":\"/\",\"data\":{\"flags\":{" + Flag("f", 5) + "},\"segments\":{}}}");
        Assert.Equal(["f"], set.Names);
        Assert.Equal("true", Value(set));

        set = set.After("patch", Patch("f", 4, on: false));
        Assert.Equal("true", Value(set));
        set = set.After("patch", Patch("f", 6, on: false));
        Assert.Equal("false", Value(set));
        set = set.After("delete", """{"path":"/flags/f","version":6}""");
        Assert.Equal("false", Value(set));
        set = set.After("delete", """{"path":"/flags/f","version":7}""");
        Assert.Equal(FlagOutcome.Unknown, set.Evaluate("f", Ada, Now).Outcome);
        set = set.After("patch", Patch("f", 7, on: true)).After("of-tomorrow", "{}").After("patch", """{"path":"/elsewhere/f","data":{}}""");
        Assert.Equal(FlagOutcome.Unknown, set.Evaluate("f", Ada, Now).Outcome);
        set = set.After("patch", Patch("f", 8, on: true));
        Assert.Equal("true", Value(set));
    }

    [Fact]
    public void One_broken_flag_takes_no_other_with_it()
    {
        var set = LaunchDarklyFlags.Parse(Encoding.UTF8.GetBytes("{\"flags\":{\"bad\":{\"version\":\"x\",\"on\":7}," + Flag("f", 1) + "}}"));

        Assert.Equal(FlagOutcome.Malformed, set.Evaluate("bad", Ada, Now).Outcome);
        Assert.Equal("true", Value(set));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("""{"flags":7}""")]
    [InlineData("""{"features":7}""")]
    public void What_is_no_document_is_said_to_be_none(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Assert.Throws<FlagDocumentException>(() => LaunchDarklyFlags.Parse(bytes));
        Assert.Throws<FlagDocumentException>(() => UnleashFlags.Parse(bytes, "node"));
        Assert.Throws<FlagDocumentException>(() => FileFlags.Parse(bytes));
        Assert.Throws<FlagDocumentException>(() => OfrepFlags.Parse(bytes));
        Assert.Throws<FlagDocumentException>(() => LaunchDarklyFlags.Empty.After("put", text));
    }

    [Fact]
    public void A_file_s_flag_is_a_value_or_one_for_some()
    {
        var set = FileFlags.Parse("""{"flags": {"plain": true, "text": "blue", "some": {"value": true, "organizations": ["org_acme"], "otherwise": false}, "none": {"value": 1, "users": []}}}"""u8.ToArray());
        string Of(string name, FlagContext context) => set.Evaluate(name, context, Now) is { Outcome: FlagOutcome.Evaluated } result ? result.Value.GetRawText() : set.Evaluate(name, context, Now).Outcome.ToString();

        Assert.Equal("""true "blue" true None Unknown""", string.Join(' ', new[] { "plain", "text", "some", "none", "missing" }.Select(n => Of(n, Ada))));
        Assert.Equal("false", Of("some", FlagContext.Of("user_ada", "org_globex")));
        Assert.Equal("false", Of("some", FlagContext.Nobody));
    }

    [Fact]
    public void A_remote_evaluation_is_taken_as_it_was_given()
    {
        var set = OfrepFlags.Parse("""{"flags":[{"key":"a","value":true,"variant":"on","reason":"STATIC"},{"key":"b","errorCode":"PARSE_ERROR"},{"key":"c","reason":"DISABLED"}]}"""u8.ToArray());

        Assert.Equal([FlagOutcome.Evaluated, FlagOutcome.Malformed, FlagOutcome.None, FlagOutcome.Unknown], new[] { "a", "b", "c", "d" }.Select(n => set.Evaluate(n, Ada, Now).Outcome));
    }

    private static string Value(FlagSet set) => set.Evaluate("f", Ada, Now).Value.GetRawText();

    private static string Flag(string key, int version, string more = "", bool on = true) => $"\"{key}\":{Body(key, version, more, on)}";

    private static string Body(string key, int version, string more, bool on) =>
        $$$"""{"key":"{{{key}}}","version":{{{version}}},"on":{{{(on ? "true" : "false")}}},"variations":[true,false],"offVariation":1,"fallthrough":{"variation":0}{{{more}}}}""";

    private static string Patch(string key, int version, bool on) => "{\"path\":\"/flags/" + key + "\",\"data\":" + Body(key, version, "", on) + "}";
}
