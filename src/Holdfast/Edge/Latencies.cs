namespace Holdfast.Edge;

/// <summary>How long answers took, by class of route: enough to know the slowest hundredth.</summary>
internal sealed class Latencies
{
    private const int Kept = 1000;
    private const int Least = 200;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Ring> _rings = new(StringComparer.Ordinal);

    public void Add(string kind, TimeSpan took)
    {
        lock (_lock)
        {
            if (!_rings.TryGetValue(kind, out var ring))
            {
                _rings[kind] = ring = new Ring();
            }
            ring.Add(took.Ticks);
        }
    }

    /// <summary>What 99 of 100 were faster than; null before enough was seen.</summary>
    public TimeSpan? P99(string kind)
    {
        lock (_lock)
        {
            return _rings.TryGetValue(kind, out var ring) ? ring.P99 : null;
        }
    }

    private sealed class Ring
    {
        private readonly long[] _ticks = new long[Kept];
        private long _count;
        private TimeSpan? _p99;

        public TimeSpan? P99 => _count < Least ? null : _p99;

        public void Add(long ticks)
        {
            _ticks[_count++ % Kept] = ticks;
            if (_count >= Least && (_p99 is null || _count % 50 == 0))
            {
                var sorted = _ticks.AsSpan(0, (int)Math.Min(_count, Kept)).ToArray();
                Array.Sort(sorted);
                _p99 = TimeSpan.FromTicks(sorted[(int)(sorted.Length * 0.99) is var at && at < sorted.Length ? at : sorted.Length - 1]);
            }
        }
    }
}
