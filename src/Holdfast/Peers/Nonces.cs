namespace Holdfast.Peers;

/// <summary>Nonces of signed requests, remembered for as long as their time would be taken: none is taken twice.</summary>
/// <remarks>Bounded. Only nodes of ours get one in, so strangers cannot fill it; when it is full, nothing is forgotten early, and more is refused.</remarks>
internal sealed class Nonces(TimeProvider clock, TimeSpan keptFor, int most = 500_000)
{
    private readonly Lock _lock = new();
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly Queue<(string Nonce, DateTimeOffset Until)> _order = [];

    /// <summary>Whether the nonce is new; then it is remembered.</summary>
    public bool Take(string nonce)
    {
        var now = clock.GetUtcNow();
        lock (_lock)
        {
            while (_order.TryPeek(out var oldest) && oldest.Until < now)
            {
                _seen.Remove(_order.Dequeue().Nonce);
            }
            if (_seen.Count >= most || !_seen.Add(nonce))
            {
                return false;
            }
            _order.Enqueue((nonce, now + keptFor));
            return true;
        }
    }
}
