namespace Holdfast.Resilience;

/// <summary>What the last calls of a dependency came to. Bounded: the eldest gives way.</summary>
public sealed class CallWindow
{
    /// <summary>How many are kept.</summary>
    public const int Size = 32;

    private readonly Lock _gate = new();
    private readonly CallOutcome[] _ring = new CallOutcome[Size];
    private long _count;

    /// <summary>How many there were in all.</summary>
    public long Count
    {
        get
        {
            lock (_gate)
            {
                return _count;
            }
        }
    }

    /// <summary>The last ones, the eldest first.</summary>
    public CallOutcome[] Last()
    {
        lock (_gate)
        {
            var kept = (int)Math.Min(_count, Size);
            var last = new CallOutcome[kept];
            for (var i = 0; i < kept; i++)
            {
                last[i] = _ring[(_count - kept + i) % Size];
            }
            return last;
        }
    }

    /// <summary>The last call that came well was none after all; where there is none, another failure.</summary>
    internal CallOutcome Amend(string how, long now)
    {
        lock (_gate)
        {
            for (var i = 1; i <= Math.Min(_count, 4); i++)
            {
                ref var call = ref _ring[(_count - i) % Size];
                if (call.How is null)
                {
                    return call = call with { How = how };
                }
            }
            return _ring[_count++ % Size] = new CallOutcome(now, null, how);
        }
    }

    internal void Add(CallOutcome outcome)
    {
        lock (_gate)
        {
            _ring[_count++ % Size] = outcome;
        }
    }
}

/// <param name="At">When it was over, in timestamps of the clock.</param>
/// <param name="Took">Null when it was reported rather than called, so that nobody knows.</param>
/// <param name="How">How it failed, in the exact word (<see cref="Trouble.Exactly"/>); null when it did not.</param>
/// <param name="IsKnock">Nobody needed it: the node knocked because a call before had failed.</param>
public readonly record struct CallOutcome(long At, TimeSpan? Took, string? How, bool IsKnock = false);
