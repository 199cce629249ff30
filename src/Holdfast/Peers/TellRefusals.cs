using Holdfast.Resilience;
using Holdfast.Storage.Peers;

namespace Holdfast.Peers;

/// <summary>Tells in the log what a peer sent that no honest node sends, for it may be a stolen one (decisions 0007 and 0029), and that this node had to begin a new life.</summary>
internal sealed partial class TellRefusals(PeerLinks peers, TimeProvider clock, ILogger<TellRefusals> log) : BackgroundService
{
    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(5);

    private readonly Dictionary<PeerLink, long> _told = [];
    private string? _toldLife;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => peers.All.Count == 0
        ? Task.CompletedTask
        : Rounds.RunAsync(
            s_every, clock,
            _ =>
            {
                Round();
                return Task.CompletedTask;
            },
            fault => CutOff(log, fault), stoppingToken);

    /// <summary>One line for each peer of whom there is more than was told, and one for a new life.</summary>
    public void Round()
    {
        if (peers.NewLife is { } why && why != _toldLife)
        {
            Outlived(log, _toldLife = why);
        }
        foreach (var link in peers.All)
        {
            var refused = link.FactsRefused;
            if (refused > _told.GetValueOrDefault(link))
            {
                Refused(log, link.Identity?.Name ?? link.Peer.Address, refused - _told.GetValueOrDefault(link), link.LastRefused?.What ?? "what contradicts itself, or leaves facts out", link.LastRefused?.Life ?? "its own");
                _told[link] = refused;
            }
        }
    }

    [LoggerMessage(1310, LogLevel.Error, "Security: the node {Peer} sent {Count} versions that no honest node sends; nothing of them was taken. The last: {What}, in the journal of the life {Life}. If the node was stolen, put it out: holdfast ops end")]
    private static partial void Refused(ILogger log, string peer, long count, string what, string life);

    [LoggerMessage(1312, LogLevel.Warning, "This node began a new life, and what it issued for single use before is void: {Why}")]
    private static partial void Outlived(ILogger log, string why);

    [LoggerMessage(1311, LogLevel.Warning, "What peers sent could not be looked at; the next round tries again")]
    private static partial void CutOff(ILogger log, Exception fault);
}
