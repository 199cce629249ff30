using System.Globalization;
using Holdfast.Simulation.Links;
using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Time;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Operations;

/// <summary>How a request ended, as its client sees it.</summary>
internal enum End
{
    Answered,

    /// <summary>Told that it was not done, by everyone who answered.</summary>
    Refused,

    /// <summary>Somebody did not answer, or could not say: it may have been done, and may still be.</summary>
    Unknown,
}

/// <param name="Node">Who answered; null when nobody did.</param>
internal sealed record Answer<T>(End End, T? Value, Node? Node, int Attempts);

/// <summary>Somebody who uses the cluster: asks a node, and when there is no answer, another one, under the same key.</summary>
internal sealed class Actor(Cluster cluster, int number, int preferred, Dice dice)
{
    private const int MostAttempts = 4;

    /// <summary>How long a client waits for an answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(1500);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    public Cluster Cluster => cluster;

    public Ledger Ledger => cluster.Ledger;

    public Dice Dice => dice;

    /// <summary>What is this actor's alone.</summary>
    public string Mark { get; } = string.Create(CultureInfo.InvariantCulture, $"mark{number:0000}");

    public Node Preferred { get; } = cluster.Nodes[preferred % cluster.Nodes.Count];

    /// <summary>Asks, at the preferred node first.</summary>
    /// <param name="request">What is done on the node, under an idempotency key.</param>
    /// <param name="always">The one node that may be asked; null for any.</param>
    public async Task<Answer<T>> AskAsync<T>(string what, Func<Products, string, Task<T>> request, Node? always = null)
    {
        var (node, unknown) = (always ?? Preferred, false);
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var key = cluster.Planted.Key($"{Mark}/{what}", attempt);
            try
            {
                var value = await AskOnceAsync(node, what, products => request(products, key));
                cluster.World.Trace.Note(Mark, $"{what}: {node.Name} answers");
                return new Answer<T>(End.Answered, value, node, attempt + 1);
            }
            catch (NotAnsweredException fault)
            {
                unknown |= !fault.IsCertain;
                cluster.World.Trace.Note(Mark, $"{what}: {node.Name} says", fault.Message);
                cluster.Unforeseen.Note(what, node, fault);
            }
            catch (OperationCanceledException)
            {
                unknown = true;
                cluster.World.Trace.Note(Mark, $"{what}: {node.Name} does not answer");
            }
            node = always ?? cluster.Nodes[dice.Below(cluster.Nodes.Count)];
            await Task.Delay(Pause * (attempt + 1), cluster.ClockOf(cluster.World.Outside));
        }
        return new Answer<T>(unknown ? End.Unknown : End.Refused, default, null, MostAttempts);
    }

    private async Task<T> AskOnceAsync<T>(Node node, string what, Func<Products, Task<T>> request)
    {
        using var patience = new CancellationTokenSource(Patience, cluster.ClockOf(cluster.World.Outside));
        return await cluster.Net.CallAsync(Cluster.ClientsOf(node.Region), node.Name, what, () =>
            node.Products is { } products ? request(products) : throw new JournalUnavailableException("The node is starting.")).Within(patience.Token);
    }

    /// <summary>A fact on a node, timed: it must wait for nothing far away.</summary>
    public async Task<(T Answer, Label Label)> RecordAsync<T>(Products products, string what, Func<View, Decision<T>> decide)
    {
        var (answer, copies) = await TimedAsync(products, what, () => cluster.Planted.RecordAsync(products, cluster.World, decide));
        return (answer, new Label(copies, cluster.World.Now));
    }

    /// <summary>What a node does for a person must take no longer than its own disk does.</summary>
    public async Task<T> TimedAsync<T>(Products products, string what, Func<Task<T>> work)
    {
        var (began, wasSlow) = (cluster.World.Now, products.Node.IsSlow);
        var done = await work();
        if (!wasSlow && !products.Node.IsSlow)
        {
            cluster.Waits.Note(what, products.Node, cluster.World.Now - began);
        }
        return done;
    }
}
