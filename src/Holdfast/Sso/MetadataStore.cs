using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>Every statement on what was read at metadata addresses.</summary>
internal static class MetadataStore
{
    public static MetadataRow? Find(View view, string connectionId) => view.Find<MetadataRow>(
        "SELECT source AS Source, document AS Document, taken_at AS TakenAt, pending_source AS PendingSource, pending_document AS PendingDocument, "
        + "pending_why AS PendingWhy, pending_since AS PendingSince, reading_source AS ReadingSource, fault AS Fault, fault_since AS FaultSince "
        + "FROM saml_metadata WHERE id = @connectionId", new { connectionId });

    /// <summary>The settings that a reading is for: once an administrator says otherwise of the identity provider, what was read before counts no more.</summary>
    /// <param name="saml">As stored.</param>
    public static string SourceOf(SamlSettings saml) => Caller.Hash($"{saml.MetadataUrl}\n{saml.IdpEntityId}\n{MetadataDocument.Of(saml).Version}");

    /// <summary>What a verdict changes of the row; nothing when the row says it already.</summary>
    /// <param name="fault">Null when what was read could be used.</param>
    public static List<Change> Changes(Connection connection, string source, MetadataState? held, MetadataChange? verdict, string? fault, DateTimeOffset now)
    {
        var (id, time, changes) = (connection.Id, now.ToUnixTimeMilliseconds(), new List<Change>());
        if (fault != held?.Fault)
        {
            changes.Add(Change.To(Schema.SamlMetadata, id, ("reading_source", source), ("fault", fault), ("fault_since", fault is null ? null : time)));
        }
        switch (verdict)
        {
            case MetadataChange.Taken taken:
                changes.Add(Change.To(Schema.SamlMetadata, id,
                    ("environment_id", connection.EnvironmentId), ("source", source), ("document", taken.Document.Write()), ("taken_at", time)));
                break;
            case MetadataChange.Pending pending when held?.Pending is not { } waiting || waiting.Document.Version != pending.Document.Version || waiting.Why != pending.Why:
                changes.Add(Change.To(Schema.SamlMetadata, id,
                    ("pending_source", source), ("pending_document", pending.Document.Write()), ("pending_why", pending.Why), ("pending_since", time)));
                break;
        }
        if (verdict is MetadataChange.Taken or MetadataChange.None && held?.Pending is not null)
        {
            changes.Add(Change.To(Schema.SamlMetadata, id, ("pending_source", source), ("pending_document", null), ("pending_why", null), ("pending_since", null)));
        }
        return changes;
    }
}

/// <summary>The row as it is. Times are Unix milliseconds.</summary>
internal sealed record MetadataRow(
    string? Source, string? Document, long? TakenAt, string? PendingSource, string? PendingDocument, string? PendingWhy, long? PendingSince,
    string? ReadingSource, string? Fault, long? FaultSince)
{
    /// <summary>What of it is about these settings.</summary>
    /// <param name="saml">As stored.</param>
    public MetadataState For(SamlSettings saml)
    {
        var source = MetadataStore.SourceOf(saml);
        return new(
            Source == source ? MetadataDocument.Read(Document) : null, Source == source ? TakenAt : null,
            PendingSource == source && MetadataDocument.Read(PendingDocument) is { } pending ? new(pending, PendingWhy!, PendingSince!.Value) : null,
            ReadingSource == source ? Fault : null, ReadingSource == source ? FaultSince : null);
    }
}

/// <summary>What is known from a connection's metadata address.</summary>
/// <param name="Taken">In the place of what is stored; null when nothing was.</param>
/// <param name="Fault">Why the last reading could not be used; null when it could.</param>
internal sealed record MetadataState(MetadataDocument? Taken, long? TakenAt, MetadataState.Waiting? Pending, string? Fault, long? FaultSince)
{
    internal sealed record Waiting(MetadataDocument Document, string Why, long Since);
}
