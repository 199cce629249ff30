using Holdfast.Storage;
using Holdfast.Storage.Peers;

namespace Holdfast.Simulation.Links;

/// <summary>Another node, as a node sees it across the network.</summary>
/// <param name="find">What the other's process answers with; null while it is starting.</param>
/// <param name="spoil">What a thief who has the other makes of its answers.</param>
internal sealed class SimulatedPeer(string node, string other, Net net, Func<PeerServer?> find, Func<JournalAnswer, JournalAnswer> spoil) : IPeer
{
    public string Address => other;

    public async Task<JournalAnswer> ReadJournalAsync(JournalQuestion question, CancellationToken ct) =>
        spoil(await AskAsync("read journal", question, (server, copy) => server.ReadJournalAsync(copy, CancellationToken.None), ct));

    public Task<SnapshotAnswer> ReadSnapshotAsync(SnapshotQuestion question, CancellationToken ct) =>
        AskAsync("read snapshot", question, (server, copy) => Task.FromResult(server.ReadSnapshot(copy)), ct);

    public Task<SpendAnswer> SpendAsync(SpendQuestion question, CancellationToken ct) =>
        AskAsync("spend", question, (server, copy) => server.SpendAsync(copy), ct);

    private async Task<TA> AskAsync<TQ, TA>(string what, TQ question, Func<PeerServer, TQ, Task<TA>> answer, CancellationToken ct)
    {
        try
        {
            return await net.AskAsync(node, other, what, question,
                copy => find() is { } server ? answer(server, copy) : throw new PeerUnavailableException($"{other} is starting.")).Within(ct);
        }
        catch (NotAnsweredException fault) when (fault.IsOutage)
        {
            throw new PeerUnavailableException(fault.Message, fault);
        }
    }
}
