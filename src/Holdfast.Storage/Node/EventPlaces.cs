using Holdfast.Storage.ChangeLog;

namespace Holdfast.Storage.Node;

/// <summary>Where the change log first told of an event (decision 0021).</summary>
public sealed record EventPlace(string Id, long Epoch, long Sequence);

/// <summary>Every statement that places events. The first place stays: a row that a new epoch tells again has been read by whoever is past it.</summary>
internal static class EventPlaces
{
    /// <summary>Notes where the log tells of an event that has just been taken.</summary>
    public static void Tell(View view, string id, LogPosition at) => Tell(view, new EventPlace(id, at.Epoch, at.Sequence));

    public static void Tell(View view, EventPlace place) => view.Execute(
        "INSERT OR IGNORE INTO event_places SELECT id, environment_id, organization_id, @Epoch, @Sequence FROM events WHERE id = @Id", place);

    /// <summary>The places of a stretch of events, by id, for a disk that is filled from this one.</summary>
    public static List<EventPlace> Between(View view, string firstId, string lastId) => view.Query<EventPlace>(
        "SELECT id AS Id, epoch AS Epoch, sequence AS Sequence FROM event_places WHERE id >= @firstId AND id <= @lastId", new { firstId, lastId });
}
