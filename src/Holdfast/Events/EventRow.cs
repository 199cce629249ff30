using System.Text.Json;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Events;

/// <summary>The one log of what happened.</summary>
internal static class EventRow
{
    /// <summary>An event, in the transaction of what it tells of.</summary>
    /// <param name="name">From the published list, such as <c>organization.created</c>.</param>
    /// <param name="data">The object as the API shows it.</param>
    /// <param name="derivedFrom">The row and the change that it tells of: whoever makes the same change makes the same event.</param>
    /// <param name="context">What the public API has beside the object: who did it, and what it was before. Null where it has nothing.</param>
    public static Change Of(string name, object data, string environmentId, byte[] idKey, string derivedFrom, DateTimeOffset now, object? context = null)
    {
        var text = Text(data);
        ReadOnlySpan<(string, object?)> told =
        [
            ("environment_id", environmentId), ("event", name), ("data", text), ("created_at", now.ToUnixTimeMilliseconds()), ("organization_id", OrganizationOf(text)),
        ];
        return Change.To(Schema.Events, Ids.Derived(Ids.Event, idKey, name, derivedFrom), context is null ? told : [.. told, ("context", Text(context))]);
    }

    private static string Text(object data) => JsonSerializer.Serialize(data, data.GetType(), JavaScriptJson.Options);

    /// <summary>The organization that an event is about: its data's <c>organization_id</c>, or that of an object in it, or the organization itself; null when there is none.</summary>
    private static string? OrganizationOf(string data)
    {
        using var read = JsonDocument.Parse(data);
        return read.RootElement.TryGetProperty("object", out var kind) && kind.ValueEquals("organization")
            ? read.RootElement.GetProperty("id").GetString()
            : Named(read.RootElement) ?? read.RootElement.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Object).Select(p => Named(p.Value)).FirstOrDefault(o => o is not null);
    }

    private static string? Named(JsonElement holder) =>
        holder.TryGetProperty("organization_id", out var id) && id.ValueKind == JsonValueKind.String ? id.GetString() : null;
}
