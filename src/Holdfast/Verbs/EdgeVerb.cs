using System.CommandLine;
using Holdfast.Edge;

namespace Holdfast.Verbs;

/// <summary><c>holdfast edge</c>: stands before the nodes and decides where each request goes.</summary>
internal static class EdgeVerb
{
    public static Command Create()
    {
        var command = new Command("edge", "Stands before the nodes: picks the node, sends again elsewhere what is safe to repeat. Keeps nothing but the last map of custom domains.");
        var options = new EdgeOptions(command);
        command.SetAction((parsed, ct) => RunAsync(options.Read(parsed), ct));
        return command;
    }

    private static async Task<int> RunAsync((EdgeSettings? Settings, IReadOnlyList<string> Faults) read, CancellationToken ct)
    {
        if (read.Settings is not { } settings)
        {
            foreach (var fault in read.Faults)
            {
                await Console.Error.WriteLineAsync(fault);
            }
            return 2;
        }
        try
        {
            await using var edge = await EdgeServer.StartAsync(settings, ct);
            await edge.App.WaitForShutdownAsync(ct);
            return 0;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return 0;
        }
        catch (Exception fault)
        {
            await Console.Error.WriteLineAsync($"holdfast: {fault.Message}");
            return 1;
        }
    }
}
