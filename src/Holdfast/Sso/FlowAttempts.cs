namespace Holdfast.Sso;

/// <summary>How often a flow was tried. Its cookie could be sent again and again, and each try is work, here or at the customer's identity provider.</summary>
/// <remarks>In memory and bounded: a restart forgives, and what ends a flow for good is its spend.</remarks>
internal sealed class FlowAttempts(SsoOptions options, TimeProvider clock)
{
    /// <summary>Tries of one flow.</summary>
    public const int MostPerFlow = 3;

    /// <summary>Flows that are remembered; above it the oldest are forgotten.</summary>
    public const int MostFlows = 50_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _tries = new(StringComparer.Ordinal);
    private readonly Queue<(string Id, DateTimeOffset At)> _order = new();

    /// <summary>Whether a flow may be tried once more.</summary>
    public bool MayTry(string flowId)
    {
        var now = clock.GetUtcNow();
        lock (_lock)
        {
            while (_order.TryPeek(out var oldest) && (_order.Count > MostFlows || now - oldest.At > options.FlowLifetime))
            {
                _tries.Remove(_order.Dequeue().Id);
            }
            if (!_tries.TryGetValue(flowId, out var tries))
            {
                _order.Enqueue((flowId, now));
            }
            return (_tries[flowId] = tries + 1) <= MostPerFlow;
        }
    }
}
