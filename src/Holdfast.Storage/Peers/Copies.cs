namespace Holdfast.Storage.Peers;

/// <summary>How far this node's journal is on other nodes' disks, in other failure domains (law 3).</summary>
/// <remarks>A peer that asks for what follows a position has all up to it on its disk: the question is the receipt.</remarks>
public sealed class Copies(string ownZone, TimeProvider clock)
{
    /// <summary>How long an answer waits for a copy.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    /// <summary>A peer that has not asked for so long is not waited for.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly List<(long Position, TaskCompletionSource Copied)> _waiting = [];
    private readonly Dictionary<string, (long Position, long At)> _confirmed = new(StringComparer.Ordinal);
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
            _confirmed[peer.Name] = (position, clock.GetTimestamp());
            copied = [.. _waiting.Where(w => w.Position <= position).Select(w => w.Copied)];
            _waiting.RemoveAll(w => w.Position <= position);
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

    /// <summary>Waits for a copy of what stands up to a position; not long, and not at all when nobody is there to make one.</summary>
    /// <returns>Whether there is one.</returns>
    public async Task<bool> WaitAsync(long position)
    {
        var copied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_confirmed.Values.Any(c => c.Position >= position))
            {
                return true;
            }
            if (!_confirmed.Values.Any(c => clock.GetElapsedTime(c.At) < Silence))
            {
                return false;
            }
            _waiting.Add((position, copied));
        }
        using var patience = new CancellationTokenSource(Patience, clock);
        try
        {
            await copied.Task.Within(patience.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
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
