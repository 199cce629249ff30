namespace Holdfast.Resilience;

/// <summary>How many calls that failed may be repeated: a share of all calls, and a little besides, shared by everybody who calls the dependency. So those who repeat cannot become the load that
/// keeps it down.</summary>
/// <remarks>A repeat that works gives back what it took: a queue that waited out an outage is emptied as fast as its owner likes.</remarks>
internal sealed class RepeatBudget(double share, TimeProvider clock)
{
    /// <summary>What may be saved up.</summary>
    public const double Most = 10;

    /// <summary>What there is besides, a second: a dependency that is called once an hour may be called again too.</summary>
    public const double PerSecond = 1;

    private readonly Lock _gate = new();
    private double _left = Most;
    private long _at = clock.GetTimestamp();
    private long _refused;

    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>A call is made.</summary>
    public void Earn() => Give(share);

    /// <summary>A repeat worked.</summary>
    public void GiveBack() => Give(1);

    public bool Take()
    {
        lock (_gate)
        {
            Age();
            if (_left >= 1)
            {
                _left--;
                return true;
            }
        }
        Interlocked.Increment(ref _refused);
        return false;
    }

    private void Give(double much)
    {
        lock (_gate)
        {
            _left = Math.Min(Most, _left + much);
        }
    }

    private void Age()
    {
        var now = clock.GetTimestamp();
        _left = Math.Min(Most, _left + (clock.GetElapsedTime(_at, now).TotalSeconds * PerSecond));
        _at = now;
    }
}
