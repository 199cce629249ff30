using Holdfast.Bench;
using Holdfast.Storage.Node;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Primary.Postgres;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Postgres;

/// <summary>A real server for all tests of a class.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private int _databases;

    internal PostgresProcess Server { get; private set; } = null!;

    /// <summary>Empties the one database of the contract's tests: to make one for each takes seconds. That a new one is made right, <see cref="PostgresTests"/> shows.</summary>
    /// <returns>Its name.</returns>
    internal async Task<string> EmptyAsync()
    {
        const string Name = "contract";
        if (_databases == 0)
        {
            _databases++;
            await Server.MakeDatabaseAsync(Name);
        }
        else
        {
            var forget = string.Concat(((IEnumerable<string>)["cluster", "change_log", .. Schema.Tables.Select(t => t.Name)]).Select(t => $"DELETE FROM {t};"));
            await Server.SqlAsync($"DO $$ BEGIN IF to_regclass('cluster') IS NOT NULL THEN {forget} END IF; END $$", Name);
        }
        return Name;
    }

    public async ValueTask InitializeAsync() => Server = await PostgresProcess.StartAsync();

    /// <returns>The name of an empty database.</returns>
    internal async Task<string> MakeDatabaseAsync()
    {
        var name = $"test_{Interlocked.Increment(ref _databases)}";
        await Server.MakeDatabaseAsync(name);
        return name;
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>A primary's promises, kept by PostgreSQL.</summary>
[Trait("Pace", "slow")]
public sealed class OnPostgres(PostgresFixture postgres) : PrimaryContract, IClassFixture<PostgresFixture>
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-").FullName;
    private int _opened;
    private NodeStore? _node;
    private PostgresPrimary? _primary;

    private protected override IPrimary OpenEmpty(Func<string?> cluster, HybridClock clock)
    {
        var database = postgres.EmptyAsync().GetAwaiter().GetResult();
        _node = NodeStore.Open(Path.Combine(_folder, $"node-{++_opened}.db"), new JournalLimits(), World, Lane.OnThread("test node"));
        return _primary = Postgres.Open(_node, cluster, postgres.Server.ConnectionString(database), World);
    }

    private protected override Task PruneHereAsync(DateTimeOffset expiredBefore) => _node!.Writer.EnqueueAsync(session => session.Prune(expiredBefore));

    private protected override string Digest() => _primary!.DigestAsync(CancellationToken.None).GetAwaiter().GetResult();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _node?.Dispose();
        foreach (var file in Directory.GetFiles(_folder))
        {
            File.Delete(file);
        }
    }
}
