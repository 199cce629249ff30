using System.Runtime.CompilerServices;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

/// <summary>A node that records as fast as it can and says what was acknowledged, one id a line, until it is killed.</summary>
internal static class KilledChild
{
    public const string Switch = "--be-killed";

    /// <summary>Third argument: the node's disk is planted not to wait for the disk, so that the test can be seen to fail.</summary>
    public const string Careless = "careless";

    private const int Writers = 6;

    /// <param name="arguments">The folder, a text that no other run has, and perhaps <see cref="Careless"/>.</param>
    public static async Task<int> RunAsync(string[] arguments)
    {
        var (folder, run) = (arguments[0], arguments[1]);
        // Not disposed of: it is killed.
        var host = await StorageHost.StartAsync(
            new StorageSettings(folder, Path.Combine(folder, "primary.db"), "node-1", "local", "zone-1", new JournalLimits()), Surroundings.Real, CancellationToken.None);
        if (arguments is [_, _, Careless])
        {
            while (new View(Connection(host.Node.Writer)).Find<long>("PRAGMA synchronous") != 0)
            {
                try
                {
                    Connection(host.Node.Writer).Execute("PRAGMA synchronous = OFF");
                }
                catch (SqliteException)
                {
                    await Task.Yield();   // not inside a transaction
                }
            }
        }
        Say("started");
        await Task.WhenAll([RenameAsync(host.Database, run), .. Enumerable.Range(0, Writers).Select(writer => RecordAsync(host.Database, $"{run}_{writer}"))]);
        return 1;
    }

    private static async Task RecordAsync(Database database, string writer)
    {
        for (var n = 0; ; n++)
        {
            var id = $"event_{writer}_{n}";
            await database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Events, id,
                ("environment_id", "environment_1"), ("event", "test"), ("data", "{}"), ("created_at", n))));
            Say(id);
        }
    }

    private static async Task RenameAsync(Database database, string run)
    {
        for (var n = 0; ; n++)
        {
            try
            {
                await database.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, $"org_{run}_{n}", ("name", "Acme"))), CancellationToken.None);
                Say($"org_{run}_{n}");
            }
            catch (PrimaryUnavailableException)
            {
                await Task.Delay(20);   // not done or unknown: nothing is said of it
            }
        }
    }

    private static readonly Lock Speaking = new();

    private static void Say(string line)
    {
        lock (Speaking)
        {
            Console.Out.Write(line + "\n");   // one write, flushed at once: the console's stream has no buffer
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_connection")]
    private static extern ref SqliteConnection Connection(NodeWriter writer);
}
