using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Node;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Replication;

/// <summary>Carries facts from the journal to the primary, and the change log from the primary to the replica. Nothing of a sign-in waits for it.</summary>
/// <remarks>Its steps are methods, so that a simulated world can drive them; <see cref="RunAsync"/> is the loop of the real one.</remarks>
public sealed class Replicator(NodeStore node, IPrimary primary, Surroundings world)
{
    /// <summary>Versions of one transaction of the primary.</summary>
    public const int BatchSize = 500;

    /// <summary>How often the log is asked for news that nobody announced.</summary>
    public static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>The pause between two full batches: catching up after an outage must not take the machine from sign-ins.</summary>
    public static readonly TimeSpan Breather = TimeSpan.FromMilliseconds(20);

    /// <summary>How long one step may wait for the primary before it counts as hung.</summary>
    public static readonly TimeSpan StepDeadline = TimeSpan.FromSeconds(5);

    /// <summary>How often it is written down that the replica is level with the primary, so that a cold start knows how old its data is.</summary>
    private static readonly TimeSpan LevelKeptEvery = TimeSpan.FromMinutes(1);

    internal const string ClosedText = "The operator has closed the way to the primary database.";

    private readonly Signal _news = new();
    private readonly Signal _never = new();   // told by nobody: a pause that a stop ends without an exception
    private readonly Lock _lock = new();
    private readonly Lock _noting = new();
    private readonly List<(LogPosition Row, TaskCompletionSource Reached)> _waiting = [];
    private LogPosition _position = node.Read(view => view.NodeState.Position);
    private PrimaryHealth _health = new(null, world.Clock.GetUtcNow(), null, null);
    private long _faults;
    private DateTimeOffset _prunedAt;
    private DateTimeOffset? _expiredThere;
    private readonly (DateTimeOffset Wall, long Ticks) _began = (world.Clock.GetUtcNow(), world.Clock.GetTimestamp());
    private readonly DateTimeOffset? _levelBefore = node.Read(view => view.NodeState.LevelAt);
    private long _levelAt = Never;
    private DateTimeOffset? _levelKept;
    private readonly ClockJumps _jumps = new(world.Clock);

    private const long Never = long.MinValue;

    /// <summary>How old what the replica says is: since it last was level with the primary, in this run or an earlier one (law 6). By the clock that does not jump, while the
    /// process runs.</summary>
    public TimeSpan Age
    {
        get
        {
            if (Interlocked.Read(ref _levelAt) is not Never and var at)
            {
                return world.Clock.GetElapsedTime(at);
            }
            var elapsed = world.Clock.GetElapsedTime(_began.Ticks);
            if (_levelBefore is not { } before)
            {
                return elapsed;
            }
            // The wall clock may have been wrong at the start, or may be wrong now: the smaller counts, and never less than what has passed since.
            var (since, now) = (_began.Wall - before + elapsed, world.Clock.GetUtcNow() - before);
            var age = since < now ? since : now;
            return age > elapsed ? age : elapsed;
        }
    }

    /// <summary>How the primary looked at the last contact.</summary>
    public PrimaryHealth Health => Volatile.Read(ref _health);

    /// <summary>Whether the life of this id is there to ship its facts itself. What nobody ships, this node does, as far as it holds it.</summary>
    public Func<string, bool> IsSpeaking { get; set; } = _ => true;

    /// <summary>Whether a person has closed the way to the primary: then it is not asked, and every write is refused at once.</summary>
    public Func<bool> IsClosed { get; set; } = () => false;

    /// <summary>Told after every contact, good or bad.</summary>
    public Action<PrimaryHealth>? Noted { get; set; }

    /// <summary>The last change-log row that this replica has applied.</summary>
    public LogPosition Position
    {
        get
        {
            lock (_lock)
            {
                return _position;
            }
        }
    }

    /// <summary>There is something to ship or to read: do not wait for the next poll.</summary>
    public void Nudge() => _news.Set();

    /// <summary>Waits until the replica has a row of the log.</summary>
    /// <exception cref="PrimaryUnavailableException">Another row stands at its place: the primary lost it.</exception>
    public async Task ReachAsync(LogPosition row, CancellationToken ct)
    {
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool isPast;
        lock (_lock)
        {
            isPast = _position.Sequence >= row.Sequence;
            if (!isPast)
            {
                _waiting.Add((row, reached));
            }
        }
        if (isPast)
        {
            if (!HasRead(row))
            {
                throw Lost();
            }
            return;
        }
        Nudge();
        try
        {
            await reached.Task.Within(ct);
        }
        finally
        {
            lock (_lock)
            {
                _waiting.RemoveAll(w => w.Reached == reached);
            }
        }
    }

