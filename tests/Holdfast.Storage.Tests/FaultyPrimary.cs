using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests;

/// <summary>A primary with an outage in front of it, which a test may change at any time.</summary>
internal sealed class FaultyPrimary(IPrimary inner) : IPrimary
{
    /// <summary>Runs before each call, with the call's name. It may throw, wait, or never end, and need not heed the token.</summary>
    public Func<string, CancellationToken, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Runs after each call that succeeded: the primary did it, and the answer may be lost.</summary>
    public Func<string, CancellationToken, Task> After { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>The most rows of one page of the log: others cut theirs by bytes.</summary>
    public int MostRows { get; init; } = int.MaxValue;

    public IPrimary Inner => inner;

    /// <summary>Never answers, and heeds no cancellation either.</summary>
    public static Task HangAsync(string call, CancellationToken ct) => new TaskCompletionSource().Task;

    public Task<string?> FindClusterAsync(CancellationToken ct) => RunAsync("find cluster", () => inner.FindClusterAsync(ct), ct);

    public Task<string> BootstrapAsync(string newClusterId, CancellationToken ct) => RunAsync("bootstrap", () => inner.BootstrapAsync(newClusterId, ct), ct);

    public Task<(T Answer, LogPosition Head)> WriteAsync<T>(Func<View, Decision<T>> decide, LogPosition seen, CancellationToken ct) =>
        RunAsync("write", () => inner.WriteAsync(decide, seen, ct), ct);

    public Task<LogPosition> OfferAsync(IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct) =>
        RunAsync("offer", () => inner.OfferAsync(versions, seen, ct), ct);

    public Task<LogPage> ReadLogAsync(LogPosition after, int limit, CancellationToken ct) => RunAsync("read", () => inner.ReadLogAsync(after, Math.Min(limit, MostRows), ct), ct);

    public Task<LogPosition> FindCommonAsync(IReadOnlyList<LogPosition> positions, CancellationToken ct) =>
        RunAsync("find common", () => inner.FindCommonAsync(positions, ct), ct);

    public Task PruneAsync(DateTimeOffset expiredBefore, CancellationToken ct) => RunAsync("prune", () => DoneAsync(inner.PruneAsync(expiredBefore, ct)), ct);

    public Task BeginEpochAsync(LogPosition head, CancellationToken ct) => RunAsync("begin epoch", () => DoneAsync(inner.BeginEpochAsync(head, ct)), ct);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private async Task<T> RunAsync<T>(string name, Func<Task<T>> call, CancellationToken ct)
    {
        await Before(name, ct);
        var answer = await call();
        await After(name, ct);
        return answer;
    }

    private static async Task<bool> DoneAsync(Task task)
    {
        await task;
        return true;
    }
}
