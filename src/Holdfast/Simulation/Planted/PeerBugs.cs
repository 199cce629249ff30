using System.Globalization;
using Holdfast.Simulation.Machines;
using Holdfast.Simulation.Time;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Planted;

/// <summary>A peer, with something wrong on the way to it.</summary>
internal abstract class WrongPeer(IPeer peer) : IPeer
{
    public string Address => peer.Address;

    public virtual Task<JournalAnswer> ReadJournalAsync(JournalQuestion question, CancellationToken ct) => peer.ReadJournalAsync(question, ct);

    public virtual Task<SnapshotAnswer> ReadSnapshotAsync(SnapshotQuestion question, CancellationToken ct) => peer.ReadSnapshotAsync(question, ct);

    public virtual Task<SpendAnswer> SpendAsync(SpendQuestion question, CancellationToken ct) => peer.SpendAsync(question, ct);
}

/// <summary>A node confirms what a peer told, and writes it down some seconds later: two copies are one.</summary>
internal sealed class ReceiptBeforeTheDisk : PlantedBug
{
    private static readonly TimeSpan KeptInMemory = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public override IPeer Peer(IPeer peer, Node node) => new Confirming(peer, node.World, new MachineClock(node.World, node.Life!, () => TimeSpan.Zero));

    private sealed class Confirming(IPeer peer, World world, MachineClock clock) : WrongPeer(peer)
    {
        private TimeSpan? _since;

        public override async Task<JournalAnswer> ReadJournalAsync(JournalQuestion question, CancellationToken ct)
        {
            var answer = await base.ReadJournalAsync(question, ct);
            if (answer.Segments.Count == 0 || world.Now - (_since ??= world.Now) >= KeptInMemory)
            {
                _since = null;
                return answer;
            }
            var known = new Dictionary<string, JournalMark>(question.Known, StringComparer.Ordinal);
            foreach (var segment in answer.Segments)
            {
                known[segment.Origin] = new JournalMark(segment.To, segment.Facts is [.., var last] && last.Position == segment.To ? JournalMark.Of(last.Version) : "");
            }
            _ = ConfirmAsync(question with { Known = known, Patience = TimeSpan.Zero }, ct);
            await Task.Delay(Pause, clock, ct);
            return answer with { Segments = [] };
        }

        private async Task ConfirmAsync(JournalQuestion receipt, CancellationToken ct)
        {
            try
            {
                await base.ReadJournalAsync(receipt, ct);
            }
            catch (Exception fault) when (fault is StorageUnavailableException or OperationCanceledException)
            {
                // The next one says the same.
            }
        }
    }
}

/// <summary>Of each part of a snapshot the last row is missing.</summary>
internal sealed class SnapshotWithoutItsTail : PlantedBug
{
    public override IPeer Peer(IPeer peer, Node node) => new Cutting(peer);

    private sealed class Cutting(IPeer peer) : WrongPeer(peer)
    {
        public override async Task<SnapshotAnswer> ReadSnapshotAsync(SnapshotQuestion question, CancellationToken ct)
        {
            var part = await base.ReadSnapshotAsync(question, ct);
            return part.Versions.Count < 2 ? part : part with { Versions = [.. part.Versions.SkipLast(1)] };
        }
    }
}

/// <summary>A snapshot's rows are of ten seconds before the position that it names.</summary>
internal sealed class SnapshotPositionTooNew : PlantedBug
{
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(10);

    public override IPeer Peer(IPeer peer, Node node) => new Old(peer, node.World);

    private sealed class Old(IPeer peer, World world) : WrongPeer(peer)
    {
        public override async Task<SnapshotAnswer> ReadSnapshotAsync(SnapshotQuestion question, CancellationToken ct)
        {
            var part = await base.ReadSnapshotAsync(question, ct);
            var then = (World.Start + world.Now - Age).ToUnixTimeMilliseconds();
            return part with { Versions = [.. part.Versions.Where(v => MadeAt(v) <= then)] };
        }

        private static long MadeAt(string version) => RowVersion.FromJson(version, Schema.ByName)!.LatestStamp is { Length: > 12 } stamp
            ? long.Parse(stamp.AsSpan(0, 12), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : 0;
    }
}

/// <summary>Where the one node that decides about a code does not answer, the code is taken.</summary>
internal sealed class SilenceIsAYes : PlantedBug
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(300);

    public override IPeer Peer(IPeer peer, Node node) => new Trusting(peer, new MachineClock(node.World, node.Life!, () => TimeSpan.Zero));

    private sealed class Trusting(IPeer peer, MachineClock clock) : WrongPeer(peer)
    {
        public override async Task<SpendAnswer> SpendAsync(SpendQuestion question, CancellationToken ct)
        {
            using var patience = new CancellationTokenSource(Patience, clock);
            try
            {
                return await base.SpendAsync(question, patience.Token).Within(patience.Token);
            }
            catch (Exception fault) when (fault is PeerUnavailableException or OperationCanceledException)
            {
                return new SpendAnswer(SpendVerdict.Granted);
            }
        }
    }
}
