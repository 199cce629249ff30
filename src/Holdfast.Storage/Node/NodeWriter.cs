using System.Collections.Concurrent;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Node;

/// <summary>The one writer of a node's disk. It takes many requests into one transaction and one fsync (group commit), in the order they came.</summary>
/// <remarks>A request is a function that reads the local state and returns its decision; there is no gap between what it read and what is kept.</remarks>
public sealed class NodeWriter : IDisposable
{
    /// <summary>The most requests of one transaction.</summary>
    public const int MostAtOnce = 256;

    /// <summary>The most requests that may wait; above it a request is refused at once rather than kept waiting.</summary>
    public const int MostWaiting = 10_000;

    private readonly ConcurrentQueue<Request> _waiting = new();
    private readonly SqliteConnection _connection;
    private readonly Lane _lane;
    private int _scheduled;
    private int _count;
    private long _commits;
    private volatile JournalUnavailableException? _closed;
    private volatile JournalUnavailableException? _broken;

    internal NodeWriter(SqliteConnection connection, HybridClock clock, JournalLimits limits, Surroundings world, Lane lane)
    {
        (_connection, _lane) = (connection, lane);
        Session = new WriterSession(connection, limits, clock, world);
    }

    internal WriterSession Session { get; }

    /// <summary>How many transactions have ended: while it is the same, so is what they left.</summary>
    public long Commits => Interlocked.Read(ref _commits);

    /// <summary>Bytes in the journal.</summary>
    public long JournalBytes => Session.Journal.Bytes;

    /// <summary>What the disk said when it last refused a transaction; null when it took the last one.</summary>
    public JournalUnavailableException? Broken => _broken;

    /// <summary>Called after a transaction that journaled something: there is something to ship.</summary>
    public event Action? Journaled;

    /// <summary>Decides on the local state, and keeps the facts: applied to the replica and journaled in one transaction. Returns once that is on disk.</summary>
    /// <exception cref="JournalUnavailableException">The disk did not take it.</exception>
    /// <exception cref="JournalFullException">The facts' share of the journal is full.</exception>
    public Task<Recorded<T>> RecordAsync<T>(Func<View, Decision<T>> decide) => EnqueueAsync(session => session.Record(decide));

    /// <summary>Runs inside the writer's transaction.</summary>
    internal Task<T> EnqueueAsync<T>(Func<WriterSession, T> work)
    {
        if (Interlocked.Increment(ref _count) > MostWaiting)
        {
            Interlocked.Decrement(ref _count);
            throw new JournalUnavailableException("Too many writes are waiting on this node.");
        }
        var request = new Request<T>(work);
        _waiting.Enqueue(request);
        if (Interlocked.Exchange(ref _scheduled, 1) == 0)
        {
            try
            {
                _lane.Post(RunWaiting);
            }
            catch (StoppingException stopping)
            {
                _closed = new JournalUnavailableException(stopping.Message, stopping);
            }
        }
        Interlocked.MemoryBarrier();
        if (_closed is { } closed)
        {
            FailWaiting(closed);   // also those who saw that another had scheduled it, and rely on that
        }
        return request.Task;
    }

    private void FailWaiting(JournalUnavailableException why)
    {
        while (_waiting.TryDequeue(out var request))
        {
            Interlocked.Decrement(ref _count);
            request.Fail(why);
        }
    }

    private void RunWaiting()
    {
        Volatile.Write(ref _scheduled, 0);
        Interlocked.MemoryBarrier();
        var batch = new List<Request>();
        while (true)
        {
            batch.Clear();
            while (batch.Count < MostAtOnce && _waiting.TryDequeue(out var request))
            {
                batch.Add(request);
            }
            if (batch.Count == 0)
            {
                return;
            }
            Interlocked.Add(ref _count, -batch.Count);
            Run(batch);
        }
    }

    private void Run(IReadOnlyList<Request> batch)
    {
        var (journaled, deciding) = (false, false);
        try
        {
            Session.Begin();   // first: what undoes a transaction that could not even begin must know what was before it
            _connection.Execute("BEGIN IMMEDIATE");
            deciding = true;
            foreach (var request in batch)
            {
                request.Run(Session);
            }
            deciding = false;
            Session.Journal.KeepCount();
            _connection.Execute("COMMIT");
            Session.Journal.Tail.Publish();
            Interlocked.Increment(ref _commits);   // before anybody is told
            journaled = Session.HasJournaled;
            _broken = null;
        }
        catch (Exception fault)
        {
            _connection.RollBack();
            Session.Undone();
            var isDisk = fault is SqliteException sqlite && sqlite.IsOfTheDisk();
            if (deciding && !isDisk && batch.Count > 1)
            {
                // One of them. Alone, each shows whether it is the one; and what is whole is not lost for its neighbour.
                foreach (var request in batch)
                {
                    Run([request]);
                }
                return;
            }
            // The disk refuses all alike; asking it again for each would only keep them waiting.
            var why = isDisk ? _broken = new JournalUnavailableException("This node's disk does not take writes.", fault) : fault;
            foreach (var request in batch)
            {
                request.Fail(why);
            }
            return;
        }
        foreach (var request in batch)
        {
            request.Complete();
        }
        if (journaled)
        {
            Journaled?.Invoke();
        }
    }

    public void Dispose()
    {
        if (_lane.Close())
        {
            Session.Dispose();
            _connection.Dispose();
        }
        // Else the disk hangs, and so does whoever touches the connection: it ends with the process.
        FailWaiting(_closed = new JournalUnavailableException("The node is stopping."));
    }

    private abstract class Request
    {
        public abstract void Run(WriterSession session);

        public abstract void Complete();

        public abstract void Fail(Exception fault);
    }

    private sealed class Request<T>(Func<WriterSession, T> work) : Request
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _result;
        private RefusedDecision? _refused;

        public Task<T> Task => _done.Task;

        public override void Run(WriterSession session)
        {
            _refused = null;
            try
            {
                _result = work(session);
            }
            catch (RefusedDecision refused)
            {
                _refused = refused;   // it had changed nothing yet, so its neighbours stand
            }
        }

        public override void Complete()
        {
            if (_refused is { InnerException: { } why })
            {
                _done.SetException(why);
            }
            else
            {
                _done.SetResult(_result!);
            }
        }

        public override void Fail(Exception fault) => _done.SetException(fault);
    }
}

/// <summary>A decision threw, or had no room, before any of its changes was applied.</summary>
internal sealed class RefusedDecision(Exception why) : Exception(why.Message, why);
