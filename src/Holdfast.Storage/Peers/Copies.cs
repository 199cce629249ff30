using Holdfast.Resilience;

namespace Holdfast.Storage.Peers;

/// <summary>How far this node's journal is on other nodes' disks, in other failure domains (law 3).</summary>
/// <remarks>A peer that asks for what follows a position has all up to it on its disk: the question is the receipt.</remarks>
public sealed class Copies(string ownRegion, string ownZone, TimeProvider clock)
{
    /// <summary>How long an answer waits for a copy.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    /// <summary>A peer that has not asked for so long is not waited for.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly List<(long Position, TaskCompletionSource Copied, bool WantsFar)> _waiting = [];
    private readonly Dictionary<string, (long Position, long At, bool IsFar)> _confirmed = new(StringComparer.Ordinal);
    private long _answeredWithOne;
    private long _answeredWithMore;

    /// <summary>Answers that were given with one copy only, since the start: what the loss of this disk may take.</summary>
    public long AnsweredWithOne => Interlocked.Read(ref _answeredWithOne);

    /// <summary>Answers that were given with a copy elsewhere, since the start.</summary>
    public long AnsweredWithMore => Interlocked.Read(ref _answeredWithMore);

    /// <summary>The journal's position up to which there is a copy in another failure domain.</summary>
    public long Confirmed
    {
        get
        {
            lock (_lock)
            {
                return _confirmed.Count == 0 ? 0 : _confirmed.Values.Max(c => c.Position);
            }
        }
    }

    /// <summary>A peer has this node's facts up to a position.</summary>
    public void Confirm(NodeIdentity peer, long position)
    {
        if (peer.Zone == ownZone)
        {
            return;
        }
        List<TaskCompletionSource> copied;
        lock (_lock)
        {
            var isFar = peer.Region != ownRegion;
            _confirmed[peer.Name] = (position, clock.GetTimestamp(), isFar);
            copied = [.. _waiting.Where(w => w.Position <= position && (isFar || !w.WantsFar)).Select(w => w.Copied)];
            _waiting.RemoveAll(w => w.Position <= position && (isFar || !w.WantsFar));
        }
        copied.ForEach(c => c.TrySetResult());
    }

    /// <summary>A new life began: what was confirmed was of the old one's positions.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _confirmed.Clear();
        }
    }

    /// <summary><see cref="WaitAsync"/> for a fact that is answered either way; and counts it.</summary>
    /// <returns>Copies: 1, this disk's, or 2.</returns>
    public async Task<int> LabelAsync(long position)
    {
        if (await WaitAsync(position))
        {
            Interlocked.Increment(ref _answeredWithMore);
            return 2;
        }
        Interlocked.Increment(ref _answeredWithOne);
        return 1;
    }

    /// <summary>Waits for a copy of what stands up to a position; not long, and not at all when nobody is there to make one. While a node of another region is there,
    /// it is that one's copy that is waited for: a region may be lost whole. When that does not come in time, one of another zone will do.</summary>
    /// <returns>Whether there is one.</returns>
    public async Task<bool> WaitAsync(long position)
    {
        var copied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            var alive = _confirmed.Values.Where(c => clock.GetElapsedTime(c.At) < Silence).ToList();
            var wantsFar = alive.Exists(c => c.IsFar);
            if (_confirmed.Values.Any(c => c.Position >= position && (c.IsFar || !wantsFar)))
            {
                return true;
            }
            if (alive.Count == 0)
            {
                return false;
            }
            _waiting.Add((position, copied, wantsFar));
        }
        using var away = Errand.Outside();   // another node's disk is waited for, not this one's
        using var patience = new CancellationTokenSource(Patience, clock);
        try
        {
            await copied.Task.Within(patience.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return Confirmed >= position;
        }
        finally
        {
            lock (_lock)
            {
                _waiting.RemoveAll(w => w.Copied == copied);
            }
        }
    }
}
