using Holdfast.Simulation.Machines;
using Holdfast.Storage;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Rows;

namespace Holdfast.Simulation.Links;

/// <summary>The primary, as a node sees it across the network. Everything travels as text but a write's decision, which the primary's machine runs itself.</summary>
internal sealed class SimulatedPrimary(string node, PrimaryMachine machine, Net net) : IPrimary
{
    public Task<string?> FindClusterAsync(CancellationToken ct) =>
        AskAsync("find cluster", 0, (primary, _) => primary.FindClusterAsync(CancellationToken.None), ct);

    public Task<string> BootstrapAsync(string newClusterId, CancellationToken ct) => AskAsync("bootstrap", newClusterId, (_, id) => machine.BootstrapAsync(id), ct);

    public async Task<(T Answer, LogPosition Head)> WriteAsync<T>(Func<View, Decision<T>> decide, LogPosition seen, CancellationToken ct)
    {
        try
        {
            return await net.CallAsync(node, machine.Name, "write", () => machine.ServeAsync(primary => primary.WriteAsync(decide, seen, CancellationToken.None), true)).Within(ct);
        }
        catch (NotAnsweredException fault) when (fault.IsOutage)
        {
            throw Outage(fault);
        }
    }

    public Task<LogPosition> OfferAsync(IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct) => AskAsync(
        "offer", (versions, seen).ToTuple(), (primary, asked) => primary.OfferAsync(asked.Item1, asked.Item2, CancellationToken.None), ct, writes: true);

    public Task<LogPage> ReadLogAsync(LogPosition after, int limit, CancellationToken ct) => AskAsync(
        "read log", (after, limit).ToTuple(), (primary, asked) => primary.ReadLogAsync(asked.Item1, asked.Item2, CancellationToken.None), ct);

    public Task<LogPosition> FindCommonAsync(IReadOnlyList<LogPosition> positions, CancellationToken ct) =>
        AskAsync("find common", positions, (primary, copy) => primary.FindCommonAsync(copy, CancellationToken.None), ct);

    public Task PruneAsync(DateTimeOffset expiredBefore, CancellationToken ct) => AskAsync("prune", expiredBefore, Done(
        (IPrimary primary, DateTimeOffset before) => primary.PruneAsync(before, CancellationToken.None)), ct);

    public Task BeginEpochAsync(LogPosition head, CancellationToken ct) => AskAsync("begin epoch", head, Done(
        (IPrimary primary, LogPosition at) => primary.BeginEpochAsync(at, CancellationToken.None)), ct, writes: true);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static Func<IPrimary, TQ, Task<bool>> Done<TQ>(Func<IPrimary, TQ, Task> work) => async (primary, question) =>
    {
        await work(primary, question);
        return true;
    };

    private async Task<TA> AskAsync<TQ, TA>(string what, TQ question, Func<IPrimary, TQ, Task<TA>> answer, CancellationToken ct, bool writes = false)
    {
        try
        {
            return await net.AskAsync(node, machine.Name, what, question, copy => machine.ServeAsync(primary => answer(primary, copy), writes)).Within(ct);
        }
        catch (NotAnsweredException fault) when (fault.IsOutage)
        {
            throw Outage(fault);
        }
    }

    private static PrimaryUnavailableException Outage(NotAnsweredException fault) => new(fault.Fault ?? PrimaryFault.Unreachable, fault.Message);
}
