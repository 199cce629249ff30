namespace Holdfast.Storage.Peers;

/// <summary>What this node answers its peers. Whoever carries the questions (HTTP, a simulated network) has made sure who asks.</summary>
public sealed class PeerServer
{
    public Task<JournalAnswer> ReadJournalAsync(JournalQuestion question, CancellationToken ct) => throw new NotImplementedException();

    public SnapshotAnswer ReadSnapshot(SnapshotQuestion question) => throw new NotImplementedException();

    public Task<SpendAnswer> SpendAsync(SpendQuestion question, CancellationToken ct) => throw new NotImplementedException();
}
