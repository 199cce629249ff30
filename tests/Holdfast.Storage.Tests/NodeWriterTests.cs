using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;

namespace Holdfast.Storage.Tests;

/// <summary>The one writer of a node: who stands and who falls together (decision 0001, cases 10 and 11), and that nobody waits for ever.</summary>
public class NodeWriterTests
{
    [Fact]
    public async Task A_decision_that_throws_falls_alone()
    {
        await using var storage = await TestStorage.StartAsync();
        using var gate = new Gate(storage);
        var before = storage.RecordEventAsync("event_1");
        var throws = storage.Host.Database.RecordAsync<bool>(_ => throw new TimeoutException("no"));
        var halfway = storage.Host.Database.RecordAsync(_ => Decide.To(true,
            Change.To(Schema.Profiles, "prof_1", ("updated_at", 1)), Change.To(Schema.Profiles, "prof_2", ("updated_at", 1.5))));
        var after = storage.RecordEventAsync("event_2");
        gate.Open();
        await Assert.ThrowsAsync<TimeoutException>(() => throws);
        await Assert.ThrowsAsync<ArgumentException>(() => halfway);
        Assert.Equal(["event_1", "event_2"], [await before, await after]);
        Assert.Equal(2, storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM events")));
        Assert.Equal(0, storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM profiles")));
        Assert.Equal(0, storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM journal WHERE version LIKE '%prof_1%'")));
    }

    [Fact]
    public async Task A_commit_that_fails_answers_nobody_with_success_and_leaves_nothing()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.LevelAsync();
        var executed = 0;
        var bytes = storage.Host.Node.Writer.JournalBytes;
        using var gate = new Gate(storage);
        var first = storage.RecordEventAsync("event_1");
        // A deferred foreign key is checked by COMMIT itself, which then fails.
        var spoils = storage.Host.Node.Writer.EnqueueAsync(session =>
        {
            executed++;
            session.View.Query<long>("CREATE TABLE parents (id INTEGER PRIMARY KEY)");
            session.View.Query<long>("CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)");
            session.View.Query<long>("INSERT INTO children VALUES (1)");
            return true;
        });
        var last = storage.RecordEventAsync("event_2");
        gate.Open();
        foreach (var task in (Task[])[first, spoils, last])
        {
            await Assert.ThrowsAnyAsync<Exception>(() => task);
        }
        Assert.Equal(1, executed);   // the disk was not asked again for each of them
        Assert.Equal(0, storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM events")));
        Assert.Equal(bytes, storage.Host.Node.Writer.JournalBytes);
        await storage.RecordEventAsync("event_3");
    }

    [Fact]
    public async Task A_mistake_in_a_decisions_SQL_is_not_blamed_on_the_disk()
    {
        await using var storage = await TestStorage.StartAsync();
        await Assert.ThrowsAsync<SqliteException>(() => storage.Host.Database.RecordAsync(view => Decide.Nothing(view.Find<long>("SELECT nonsense"))));
        Assert.Null(storage.Host.Node.Writer.Broken);
    }

    [Fact]
    public async Task A_locked_disk_refuses_all_who_wait_together()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.LevelAsync();
        using var other = SqliteFile.Open(storage.NodeFile, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), null);
        other.Execute("BEGIN IMMEDIATE");
        var waiting = Enumerable.Range(0, 50).Select(n => storage.RecordEventAsync($"event_{n}")).ToList();
        var enough = Task.Delay(Until.Deadline);   // far less than fifty times the lock's time-out
        var refused = Task.WhenAll(waiting.Select(task => Assert.ThrowsAsync<JournalUnavailableException>(() => task)));
        Assert.Same(refused, await Task.WhenAny(refused, enough));
        Assert.NotNull(storage.Host.Node.Writer.Broken);
        other.Execute("ROLLBACK");
        await storage.RecordEventAsync("event_after");
        Assert.Null(storage.Host.Node.Writer.Broken);
    }

    [Fact]
    public async Task A_transaction_that_cannot_begin_leaves_the_count_of_the_journal_as_it_was()
    {
        var isAway = false;
        Task Refuse(string call, CancellationToken ct) => isAway ? throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "away") : Task.CompletedTask;
        await using var storage = await new TestStorage { Around = p => new FaultyPrimary(p) { Before = Refuse } }.StartedAsync();
        await storage.LevelAsync();
        isAway = true;
        await storage.RecordEventAsync("event_1");   // the last transaction that was kept is one that journaled
        var bytes = storage.Host.Node.Writer.JournalBytes;
        using var other = SqliteFile.Open(storage.NodeFile, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), null);
        other.Execute("BEGIN IMMEDIATE");
        await Assert.ThrowsAsync<JournalUnavailableException>(() => storage.RecordEventAsync("event_2"));
        Assert.Equal(bytes, storage.Host.Node.Writer.JournalBytes);
        other.Execute("ROLLBACK");
    }

    [Fact]
    public async Task Only_so_many_may_wait()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.LevelAsync();
        using var gate = new Gate(storage);
        var waiting = Enumerable.Range(0, NodeWriter.MostWaiting).Select(_ => storage.Host.Database.RecordAsync(_ => Decide.Nothing(true))).ToList();
        var refusal = await Assert.ThrowsAsync<JournalUnavailableException>(() => storage.Host.Database.RecordAsync(_ => Decide.Nothing(true)));
        Assert.Contains("waiting", refusal.Message, StringComparison.Ordinal);
        gate.Open();
        await Task.WhenAll(waiting);
        await storage.RecordEventAsync("event_after");
    }

    [Fact]
    public async Task A_node_that_has_stopped_refuses_everybody_and_leaves_nobody_waiting()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.StopAsync();
        for (var n = 0; n < 3; n++)
        {
            await Assert.ThrowsAsync<JournalUnavailableException>(() => storage.RecordEventAsync($"event_{n}").WaitAsync(Until.Deadline));
        }
    }

    [Fact]
    public async Task A_node_that_stops_under_load_answers_everybody()
    {
        await using var storage = await TestStorage.StartAsync();
        var kept = 0;
        var writers = Enumerable.Range(0, 4).Select(w => Task.Run(async () =>
        {
            try
            {
                for (var n = 0; ; n++)
                {
                    await storage.RecordEventAsync($"event_{w}_{n}").WaitAsync(Until.Deadline);
                    Interlocked.Increment(ref kept);
                }
            }
            catch (JournalUnavailableException)
            {
                // It has stopped.
            }
        })).ToList();
        await Until.TrueAsync(() => Volatile.Read(ref kept) > 100, () => "Nothing is recorded.");
        await storage.StopAsync();
        await Task.WhenAll(writers);
        await storage.StartedAsync();
        Assert.Equal(kept, storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM events")));
    }

    [Fact]
    public async Task Parallel_requests_are_ordered_so_that_one_item_is_spent_once()
    {
        await using var storage = await TestStorage.StartAsync();
        var later = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();
        var spent = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Task.Run(() => storage.Host.Database.RecordAsync(view =>
            view.Find<string>("SELECT id FROM spends WHERE id = 'code_1'") is not null
                ? Decide.Nothing(false)
                : Decide.To(true, Change.To(Schema.Spends, "code_1", ("environment_id", "e"), ("kind", "code"), ("request", null), ("created_at", 1), ("expires_at", later)))))));
        Assert.Equal(1, spent.Count(once => once));
    }

    /// <summary>Holds the writer, so that what is enqueued meanwhile is one batch.</summary>
    private sealed class Gate : IDisposable
    {
        private readonly ManualResetEventSlim _open = new();

        public Gate(TestStorage storage)
        {
            using var entered = new ManualResetEventSlim();
            Closed = storage.Host.Node.Writer.EnqueueAsync(_ =>
            {
                entered.Set();
                return _open.Wait(Until.Deadline);
            });
            entered.Wait();
        }

        public Task Closed { get; }

        public void Open() => _open.Set();

        public void Dispose()
        {
            _open.Set();
            Closed.Wait();
            _open.Dispose();
        }
    }
}