    /// <summary>Ships and reads until it is told to stop. What goes wrong is noted in <see cref="Health"/> and tried again.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var told = _news.Told;
            if (!await StepAsync(ct))
            {
                await _news.WaitAsync(told, PollEvery, world.Clock, ct);
            }
            else
            {
                await _never.WaitAsync(0, Breather, world.Clock, ct);
            }
        }
    }

    /// <summary>One batch each way.</summary>
    /// <returns>Whether there is more to carry at once.</returns>
    public async Task<bool> StepAsync(CancellationToken ct)
    {
        if (IsClosed())
        {
            NoteFault(PrimaryFault.Closed, ClosedText);
            return false;
        }
        using var deadline = new CancellationTokenSource(StepDeadline, world.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        var faultsBefore = Interlocked.Read(ref _faults);
        DateTimeOffset? read = null;
        try
        {
            await PruneAsync(either.Token);
            // Reading first: a log that lost its tail must be noticed before anything is written on top of it.
            var more = await TailAsync(either.Token);
            read = world.Clock.GetUtcNow();
            if (!more)
            {
                await NoteLevelAsync(read.Value, either.Token);
            }
            var shipped = await ShipAsync(either.Token);
            more |= shipped;
            if (!shipped && Health.Fault is not null)
            {
                await primary.OfferAsync([], node.Progress.Position, either.Token).Within(either.Token);   // that it is read again does not show that it takes writes again
            }
            if (_expiredThere is { } expired)
            {
                await primary.PruneAsync(expired, either.Token).Within(either.Token);
                _expiredThere = null;
            }
            NoteContact(faultsBefore);
            return more;
        }
        catch (PrimaryUnavailableException fault)
        {
            NoteFault(fault.Fault, fault.Message, read);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            NoteFault(PrimaryFault.Unreachable, "The primary database accepts work and does not answer.", read);
        }
        catch (StorageUnavailableException)
        {
            // This node's own disk: the writer notes it, and readiness tells it.
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
        catch (Exception unforeseen)
        {
            // Whatever it is, the next step tries again, and until then it has a name.
            NoteFault(PrimaryFault.Unreachable, $"Replication failed: {unforeseen.Message}", read);
        }
        return false;
    }

    private async Task NoteLevelAsync(DateTimeOffset now, CancellationToken ct)
    {
        Interlocked.Exchange(ref _levelAt, world.Clock.GetTimestamp());
        if (_levelKept is { } kept && now - kept < LevelKeptEvery)
        {
            return;
        }
        try
        {
            await node.Writer.EnqueueAsync(session => session.State.LevelAt = now).Within(ct);
            _levelKept = now;
        }
        catch (StorageUnavailableException)
        {
            // This node's own disk. What it holds can be shipped nevertheless.
        }
    }

    private async Task<bool> TailAsync(CancellationToken ct)
    {
        var from = node.Progress.Position;   // a write may have read on meanwhile
        var page = await primary.ReadLogAsync(from, BatchSize, ct).Within(ct);
        if (!page.Matches)
        {
            await GoBackAsync(from, page.Head, ct);
            return true;
        }
        if (page.Rows.Count > 0)
        {
            Reached(await node.Writer.EnqueueAsync(session => session.Absorb(from, page.Rows)).Within(ct));
        }
        else if (from != Position)
        {
            Reached(from);
        }
        return page.Rows.Count > 0 && page.Rows[^1].At != page.Head;   // a page is cut by bytes too
    }

    /// <summary>The primary does not have our row at its place: it was restored or failed over without its tail.</summary>
    private async Task GoBackAsync(LogPosition ours, LogPosition head, CancellationToken ct)
    {
        var kept = node.Read(view => view.Query<Kept>("SELECT epoch AS Epoch, sequence AS Sequence, hash AS Hash FROM log_tail ORDER BY sequence DESC LIMIT 100000"))
            .ConvertAll(k => new LogPosition(k.Epoch, k.Sequence, k.Hash));
        var common = await primary.FindCommonAsync(kept, ct).Within(ct);
        if (head.Epoch <= ours.Epoch)
        {
            await primary.BeginEpochAsync(head, ct).Within(ct);   // the first to see it; conditional, so that only one does
            var now = await primary.ReadLogAsync(common, 1, ct).Within(ct);
            if (now.Head.Epoch <= ours.Epoch)
            {
                return;   // a writer came in between; the next step sees the same and tries again
            }
        }
        await node.Writer.EnqueueAsync(session =>
        {
            session.GoBackTo(common, nothingInCommon: common.Sequence == 0);
            return true;
        }).Within(ct);
        Reached(common);
    }

    private async Task<bool> ShipAsync(CancellationToken ct)
    {
        var progress = node.Progress;
        if (progress.OffersAgain
            && node.Read(view => view.Query<Again>("SELECT place AS Place, version AS Version FROM offer_again ORDER BY place LIMIT @BatchSize", new { BatchSize })) is { Count: > 0 } again)
        {
            await OfferAsync(again.ConvertAll(a => a.Version), session => session.OfferedAgain(again[^1].Place), ct);
            return true;
        }
        if (progress.OfferingAll is not null)
        {
            var page = await node.Writer.EnqueueAsync(session => session.NextOfAll(BatchSize)).Within(ct);
            await OfferAsync(page.Versions, session => session.OfferedAll(page.Then), ct);
            return true;
        }
        var facts = progress.JournalHead > progress.Shipped ? node.Read(view => Journal.ReadAfter(view, progress.Shipped, BatchSize)) : [];
        if (facts.Count == 0)
        {
            return await ShipForOthersAsync(progress, ct);
        }
        await OfferAsync(facts.ConvertAll(f => f.Version), session => session.SetShipped(facts[^1].Position, from: progress.Shipped), ct);
        return true;
    }

    /// <summary>Facts whose author is silent: dead, or cut off from here and perhaps from the primary too. Offered twice is offered once.</summary>
    private async Task<bool> ShipForOthersAsync(Progress progress, CancellationToken ct)
    {
        foreach (var state in progress.Peers.Values.Where(s => s.Position > s.Confirmed && !IsSpeaking(s.Origin)))
        {
            // Up to the first that a younger release made: an elder primary takes none of those, and this node's own writes are not to suffer for it.
            var facts = node.Read(view => PeerJournals.Held(view, state.Origin, state.Confirmed, BatchSize))
                .TakeWhile(f => RowVersion.FromJson(f.Version, Schema.ByName) is not null).ToList();
            if (facts.Count > 0)
            {
                // What an elder release took of a peer that no node may write is held, and offered for nobody.
                await OfferAsync([.. facts.Select(f => f.Version).Where(v => Belief.Refused(RowVersion.FromJson(v, Schema.ByName)!) is null)], session => session.OfferedFor(state.Origin, facts[^1].Position, from: state.Confirmed), ct);
                return true;
            }
        }
        return false;
    }

    /// <summary>Offers, reads the log up to where it then stood, and only then notes what was offered: a tail that this node has not read may be lost without
    /// its noticing, because its position would still match.</summary>
    private async Task OfferAsync(IReadOnlyList<string> versions, Func<WriterSession, bool> note, CancellationToken ct)
    {
        var head = await primary.OfferAsync(versions, node.Progress.Position, ct).Within(ct);
        while (Position.Sequence < head.Sequence && await TailAsync(ct))
        {
            // A full page; there is more.
        }
        await node.Writer.EnqueueAsync(session => session.HasSeen(head) && note(session)).Within(ct);
    }

    private async Task PruneAsync(CancellationToken ct)
    {
        var now = world.Clock.GetUtcNow();
        if ((now - _prunedAt).Duration() < TimeSpan.FromMinutes(1))   // a clock that was set back is no reason to wait for its old time
        {
            return;
        }
        var hasJumped = _jumps.HasJumped();
        // An hour late, so that a clock that is a little behind elsewhere never asks for a row that is gone here.
        var expiredBefore = now - Expiry.Kept;
        var more = await node.Writer.EnqueueAsync(session =>
        {
            session.TakeAside();
            return !hasJumped && session.Prune(expiredBefore);
        }).Within(ct);
        _prunedAt = more ? default : now;   // whatever the rate at which rows are made, they are forgotten as fast
        _expiredThere = hasJumped ? null : expiredBefore;
    }

    private void Reached(LogPosition position)
    {
        List<(LogPosition Row, TaskCompletionSource Reached)> arrived;
        lock (_lock)
        {
            _position = position;
            arrived = _waiting.FindAll(w => w.Row.Sequence <= position.Sequence);
        }
        foreach (var (row, reached) in arrived)
        {
            if (HasRead(row))
            {
                reached.TrySetResult();
            }
            else
            {
                reached.TrySetException(Lost());
            }
        }
    }

    private bool HasRead(LogPosition row) => node.Read(view => view.NodeState.HasRead(row));

    private static PrimaryUnavailableException Lost() =>
        new(PrimaryFault.Unreachable, "The primary database lost its tail meanwhile. Whether it kept the change is unknown.");

    /// <param name="read">When the log was read all the same; null when it was not.</param>
    internal void NoteFault(PrimaryFault fault, string text, DateTimeOffset? read = null) => Note(was =>
    {
        _faults++;
        return new PrimaryHealth(fault, was.Fault is null ? world.Clock.GetUtcNow() : was.Since, text, read ?? was.LastContact);
    });

    /// <summary>It took a write and was read; unless somebody else met a fault meanwhile.</summary>
    private void NoteContact(long faultsBefore) => Note(was =>
    {
        var now = world.Clock.GetUtcNow();
        return _faults == faultsBefore ? new PrimaryHealth(null, was.Fault is null ? was.Since : now, null, now) : was with { LastContact = now };
    });

    private void Note(Func<PrimaryHealth, PrimaryHealth> next)
    {
        lock (_noting)   // a caller of the database may note at the same moment
        {
            Volatile.Write(ref _health, next(_health));
            Noted?.Invoke(_health);
        }
    }

    private sealed record Kept(long Epoch, long Sequence, string Hash);

    private sealed record Again(long Place, string Version);
}
