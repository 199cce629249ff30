using Holdfast.Storage.Node;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests;

/// <summary>A node's storage in a folder of its own, gone with the test.</summary>
internal sealed class TestStorage : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-").FullName;

    public Surroundings World { get; init; } = Surroundings.Real;

    public JournalLimits Limits { get; init; } = new();

    public Func<IPrimary, IPrimary>? Around { get; init; }

    public string PrimaryFile => Path.Combine(_folder, "primary.db");

    public string NodeFile => Path.Combine(_folder, "node.db");

    public StorageHost Host { get; private set; } = null!;

    public static async Task<TestStorage> StartAsync() => await new TestStorage().StartedAsync();

    public async Task<TestStorage> StartedAsync()
    {
        Host = await StorageHost.StartAsync(
            new StorageSettings(_folder, PrimaryFile, "node-1", "local", "zone-1", Limits), World, CancellationToken.None, Around);
        return this;
    }

    public async Task StopAsync() => await Host.DisposeAsync();

    /// <summary>A fact that anybody may write.</summary>
    public Task<string> RecordEventAsync(string id) => Host.Database.RecordAsync(_ => Decide.To(id, Change.To(Schema.Events, id,
        ("environment_id", "environment_1"), ("event", "test"), ("data", "{}"), ("created_at", 1L))));

    /// <summary>Waits until the primary has everything and the replica is level with it.</summary>
    public async Task LevelAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            deadline.Token.ThrowIfCancellationRequested();
            var shipped = Host.Database.Read(v => v.Find<long>("SELECT (SELECT coalesce(max(position), 0) FROM journal) - (SELECT coalesce((SELECT CAST(value AS INTEGER) FROM node_state WHERE name = 'shipped'), 0))"));
            var again = Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM offer_again"));
            if (shipped == 0 && again == 0 && PrimaryHead() == Host.Replicator.Position.Sequence)
            {
                return;
            }
            await Task.Delay(10, deadline.Token);
        }
    }

    public string PrimaryDigest()
    {
        using var connection = SqliteFile.Open(PrimaryFile, Microsoft.Data.Sqlite.SqliteOpenMode.ReadOnly, TimeSpan.FromSeconds(5), null);
        return Digest.Of(connection, Schema.Tables, World.Clock.GetUtcNow());
    }

    public long PrimaryHead() => QueryPrimary<long>("SELECT coalesce(max(sequence), 0) FROM change_log");

    public T? QueryPrimary<T>(string sql)
    {
        using var connection = SqliteFile.Open(PrimaryFile, Microsoft.Data.Sqlite.SqliteOpenMode.ReadOnly, TimeSpan.FromSeconds(5), null);
        return new View(connection).Find<T>(sql);
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
