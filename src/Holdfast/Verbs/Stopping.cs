using System.CommandLine;

namespace Holdfast.Verbs;

/// <summary>How a verb ends when it is told to (SIGTERM, Ctrl-C).</summary>
internal static class Stopping
{
    /// <summary>A server ends what it is in the middle of: longer than <c>--stop-after</c> and the requests under way together. The command line's own two seconds would cut them off.</summary>
    public static InvocationConfiguration Patiently => new() { ProcessTerminationTimeout = TimeSpan.FromSeconds(100) };
}

/// <summary>The host itself listens for no signals: the verb does, and decides when what is stopped.</summary>
internal sealed class StoppedByItsVerb : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
