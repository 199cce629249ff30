namespace Holdfast.Storage.Replication;

/// <summary>How the primary looked at the last contact. Read without waiting.</summary>
/// <param name="Fault">Null while it answers.</param>
/// <param name="Since">Since when it has been as it is (UTC).</param>
/// <param name="Text">What is the matter, in words; null while it answers.</param>
/// <param name="LastContact">When the replica was last level with it (UTC); null when it never was in this run.</param>
public sealed record PrimaryHealth(PrimaryFault? Fault, DateTimeOffset Since, string? Text, DateTimeOffset? LastContact)
{
    public bool IsAvailable => Fault is null && LastContact is not null;
}
