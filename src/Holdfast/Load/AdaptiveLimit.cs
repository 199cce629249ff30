namespace Holdfast.Load;

/// <summary>How many requests this node works on at once, found by what they cost beside each other against what they cost alone. Not safe for several threads: <see cref="Places"/> guards it.</summary>
/// <remarks>What an operation costs alone is learned operation by operation, from requests that came while the node was nearly idle; so a mix that changes does not look like load, and a
/// disk that is slow for everybody becomes the measure after some requests. Each tenth of a second the limit is cut by as much as things are too slow (by half at most), or grows a little.</remarks>
internal sealed class AdaptiveLimit(LoadOptions options)
{
    private static readonly TimeSpan s_window = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longWindow = TimeSpan.FromSeconds(1);

    private const int Enough = 10;
    private const int MostOperations = 1000;

    private readonly Dictionary<string, double> _alone = new(StringComparer.Ordinal);
    private double _took;
    private double _tookAlone;
    private int _count;
    private TimeSpan _since;

    /// <summary>The limit now.</summary>
    public double Value { get; private set; } = options.Start;

    /// <summary>One request is over.</summary>
    /// <param name="operation">Its route.</param>
    /// <param name="took">What it cost this node, without what it waited for somebody else.</param>
    /// <param name="wasAlone">Whether it came while the node was nearly idle.</param>
    public void Note(string operation, TimeSpan took, bool wasAlone)
    {
        var cost = took.TotalMilliseconds;
        if (!_alone.TryGetValue(operation, out var alone))
        {
            if (_alone.Count >= MostOperations)
            {
                return;
            }
            alone = cost;
        }
        alone += cost < alone ? (cost - alone) / 8 : wasAlone ? (cost - alone) / 64 : 0;
        _alone[operation] = alone;
        (_took, _tookAlone, _count) = (_took + cost, _tookAlone + alone, _count + 1);
    }

    /// <summary>Moves the limit when it is time.</summary>
    /// <param name="now">Since any beginning.</param>
    /// <param name="wasWanted">Whether about as many as the limit were there meanwhile, or somebody waited.</param>
    /// <returns>Whether a window ended.</returns>
    public bool Move(TimeSpan now, bool wasWanted)
    {
        var since = now - _since;
        if (since < s_window || (_count < Enough && since < s_longWindow))
        {
            return false;
        }
        if (_count > 0)
        {
            var times = _took / Math.Max(_tookAlone, 0.001);
            if (times > options.Tolerance && (_took - _tookAlone) / _count > options.Slack.TotalMilliseconds)
            {
                Value = Math.Max(options.Least, Value * Math.Max(0.5, options.Tolerance / times));
            }
            else if (wasWanted)
            {
                Value = Math.Min(options.Most, Value + Math.Sqrt(Value));
            }
        }
        (_took, _tookAlone, _count, _since) = (0, 0, 0, now);
        return true;
    }
}
