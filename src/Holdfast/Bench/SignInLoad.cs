using System.Collections.Concurrent;
using System.Diagnostics;

namespace Holdfast.Bench;

/// <summary>Many sign-ins, so many at a time, each by a person of its own.</summary>
internal static class SignInLoad
{
    /// <summary>How long one sign-in may take before it counts as failed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="Milliseconds">Of each that succeeded, in no order.</param>
    /// <param name="Failures">What was answered instead.</param>
    internal sealed record Result(IReadOnlyList<SignInClient.SignedIn> SignedIn, IReadOnlyList<double> Milliseconds, IReadOnlyList<string> Failures, TimeSpan Took);

    /// <param name="who">Begins every person's address: no other run of the same data may have it.</param>
    public static async Task<Result> RunAsync(
        SignInClient client, IReadOnlyList<SignInMethod> methods, int count, int atOnce, string who, CancellationToken ct, string? connectionId = null)
    {
        var (signedIn, times, failures) = (new ConcurrentQueue<SignInClient.SignedIn>(), new ConcurrentQueue<double>(), new ConcurrentQueue<string>());
        var next = 0;
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => Task.Run(WorkAsync, ct)));
        return new Result([.. signedIn], [.. times], [.. failures], Stopwatch.GetElapsedTime(began));

        async Task WorkAsync()
        {
            while (Interlocked.Increment(ref next) is var number && number <= count)
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
                patience.CancelAfter(Patience);
                var start = Stopwatch.GetTimestamp();
                try
                {
                    signedIn.Enqueue(await client.SignInAsync(methods[number % methods.Count], $"{who}-{number}@acme.test", patience.Token, connectionId));
                    times.Enqueue(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                }
                catch (Exception fault) when (!ct.IsCancellationRequested)
                {
                    failures.Enqueue(fault.Message);
                }
            }
        }
    }
}
