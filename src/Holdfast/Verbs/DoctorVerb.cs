using System.CommandLine;
using Holdfast.Storage;
using Holdfast.Storage.Primary.Sqlite;

namespace Holdfast.Verbs;

/// <summary><c>holdfast doctor</c>: says what is the matter with the embedded primary, and builds a new one from the node's disk when a person says so.</summary>
internal static class DoctorVerb
{
    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "the node's data folder", DefaultValueFactory = _ => Environment.GetEnvironmentVariable("HOLDFAST_DATA") ?? "data" };
        var primary = new Option<string?>("--primary") { Description = "the primary database (default sqlite:<data>/primary.db)" };
        var restore = new Option<bool>("--restore") { Description = "build a new primary from this node's replica and journal; the old file is kept aside" };
        var command = new Command("doctor", "Examines the primary database, and restores it from this node when told to. The node may run meanwhile.") { data, primary, restore };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(data)!, parsed.GetValue(primary), parsed.GetValue(restore)));
        return command;
    }

    private static async Task<int> RunAsync(string data, string? primary, bool restore)
    {
        var node = Path.Combine(Path.GetFullPath(data), "node.db");
        var file = primary?["sqlite:".Length..] ?? Path.Combine(Path.GetFullPath(data), "primary.db");
        try
        {
            var fault = PrimaryDoctor.Examine(node, file, Surroundings.Real);
            Console.WriteLine(fault is null ? "The primary database is sound and belongs to this cluster." : $"{fault.Fault}: {fault.Message}");
            if (fault is null)
            {
                if (restore)
                {
                    await Console.Error.WriteLineAsync("holdfast doctor: nothing is the matter with the primary, so nothing was restored.");
                    return 1;
                }
                return 0;
            }
            if (!restore)
            {
                Console.WriteLine("""

                    What you can do:
                      - If a backup or the disk can be brought back, do that first; the node goes on from there by itself.
                      - Else: holdfast doctor --restore
                        builds a new primary from this node's replica and journal. It keeps the old file aside. What this node has
                        acknowledged is in it; what only other nodes had, they offer again.
                    """);
                return 1;
            }
            if (fault.Fault == PrimaryFault.Unreachable)
            {
                await Console.Error.WriteLineAsync("holdfast doctor: the primary is only locked or slow. It may come back by itself, so it was left alone.");
                return 1;
            }
            if (fault.Fault == PrimaryFault.TooNew)
            {
                await Console.Error.WriteLineAsync("holdfast doctor: the primary is sound and belongs to a younger release. Start that one; nothing was restored.");
                return 1;
            }
            var restored = PrimaryDoctor.Restore(node, file, Surroundings.Real);
            Console.WriteLine($"""
                A new primary was built: {restored.Rows} rows, of which {restored.Unshipped} facts were in the journal only.
                {(restored.KeptAside is { } aside ? $"The old file is kept at {aside}." : "There was no old file.")}
                """);
            return 0;
        }
        catch (Exception fault) when (fault is InvalidOperationException or IOException or UnauthorizedAccessException or Microsoft.Data.Sqlite.SqliteException)
        {
            await Console.Error.WriteLineAsync($"holdfast doctor: {fault.Message}");
            return 1;
        }
    }
}
