namespace Holdfast.Storage.Peers;

/// <summary>Enters this node into the node list, and ends a change of it that every node has read.</summary>
public sealed class NodeListKeeper(Database database, PeerLinks peers, Surroundings world)
{
    /// <summary>How often it looks.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    /// <summary>How long all must have gone by a list before it is the only one: longer than any question that was asked by an older one.</summary>
    public static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    private (long Number, long At) _ours = (-1, 0);

    public async Task RunAsync(CancellationToken ct)
    {
        try
        {
            while (true)
            {
                await StepAsync(ct);
                await Task.Delay(Every, world.Clock, ct);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Told to stop.
        }
    }

    /// <summary>One look, and one step if it is time for one.</summary>
    public async Task StepAsync(CancellationToken ct)
    {
        try
        {
            var list = database.Read(NodeList.Of);
            var own = peers.Own.Name;
            if (list.Number > _ours.Number)
            {
                _ours = (list.Number, world.Clock.GetTimestamp());
            }
            if (!list.Now.Contains(own, StringComparer.Ordinal))
            {
                await database.WriteAsync(view => NodeList.Enter(view, own), ct);
            }
            else if (!list.IsSettled && world.Clock.GetElapsedTime(_ours.At) >= Settling
                && list.All.All(name => name == own || peers.All.Any(l => l.Identity?.Name == name && l.HasSettledOn(list.Number, Settling))
                    || database.Read(view => Lives.AreOver(view, name))))   // who was put out is waited for by nobody
            {
                await database.WriteAsync(view => NodeList.Settle(view, list.Number), ct);
            }
        }
        catch (StorageUnavailableException)
        {
            // Both lists count until the primary is back.
        }
    }
}
