using System.Text;
using Holdfast.Storage.Migrations;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Holdfast.Storage.Tests;

/// <summary>The journal's shares (decision 0001, case 9).</summary>
public sealed class JournalTests : IDisposable
{
    private const int Max = 10_000;

    private static readonly Table AuditEvents = new("audit_events", [new("made", MergeRule.First, "action")], JournalShare.Audit);

    private readonly SqliteConnection _connection = SqliteFile.Open(":memory:", SqliteOpenMode.Memory, TimeSpan.FromSeconds(1), null);
    private readonly Journal _journal;

    public JournalTests()
    {
        Migrator.MoveForward(_connection, Migrator.Node, DateTimeOffset.UnixEpoch);
        _journal = new Journal(_connection, new JournalLimits(Max));
    }

    [Theory]
    [InlineData(JournalShare.Fact, Max / 10 * 9)]
    [InlineData(JournalShare.Audit, Max / 2)]
    [InlineData(JournalShare.Deny, Max)]
    public void A_share_is_used_to_the_last_byte_and_not_one_more(JournalShare share, int limit)
    {
        _journal.MakeRoom([(share, limit)], shipped: 0);
        Assert.Throws<JournalFullException>(() => _journal.MakeRoom([(share, limit + 1)], shipped: 0));
    }

    [Fact]
    public void Full_of_audit_events_it_takes_facts_and_full_of_facts_it_takes_denies()
    {
        Fill(AuditEvents, Max / 2);
        Assert.Throws<JournalFullException>(() => _journal.MakeRoom([(JournalShare.Audit, 1)], shipped: 0));
        Fill(Schema.Organizations, Max / 10 * 4);
        Assert.Throws<JournalFullException>(() => _journal.MakeRoom([(JournalShare.Fact, 1)], shipped: 0));
        _journal.MakeRoom([(JournalShare.Deny, Max / 20), (JournalShare.Fact, Max / 20)], shipped: 0);   // a deny and its event
        Fill(Schema.Denies, Max / 10);
        Assert.Throws<JournalFullException>(() => _journal.MakeRoom([(JournalShare.Deny, 1)], shipped: 0));
    }

    [Fact]
    public void Audit_events_that_the_primary_has_make_room_for_new_ones()
    {
        Fill(AuditEvents, Max / 2);
        _journal.MakeRoom([(JournalShare.Audit, Max / 4)], shipped: long.MaxValue);
    }

    [Fact]
    public void Room_is_made_for_a_large_fact_among_very_many_small_ones()
    {
        for (var n = 0; n < 3000; n++)
        {
            Append(Schema.Denies, "");   // each a few bytes: more of them than are dropped at once
        }
        var journal = new Journal(_connection, new JournalLimits(_journal.Bytes));
        journal.MakeRoom([(JournalShare.Fact, (int)_journal.Bytes / 10 * 8)], shipped: long.MaxValue);
    }

    [Fact]
    public async Task What_a_change_will_take_is_known_to_the_byte_before_it_is_applied()
    {
        Change[] changes =
        [
            Change.To(Schema.Profiles, "prof_\"1\"", ("email", null), ("first_name", "Zoë \u0001 \"quoted\" \\ 日本語 🔒"), ("last_name", ""), ("groups", "[]"), ("raw_attributes", "{}")),
            Change.To(Schema.Events, "event_1", ("environment_id", null), ("event", ""), ("data", "{\"a\":\"b\"}"), ("created_at", long.MaxValue)),
            Change.To(Schema.Profiles, "prof_1", ("updated_at", -1)),
        ];
        foreach (var change in changes)
        {
            await using var storage = await TestStorage.StartAsync();
            var before = storage.Host.Node.Writer.JournalBytes;
            await storage.Host.Database.RecordAsync(_ => Decide.To(true, change));
            var text = storage.Host.Database.Read(v => v.Find<string>("SELECT version FROM journal ORDER BY position DESC LIMIT 1"))!;
            Assert.Equal(Encoding.UTF8.GetByteCount(text), storage.Host.Node.Writer.JournalBytes - before);
            Assert.Equal(Encoding.UTF8.GetByteCount(text), change.Stamped(storage.Host.Node.Clock.Next()).Bytes);
        }
    }

