using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Events;

/// <summary>Pages of what happened, as this node has it: with the primary gone too.</summary>
internal static class ReadEvents
{
    private const int MostNames = 100;
    private const int LongestName = 128;

    public static ApiAnswer List(HttpContext http, Database database)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        var query = http.Request.Query;
        var fields = new Fields();
        var names = Lists.Read(query, "events");
        if (names.Count > MostNames || names.Any(n => n.Length > LongestName))
        {
            fields.Fault("events", names.Count > MostNames ? "too_many" : "too_long");
        }
        var (from, to) = (Time(query, "range_start", fields), Time(query, "range_end", fields));
        var organizationId = query["organization_id"].ToString();
        if (organizationId.Length > LongestName)
        {
            fields.Fault("organization_id", "too_long");
        }
        if (fields.Refusal is not null)
        {
            return fields.Refusal;
        }
        var select = "SELECT id AS Id, event AS Event, data AS Data, context AS Context, created_at AS CreatedAt FROM events WHERE environment_id = @environmentId"
            + (names.Count == 0 ? "" : " AND event IN @names")
            + (from is null ? "" : " AND created_at >= @from")
            + (to is null ? "" : " AND created_at < @to")
            + (organizationId.Length == 0 ? "" : " AND organization_id = @organizationId");
        var rows = database.Read(view => view.Query<Row>(page.Sql(select), page.Parameters(view, "events", Caller.Of(http).EnvironmentId, new { names, from, to, organizationId })));
        var list = page.Answer(rows, r => r.Id, r => r.ToBody());
        return ApiAnswer.Ok(new EventListBody(list.Object, list.Data, new(list.ListMetadata.After)));
    }

    /// <summary>A time of the query (ISO 8601; UTC where it names no offset) in Unix milliseconds; null when there is none.</summary>
    private static long? Time(IQueryCollection query, string name, Fields fields)
    {
        if (query[name].ToString() is not { Length: > 0 } text)
        {
            return null;
        }
        if (text.Length <= 40 && char.IsAsciiDigit(text[0]) && text.Contains('-', StringComparison.Ordinal)
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            return time.ToUnixTimeMilliseconds();
        }
        fields.Fault(name, "invalid");
        return null;
    }

    private sealed record Row(string Id, string Event, string Data, string? Context, long CreatedAt)
    {
        public EventBody ToBody() => new(
            "event", Id, Event, JsonSerializer.Deserialize<JsonElement>(Data), Context is null ? null : JsonSerializer.Deserialize<JsonElement>(Context),
            DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt));
    }
}

/// <summary>A page of events. Unlike other lists it names the way on alone.</summary>
internal sealed record EventListBody(string Object, IReadOnlyList<EventBody> Data, EventListBody.Cursor ListMetadata)
{
    /// <param name="After">Null where the list ends.</param>
    internal sealed record Cursor(string? After);
}

/// <summary>An event as the API shows it.</summary>
/// <param name="Data">What it tells of, as it was then.</param>
/// <param name="Context">Who did it and what it was before, where the public API has that.</param>
internal sealed record EventBody(
    string Object, string Id, string Event, JsonElement Data, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonElement? Context, DateTimeOffset CreatedAt);
