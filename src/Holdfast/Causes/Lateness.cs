using Holdfast.Resilience;

namespace Holdfast.Causes;

/// <summary>How much this process was late itself: by its own looks, which a timer begins. Whatever it waited for in that time seems to hang, or to be slow.</summary>
internal sealed class Lateness(TimeProvider clock)
{
    /// <summary>Timers are late by a little always.</summary>
    private static readonly TimeSpan s_usual = TimeSpan.FromMilliseconds(50);

    /// <summary>A look that comes so much too late shows that this process stood still.</summary>
    private static readonly TimeSpan s_stoodStill = TimeSpan.FromSeconds(1);

    /// <summary>Until when after it hangs are its work: deadlines that ran out in it are told a little later.</summary>
    private static readonly TimeSpan s_after = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_kept = TimeSpan.FromMinutes(1);

    private readonly Queue<(long From, long Until)> _late = new();
    private (long From, long Until)? _stoodStill;

    /// <summary>A look begins.</summary>
    /// <param name="before">When the last one was over: a look that took long was awake.</param>
    public void Note(long before, long now, TimeSpan every)
    {
        while (_late.TryPeek(out var eldest) && clock.GetElapsedTime(eldest.Until, now) > s_kept)
        {
            _late.Dequeue();
        }
        if (_stoodStill is { } last && clock.GetElapsedTime(last.Until, now) > s_kept)
        {
            _stoodStill = null;
        }
        var late = clock.GetElapsedTime(before, now) - every;
        if (late > s_usual)
        {
            _late.Enqueue((now - Ticks(late), now));
        }
        if (late > s_stoodStill)
        {
            _stoodStill = (before, now);
        }
    }

    /// <summary>Whether the process stood still while this was waited for: it says nothing then.</summary>
    public bool Covers(CallOutcome call) => call.How == Trouble.Hangs && _stoodStill is { } still && call.At >= still.From && call.At <= still.Until + Ticks(s_after);

    /// <summary>Whether the process was late for a fifth of the time in which this was waited for: it says less then.</summary>
    public bool Weakens(CallOutcome call, TimeSpan? slowAfter)
    {
        if (_late.Count == 0 || (call.How is null ? !(call.Took > slowAfter) : call.How != Trouble.Hangs))
        {
            return false;
        }
        var took = call.Took ?? TimeSpan.FromSeconds(2);   // reported: as long as a peer's link waits
        return 5 * Between(call.At - Ticks(took), call.At) >= took;
    }

    /// <summary>A silence, without what this process slept through.</summary>
    public TimeSpan Awake(TimeSpan silence, long now)
    {
        if (_stoodStill is { } still && clock.GetElapsedTime(still.Until, now) is var since && since < silence)
        {
            return since;
        }
        return silence - Between(now - Ticks(silence), now);
    }

    private TimeSpan Between(long from, long until)
    {
        var sum = 0L;
        foreach (var late in _late)
        {
            sum += Math.Max(0, Math.Min(late.Until, until) - Math.Max(late.From, from));
        }
        return TimeSpan.FromSeconds((double)sum / clock.TimestampFrequency);
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * clock.TimestampFrequency);
}
