using Holdfast.Resilience;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Node;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Replication;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage;

/// <summary>The three things that an operation does with storage; each shows in the code which one it is.</summary>
public sealed class Database(NodeStore node, IPrimary primary, Replicator replicator, PeerLinks peers, Surroundings world)
{
    /// <summary>How long an administrator's write may take before the answer is 503.</summary>
    public static readonly TimeSpan WriteDeadline = TimeSpan.FromMilliseconds(800);

    /// <summary>The authority of what this node issues for single use.</summary>
    public string Incarnation => node.Incarnation;

    /// <summary>Reads this node's replica, in one snapshot. Never waits for anything far away.</summary>
    public T Read<T>(Func<View, T> work) => node.Read(work);

    /// <summary>A journaled fact: decides on the local state inside the node's single writer, keeps what was decided on this disk, and then returns.
    /// Nothing can happen between its reading and its facts.</summary>
    /// <exception cref="JournalUnavailableException">The disk did not take it.</exception>
    /// <exception cref="JournalFullException">The share of the journal is full.</exception>
    public async Task<T> RecordAsync<T>(Func<View, Decision<T>> decide) => (await RecordCopiedAsync(decide)).Answer;

    /// <summary><see cref="RecordAsync"/>, and whether what needs a copy in another failure domain had one when it was answered (law 3).</summary>
    /// <returns>Copies: 1, this disk's, or 2; 0 when nothing of it waits for one.</returns>
    public async Task<(T Answer, int Copies)> RecordCopiedAsync<T>(Func<View, Decision<T>> decide)
    {
        using var step = Spans.Step("journal commit");
        var recorded = await node.Writer.RecordAsync(decide);
        step?.SetTag("holdfast.journal.position", recorded.Position);
        return (recorded.Answer, recorded.NeedsCopy ? await peers.Copies.LabelAsync(recorded.Position) : 0);
    }

    /// <summary>A primary write: decides on the primary's state and keeps the changes, with their change-log rows, in one transaction there. Returns when
    /// this node's replica has them too.</summary>
    /// <exception cref="PrimaryUnavailableException">Not done, or unknown: only what carries an <c>Idempotency-Key</c> is safe to repeat.</exception>
    public async Task<T> WriteAsync<T>(Func<View, Decision<T>> decide, CancellationToken ct)
    {
        if (peers.Clocks.IsAhead)
        {
            throw new ClockAheadException();
        }
        if (replicator.IsClosed())
        {
            throw new PrimaryUnavailableException(PrimaryFault.Closed, Replicator.ClosedText);
        }
        if (replicator.Health is { Fault: { } known } health)
        {
            throw new PrimaryUnavailableException(known, health.Text!);   // the replicator tries every quarter of a second; nobody else needs to
        }
        using var away = Errand.Outside();
        using var step = Spans.Step("primary write");
        using var deadline = new CancellationTokenSource(WriteDeadline, world.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            await node.Writer.EnqueueAsync(session => session.ReserveStamps()).Within(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new JournalUnavailableException("This node's disk does not answer. The change was not made.");
        }
        var (answer, head) = await AskPrimaryAsync(decide, either.Token, ct);
        try
        {
            await replicator.ReachAsync(head, either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // The primary has done its part: it is no fault of its.
            throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary database kept the change, and this node has not read it back in time.");
        }
        return answer;
    }

    private async Task<(T Answer, LogPosition Head)> AskPrimaryAsync<T>(Func<View, Decision<T>> decide, CancellationToken either, CancellationToken ct)
    {
        try
        {
            return await primary.WriteAsync(decide, replicator.Position, either).Within(either);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            replicator.NoteFault(PrimaryFault.Unreachable, "The primary database accepts work and does not answer.");
            throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The primary database did not answer in time. Whether it kept the change is unknown.");
        }
        catch (PrimaryUnavailableException fault)
        {
            replicator.NoteFault(fault.Fault, fault.Message);
            throw;
        }
    }
}
