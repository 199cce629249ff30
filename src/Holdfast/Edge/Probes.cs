using Holdfast.Resilience;

namespace Holdfast.Edge;

/// <summary>Asks each node, all the time, whether it is ready, and now and then who it is.</summary>
internal sealed class Probes(EdgeNodes nodes, Ways ways, EdgeSettings settings, TimeProvider clock) : BackgroundService
{
    /// <summary>A node may become another life without a word.</summary>
    private static readonly TimeSpan s_describeEvery = TimeSpan.FromSeconds(5);

    /// <summary>One look at a node.</summary>
    /// <param name="describe">Also when it is ready already.</param>
    public async Task LookAsync(EdgeNode node, bool describe, CancellationToken ct)
    {
        var (isReady, why, isCertain) = await ways.ProbeAsync(node, ct);
        if (!isReady)
        {
            node.Missed(why, isCertain);
            return;
        }
        // Before it serves: where it is, and what it is the authority of.
        if ((describe || node.State != NodeState.Ready) && await ways.DescribeAsync(node, ct) is { } said)
        {
            node.Hear(said);
        }
        node.Passed(isLate: nodes.All.Any(n => n != node && n.State == NodeState.Ready && clock.GetUtcNow() - n.Since > settings.Times.SlowStart));
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(nodes.All.Select(n => WatchAsync(n, stoppingToken)));

    private async Task WatchAsync(EdgeNode node, CancellationToken ct)
    {
        var described = clock.GetTimestamp();
        await LookAsync(node, describe: true, ct);
        await Rounds.RunAsync(settings.ProbeEvery, clock, async token =>
        {
            var describe = clock.GetElapsedTime(described) >= s_describeEvery;
            if (describe)
            {
                described = clock.GetTimestamp();
            }
            await LookAsync(node, describe, token);
        }, static _ => { }, ct);
    }
}
