using Holdfast.Incidents;
using Holdfast.Resilience;
using Holdfast.Storage;

namespace Holdfast.Orders;

/// <summary>Brings this node to what is ordered for it: from its own disk, at its start, when one is given here, and once a second, because others come by the journals.</summary>
internal sealed partial class ApplyOrders(Database database, OrdersInForce inForce, Dependencies dependencies, LogLevels levels, NodePlace here, TimeProvider clock, ILogger<ApplyOrders> log) : BackgroundService
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private readonly Lock _one = new();
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private IReadOnlyList<OrderRow> _before = [];

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            Round();   // before anything is served
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            NotRead(log, fault);   // whatever it is: a node that does not start serves nobody
        }
        return base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Rounds.RunAsync(
        Every, clock,
        _ =>
        {
            Round();
            return Task.CompletedTask;
        },
        fault => NotRead(log, fault), stoppingToken);

    /// <summary>Reads what is ordered, and does what is new in it.</summary>
    public void Round()
    {
        lock (_one)
        {
            // Of two about one thing the later holds.
            var (read, unsound) = database.Read(view => (OrderStore.InForce(view, clock.GetUtcNow()), OrderStore.Unsound(view)));
            List<OrderRow> now = [.. read.Where(o => o.IsFor(here) && (o.Kind != OrderKind.Dependency || GiveOrder.IsDependency(o.Target!))).DistinctBy(o => o.About)];
            foreach (var one in unsound.Where(_told.Add))
            {
                Unsound(log, one);
            }
            _told.IntersectWith(unsound);
            if (now.Select(o => o.Id).SequenceEqual(_before.Select(o => o.Id)))
            {
                return;
            }
            foreach (var begun in now.Where(o => _before.All(b => b.Id != o.Id)))
            {
                Begins(log, begun.ToString(), begun.Until, begun.Author, begun.Reason);
            }
            foreach (var over in _before.Where(b => now.All(o => o.Id != b.Id)))
            {
                Ends(log, over.ToString());
            }
            var hands = now.Where(o => o.Kind == OrderKind.Dependency).ToDictionary(o => o.Target!, o => new ByHand(o.Setting == "open", o.Until), StringComparer.Ordinal);
            dependencies.SetByHand(d => hands.TryGetValue(d.Name, out var one) ? one : hands.GetValueOrDefault(d.Policy.Declared));
            levels.Set(now.Where(o => o.Kind == OrderKind.Log).ToDictionary(o => o.Target!, o => LogLevels.Of(o.Setting), StringComparer.Ordinal));
            inForce.Set(now);
            _before = now;
        }
    }

    [LoggerMessage(1300, LogLevel.Warning, "Ordered by the operator: {What}, until {Until:u}, by {Author}: {Why}")]
    private static partial void Begins(ILogger log, string what, DateTimeOffset until, string author, string why);

    [LoggerMessage(1301, LogLevel.Warning, "No longer in force: {What}")]
    private static partial void Ends(ILogger log, string what);

    [LoggerMessage(1500, LogLevel.Warning, "What came as the order {Order} is none that this release knows, and is not followed")]
    private static partial void Unsound(ILogger log, string order);

    [LoggerMessage(1302, LogLevel.Warning, "What is ordered could not be read; it is tried again in a second, and what was read before holds until its end")]
    private static partial void NotRead(ILogger log, Exception fault);
}
