using Holdfast.Storage.Rows;
using System.Diagnostics;
using Holdfast.Bench;

namespace Holdfast.Storage.Tests.Postgres;

/// <summary>The rehearsal of docs/backup.md, with PostgreSQL's own programs; and what no node may write stays out of it.</summary>
[Collection(nameof(KillTests))]
[Trait("Pace", "slow")]
public sealed class PostgresBackupTests(ITestOutputHelper output) : IAsyncLifetime
{
    private PostgresProcess _server = null!;
    private string _database = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresProcess.StartAsync();
        _database = await _server.MakeDatabaseAsync("holdfast");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_dump_of_an_earlier_time_is_restored_while_nodes_live_and_nothing_acknowledged_is_lost()
    {
        await using var one = await PostgresNode.StartAsync(_database, "node-1");
        await using var two = await PostgresNode.StartAsync(_database, "node-2");
        List<string> acknowledged = [await one.NameOrganizationAsync("org_before"), await two.RecordEventAsync("event_before")];
        await one.LevelAsync();
        await two.LevelAsync();
        using var dump = new TemporaryFile();
        await _server.DumpAsync("holdfast", dump.Path);

        acknowledged.Add(await one.NameOrganizationAsync("org_lost"));
        for (var n = 0; n < 20; n++)
        {
            acknowledged.Add(await (n % 2 == 0 ? one : two).RecordEventAsync($"event_lost_{n}"));
        }
        await one.LevelAsync();
        await two.LevelAsync();
        var before = one.Host.Replicator.Position;

        // As docs/backup.md says: beside it, whole, and then in its place.
        await _server.RestoreAsync(dump.Path, "restored");
        await _server.SqlAsync("ALTER DATABASE holdfast WITH ALLOW_CONNECTIONS false");
        await _server.CutConnectionsAsync();
        acknowledged.Add(await two.RecordEventAsync("event_during"));
        await _server.SqlAsync("ALTER DATABASE holdfast RENAME TO holdfast_old");
        await _server.SqlAsync("ALTER DATABASE restored RENAME TO holdfast");
        var since = Stopwatch.GetTimestamp();

        acknowledged.Add(await one.NameOrganizationOnceBackAsync("org_after"));
        output.WriteLine($"written again {Stopwatch.GetElapsedTime(since).TotalSeconds:0.0} s after the restored database stood in its place");
        await two.LevelAsync();   // what was recorded there meanwhile is the primary's then
        await one.AssertThereOnceAsync(acknowledged);
        await two.AssertThereOnceAsync(acknowledged);
        await one.LevelAsync();
        Assert.Equal(one.Host.Node.Digest(), two.Host.Node.Digest());
        Assert.True(one.Host.Replicator.Position.Epoch > before.Epoch);
    }

    [Fact]
    public async Task What_no_node_may_write_comes_to_no_database_by_a_peer_s_journal()
    {
        await using var node = await PostgresNode.StartAsync(_database);
        var journal = BeliefTests.Journal(node.Host.Node.Clock);
        var (_, refused) = await node.Host.Node.Writer.EnqueueAsync(session => session.AbsorbJournal(journal));
        Assert.Equal(BeliefTests.Primarys.Count, refused);
        await Until.TrueAsync(async () => (await node.ReadLogAsync()).Exists(r => r.Version.Contains("\"deny_1\"", StringComparison.Ordinal)), () => "Nobody has shipped it.");
        await node.LevelAsync();
        Assert.Equal(await node.Primary.DigestAsync(CancellationToken.None), node.Host.Node.Digest());
        Assert.Equal(BeliefTests.Expected, node.Host.Database.Read(BeliefTests.Taken));
        Assert.DoesNotContain(await node.ReadLogAsync(), r => r.Version.Contains("thief\"", StringComparison.Ordinal) || r.Version.Contains("theirs", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task What_a_stolen_node_said_is_taken_back_in_the_database_too_and_what_it_replaced_stands_there_again()
    {
        await using var node = await PostgresNode.StartAsync(_database);
        var (database, thief) = (node.Host.Database, new HybridClock(TimeProvider.System, "feedfacecafe"));
        await database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Users, "user_1", ("email", "a@honest.test"))));
        await node.LevelAsync();
        var since = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        string Said(string user) => Change.To(Schema.Users, user, ("email", "thief@stolen.test")).Stamped(thief.Next(database.Read(view => view.Find<string>("SELECT max(address_stamp) FROM users"))!)).ToJson();
        await node.Primary.OfferAsync([Said("user_1"), Said("user_2")], node.Host.Replicator.Position, CancellationToken.None);
        string? Email(string id) => database.Read(view => view.Find<string>("SELECT email FROM users WHERE id = @id", new { id }));
        await Until.TrueAsync(() => Email("user_2") is not null, () => "It is not read.");
        await database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Quarantines, "quarantine_1/feedfacecafe",
            ("quarantine_id", "quarantine_1"), ("node", "stolen"), ("life", "feedfacecafe"), ("since", since), ("author", "Ada"), ("reason", "stolen"), ("created_at", since))));
        Assert.Equal(("a@honest.test", null), (Email("user_1"), Email("user_2")));
        await node.LevelAsync();
        await Until.TrueAsync(async () => await node.Primary.DigestAsync(CancellationToken.None) == node.Host.Node.Digest(), () => "The database differs.");
        await node.Primary.OfferAsync([Said("user_2")], node.Host.Replicator.Position, CancellationToken.None);
        Assert.Equal(await node.Primary.DigestAsync(CancellationToken.None), node.Host.Node.Digest());
        await database.RecordAsync(_ => Decide.To(true, Change.To(Schema.QuarantineLifts, "lift_1", ("quarantine_id", "quarantine_1"), ("author", "Ada"), ("reason", "found"), ("created_at", since))));
        Assert.Equal(("thief@stolen.test", "thief@stolen.test"), (Email("user_1"), Email("user_2")));
        await Until.TrueAsync(async () => await node.Primary.DigestAsync(CancellationToken.None) == node.Host.Node.Digest(), () => "The database differs.");
    }

    private sealed class TemporaryFile : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-dump-").FullName;

        public string Path => System.IO.Path.Combine(_folder, "dump");

        public void Dispose() => Directory.Delete(_folder, recursive: true);
    }
}
