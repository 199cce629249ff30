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
    public static Change Of(string name, object data, string environmentId, byte[] idKey, string derivedFrom, DateTimeOffset now) => Change.To(
        Schema.Events, Ids.Derived(Ids.Event, idKey, name, derivedFrom),
        ("environment_id", environmentId), ("event", name),
        ("data", JsonSerializer.Serialize(data, data.GetType(), JavaScriptJson.Options)), ("created_at", now.ToUnixTimeMilliseconds()));
}
