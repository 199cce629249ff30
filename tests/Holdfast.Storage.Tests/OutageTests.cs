using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Replication;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests;

/// <summary>A primary that hangs, is slow, throws, loses answers or loses its tail (decision 0001, cases 3 to 6).</summary>
public class OutageTests
{
    private readonly List<FaultyPrimary> _started = [];   // each belongs to the storage that it was made for

    private FaultyPrimary Primary => _started[^1];

    /// <summary>Another node's clock, and a right one.</summary>
    private static HybridClock Witness { get; } = new(TimeProvider.System, "cccccccccccc");

    private async Task<TestStorage> StartAsync(TimeProvider? clock = null) => await new TestStorage
    {
        World = Surroundings.Real with { Clock = clock ?? TimeProvider.System },
        Around = inner =>
        {
            _started.Add(new FaultyPrimary(inner) { Before = _started.LastOrDefault()?.Before ?? ((_, _) => Task.CompletedTask) });
            return Primary;
        },
    }.StartedAsync();

    [Fact]
    public async Task APrimary_that_never_answers_stops_administrators_for_a_second_and_nobody_else()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        Primary.Before = FaultyPrimary.HangAsync;
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => storage.NameOrganizationAsync("org_1", "Acme").WaitAsync(Until.Deadline));
        for (var n = 0; n < 200; n++)
        {
            await storage.RecordEventAsync($"event_{n}");
        }
        await storage.StopAsync();
        await storage.StartedAsync();   // cold, and it still hangs
        await storage.RecordEventAsync("event_cold");
        await storage.SaysAsync(PrimaryFault.Unreachable);
        Primary.Before = (_, _) => Task.CompletedTask;
        await storage.LevelAsync();
        await storage.SaysAsync(null);
        Assert.Equal(201, storage.QueryPrimary<long>("SELECT count(*) FROM events"));
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }

    [Fact]
    public async Task A_thread_that_hangs_in_thePrimarys_file_does_not_keep_the_node_from_stopping()
    {
        await using var storage = await TestStorage.StartAsync();
        using var release = new ManualResetEventSlim();
        using var entered = new ManualResetEventSlim();
        var hung = storage.Host.Database.WriteAsync<bool>(
            _ =>
            {
                entered.Set();
                release.Wait();
                return Decide.Nothing(true);
            },
            CancellationToken.None);
        entered.Wait();
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => hung);
        await storage.RecordEventAsync("event_1");
        await storage.StopAsync().WaitAsync(Until.Deadline);
        release.Set();
    }

    [Fact]
    public async Task A_new_node_whosePrimary_hangs_says_so_instead_of_hanging_too()
    {
        await using var storage = new TestStorage { Around = inner => new FaultyPrimary(inner) { Before = FaultyPrimary.HangAsync } };
        var refused = await Assert.ThrowsAsync<PrimaryUnavailableException>(() => storage.StartedAsync().WaitAsync(Until.Deadline));
        Assert.Equal(PrimaryFault.Unreachable, refused.Fault);
    }

    [Fact]
    public async Task A_slowPrimary_slows_no_fact_and_gets_everything()
    {
        await using var storage = await StartAsync();
        Primary.Before = (_, ct) => Task.Delay(TimeSpan.FromMilliseconds(100), ct);
        for (var n = 0; n < 300; n++)
        {
            await storage.RecordEventAsync($"event_{n}");
        }
        await storage.LevelAsync();
        Assert.Equal(300, storage.QueryPrimary<long>("SELECT count(*) FROM events"));
    }

    [Fact]
    public async Task APrimary_that_commits_and_loses_the_answer_holds_each_fact_once()
    {
        await using var storage = await StartAsync();
        var lost = 0;
        Primary.After = (call, _) => call is "offer" or "write" && Interlocked.Increment(ref lost) <= 5
            ? throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "The answer is lost.") : Task.CompletedTask;
        for (var n = 0; n < 50; n++)
        {
            await storage.RecordEventAsync($"event_{n}");
        }
        await storage.LevelAsync();
        Assert.True(lost > 5);
        Assert.Equal(50, storage.QueryPrimary<long>("SELECT count(*) FROM change_log WHERE version LIKE '%\"event_%'"));
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }

    [Fact]
    public async Task An_unforeseen_failure_is_noted_and_tried_again()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        Primary.Before = (_, _) => throw new InvalidOperationException("nobody thought of this");
        await storage.RecordEventAsync("event_1");
        await storage.SaysAsync(PrimaryFault.Unreachable);
        Assert.Contains("nobody thought of this", storage.Host.Replicator.Health.Text, StringComparison.Ordinal);
        Primary.Before = (_, _) => Task.CompletedTask;
        await storage.LevelAsync();
        await storage.SaysAsync(null);
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(100)]   // pages that are not full and not the last
    public async Task A_new_node_is_not_ready_before_it_has_everything(int mostRows)
    {
        await using var first = await TestStorage.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 3 * Replicator.BatchSize).Select(n => first.RecordEventAsync($"event_{n}")));
        await first.LevelAsync();
        await first.StopAsync();
        foreach (var file in Directory.GetFiles(first.Folder, "node.db*"))
        {
            File.Delete(file);
        }
        var reads = 0;
        var second = new TestStorage
        {
            Folder = first.Folder,
            Around = inner => new FaultyPrimary(inner)
            {
                MostRows = mostRows,
                Before = (call, _) => call == "read" && ++reads == 2 ? throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "away") : Task.CompletedTask,
            },
        };
        await Assert.ThrowsAsync<PrimaryUnavailableException>(second.StartedAsync);   // half of it is on the disk now
        await second.StartedAsync();
        Assert.Equal(3 * Replicator.BatchSize, second.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM events")));
        await second.StopAsync();
    }

    [Fact]
    public async Task APrimary_restored_from_yesterday_gets_back_what_it_lost_in_a_new_epoch()
    {
        await using var storage = await StartAsync();
        await storage.RecordEventAsync("event_1");
        await storage.LevelAsync();
        var yesterday = storage.PrimaryFile + ".yesterday";
        File.Copy(storage.PrimaryFile, yesterday);
        await storage.RecordEventAsync("event_2");
        await storage.NameOrganizationAsync("org_1", "Acme");
        await storage.LevelAsync();
        var (digest, epoch) = (storage.Host.Node.Digest(), storage.Host.Replicator.Position.Epoch);
        File.Move(yesterday, storage.PrimaryFile, overwrite: true);
        await storage.LevelAsync();
        Assert.Equal(epoch + 1, storage.Host.Replicator.Position.Epoch);
        Assert.Equal(digest, storage.PrimaryDigest());
        Assert.Equal(digest, storage.Host.Node.Digest());
        Assert.Equal(1, storage.QueryPrimary<long>("SELECT count(*) FROM change_log WHERE version LIKE '%event_2%'"));
        Assert.Equal(1, storage.QueryPrimary<long>("SELECT count(*) FROM change_log WHERE version LIKE '%org_1%'"));
    }

    [Fact]
    public async Task APrimary_that_shares_no_row_with_the_node_gets_everything()
    {
        await using var storage = await StartAsync();
        await storage.NameOrganizationAsync("org_1", "Acme");
        await Task.WhenAll(Enumerable.Range(0, 2 * Replicator.BatchSize).Select(n => storage.RecordEventAsync($"event_{n}")));
        await storage.LevelAsync();
        var digest = storage.Host.Node.Digest();
        await storage.StopAsync();
        using (var file = SqliteFile.Open(storage.PrimaryFile, Microsoft.Data.Sqlite.SqliteOpenMode.ReadWrite, TimeSpan.FromSeconds(5), null))
        {
            file.Execute("BEGIN; DELETE FROM change_log; DELETE FROM events; DELETE FROM organizations; DELETE FROM nodes; COMMIT");   // as on its first day
        }
        await storage.StartedAsync();
        await storage.LevelAsync();
        Assert.Equal(digest, storage.PrimaryDigest());
        Assert.Equal(digest, storage.Host.Node.Digest());
    }

    [Fact]
    public async Task A_tail_that_was_shipped_and_lost_before_the_node_read_it_is_offered_again()
    {
        await using var storage = await StartAsync();
        await storage.RecordEventAsync("event_1");
        await storage.LevelAsync();
        // From here on the node ships, and cannot read: what it shipped is not in what it has seen of the log.
        var before = storage.PrimaryFile + ".before";
        File.Copy(storage.PrimaryFile, before);
        var shipped = new TaskCompletionSource();
        Primary.After = (call, _) =>
        {
            if (call == "offer")
            {
                Primary.Before = (_, _) => throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "away");
                shipped.TrySetResult();
            }
            return Task.CompletedTask;
        };
        await storage.RecordEventAsync("event_2");
        await shipped.Task;
        await storage.SaysAsync(PrimaryFault.Unreachable);
        File.Move(before, storage.PrimaryFile, overwrite: true);   // a failover: its last transaction is gone, and position and hash still match
        (Primary.After, Primary.Before) = ((_, _) => Task.CompletedTask, (_, _) => Task.CompletedTask);
        await storage.LevelAsync();
        Assert.Equal(1, storage.QueryPrimary<long>("SELECT count(*) FROM events WHERE id = 'event_2'"));
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }

    [Fact]
    public async Task An_epoch_that_another_writer_came_in_between_is_begun_all_the_same()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        var before = storage.PrimaryFile + ".before";
        File.Copy(storage.PrimaryFile, before);
        await storage.RecordEventAsync("event_1");
        await storage.LevelAsync();
        var epoch = storage.Host.Replicator.Position.Epoch;
        var others = 0;
        Primary.Before = async (call, ct) =>
        {
            if (call == "begin epoch" && ++others == 1)
            {
                await Primary.Inner.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, "org_1", ("name", "In between"))), LogPosition.Start, ct);
            }
        };
        File.Move(before, storage.PrimaryFile, overwrite: true);
        await Until.TrueAsync(() => storage.Host.Replicator.Position.Epoch == epoch + 1, () => "No epoch began.");
        await storage.LevelAsync();
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }

    [Fact]
    public async Task A_version_from_far_ahead_waits_aside_until_its_time_and_a_deny_and_an_event_do_not()
    {
        var machine = new MovedClock();
        await using var storage = await StartAsync(machine);
        await OfferFromFarAheadAsync();
        await storage.LevelAsync();
        Assert.Equal(1, storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM denies")));
        Assert.Equal(3, storage.Host.Database.Read(v => v.Find<long>("SELECT p.sequence FROM event_places p JOIN events e ON e.id = p.id")) - storage.Host.Database.Read(v => v.Find<long>("SELECT min(sequence) FROM log_tail WHERE version LIKE '%org_1%'")) + 1);
        Assert.Equal(0, storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM organizations")));
        Assert.False(Witness.IsAhead(storage.Host.Node.Clock.Next()));
        Primary.Before = (_, _) => throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "away");   // its time comes all the same
        machine.Ahead = TimeSpan.FromMinutes(10);
        await Until.TrueAsync(() => storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM organizations")) == 1, () => "It still waits.");
    }

    [Fact]
    public async Task An_administrators_change_to_a_row_from_far_ahead_is_kept_and_moves_no_clock()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        await OfferFromFarAheadAsync();
        foreach (var name in (string[])["First", "Second"])
        {
            await storage.NameOrganizationAsync("org_1", name);
            Assert.Equal(name, storage.Host.Database.Read(v => v.Find<string>("SELECT name FROM organizations WHERE id = 'org_1'")));
            Assert.False(Witness.IsAhead(storage.Host.Node.Clock.Next()));
        }
    }

    [Fact]
    public async Task A_restart_after_rows_from_far_ahead_moves_no_clock()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        await OfferFromFarAheadAsync();
        await storage.LevelAsync();
        await storage.StopAsync();
        await storage.StartedAsync();
        Assert.False(Witness.IsAhead(storage.Host.Node.Clock.Next()));
    }

    [Fact]
    public async Task A_clock_that_is_set_back_before_a_restart_gives_no_stamp_twice()
    {
        var machine = new MovedClock();
        await using var storage = await StartAsync(machine);
        await storage.LevelAsync();
        machine.Ahead = TimeSpan.FromMinutes(10);
        await storage.NameOrganizationAsync("org_1", "Acme");
        var given = storage.Host.Database.Read(v => v.Find<string>("SELECT named_stamp FROM organizations WHERE id = 'org_1'"));
        machine.Ahead = TimeSpan.Zero;
        var other = new HybridClock(machine, "bbbbbbbbbbbb");
        await Primary.OfferAsync([Change.To(Schema.Organizations, "org_2", ("name", "The last row of the log")).Stamped(other.Next()).ToJson()],
            LogPosition.Start, CancellationToken.None);
        await storage.LevelAsync();
        await storage.StopAsync();
        await storage.StartedAsync();
        Assert.True(string.CompareOrdinal(storage.Host.Node.Clock.Next(), given) > 0);
    }

    /// <summary>Offers what a clock made that is ten minutes fast; the last of it is a deny.</summary>
    private async Task OfferFromFarAheadAsync()
    {
        var ahead = new HybridClock(new MovedClock(TimeSpan.FromMinutes(10)), "bbbbbbbbbbbb");
        await Primary.OfferAsync(
            [
                Change.To(Schema.Organizations, "org_1", ("name", "From the future")).Stamped(ahead.Next()).ToJson(),
                Change.To(Schema.Denies, "deny_1", ("environment_id", "e"), ("subject", "s"), ("reason", "r"), ("created_at", 1)).Stamped(ahead.Next()).ToJson(),
                Change.To(Schema.Events, "event_1", ("environment_id", "e"), ("event", "x"), ("data", "{}"), ("created_at", 1)).Stamped(ahead.Next()).ToJson(),
            ],
            LogPosition.Start, CancellationToken.None);
    }

    [Fact]
    public async Task Many_expired_rows_are_forgotten_while_thePrimary_is_away()
    {
        var machine = new MovedClock();
        await using var storage = await StartAsync(machine);
        await Until.TrueAsync(() => storage.Host.Replicator.Health.IsAvailable, () => "It never looked.");
        Primary.Before = (_, _) => throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "away");
        var expired = machine.GetUtcNow().AddHours(-2).ToUnixTimeMilliseconds();
        await Task.WhenAll(Enumerable.Range(0, 3500).Select(n => SpendAsync(storage, $"spend_{n}", expired)));
        machine.Ahead = TimeSpan.FromSeconds(59);
        await Until.TrueAsync(() => storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM spends")) == 0, () => "They are still there.");
    }

    [Fact]
    public async Task A_clock_that_jumps_ahead_and_back_makes_nobody_forget_what_is_in_use()
    {
        var machine = new MovedClock();
        await using var storage = await StartAsync(machine);
        await storage.LevelAsync();
        await SpendAsync(storage, "spend_1", machine.GetUtcNow().AddMinutes(10).ToUnixTimeMilliseconds());
        await storage.LevelAsync();
        machine.Ahead = TimeSpan.FromHours(3);
        var steps = 0;
        storage.Host.Replicator.Noted = _ => Interlocked.Increment(ref steps);
        await Until.TrueAsync(() => Volatile.Read(ref steps) > 3, () => "It never looked.");
        machine.Ahead = TimeSpan.Zero;
        Assert.Equal(1, storage.Host.Database.Read(v => v.Find<long>("SELECT count(*) FROM spends")));
        Assert.Equal(1, storage.QueryPrimary<long>("SELECT count(*) FROM spends"));
    }

    private static Task<bool> SpendAsync(TestStorage storage, string id, long expiresAt) => storage.Host.Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Spends, id,
        ("environment_id", "e"), ("kind", "code"), ("request", null), ("created_at", 1), ("expires_at", expiresAt))));

    [Fact]
    public async Task A_row_arrives_before_its_parent_and_is_kept()
    {
        await using var storage = await StartAsync();
        await storage.Host.Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Profiles, "prof_1",
            ("environment_id", "environment_1"), ("connection_id", "conn_1"), ("organization_id", "org_1"), ("connection_type", "GenericSAML"), ("idp_id", "1"), ("created_at", 1))));
        const string Effective = "SELECT count(*) FROM profiles p JOIN organizations o ON o.id = p.organization_id";
        Assert.Equal(0, storage.Host.Database.Read(v => v.Find<long>(Effective)));
        await storage.NameOrganizationAsync("org_1", "Acme");
        Assert.Equal(1, storage.Host.Database.Read(v => v.Find<long>(Effective)));
    }

    [Fact]
    public async Task Facts_shipped_and_not_noted_are_offered_again_after_a_kill()
    {
        await using var storage = await StartAsync();
        for (var n = 0; n < 20; n++)
        {
            await storage.RecordEventAsync($"event_{n}");
        }
        await storage.LevelAsync();
        await storage.Host.Node.Writer.EnqueueAsync(session => session.State.Shipped = 0);   // as after a kill between the primary's commit and the note
        await storage.LevelAsync();
        Assert.Equal(20, storage.QueryPrimary<long>("SELECT count(*) FROM change_log WHERE version LIKE '%\"event_%'"));
    }

    [Fact]
    public async Task A_write_whose_row_is_lost_before_it_is_read_here_is_not_answered_with_success()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        var head = storage.Host.Replicator.Position;
        var waits = storage.Host.Replicator.ReachAsync(head.Next(head.Epoch, "lost"), CancellationToken.None);
        await Primary.BeginEpochAsync(head, CancellationToken.None);   // another row stands at its place
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => waits.WaitAsync(Until.Deadline));
    }

    [Fact]
    public async Task A_write_to_aPrimary_that_was_put_back_and_has_not_been_looked_at_since_is_refused()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        var before = storage.PrimaryFile + ".before";
        File.Copy(storage.PrimaryFile, before);
        foreach (var n in Enumerable.Range(0, 5))
        {
            await storage.RecordEventAsync($"event_{n}");
        }
        await storage.LevelAsync();
        var (reading, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        Primary.Before = (call, _) =>
        {
            if (call != "read")
            {
                return Task.CompletedTask;
            }
            reading.TrySetResult();
            return goOn.Task;
        };
        await reading.Task;
        File.Move(before, storage.PrimaryFile, overwrite: true);
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => storage.NameOrganizationAsync("org_1", "On top"));
        goOn.SetResult();
        await storage.LevelAsync();
        await storage.SaysAsync(null);
        Assert.Equal(0, storage.QueryPrimary<long>("SELECT count(*) FROM change_log WHERE version LIKE '%On top%'"));
        Assert.Equal(5, storage.QueryPrimary<long>("SELECT count(*) FROM events"));
        await storage.NameOrganizationAsync("org_1", "After");
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }

    [Fact]
    public async Task A_row_at_whose_place_another_stands_in_the_same_epoch_was_not_reached()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        var head = storage.Host.Replicator.Position;
        var waits = storage.Host.Replicator.ReachAsync(head.Next(head.Epoch, "lost"), CancellationToken.None);
        await storage.NameOrganizationAsync("org_1", "At its place");
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => waits.WaitAsync(Until.Deadline));
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => storage.Host.Replicator.ReachAsync(head.Next(head.Epoch, "lost"), CancellationToken.None));
    }

    [Fact]
    public async Task A_replica_that_lags_is_not_reported_as_a_deadPrimary()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        var goOn = new TaskCompletionSource();
        Primary.Before = (call, _) => call == "read" ? goOn.Task : Task.CompletedTask;
        var refused = await Assert.ThrowsAsync<PrimaryUnavailableException>(() => storage.NameOrganizationAsync("org_1", "Acme"));
        Assert.Contains("kept the change", refused.Message, StringComparison.Ordinal);
        Assert.Null(storage.Host.Replicator.Health.Fault);
        goOn.SetResult();
        await storage.LevelAsync();
        Assert.Equal("Acme", storage.Host.Database.Read(v => v.Find<string>("SELECT name FROM organizations WHERE id = 'org_1'")));
    }

    [Fact]
    public async Task APrimary_that_is_read_and_takes_no_writes_is_not_called_well()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        var reads = 0;
        Primary.Before = (call, _) => call == "read" && Interlocked.Increment(ref reads) > 0 ? Task.CompletedTask
            : throw new PrimaryUnavailableException(PrimaryFault.Unreachable, "It takes no writes.");
        await Assert.ThrowsAsync<PrimaryUnavailableException>(() => storage.NameOrganizationAsync("org_1", "Acme"));
        var before = Volatile.Read(ref reads);
        var wasCalledWell = false;
        await Until.TrueAsync(
            () =>
            {
                wasCalledWell |= storage.Host.Replicator.Health.Fault is null;
                return Volatile.Read(ref reads) > before + 2;
            },
            () => "It is not read.");
        Assert.False(wasCalledWell);
        Assert.True(storage.Host.Replicator.Health.LastContact > storage.Host.Replicator.Health.Since);
        Primary.Before = (_, _) => Task.CompletedTask;
        await storage.SaysAsync(null);
        await storage.NameOrganizationAsync("org_1", "Acme");
    }

    [Fact]
    public async Task What_a_write_has_read_and_thePrimary_then_lost_is_noticed()
    {
        await using var storage = await StartAsync();
        await storage.LevelAsync();
        var before = storage.PrimaryFile + ".before";
        File.Copy(storage.PrimaryFile, before);
        var (reading, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        Primary.Before = (call, _) =>
        {
            if (call != "read")
            {
                return Task.CompletedTask;
            }
            reading.TrySetResult();
            return goOn.Task;
        };
        await reading.Task;
        var at = storage.Host.Replicator.Position;
        await Primary.Inner.WriteAsync(_ => Decide.To(true, Change.To(Schema.Organizations, "org_1", ("name", "Lost"))), at, CancellationToken.None);
        var page = await Primary.Inner.ReadLogAsync(at, 10, CancellationToken.None);
        await storage.Host.Node.Writer.EnqueueAsync(session => session.Absorb(at, page.Rows));   // as a write does whose primary is elsewhere
        File.Move(before, storage.PrimaryFile, overwrite: true);
        goOn.SetResult();
        await Until.TrueAsync(() => storage.QueryPrimary<long>("SELECT count(*) FROM organizations") == 1, () => "What was lost is not brought back.");
        await storage.LevelAsync();
        Assert.Equal(at.Epoch + 1, storage.Host.Replicator.Position.Epoch);
        await storage.NameOrganizationAsync("org_2", "After");
        Assert.Equal(storage.PrimaryDigest(), storage.Host.Node.Digest());
    }

    [Fact]
    public async Task A_clock_that_was_wrong_at_the_start_makes_nothing_old_once_it_is_right()
    {
        var clock = new MovedClock();
        await using var storage = await StartAsync(clock);
        await storage.LevelAsync();
        await storage.StopAsync();
        Primary.Before = FaultyPrimary.HangAsync;
        clock.Ahead = TimeSpan.FromDays(30);
        await storage.StartedAsync();
        Assert.True(storage.Host.Replicator.Age > TimeSpan.FromDays(29));
        clock.Ahead = TimeSpan.FromDays(60);
        Assert.True(storage.Host.Replicator.Age < TimeSpan.FromDays(31));
        clock.Ahead = TimeSpan.Zero;
        Assert.True(storage.Host.Replicator.Age < TimeSpan.FromHours(1));
        clock.Ahead = -TimeSpan.FromDays(1);
        Assert.True(storage.Host.Replicator.Age > TimeSpan.Zero);
    }

    [Fact]
    public async Task A_clock_that_jumps_ahead_loses_nothing_that_it_calls_over()
    {
        var clock = new MovedClock();
        await using var storage = await StartAsync(clock);
        await storage.LevelAsync();
        static Change Spend(string id) => Change.To(Schema.Spends, id,
            ("environment_id", "environment_1"), ("kind", "code"), ("request", null), ("created_at", 1L), ("expires_at", TimeProvider.System.GetUtcNow().AddHours(2).ToUnixTimeMilliseconds()));
        var (reading, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        Primary.Before = (call, _) =>
        {
            if (call != "read")
            {
                return Task.CompletedTask;
            }
            reading.TrySetResult();
            return goOn.Task;
        };
        await reading.Task;
        await Primary.Inner.OfferAsync([Spend("spend_of_another").Stamped(Witness.Next()).ToJson()], storage.Host.Replicator.Position, CancellationToken.None);
        await storage.Host.Database.RecordAsync(_ => Decide.To(true, Spend("spend_own")));
        clock.Ahead = TimeSpan.FromDays(1);
        goOn.SetResult();
        await storage.LevelAsync();
        clock.Ahead = TimeSpan.Zero;
        const string Spends = "SELECT count(*) FROM spends";
        Assert.Equal((2, 2), (storage.QueryPrimary<long>(Spends), storage.Host.Database.Read(view => view.Find<long>(Spends))));
    }
}
