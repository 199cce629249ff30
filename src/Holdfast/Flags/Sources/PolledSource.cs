using Holdfast.Protocols.Flags;
using Holdfast.Resilience;

namespace Holdfast.Flags.Sources;

/// <summary>Asks again and again for the whole document. What asks for it knows whether it is the one that is here already.</summary>
/// <param name="ask">The document; null when it is the same as before.</param>
/// <param name="read">As flags; throws <see cref="FlagDocumentException"/>.</param>
internal sealed class PolledSource(
    Func<CancellationToken, Task<FlagNews?>> ask, Func<byte[], FlagSet> read, Pace pace, TimeProvider clock, Action<FlagRound> noted) : IFlagSource
{
    public bool PollsOnly { get; set; }

    public FlagSet Read(byte[] kept) => read(kept);

    public Task RunAsync(Action<FlagNews> told, CancellationToken ct) => RunAsync(told, static () => true, ct);

    /// <param name="wanted">Asked before each time: whether there is need.</param>
    public async Task RunAsync(Action<FlagNews> told, Func<bool> wanted, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            string? how = null;
            if (wanted())
            {
                try
                {
                    if (await ask(ct) is { } news)
                    {
                        told(news);
                    }
                }
                catch (DependencyUnavailableException away)
                {
                    how = away.How;
                }
                catch (OperationCanceledException) when (ct.IsCancellationRequested)
                {
                    return;
                }
            }
            await PauseAsync("poll", how, pace, clock, noted, ct);
        }
    }

    /// <summary>Waits until the next attempt. It is told of once the timer runs, so that whoever moves a clock finds it.</summary>
    internal static async Task PauseAsync(string way, string? how, Pace pace, TimeProvider clock, Action<FlagRound> noted, CancellationToken ct)
    {
        var next = pace.Next(how is null);
        var pause = Task.Delay(next, clock, ct);
        noted(new FlagRound(way, how, next));
        await pause.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
