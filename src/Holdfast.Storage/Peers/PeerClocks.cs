namespace Holdfast.Storage.Peers;

/// <summary>How far this node's wall clock is from its peers' (architecture §2).</summary>
public sealed class PeerClocks(TimeProvider clock)
{
    /// <summary>How far ahead of its peers' median a node may be, and still decide by stamps.</summary>
    public static readonly TimeSpan MostAhead = TimeSpan.FromSeconds(5);

    /// <summary>How long a peer's clock counts after it was last heard.</summary>
    public static readonly TimeSpan Counts = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (TimeSpan Ahead, long At)> _ahead = new(StringComparer.Ordinal);

    /// <summary>A peer said what time it is. That it took a moment to arrive makes this node look a moment ahead; five seconds are many moments.</summary>
    public void Note(string peer, long unixMilliseconds)
    {
        lock (_lock)
        {
            _ahead[peer] = (clock.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds), clock.GetTimestamp());
        }
    }

    /// <summary>Median of how far this clock is ahead; zero when fewer than two peers were heard.</summary>
    public TimeSpan Ahead
    {
        get
        {
            lock (_lock)
            {
                var heard = _ahead.Values.Where(a => clock.GetElapsedTime(a.At) < Counts).Select(a => a.Ahead).Order().ToList();
                return heard.Count < 2 ? TimeSpan.Zero : heard[(heard.Count - 1) / 2];
            }
        }
    }

    /// <summary>Whether this node's stamps would win over what is truly later.</summary>
    public bool IsAhead => Ahead > MostAhead;
}
