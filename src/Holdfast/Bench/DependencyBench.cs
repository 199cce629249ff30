using System.Diagnostics;
using Holdfast.Resilience;

namespace Holdfast.Bench;

/// <summary><c>dependency</c>: what it costs to call by way of a <see cref="Dependency"/>, against the same call bare, and against the one hop to the pool that makes a deadline hold.</summary>
internal static class DependencyBench
{
    public const string Name = "dependency";

    private const int Calls = 200_000;
    private const int Turns = 5;

    public static async Task<IReadOnlyList<Measured>> RunAsync(Action<string> progress, CancellationToken ct)
    {
        var guarded = new Dependency(Catalogue.Mail with { OpensAfter = int.MaxValue }, TimeProvider.System);
        var budget = new Dependency(Catalogue.Mail with { OpensAfter = int.MaxValue, RepeatShare = null }, TimeProvider.System);
        (string Name, Func<Task> Call)[] ways =
        [
            ("bare", () => AnswerAsync(ct)),
            ("pool", () => Task.Run(() => AnswerAsync(ct), ct)),
            ("guarded", () => guarded.CallAsync(AnswerAsync, ct)),
            ("guarded_without_repeats", () => budget.CallAsync(AnswerAsync, ct)),
        ];
        var best = ways.ToDictionary(w => w.Name, _ => (Ns: double.MaxValue, Bytes: double.MaxValue), StringComparer.Ordinal);
        for (var turn = 0; turn < Turns; turn++)   // in turns, so that what the machine does meanwhile is done to all
        {
            foreach (var (name, call) in ways)
            {
                var (bytes, began) = (GC.GetTotalAllocatedBytes(precise: true), Stopwatch.GetTimestamp());
                for (var i = 0; i < Calls; i++)
                {
                    await call();
                }
                var ns = Stopwatch.GetElapsedTime(began).TotalNanoseconds / Calls;
                var each = (GC.GetTotalAllocatedBytes(precise: true) - bytes) / (double)Calls;
                best[name] = (Math.Min(best[name].Ns, ns), Math.Min(best[name].Bytes, each));
            }
            progress($"turn {turn + 1} of {Turns}");
        }
        return
        [
            .. ways.SelectMany(w => new[] { Measured.Of($"{Name}/{w.Name}/ns", best[w.Name].Ns, "ns"), Measured.Of($"{Name}/{w.Name}/bytes", best[w.Name].Bytes, "B") }),
            Measured.Of($"{Name}/ratio_to_bare", best["guarded"].Ns / best["bare"].Ns, "x", "the bare call is answered at once, on its thread"),
            Measured.Of($"{Name}/ratio_to_pool", best["guarded"].Ns / best["pool"].Ns, "x", "the bare call, begun on the pool"),
        ];
    }

    /// <summary>A callee that answers at once.</summary>
    private static Task<int> AnswerAsync(CancellationToken ct) => ct.IsCancellationRequested ? Task.FromCanceled<int>(ct) : s_answer;

    private static readonly Task<int> s_answer = Task.FromResult(1);
}
