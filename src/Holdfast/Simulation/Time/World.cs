namespace Holdfast.Simulation.Time;

/// <summary>A world of machines in one thread: everything that happens is a piece of work in one queue, at a virtual time. One seed, one history.</summary>
internal sealed class World
{
    /// <summary>Noon, so that clocks may jump without another day beginning.</summary>
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly PriorityQueue<Piece, (long At, ulong Order, long Number)> _queue = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly Dice _order;
    private long _number;
    private volatile string? _escaped;

    public World(ulong seed, bool keepsTrace)
    {
        Seed = seed;
        _order = Simulation.Time.Dice.Of(seed, "order");
        Trace = new Trace(this, keepsTrace);
        Outside = new Life(this, "world");
    }

    public ulong Seed { get; }

    public Trace Trace { get; }

    /// <summary>Who is not in the cluster, and so never crashes: clients, and whoever breaks and mends things.</summary>
    public Life Outside { get; }

    /// <summary>Virtual time since the beginning. It only goes forward, whatever the machines' clocks say.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>How many pieces of work have been done.</summary>
    public long Steps { get; private set; }

    /// <summary>Dice of a part of this world.</summary>
    public Dice Dice(string name) => Simulation.Time.Dice.Of(Seed, name);

    /// <summary>Puts work into the queue. Of several for one instant, chance says which is first.</summary>
    /// <exception cref="InvalidOperationException">Another thread asked: then nothing here could be repeated.</exception>
    public void After(TimeSpan delay, Life life, string name, Action work) => Put(delay, life, name, work, _order.Next());

    /// <summary>The same, in the order in which it was asked for.</summary>
    public void InOrder(TimeSpan delay, Life life, string name, Action work) => Put(delay, life, name, work, 0);

    private void Put(TimeSpan delay, Life life, string name, Action work, ulong order)
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            _escaped ??= $"{life.Name}, {name}: {Environment.StackTrace}";
            throw new InvalidOperationException($"The simulated world was left: {life.Name} posted '{name}' from another thread.");
        }
        if (!life.IsOver)
        {
            _queue.Enqueue(new Piece(life, name, work), ((Now + delay).Ticks, order, _number++));
        }
    }

    /// <summary>Runs until a condition holds, the time is over, or nothing is left to happen.</summary>
    /// <returns>Whether the condition holds.</returns>
    public bool Run(TimeSpan until, Func<bool>? condition = null)
    {
        var before = SynchronizationContext.Current;
        try
        {
            while (condition?.Invoke() != true)
            {
                if (!_queue.TryPeek(out _, out var next) || next.At > until.Ticks)
                {
                    Now = until > Now ? until : Now;
                    return condition is null;
                }
                Do(_queue.Dequeue(), next.At);
            }
            return true;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private void Do(Piece piece, long at)
    {
        if (_escaped is { } escaped)
        {
            throw new InvalidOperationException($"The simulated world was left: {escaped}");
        }
        Now = TimeSpan.FromTicks(at);
        if (piece.Life.IsOver)
        {
            return;
        }
        Steps++;
        Trace.Count(at, piece.Life.Name, piece.Name);
        SynchronizationContext.SetSynchronizationContext(piece.Life.Context);
        piece.Work();
    }

    private readonly record struct Piece(Life Life, string Name, Action Work);
}