    [Fact]
    public async Task A_full_journal_refuses_facts_but_still_denies()
    {
        var isAway = false;
        Task Refuse(string call, CancellationToken ct) => isAway ? throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "away") : Task.CompletedTask;
        await using var storage = await new TestStorage { Limits = new JournalLimits(20_000), Around = p => new FaultyPrimary(p) { Before = Refuse } }.StartedAsync();
        isAway = true;
        var kept = 0;
        await Assert.ThrowsAsync<JournalFullException>(async () =>
        {
            while (true)
            {
                await storage.RecordEventAsync($"event_{kept}");
                kept++;
            }
        });
        Assert.InRange(storage.Host.Node.Writer.JournalBytes, 17_700, 18_000);
        await storage.Host.Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Denies, "deny_1",
            ("environment_id", "environment_1"), ("subject", "session_1"), ("reason", "test"), ("created_at", 1))));
        Assert.Equal(kept, storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM events")));
    }

    [Fact]
    public void Looking_for_old_facts_reads_no_further_than_the_first_that_stays()
    {
        _connection.Execute("BEGIN");
        for (var n = 0; n < 20_000; n++)
        {
            _journal.Append(new RowVersion(Schema.Denies, "row_1", [null]), "{}", DateTimeOffset.UnixEpoch.AddSeconds(n < 10 ? 0 : 100));
        }
        _connection.Execute("COMMIT");
        var steps = 0;
        raw.sqlite3_progress_handler(_connection.Handle, 100, _ => steps++ < 0 ? 1 : 0, null);
        Assert.True(_journal.DropShipped(long.MaxValue, madeBefore: 50_000));
        Assert.False(_journal.DropShipped(long.MaxValue, madeBefore: 50_000));
        raw.sqlite3_progress_handler(_connection.Handle, 0, null, null);
        Assert.InRange(steps, 0, 50);   // hundreds of steps of SQLite's machine, and not a hundred thousand
        Assert.Equal(19_990 * 2, _journal.Bytes);
    }

    [Fact]
    public async Task The_count_of_its_bytes_is_kept_with_the_facts_and_not_counted_again()
    {
        await using var storage = await TestStorage.StartAsync();
        await storage.RecordEventAsync("event_1");
        await Assert.ThrowsAsync<ArgumentException>(() => storage.Host.Database.RecordAsync(_ => Decide.To(true,
            Change.To(Schema.Profiles, "prof_1", ("updated_at", 1)), Change.To(Schema.Profiles, "prof_2", ("updated_at", 1.5)))));
        await storage.LevelAsync();
        var bytes = storage.Host.Node.Writer.JournalBytes;
        Assert.Equal(bytes, storage.Host.Database.Read(v => v.Find<long>("SELECT sum(bytes) FROM journal")));
        await storage.StopAsync();
        using (var file = SqliteFile.Open(storage.NodeFile, SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), null))
        {
            file.Execute("UPDATE journal SET bytes = 0");   // who counted them again would find nothing
        }
        await storage.StartedAsync();
        Assert.Equal(bytes, storage.Host.Node.Writer.JournalBytes);
    }

    private void Fill(Table table, int bytes)
    {
        var text = new string('x', bytes);
        Append(table, text);
    }

    private void Append(Table table, string text) =>
        _journal.Append(new RowVersion(table, "row_1", [.. table.Groups.Select(_ => (GroupVersion?)null)]), text.Length > 0 ? text : "{}", DateTimeOffset.UnixEpoch);

    public void Dispose() => _connection.Dispose();
}
