namespace Holdfast.Resilience;

/// <summary>Counts failures in a row, and keeps calls from a dependency that failed too often until a trial call was answered.</summary>
/// <remarks>Not Polly's breaker: that one measures a rate over a window, which a dependency called twice a minute never fills, and it closes
/// when the caller of the trial walks away. Ours counts, and a trial that nobody waited for proves nothing.</remarks>
internal sealed class Breaker(DependencyPolicy policy, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private int _failuresInARow;
    private bool _open;
    private bool _trialUnderWay;
    private long _openedAt;   // a timestamp of the clock, which does not jump as the time of day does
    private volatile DependencyHealth _health = new(DependencyState.Ok, clock.GetUtcNow(), null);

    /// <summary>Never blocks, not even on the gate.</summary>
    public DependencyHealth Health => _health;

    /// <summary>Asks to make a call. Each admitted call ends with exactly one of <see cref="Succeeded"/>, <see cref="Failed"/>, <see cref="Left"/>.</summary>
    public Admission Enter()
    {
        lock (_gate)
        {
            if (!_open)
            {
                return new Admission(Admitted: true, Trial: false, TimeSpan.Zero);
            }
            var left = policy.OpenFor - clock.GetElapsedTime(_openedAt);
            if (left > TimeSpan.Zero || _trialUnderWay)
            {
                return new Admission(Admitted: false, Trial: false, left > TimeSpan.Zero ? left : policy.OpenFor);
            }
            _trialUnderWay = true;
            return new Admission(Admitted: true, Trial: true, TimeSpan.Zero);
        }
    }

    public void Succeeded()
    {
        lock (_gate)
        {
            _failuresInARow = 0;
            _open = _trialUnderWay = false;
            if (_health.State != DependencyState.Ok)
            {
                _health = new DependencyHealth(DependencyState.Ok, clock.GetUtcNow(), null);
            }
        }
    }

    public void Failed(string how, bool trial)
    {
        lock (_gate)
        {
            _failuresInARow = Math.Min(_failuresInARow + 1, policy.OpensAfter);
            if (trial || (!_open && _failuresInARow == policy.OpensAfter))
            {
                // A straggler that was let in before the breaker opened does not push the next trial away; only a trial does.
                _open = true;
                _openedAt = clock.GetTimestamp();
            }
            _trialUnderWay &= !trial;
            var since = _health.State == DependencyState.Ok ? clock.GetUtcNow() : _health.Since;
            _health = new DependencyHealth(_open ? DependencyState.Open : DependencyState.Failing, since, how);
        }
    }

    /// <summary>The caller walked away before there was an outcome; the next call may be the trial.</summary>
    public void Left(bool trial)
    {
        lock (_gate)
        {
            _trialUnderWay &= !trial;
        }
    }

    /// <param name="RetryAfter">How long until a trial; zero when admitted.</param>
    internal readonly record struct Admission(bool Admitted, bool Trial, TimeSpan RetryAfter);
}
