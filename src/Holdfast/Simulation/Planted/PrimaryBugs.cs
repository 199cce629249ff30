using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Planted;

/// <summary>The primary, with something wrong on the way to it.</summary>
internal abstract class WrongPrimary(IPrimary primary) : IPrimary
{
    public Task<string?> FindClusterAsync(CancellationToken ct) => primary.FindClusterAsync(ct);

    public Task<string> BootstrapAsync(string newClusterId, CancellationToken ct) => primary.BootstrapAsync(newClusterId, ct);

    public virtual Task<(T Answer, LogPosition Head)> WriteAsync<T>(Func<View, Decision<T>> decide, LogPosition seen, CancellationToken ct) => primary.WriteAsync(decide, seen, ct);

    public virtual Task<LogPosition> OfferAsync(IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct) => primary.OfferAsync(versions, seen, ct);

    public virtual Task<LogPage> ReadLogAsync(LogPosition after, int limit, CancellationToken ct) => primary.ReadLogAsync(after, limit, ct);

    public Task<LogPosition> FindCommonAsync(IReadOnlyList<LogPosition> positions, CancellationToken ct) => primary.FindCommonAsync(positions, ct);

    public virtual Task PruneAsync(DateTimeOffset expiredBefore, CancellationToken ct) => primary.PruneAsync(expiredBefore, ct);

    public Task BeginEpochAsync(LogPosition head, CancellationToken ct) => primary.BeginEpochAsync(head, ct);

    public ValueTask DisposeAsync() => primary.DisposeAsync();
}

/// <summary>A node offers its own facts, and of others' says only that it did: those of an author who is gone reach the primary no more.</summary>
internal sealed class ShipsNothingForOthers : PlantedBug
{
    private const string Primaries = ".00000000";   // a primary's stamps are no node's

    public override IPrimary Primary(IPrimary primary, Node node) => new OnlyOwn(primary, node);

    private sealed class OnlyOwn(IPrimary primary, Node node) : WrongPrimary(primary)
    {
        public override Task<LogPosition> OfferAsync(IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct) =>
            base.OfferAsync([.. versions.Where(IsOwn)], seen, ct);

        private bool IsOwn(string version) => RowVersion.FromJson(version, Schema.ByName)?.LatestStamp is not { } stamp
            || node.Host is not { } host || stamp.EndsWith(host.Node.Incarnation, StringComparison.Ordinal) || stamp.Contains(Primaries, StringComparison.Ordinal);
    }
}

/// <summary>What is offered together with others loses its denies.</summary>
internal sealed class DenyLostOnShipping : PlantedBug
{
    public override IPrimary Primary(IPrimary primary, Node node) => new WithoutDenies(primary);

    private sealed class WithoutDenies(IPrimary primary) : WrongPrimary(primary)
    {
        public override Task<LogPosition> OfferAsync(IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct) =>
            base.OfferAsync(versions.Count < 2 ? versions : [.. versions.Where(v => !v.StartsWith("{\"t\":\"denies\"", StringComparison.Ordinal))], seen, ct);
    }
}

/// <summary>Every so-manieth offer is acknowledged, and was never sent.</summary>
internal sealed class OfferAcknowledgedAndLost : PlantedBug
{
    private const int Every = 100;

    private int _offers;

    public override IPrimary Primary(IPrimary primary, Node node) => new Losing(primary, this);

    private sealed class Losing(IPrimary primary, OfferAcknowledgedAndLost bug) : WrongPrimary(primary)
    {
        public override Task<LogPosition> OfferAsync(IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct) =>
            ++bug._offers % Every == 0 ? Task.FromResult(seen) : base.OfferAsync(versions, seen, ct);
    }
}

/// <summary>A write's answer names the place where the node stood before it: so it is answered before this node's replica has it.</summary>
internal sealed class WriteDoesNotWaitForTheReplica : PlantedBug
{
    public override IPrimary Primary(IPrimary primary, Node node) => new TooEarly(primary);

    private sealed class TooEarly(IPrimary primary) : WrongPrimary(primary)
    {
        public override async Task<(T Answer, LogPosition Head)> WriteAsync<T>(Func<View, Decision<T>> decide, LogPosition seen, CancellationToken ct) =>
            ((await base.WriteAsync(decide, seen, ct)).Answer, seen);
    }
}

/// <summary>The log always says that it has the reader's row at its place.</summary>
internal sealed class LostTailIsNotNoticed : PlantedBug
{
    public override IPrimary Primary(IPrimary primary, Node node) => new Matching(primary);

    private sealed class Matching(IPrimary primary) : WrongPrimary(primary)
    {
        public override async Task<LogPage> ReadLogAsync(LogPosition after, int limit, CancellationToken ct) => await base.ReadLogAsync(after, limit, ct) with { Matches = true };
    }
}
