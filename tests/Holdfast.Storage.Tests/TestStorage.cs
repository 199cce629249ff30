using Holdfast.Storage.Node;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests;

/// <summary>A node's storage in a folder of its own, gone with the test.</summary>
internal sealed class TestStorage : IAsyncDisposable
{
    private bool _running;

    /// <summary>Where everything of it is.</summary>
    public string Folder { get; init; } = Directory.CreateTempSubdirectory("holdfast-").FullName;

    public Surroundings World { get; init; } = Surroundings.Real;

    public JournalLimits Limits { get; init; } = new();

    public Func<IPrimary, IPrimary>? Around { get; init; }

    public string PrimaryFile => Path.Combine(Folder, "primary.db");

    public string NodeFile => Path.Combine(Folder, "node.db");

    public StorageHost Host { get; private set; } = null!;

    public static async Task<TestStorage> StartAsync() => await new TestStorage().StartedAsync();

    public async Task<TestStorage> StartedAsync()
    {
        Host = await StorageHost.StartAsync(
            new StorageSettings(Folder, PrimaryFile, "node-1", "local", "zone-1", Limits), World, CancellationToken.None, openPrimary:
            Around is null ? null : (_, _, embedded) => Around(embedded()));
        _running = true;
        return this;
    }

    public async Task StopAsync()
    {
        if (_running)
        {
            _running = false;
            await Host.DisposeAsync();
        }
    }

    /// <summary>A fact that anybody may write.</summary>
    public Task<string> RecordEventAsync(string id) => Host.Database.RecordAsync(_ => Decide.To(id, Change.To(Schema.Events, id,
        ("environment_id", "environment_1"), ("event", "test"), ("data", "{}"), ("created_at", 1L))));

    /// <summary>An administrator's write.</summary>
    public Task<bool> NameOrganizationAsync(string id, string name) =>
        Host.Database.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, id, ("name", name))), CancellationToken.None);

    /// <summary>Waits until the primary has everything and the replica is level with it.</summary>
    public Task LevelAsync() => Until.TrueAsync(IsLevel, () => $"The primary is not level: {Host.Replicator.Health}.");

    private bool IsLevel()
    {
        try
        {
            return Host.Database.Read(view =>
                    view.Find<long>("SELECT count(*) FROM journal WHERE position > (SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM node_state WHERE name = 'shipped')")
                    + view.Find<long>("SELECT count(*) FROM offer_again")
                    + view.Find<long>("SELECT count(*) FROM node_state WHERE name = 'offering_all' AND value <> ''")) == 0
                && PrimaryHead() == Host.Replicator.Position.Sequence;
        }
        catch (Microsoft.Data.Sqlite.SqliteException)
        {
            return false;   // the primary's file is just being put back
        }
    }

    /// <summary>Waits until the node says this of its primary; null: that it answers.</summary>
    public Task SaysAsync(PrimaryFault? fault) => Until.TrueAsync(
        () => Host.Replicator.Health is var health && health.Fault == fault && (fault is not null || health.IsAvailable),
        () => $"Expected {fault?.ToString() ?? "health"}, but the node says {Host.Replicator.Health}.");

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
        await StopAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
