using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Node;

namespace Holdfast.Events;

/// <summary>Pages of what happened, in the order in which the change log tells of it, as far as this node has read it: with the primary gone too, up to where it went.</summary>
/// <remarks>Decision 0021. A reader that has read up to an event misses nothing that is told later, whenever it happened, whichever node it asks next.</remarks>
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
        var environmentId = Caller.Of(http).EnvironmentId;
        var rows = database.Read(view =>
        {
            var boundary = page.Cursor is null ? null : PlaceOf(view, page.Cursor, environmentId);
            return page.Cursor is not null && boundary is null
                ? []   // of another environment, or not told here yet: there is nothing before it and nothing after it
                : view.Query<Row>(
                    Sql(page, names, from, to, organizationId),
                    new { environmentId, names, from, to, organizationId, boundary?.Epoch, boundary?.Sequence });
        });
        var list = page.Answer(rows, r => r.Id, r => r.ToBody());
        return ApiAnswer.Ok(new EventListBody(list.Object, list.Data, new(list.ListMetadata.After)));
    }

    private static EventPlace? PlaceOf(View view, string id, string environmentId) => view.Find<EventPlace>(
        "SELECT id AS Id, epoch AS Epoch, sequence AS Sequence FROM event_places WHERE id = @id AND environment_id = @environmentId", new { id, environmentId });

    private static string Sql(Page page, List<string> names, long? from, long? to, string organizationId)
    {
        var up = page.Ascending != page.Backwards;
        var order = up ? "ASC" : "DESC";
        return "SELECT e.id AS Id, e.event AS Event, e.data AS Data, e.context AS Context, e.created_at AS CreatedAt FROM event_places p JOIN events e ON e.id = p.id WHERE "
            + (organizationId.Length == 0 ? "p.environment_id = @environmentId" : "p.organization_id = @organizationId AND e.environment_id = @environmentId")
            + (names.Count == 0 ? "" : " AND e.event IN @names")
            + (from is null ? "" : " AND e.created_at >= @from")
            + (to is null ? "" : " AND e.created_at < @to")
            + (page.Cursor is null ? "" : $" AND (p.epoch, p.sequence) {(up ? ">" : "<")} (@Epoch, @Sequence)")
            + $" ORDER BY p.epoch {order}, p.sequence {order} LIMIT {page.Limit + 1}";
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
