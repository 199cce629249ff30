using Holdfast.Load;
using Holdfast.Storage;
using Holdfast.Telemetry;
using Holdfast.Users;

namespace Holdfast;

/// <summary>What the parts of the node count, for <c>/metrics</c>, the collector and the node's own quarter of an hour. Names stay; <c>docs/telemetry.md</c> lists them.</summary>
internal static class NodeSamples
{
    public static void Declare(NodeMetrics metrics, IServiceProvider all, StorageHost storage)
    {
        var (places, hashes, times) = (all.GetRequiredService<Places>(), all.GetRequiredService<HashQueue>(), all.GetRequiredService<RouteTimes>());
        metrics.Add(() => OfLoad(places.State));
        metrics.Add(() => OfStorage(storage));
        metrics.Add(() =>
        [
            new("holdfast_hash_queue_waiting", "Passwords that wait to be hashed.", false, hashes.Waiting),
            new("holdfast_hash_queue_refused_total", "Those that were turned away.", true, hashes.Refused),
        ]);
        metrics.Add(OfProcess);
        metrics.Add(times.Read);
    }

    private static IEnumerable<Sample> OfLoad(LoadState state)
    {
        yield return new("holdfast_load_limit", "Requests that are worked on at once, at most.", false, state.Limit);
        yield return new("holdfast_load_inside", "Requests that are worked on.", false, state.Inside);
        yield return new("holdfast_load_waiting", "Requests that wait for a place.", false, state.Waiting);
        yield return new("holdfast_load_outside", "Requests that wait for another party.", false, state.Outside);
        yield return new("holdfast_load_overloaded", "1 while the node refuses for load.", false, state.IsOverloaded ? 1 : 0);
        foreach (var count in state.Counts)
        {
            yield return new("holdfast_load_admitted_total", "Requests that were let in.", true, count.Admitted, ("priority", count.Priority.Name()));
            yield return new("holdfast_load_refused_total", "Requests that were refused for load.", true, count.Refused, ("priority", count.Priority.Name()));
            yield return new("holdfast_load_left_total", "Requests whose callers had gone while they waited.", true, count.Left, ("priority", count.Priority.Name()));
        }
    }

    private static IEnumerable<Sample> OfStorage(StorageHost storage)
    {
        yield return new("holdfast_replica_age_ms", "How old the replica is, in milliseconds.", false, (long)storage.Replicator.Age.TotalMilliseconds);
        yield return new("holdfast_journal_depth", "Facts that the primary has not confirmed.", false, storage.Node.CountUnshipped());
        yield return new("holdfast_journal_bytes", "What the journal takes on the disk.", false, storage.Node.Writer.JournalBytes);
        yield return new("holdfast_journal_commits_total", "Syncs of the journal.", true, storage.Node.Writer.Commits);
        yield return new("holdfast_copies_answers_total", "Denies and credentials that were answered, by how many copies there were then.", true, storage.Peers.Copies.AnsweredWithOne, ("copies", "1"));
        yield return new("holdfast_copies_answers_total", "Denies and credentials that were answered, by how many copies there were then.", true, storage.Peers.Copies.AnsweredWithMore, ("copies", "2"));
        foreach (var link in storage.Peers.All)
        {
            yield return new("holdfast_peer_silent_ms", "Since another node was last heard, in milliseconds.", false, (long)link.SilentFor.TotalMilliseconds, ("peer", link.Peer.Address));
            yield return new("holdfast_peer_facts_refused_total", "What a peer sent that no honest node sends.", true, link.FactsRefused, ("peer", link.Peer.Address));
        }
    }

    private static IEnumerable<Sample> OfProcess()
    {
        for (var generation = 0; generation <= 2; generation++)
        {
            yield return new("holdfast_gc_collections_total", "Garbage collections.", true, GC.CollectionCount(generation), ("generation", generation.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
        yield return new("holdfast_gc_pause_ms_total", "How long the process stood still for them, in milliseconds.", true, (long)GC.GetTotalPauseDuration().TotalMilliseconds);
        yield return new("holdfast_memory_heap_bytes", "Managed memory.", false, GC.GetTotalMemory(false));
        yield return new("holdfast_memory_working_set_bytes", "What the process takes of the machine.", false, Environment.WorkingSet);
        yield return new("holdfast_thread_pool_threads", "Threads of the pool.", false, ThreadPool.ThreadCount);
        yield return new("holdfast_thread_pool_waiting", "Work that waits for one.", false, ThreadPool.PendingWorkItemCount);
    }
}
