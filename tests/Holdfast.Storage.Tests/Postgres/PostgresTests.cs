using System.Globalization;
using System.Security.Cryptography;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Primary.Postgres;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Postgres;

/// <summary>What is particular to PostgreSQL as the primary (decision 0022).</summary>
[Trait("Pace", "slow")]
public sealed class PostgresTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    private const string Turn = $"SELECT pg_advisory_xact_lock({TurnKey}, hashtext(current_schema()))";
    private const string TurnKey = "1752132708";

    [Fact]
    public async Task Its_tables_are_those_that_are_declared_and_hold_any_text()
    {
        Assert.Equal(TurnKey, PostgresLog.TurnKey.ToString(CultureInfo.InvariantCulture));
        var (database, node) = await StartAsync();
        await using var _ = node;
        var columns = (await SqlAsync(database, "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position")).Split('\n');
        Assert.Equal(
            Schema.Tables.SelectMany(t => (string[])["id", .. t.Groups.SelectMany(g => (string[])[g.StampColumn, .. g.Columns])], (t, c) => $"{t.Name}.{c}").Order(StringComparer.Ordinal),
            columns.Where(c => Schema.ByName.ContainsKey(c.Split('.')[0])).Order(StringComparer.Ordinal));
        var indexes = (await SqlAsync(database, "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey'")).Split('\n');
        Assert.Equal(Schema.Tables.Count(t => t.Expires), indexes.Count(i => i.EndsWith("_by_expiry", StringComparison.Ordinal)));
        Assert.All(indexes, i => Assert.EndsWith("_by_expiry", i, StringComparison.Ordinal));

        // What a node has accepted must never be what keeps all others from being shipped.
        var texts = (string[])["a\0b", "\u0001", "\u0001a", "\0\u0001b\0", "\ud83d\ude00", Convert.ToHexString(RandomNumberGenerator.GetBytes(8000))];
        foreach (var (text, i) in texts.Select((t, i) => (t, i)))
        {
            await node.RecordEventAsync($"event_{i}", text);
            await node.Host.Database.WriteAsync(view => Decide.To(true, Change.To(Schema.RedirectUris, $"redirect_uri_{i}", ("environment_id", "environment_1"), ("uri", text), ("created_at", 1))), CancellationToken.None);
        }
        await node.AssertThereOnceAsync([.. texts.Select((_, i) => $"event_{i}")]);
        await using var other = await PostgresNode.StartAsync(postgres.Server.ConnectionString(database), "node-2");
        await other.LevelAsync();
        Assert.Equal(texts, other.Host.Database.Read(view => view.Query<string>("SELECT data FROM events ORDER BY id")));
    }

    [Fact]
    public async Task Two_nodes_that_find_it_empty_make_one_cluster_of_it_and_write_in_turns()
    {
        var database = await postgres.MakeDatabaseAsync();
        var starts = await Task.WhenAll(PostgresNode.StartAsync(postgres.Server.ConnectionString(database), "node-1"), PostgresNode.StartAsync(postgres.Server.ConnectionString(database), "node-2"));
        await using var one = starts[0];
        await using var two = starts[1];
        Assert.Equal(one.Host.ClusterId, two.Host.ClusterId);

        async Task<List<long>> CountAsync(PostgresNode node)
        {
            var counted = new List<long>();
            for (var i = 0; i < 25; i++)
            {
                counted.Add((await node.Primary.WriteAsync(PostgresNode.Count, LogPosition.Start, CancellationToken.None)).Answer);
                await node.RecordEventAsync(string.Create(CultureInfo.InvariantCulture, $"event_{node.Host.Node.Incarnation}_{i}"));
            }
            return counted;
        }
        var counts = await Task.WhenAll(CountAsync(one), CountAsync(two));
        Assert.Equal(Enumerable.Range(1, 50).Select(n => (long)n), counts.SelectMany(c => c).Order());
        await one.LevelAsync();
        await two.LevelAsync();
        await one.LevelAsync();
        Assert.Equal(one.Host.Node.Digest(), two.Host.Node.Digest());
        Assert.Equal(await one.Primary.DigestAsync(CancellationToken.None), two.Host.Node.Digest());
        var log = await one.ReadLogAsync();
        Assert.All(log.Skip(1).Zip(log), pair => Assert.True(pair.First.Follows(pair.Second.At)));
    }

    [Fact]
    public async Task Whoever_holds_the_turn_keeps_writers_waiting_until_their_deadline_and_readers_not_at_all()
    {
        var (database, node) = await StartAsync();
        await using var _ = node;
        await node.NameOrganizationAsync("org_1");
        using var person = postgres.Server.OpenSession(database);
        await person.SayAsync($"BEGIN; {Turn}; SELECT 'mine';");
        await person.SayAsync("");   // the lock's own line was read; this one is 'mine'
        var refused = await Assert.ThrowsAsync<PrimaryUnavailableException>(() => WriteAsync(node, "org_2"));
        Assert.Contains("locked", refused.Message, StringComparison.Ordinal);
        Assert.Single(await node.ReadLogAsync(), r => r.Version.Contains("org_1", StringComparison.Ordinal));
        await person.SayAsync("ROLLBACK; SELECT 'free';");
        await WriteAsync(node, "org_2");
        await node.AssertThereOnceAsync(["org_1", "org_2"]);
    }

    [Fact]
    public async Task A_log_row_that_is_not_committed_hides_none_and_is_read_by_nobody()
    {
        var (database, node) = await StartAsync();
        await using var _ = node;
        await node.LevelAsync();   // the row of its own life is in the log
        var (_, head) = await WriteAsync(node, "org_1");
        using var person = postgres.Server.OpenSession(database);
        await person.SayAsync(string.Create(CultureInfo.InvariantCulture, $"BEGIN; INSERT INTO change_log VALUES ({head.Sequence + 1}, 1, 'x', 'x'); SELECT 'open';"));
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => WriteAsync(node, "org_2"));
        Assert.Equal(head, (await node.Primary.ReadLogAsync(LogPosition.Start, 500, CancellationToken.None)).Head);
        await person.SayAsync("ROLLBACK; SELECT 'gone';");
        var (_, next) = await WriteAsync(node, "org_2");
        Assert.Equal(head.Sequence + 1, next.Sequence);
    }

    [Fact]
    public async Task A_reader_of_hours_holds_nobody_up()
    {
        var (database, node) = await StartAsync();
        await using var _ = node;
        using var person = postgres.Server.OpenSession(database);
        var before = await person.SayAsync("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM change_log;");
        for (var i = 0; i < 20; i++)
        {
            await node.NameOrganizationAsync($"org_{i}");   // returns when it is read back
        }
        Assert.Equal(before, await person.SayAsync("SELECT count(*) FROM change_log;"));
        await node.AssertThereOnceAsync([.. Enumerable.Range(0, 20).Select(i => $"org_{i}")]);
    }

    [Fact]
    public async Task A_reader_beside_many_writers_gets_every_row_in_order()
    {
        var database = await postgres.MakeDatabaseAsync();
        await using var one = await PostgresNode.StartAsync(postgres.Server.ConnectionString(database), "node-1");
        await using var two = await PostgresNode.StartAsync(postgres.Server.ConnectionString(database), "node-2");
        using var done = new CancellationTokenSource();
        var reading = Task.Run(async () =>
        {
            var (at, read) = (LogPosition.Start, new List<LogRow>());
            while (true)
            {
                var last = done.IsCancellationRequested;
                var page = await two.Primary.ReadLogAsync(at, 50, CancellationToken.None);
                Assert.True(page.Matches);
                foreach (var row in page.Rows)
                {
                    Assert.True(row.Follows(at), $"{row.At} after {at}");
                    at = row.At;
                    read.Add(row);
                }
                if (last && page.Rows.Count == 0)
                {
                    return read;
                }
            }
        });
        var clock = new HybridClock(TimeProvider.System, "bbbbbbbbbbbb");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            for (var batch = 0; batch < 15; batch++)
            {
                var versions = Enumerable.Range(0, 7).Select(n => Change.To(Schema.Organizations, $"org_{writer}_{batch}_{n}", ("name", "Acme")).Stamped(clock.Next()).ToJson());
                await (writer % 2 == 0 ? one : two).Primary.OfferAsync([.. versions], LogPosition.Start, CancellationToken.None);
            }
        })));
        await done.CancelAsync();
        Assert.Equal(4 * 15 * 7, (await reading).Count(r => r.Version.Contains("\"org_", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_node_that_stops_in_its_turn_loses_it_and_keeps_nothing()
    {
        var (database, node) = await StartAsync();
        await using var _ = node;
        using var entered = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        var stuck = node.Primary.WriteAsync(
            _ =>
            {
                entered.Set();
                release.Wait();
                return Decide.To(true, Change.To(Schema.Organizations, "org_stuck", ("name", "Never")));
            },
            LogPosition.Start, CancellationToken.None);
        await Task.Run(entered.Wait);
        using var person = postgres.Server.OpenSession(database);
        await person.SayAsync($"BEGIN; {Turn}; ROLLBACK; SELECT 'had it';");   // answered once the server has ended the other
        release.Set();
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => stuck);
        await WriteAsync(node, "org_1");
        Assert.DoesNotContain(await node.ReadLogAsync(), r => r.Version.Contains("org_stuck", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("CREATE TABLE theirs (id int)", PrimaryFault.Foreign)]
    [InlineData("SELECT 1", PrimaryFault.Empty)]
    [InlineData("ours; DELETE FROM cluster", PrimaryFault.Empty)]
    [InlineData("ours; UPDATE cluster SET id = 'cluster_other'", PrimaryFault.Foreign)]
    [InlineData("ours; INSERT INTO schema_migrations VALUES ('9999_future', 'x', 1)", PrimaryFault.TooNew)]
    public async Task A_database_that_is_not_ours_is_named_and_written_by_nobody(string made, PrimaryFault fault)
    {
        var database = await postgres.MakeDatabaseAsync();
        if (made.StartsWith("ours; ", StringComparison.Ordinal))
        {
            await using var maker = await PostgresNode.StartAsync(postgres.Server.ConnectionString(database));
            await maker.StopAsync();
            made = made["ours; ".Length..];
        }
        await SqlAsync(database, made);
        var before = await FingerprintAsync(database);
        using var folder = new TestFolder();
        using var store = Node.NodeStore.Open(Path.Combine(folder.Path, "node.db"), new Node.JournalLimits(), Surroundings.Real, Lane.OnThread("test node"));
        await using var primary = Postgres.Open(store, () => "cluster_mine", postgres.Server.ConnectionString(database));
        foreach (var call in (Func<Task>[])
        [
            () => primary.ReadLogAsync(LogPosition.Start, 1, CancellationToken.None),
            () => primary.OfferAsync([], LogPosition.Start, CancellationToken.None),
            () => primary.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, "org_1", ("name", "Never"))), LogPosition.Start, CancellationToken.None),
            () => primary.BootstrapAsync("cluster_mine", CancellationToken.None),
            () => primary.BeginEpochAsync(LogPosition.Start, CancellationToken.None),
            () => primary.PruneAsync(TimeProvider.System.GetUtcNow(), CancellationToken.None),
        ])
        {
            Assert.Equal(fault, (await Assert.ThrowsAsync<PrimaryUnavailableException>(call)).Fault);
        }
        Assert.Equal(before, await FingerprintAsync(database));
    }

    [Theory]
    [InlineData("UPDATE cluster SET id = 'cluster_other'", PrimaryFault.Foreign)]
    [InlineData("DROP TABLE change_log, cluster", PrimaryFault.Foreign)]
    [InlineData("INSERT INTO schema_migrations VALUES ('9999_future', 'x', 1)", PrimaryFault.TooNew)]
    public async Task A_database_that_is_put_in_ours_place_while_a_node_runs_is_found_out_at_once(string change, PrimaryFault fault)
    {
        var (database, node) = await StartAsync();
        await using var _ = node;
        await node.LevelAsync();
        await SqlAsync(database, change);
        var told = await Assert.ThrowsAsync<PrimaryUnavailableException>(() => WriteAsync(node, "org_1"));
        if (told.Fault == PrimaryFault.Unreachable)
        {
            told = await Assert.ThrowsAsync<PrimaryUnavailableException>(() => WriteAsync(node, "org_1"));   // it has looked again
        }
        Assert.Equal(fault, told.Fault);
        Assert.Equal("0", await SqlAsync(database, "SELECT count(*) FROM organizations"));
    }

    private async Task<(string Database, PostgresNode Node)> StartAsync()
    {
        var database = await postgres.MakeDatabaseAsync();
        return (database, await PostgresNode.StartAsync(postgres.Server.ConnectionString(database)));
    }

    private static Task<(bool, LogPosition Head)> WriteAsync(PostgresNode node, string id) =>
        node.Primary.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, id, ("name", "Acme"))), LogPosition.Start, CancellationToken.None);

    private Task<string> SqlAsync(string database, string sql) => postgres.Server.SqlAsync(sql, database);

    /// <summary>Every table with its rows, as far as a stranger could have changed them.</summary>
    private async Task<string> FingerprintAsync(string database)
    {
        var tables = (await SqlAsync(database, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var rows = tables.Length == 0 ? "" : await SqlAsync(database, string.Join(" UNION ALL ", tables.Select(t => $"SELECT '{t} ' || count(*) || coalesce(max(t.*::text), '') FROM {t} t")));
        return string.Join(' ', tables) + rows;
    }

    private sealed class TestFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("holdfast-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
