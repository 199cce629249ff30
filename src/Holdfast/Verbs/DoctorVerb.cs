using System.CommandLine;
using Holdfast.Keys;
using Holdfast.Orders;
using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Primary.Postgres;
using Holdfast.Storage.Primary.Sqlite;

namespace Holdfast.Verbs;

/// <summary><c>holdfast doctor</c>: says what is the matter with the primary, and builds a new one from the node's disk when a person says so.</summary>
internal static class DoctorVerb
{
    private const string Sqlite = "sqlite:";

    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "the node's data folder", DefaultValueFactory = _ => Environment.GetEnvironmentVariable("HOLDFAST_DATA") ?? "data" };
        var primary = new Option<string?>("--primary") { Description = "the primary database (default sqlite:<data>/primary.db), or a PostgreSQL connection string", DefaultValueFactory = _ => Environment.GetEnvironmentVariable("HOLDFAST_PRIMARY") };
        var credentials = new Option<string?>("--credentials") { Description = "where PostgreSQL's user name and password come from, as of 'serve'", DefaultValueFactory = _ => Environment.GetEnvironmentVariable("HOLDFAST_CREDENTIALS") };
        var restore = new Option<bool>("--restore") { Description = "build a new primary from this node's replica and journal; the old file is kept aside" };
        var command = new Command("doctor", "Examines the primary database, and restores it from this node when told to. The node may run meanwhile.") { data, primary, credentials, restore };
        command.SetAction((parsed, ct) => parsed.GetValue(primary) is { } named && !named.StartsWith(Sqlite, StringComparison.Ordinal)
            ? RunOnPostgresAsync(parsed.GetValue(data)!, named, parsed.GetValue(credentials), parsed.GetValue(restore), ct)
            : RunAsync(parsed.GetValue(data)!, parsed.GetValue(primary), parsed.GetValue(restore)));
        return command;
    }

    private static async Task<int> RunAsync(string data, string? primary, bool restore)
    {
        var node = Path.Combine(Path.GetFullPath(data), "node.db");
        var file = primary?[Sqlite.Length..] ?? Path.Combine(Path.GetFullPath(data), "primary.db");
        try
        {
            TellQuarantines(node);
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

    /// <summary>What this node's disk does not believe, and of whom: whoever restores from it should know.</summary>
    private static void TellQuarantines(string node)
    {
        try
        {
            foreach (var line in PrimaryDoctor.ReadNode(node, Surroundings.Real, view => (List<string>)[.. QuarantineStore.All(view, inForce: true).Select(q =>
                $"In quarantine: the node {q.Node}, since {DateTimeOffset.FromUnixTimeMilliseconds(q.Since):u} (by {q.Author}: {q.Reason}). {QuarantineStore.Counts(view, q).Sum(t => t.Count)} things that it said are taken back here.")]))
            {
                Console.WriteLine(line);
            }
        }
        catch (Exception fault) when (fault is InvalidOperationException or Microsoft.Data.Sqlite.SqliteException)
        {
            // No node here, or one of an elder release: what is the matter with the primary is told all the same.
        }
    }

    private static async Task<int> RunOnPostgresAsync(string data, string primary, string? credentials, bool restore, CancellationToken ct)
    {
        var node = Path.Combine(Path.GetFullPath(data), "node.db");
        if (PostgresServers.FaultOf(primary) is { } wrong || (credentials is not null && (wrong = CredentialSource.FaultOf(credentials)) is not null))
        {
            await Console.Error.WriteLineAsync($"holdfast doctor: {wrong}");
            return 2;
        }
        try
        {
            TellQuarantines(node);
            DatabaseCredential? credential = null;
            if (credentials is not null)
            {
                using var source = CredentialSource.Of(credentials, TimeProvider.System);
                credential = (await source.AskAsync(ct)).Credential;
            }
            await using var servers = new PostgresServers(primary, "holdfast doctor", credential, new Dependency(Catalogue.PostgresPrimary with { Deadline = PostgresDoctor.Deadline }, TimeProvider.System));
            var report = await PostgresDoctor.ExamineAsync(node, servers, Surroundings.Real);
            Console.WriteLine(report.Fault is null ? "The primary database is sound and belongs to this cluster." : $"{report.Fault.Fault}: {report.Fault.Message}");
            foreach (var line in report.Lines)
            {
                Console.WriteLine($"  {line}");
            }
            if (!restore)
            {
                if (report.Fault is { Fault: PrimaryFault.Empty })
                {
                    Console.WriteLine("""

                        What you can do:
                          - If a backup can be brought back, do that first; the nodes go on from there by themselves.
                          - Else: holdfast doctor --restore
                            makes this empty database the cluster's. Every node then offers all that it holds, by itself.
                        """);
                }
                return report.Fault is null ? 0 : 1;
            }
            if (report.Fault is not { Fault: PrimaryFault.Empty })
            {
                await Console.Error.WriteLineAsync(report.Fault is null
                    ? "holdfast doctor: nothing is the matter with the primary, so nothing was restored."
                    : "holdfast doctor: only an empty database is made the cluster's. Nothing was written.");
                return 1;
            }
            await PostgresDoctor.AdoptAsync(node, servers, Surroundings.Real);
            Console.WriteLine("The database is the cluster's now, with a new epoch. Every node that runs offers what it holds; 'holdfast status' tells when its journal is empty.");
            return 0;
        }
        catch (Exception fault) when (fault is InvalidOperationException or IOException or UnauthorizedAccessException or Microsoft.Data.Sqlite.SqliteException or StorageUnavailableException or DependencyUnavailableException)
        {
            await Console.Error.WriteLineAsync($"holdfast doctor: {fault.Message}");
            return 1;
        }
    }
}
