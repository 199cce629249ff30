namespace Holdfast.Storage;

/// <summary>Watches whether wall time goes elsewhere than the time that passes: what a wrong clock calls over may be in use still (a code, a flow, an assertion).</summary>
internal sealed class ClockJumps(TimeProvider clock)
{
    /// <summary>From how far on a clock has jumped, and for how long it counts.</summary>
    private static readonly TimeSpan Jump = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Counts = TimeSpan.FromHours(2);

    private readonly Lock _lock = new();
    private readonly (DateTimeOffset Wall, long Ticks) _began = (clock.GetUtcNow(), clock.GetTimestamp());
    private TimeSpan _drift;
    private long? _jumpedAt;

    /// <summary>Whether it has jumped, now or not long ago.</summary>
    public bool HasJumped()
    {
        lock (_lock)
        {
            var drift = clock.GetUtcNow() - _began.Wall - clock.GetElapsedTime(_began.Ticks);
            if ((drift - _drift).Duration() > Jump)
            {
                (_drift, _jumpedAt) = (drift, clock.GetTimestamp());
            }
            return _jumpedAt is { } at && clock.GetElapsedTime(at) < Counts;
        }
    }
}
