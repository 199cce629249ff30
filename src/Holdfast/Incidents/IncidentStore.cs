using System.Text.Json;
using Holdfast.Causes;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Incidents;

/// <summary>Every statement on incidents.</summary>
internal static class IncidentStore
{
    /// <summary>How long an incident is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(400);

    /// <summary>The most that one answer lists.</summary>
    public const int Most = 500;

    /// <summary>The most entries of one incident that are shown.</summary>
    public const int MostEntries = 500;

    private const string Columns = """
        SELECT id AS Id, node AS Node, region AS Region, opened_at AS OpenedAt, dependency AS Dependency, how AS How, since AS Since, says AS Says, products AS Products,
          closed_at AS ClosedAt, impact AS Impact FROM incidents WHERE opened_at IS NOT NULL AND dependency IS NOT NULL
        """;

    public static IncidentRow? Find(View view, string id) => view.Find<IncidentRow>($"{Columns} AND id = @id", new { id });

    /// <summary>Those that were open at some time since then, the latest first.</summary>
    public static List<IncidentRow> Since(View view, DateTimeOffset since) =>
        view.Query<IncidentRow>($"{Columns} AND (closed_at IS NULL OR closed_at >= @since) ORDER BY opened_at DESC, id DESC LIMIT {Most}", new { since = since.ToUnixTimeMilliseconds() });

    public static List<IncidentRow> OpenOf(View view, string node) => view.Query<IncidentRow>($"{Columns} AND closed_at IS NULL AND node = @node LIMIT {Most}", new { node });

    /// <summary>The last that a node closed of a dependency, not earlier than a time.</summary>
    public static IncidentRow? LatestClosed(View view, string node, string dependency, DateTimeOffset notBefore) => view.Find<IncidentRow>(
        $"{Columns} AND node = @node AND dependency = @dependency AND closed_at >= @notBefore ORDER BY closed_at DESC LIMIT 1",
        new { node, dependency, notBefore = notBefore.ToUnixTimeMilliseconds() });

    public static List<EntryRow> Entries(View view, string incident) => view.Query<EntryRow>(
        $"SELECT id AS Id, kind AS Kind, node AS Node, author AS Author, says AS Says, created_at AS CreatedAt FROM incident_entries WHERE incident_id = @incident ORDER BY created_at, id LIMIT {MostEntries}",
        new { incident });

    public static long CountEntries(View view, string incident) => view.Find<long>("SELECT count(*) FROM incident_entries WHERE incident_id = @incident", new { incident });

    public static List<string> Regions(View view) => view.Query<string>("SELECT DISTINCT region FROM nodes WHERE region IS NOT NULL ORDER BY region LIMIT 50");

    public static Change Made(string id, string node, string region, DateTimeOffset at) => Change.To(Schema.Incidents, id,
        ("node", node), ("region", region), ("opened_at", at.ToUnixTimeMilliseconds()), ("expires_at", (at + Kept).ToUnixTimeMilliseconds()));

    /// <summary>A host of providers is theirs: its name stays with the operator's log and ring.</summary>
    public static Change Caused(string id, Cause cause) => Change.To(Schema.Incidents, id,
        ("dependency", cause.Scope == CauseScope.Shared ? "host" : cause.Dependency), ("how", cause.How), ("since", cause.Since.ToUnixTimeMilliseconds()), ("says", cause.Text),
        ("products", JsonSerializer.Serialize(cause.Products, JavaScriptJson.Options)));

    public static Change Ended(string id, DateTimeOffset? at) => Change.To(Schema.Incidents, id, ("closed_at", at?.ToUnixTimeMilliseconds()));

    public static Change Impacted(string id, string impact) => Change.To(Schema.Incidents, id, ("impact", impact));

    public static Change Entry(string id, string incident, string kind, string node, string? author, string says, DateTimeOffset at) => Change.To(Schema.IncidentEntries, id,
        ("incident_id", incident), ("kind", kind), ("node", node), ("author", author), ("says", says), ("created_at", at.ToUnixTimeMilliseconds()), ("expires_at", (at + Kept).ToUnixTimeMilliseconds()));
}

/// <summary>Times in Unix milliseconds.</summary>
internal sealed record IncidentRow(
    string Id, string? Node, string? Region, long OpenedAt, string Dependency, string How, long Since, string? Says, string? Products, long? ClosedAt, string? Impact)
{
    public IReadOnlyList<string> ProductNames => Products is null ? [] : JsonSerializer.Deserialize<string[]>(Products, JavaScriptJson.Options) ?? [];

    public IReadOnlyList<Impact> Impacts => Impact is null ? [] : JsonSerializer.Deserialize<Impact[]>(Impact, JavaScriptJson.Options) ?? [];
}

internal sealed record EntryRow(string Id, string Kind, string? Node, string? Author, string Says, long CreatedAt);

/// <summary>What an incident did to a product, at the node that found it.</summary>
/// <param name="FailureRate">From 0 to 1.</param>
public sealed record Impact(string Product, long Requests, long Failed, double FailureRate);
