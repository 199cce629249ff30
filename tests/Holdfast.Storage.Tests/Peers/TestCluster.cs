using System.Text.Json;
using Holdfast.Storage.Node;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Primary.Sqlite;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Peers;

/// <summary>Several nodes' storage in one process: one primary, and peers that hear each other unless a test cuts them off.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly Dictionary<string, StorageHost> _running = new(StringComparer.Ordinal);
    private readonly SqlitePrimary _primary;
    private string? _cluster;

    public TestCluster()
    {
        _primary = new SqlitePrimary(Path.Combine(Folder, "primary.db"), () => _cluster, new HybridClock(TimeProvider.System, "primary00000"), Surroundings.Real, Lane.OnThread("primary"));
        Primary = new FaultyPrimary(_primary);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("holdfast-").FullName;

    public FaultyPrimary Primary { get; }

    /// <summary>Who does not hear whom: from, to.</summary>
    public HashSet<(string From, string To)> Cut { get; } = [];

    /// <summary>Who accepts questions and answers none: asker, asked.</summary>
    public HashSet<(string From, string To)> Silent { get; } = [];

    /// <summary>Clocks of nodes that are not the machine's.</summary>
    public Dictionary<string, MovedClock> Clocks { get; } = new(StringComparer.Ordinal);

    public StorageHost this[string name] => _running[name];

    public IReadOnlyList<string> Names => [.. _running.Keys];

    public string PrimaryDigest()
    {
        using var connection = SqliteFile.Open(Path.Combine(Folder, "primary.db"), Microsoft.Data.Sqlite.SqliteOpenMode.ReadOnly, TimeSpan.FromSeconds(5), null);
        return Digest.Of(connection, Schema.Tables, TimeProvider.System.GetUtcNow());
    }

    public string FileOf(string name) => Path.Combine(Folder, name, "node.db");

    public void PrimaryIsAway(bool away) =>
        Primary.Before = away ? (_, _) => throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "away") : (_, _) => Task.CompletedTask;

    /// <summary>The first of a cluster starts without peers, then with them.</summary>
    public static async Task<TestCluster> StartAsync(params string[] names)
    {
        var cluster = new TestCluster();
        await cluster.StartNodeAsync(names[0]);
        await cluster.StopNodeAsync(names[0]);
        foreach (var name in names)
        {
            await cluster.StartNodeAsync(name, [.. names.Where(n => n != name)]);
        }
        return cluster;
    }

    public async Task<StorageHost> StartNodeAsync(string name, params string[] peers)
    {
        Directory.CreateDirectory(Path.Combine(Folder, name));
        var world = Clocks.TryGetValue(name, out var clock) ? Surroundings.Real with { Clock = clock } : Surroundings.Real;
        var host = await StorageHost.StartAsync(
            new StorageSettings(Path.Combine(Folder, name), "", name, "local", $"zone-{name}", new JournalLimits()), world, CancellationToken.None,
            [.. peers.Select(peer => new DirectPeer(this, name, peer))], (_, _, _) => new Shared(Primary));
        _cluster = host.ClusterId;
        return _running[name] = host;
    }

    public async Task StopNodeAsync(string name)
    {
        if (_running.Remove(name, out var host))
        {
            await host.DisposeAsync();
        }
    }

    public async Task LevelAsync()
    {
        await Until.TrueAsync(() => _running.Values.Select(h => h.Node.Digest()).Distinct().Count() == 1, () => "The nodes differ.");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var name in _running.Keys.ToList())
        {
            await StopNodeAsync(name);
        }
        await _primary.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private sealed class DirectPeer(TestCluster cluster, string from, string to) : IPeer
    {
        public string Address => to;

        public async Task<JournalAnswer> ReadJournalAsync(JournalQuestion question, CancellationToken ct)
        {
            if (cluster.Silent.Contains((from, to)))
            {
                await Task.Delay(Timeout.Infinite, ct);
            }
            var answer = Copied(await Server().ReadJournalAsync(Copied(question), ct));
            _ = Server();   // an answer that was under way when the link was cut does not arrive
            return answer;
        }

        public Task<SnapshotAnswer> ReadSnapshotAsync(SnapshotQuestion question, CancellationToken ct) => Task.FromResult(Copied(Server().ReadSnapshot(Copied(question))));

        public async Task<SpendAnswer> SpendAsync(SpendQuestion question, CancellationToken ct) => Copied(await Server().SpendAsync(Copied(question)));

        private PeerServer Server() => !cluster.Cut.Contains((from, to)) && cluster._running.TryGetValue(to, out var host)
            ? host.PeerServer
            : throw new PeerUnavailableException($"{to} is away.");

        private static T Copied<T>(T value) => JsonSerializer.Deserialize<T>(JsonSerializer.Serialize(value))!;
    }

    /// <summary>The one primary, of which no node disposes.</summary>
    private sealed class Shared(IPrimary primary) : IPrimary
    {
        public Task<string?> FindClusterAsync(CancellationToken ct) => primary.FindClusterAsync(ct);

        public Task<string> BootstrapAsync(string newClusterId, CancellationToken ct) => primary.BootstrapAsync(newClusterId, ct);

        public Task<(T Answer, ChangeLog.LogPosition Head)> WriteAsync<T>(Func<View, Decision<T>> decide, ChangeLog.LogPosition seen, CancellationToken ct) =>
            primary.WriteAsync(decide, seen, ct);

        public Task<ChangeLog.LogPosition> OfferAsync(IReadOnlyList<string> versions, ChangeLog.LogPosition seen, CancellationToken ct) => primary.OfferAsync(versions, seen, ct);

        public Task<ChangeLog.LogPage> ReadLogAsync(ChangeLog.LogPosition after, int limit, CancellationToken ct) => primary.ReadLogAsync(after, limit, ct);

        public Task<ChangeLog.LogPosition> FindCommonAsync(IReadOnlyList<ChangeLog.LogPosition> positions, CancellationToken ct) => primary.FindCommonAsync(positions, ct);

        public Task PruneAsync(DateTimeOffset expiredBefore, CancellationToken ct) => primary.PruneAsync(expiredBefore, ct);

        public Task BeginEpochAsync(ChangeLog.LogPosition head, CancellationToken ct) => primary.BeginEpochAsync(head, ct);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
