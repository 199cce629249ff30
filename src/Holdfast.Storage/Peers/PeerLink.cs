using Holdfast.Storage.Node;

namespace Holdfast.Storage.Peers;

/// <summary>One peer: reads its journal, all the time, with the primary there or not.</summary>
/// <remarks>Its steps are methods, so that a simulated world can drive them; <see cref="RunAsync"/> is the loop of the real one.</remarks>
public sealed class PeerLink(IPeer peer, NodeStore node, PeerLinks peers, Surroundings world)
{
    /// <summary>The most facts of one answer.</summary>
    public const int BatchSize = 500;

    /// <summary>How long an answer may wait for the first fact.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>How long an answer may take beyond that.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    /// <summary>The pause after a failure.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>After so long without an answer, others do for it what it does while it is there.</summary>
    public static readonly TimeSpan Silent = TimeSpan.FromSeconds(5);

    private long _factsRefused;
    private long? _heardAt;
    private (long Number, long At) _goesBy = (-1, 0);

    public IPeer Peer { get; } = peer;

    /// <summary>What it last said of itself; null before the first answer.</summary>
    public NodeIdentity? Identity { get; private set; }

    /// <summary>Why the last question had no answer; null when it had.</summary>
    public string? Fault { get; private set; }

    /// <summary>Versions that it sent and that no honest peer sends, since the start.</summary>
    public long FactsRefused => Interlocked.Read(ref _factsRefused);

    /// <summary>The last of those of <see cref="FactsRefused"/> that are the primary's to write: what, and in whose journal; null while there was none.</summary>
    public RefusedFact? LastRefused { get; private set; }

    private void NoteRefused(string what, string life) => LastRefused = new RefusedFact(what, life);

    /// <summary>How long ago it was last heard.</summary>
    public TimeSpan SilentFor => _heardAt is { } at ? world.Clock.GetElapsedTime(at) : TimeSpan.MaxValue;

    /// <summary>It goes by this node list, or a later one.</summary>
    public void Reported(long nodeList)
    {
        if (nodeList > _goesBy.Number)
        {
            _goesBy = (nodeList, world.Clock.GetTimestamp());
        }
    }

    /// <summary>Whether it has gone by this list for so long that nothing that it began by an older one is under way.</summary>
    public bool HasSettledOn(long nodeList, TimeSpan since) => _goesBy.Number >= nodeList && world.Clock.GetElapsedTime(_goesBy.At) >= since;

    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                if (!await StepAsync(Patience, ct))
                {
                    await Task.Delay(Pause, world.Clock, ct);
                }
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <summary>Asks once, and takes what is told.</summary>
    /// <returns>Whether it answered.</returns>
    public async Task<bool> StepAsync(TimeSpan patience, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(patience + Deadline, world.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            if (!peers.IsStillOurs(node.Progress.OwnLife))
            {
                await peers.EnterLifeAsync().Within(either.Token);
            }
            var progress = node.Progress;
            var answer = await Peer.ReadJournalAsync(new JournalQuestion(peers.Own, progress.Known, progress.NodeList, BatchSize, patience), either.Token).Within(either.Token);
            if (answer.From.Name == peers.Own.Name)
            {
                Fault = "It is this node itself, or one of the same name.";
                return false;
            }
            _goesBy = Identity?.Incarnation == answer.From.Incarnation ? _goesBy : (-1, 0);   // a new life may go by what its disk last had
            Identity = answer.From;
            _heardAt = world.Clock.GetTimestamp();
            Reported(answer.NodeList);
            peers.Clocks.Note(answer.From.Name, answer.Now);
            await peers.CompareAsync(answer.HeldOfYou);
            if (answer.Segments.Count > 0)
            {
                var (isNew, refused) = await node.Writer.EnqueueAsync(session => session.AbsorbJournal(answer, NoteRefused)).Within(either.Token);
                Interlocked.Add(ref _factsRefused, refused);
                if (isNew)
                {
                    peers.TellReceived();
                }
                else if (refused > 0)
                {
                    Fault = "What it tells of journals leaves facts out.";
                    return false;   // it would tell the same again at once
                }
            }
            Fault = null;
            return true;
        }
        catch (StorageUnavailableException fault)
        {
            Fault = fault.Message;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            Fault = "It does not answer.";
        }
        catch (Exception unforeseen) when (unforeseen is not OperationCanceledException)
        {
            Fault = $"Reading it failed: {unforeseen.Message}";   // whatever it is, the next step tries again, and until then it has a name
        }
        return false;
    }
}

/// <summary>What a journal said that no node may write.</summary>
/// <param name="What">By its name in the schema.</param>
/// <param name="Life">Whose journal.</param>
public sealed record RefusedFact(string What, string Life);
