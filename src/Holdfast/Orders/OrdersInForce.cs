namespace Holdfast.Orders;

/// <summary>The orders that this node goes by, in memory. Each ends by the clock, whether or not anybody looks.</summary>
internal sealed class OrdersInForce(TimeProvider clock)
{
    private volatile IReadOnlyList<OrderRow> _all = [];

    /// <summary>Told when others are in force.</summary>
    public event Action<OrdersInForce>? Changed;

    /// <summary>The latest first; of each thing one.</summary>
    public IReadOnlyList<OrderRow> All => [.. _all.Where(o => o.Until > clock.GetUtcNow())];

    /// <summary>Why this node takes no new work; null when it does.</summary>
    public OrderRow? Drain => All.FirstOrDefault(o => o.Kind == OrderKind.Drain);

    /// <summary>Whether the flag provider is polled, and no stream kept open.</summary>
    public bool PollsFlags => All.Any(o => o.Kind == OrderKind.Flags);

    public void Set(IReadOnlyList<OrderRow> orders)
    {
        _all = orders;
        Changed?.Invoke(this);
    }
}
