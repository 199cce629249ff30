using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Primary;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests;

/// <summary>What a primary promises, whichever engine it stands on.</summary>
public abstract class PrimaryContract : IAsyncLifetime
{
    private static readonly DateTimeOffset Soon = TimeProvider.System.GetUtcNow().AddHours(1);

    private readonly MovedClock _time = new();
    private IPrimary _primary = null!;
    private string? _cluster;

    private protected Surroundings World => Surroundings.Real with { Clock = _time };

    /// <summary>An empty database, and a connection to it. Called once for each test.</summary>
    private protected abstract IPrimary OpenEmpty(Func<string?> cluster, HybridClock clock);

    /// <summary>The digest of its tables.</summary>
    private protected abstract string Digest();

    /// <summary>Where decisions are made on the node's own replica, that forgets by itself.</summary>
    private protected virtual Task PruneHereAsync(DateTimeOffset expiredBefore) => Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _primary = OpenEmpty(() => _cluster, new HybridClock(_time, "aaaaaaaaaaaa"));
        _cluster = await _primary.BootstrapAsync("cluster_1", CancellationToken.None);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await _primary.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_database_that_belongs_to_a_cluster_is_not_bootstrapped_again()
    {
        Assert.Equal("cluster_1", await _primary.BootstrapAsync("cluster_2", CancellationToken.None));
        Assert.Equal("cluster_1", await _primary.FindClusterAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_write_brings_its_rows_into_the_log_in_the_same_transaction()
    {
        var (answer, head) = await NameAsync("org_1", "Acme");
        var page = await ReadAllAsync();
        Assert.Equal("Acme", answer);
        Assert.Equal(head, page.Head);
        Assert.Contains("\"name\":\"Acme\"", Assert.Single(page.Rows).Version, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_write_that_throws_midway_keeps_neither_rows_nor_log()
    {
        await NameAsync("org_1", "Acme");
        var (digest, head) = (Digest(), (await ReadAllAsync()).Head);
        await Assert.ThrowsAsync<ArgumentException>(() => _primary.WriteAsync(
            _ => Decide.To(true, Change.To(Schema.Organizations, "org_2", ("name", "Half")), Change.To(Schema.Organizations, "org_3", ("nonsense", 1))),
            LogPosition.Start, CancellationToken.None));
        await Assert.ThrowsAsync<TimeoutException>(() => _primary.WriteAsync<bool>(_ => throw new TimeoutException(), LogPosition.Start, CancellationToken.None));
        Assert.Equal((digest, head), (Digest(), (await ReadAllAsync()).Head));
        await NameAsync("org_4", "After");
        Assert.Equal(head.Sequence + 1, (await ReadAllAsync()).Head.Sequence);
    }

    [Fact]
    public async Task A_write_that_changes_nothing_writes_no_log_row()
    {
        Task PutAsync() => _primary.WriteAsync(
            _ => Decide.To(true, Change.To(Schema.Lifts, "lift_1", ("environment_id", "environment_1"), ("deny_id", "deny_1"), ("created_at", 1))), LogPosition.Start, CancellationToken.None);
        await PutAsync();
        await PutAsync();   // immutable, and there already
        Assert.Single((await ReadAllAsync()).Rows);
    }

    [Fact]
    public async Task A_write_of_a_clock_that_is_behind_exceeds_what_it_replaces()
    {
        await NameAsync("org_1", "Acme");
        await OfferAsync([Version(Schema.Organizations, "org_1", new HybridClock(new MovedClock(TimeSpan.FromSeconds(50)), "bbbbbbbbbbbb"), ("name", "From ahead"))]);
        _time.Ahead = TimeSpan.FromDays(-30);
        await NameAsync("org_1", "Last");
        var (name, _) = await _primary.WriteAsync(view => Decide.Nothing(view.Find<string>("SELECT name FROM organizations WHERE id = 'org_1'")), LogPosition.Start, CancellationToken.None);
        Assert.Equal("Last", name);
    }

    [Fact]
    public async Task Offering_again_writes_nothing_and_says_where_the_log_stands()
    {
        var versions = Texts(Versions.Throw(new Dice(5), 50, Soon));
        var head = await OfferAsync(versions);
        Assert.Equal((await ReadAllAsync()).Head, head);
        Assert.Equal(head, await OfferAsync(versions));
        Assert.Equal(head, await OfferAsync([.. Enumerable.Reverse(versions)]));
        Assert.Equal(head, await OfferAsync([]));
    }

    [Fact]
    public async Task An_offer_is_kept_whole_or_not_at_all()
    {
        var digest = Digest();
        await Assert.ThrowsAnyAsync<Exception>(() => OfferAsync([.. Texts(Versions.Throw(new Dice(6), 5, Soon)), "not a version"]));
        Assert.Equal((digest, LogPosition.Start), (Digest(), (await ReadAllAsync()).Head));
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6)]
    public async Task Any_order_repetition_and_splitting_of_offers_gives_the_same_digest(int seed)
    {
        var dice = new Dice((ulong)seed);
        var versions = Versions.Throw(dice, 120, Soon);
        await OfferAsync(Texts(versions));
        var expected = Digest();
        for (var round = 0; round < 3; round++)
        {
            await DisposeAsync();
            (_cluster, _primary) = (null, null!);
            await InitializeAsync();
            foreach (var batch in Texts(Versions.Rearranged(dice, versions)).Chunk(1 + dice.Below(40)))
            {
                await OfferAsync(batch);
            }
            Assert.Equal(expected, Digest());
        }
    }

    [Fact]
    public async Task The_log_applied_in_order_gives_the_tables_again()
    {
        var dice = new Dice(9);
        await OfferAsync(Texts(Versions.Throw(dice, 200, Soon)));
        var rows = (await ReadAllAsync()).Rows;
        var expected = Digest();
        await DisposeAsync();
        (_cluster, _primary) = (null, null!);
        await InitializeAsync();
        await OfferAsync([.. rows.Select(r => r.Version)]);
        Assert.Equal(expected, Digest());
    }

    [Fact]
    public async Task The_log_is_read_in_pages_that_meet()
    {
        await OfferAsync(Texts(Versions.Throw(new Dice(8), 100, Soon)));
        var (at, read) = (LogPosition.Start, new List<LogRow>());
        while (await _primary.ReadLogAsync(at, 7, CancellationToken.None) is { Rows.Count: > 0 } page)
        {
            Assert.True(page.Matches);
            Assert.True(page.Rows.Count <= 7);
            foreach (var row in page.Rows)
            {
                Assert.Equal(at.Next(row.At.Epoch, row.Version), row.At);   // each hash chains over the row before
                at = row.At;
                read.Add(row);
            }
        }
        Assert.Equal((await ReadAllAsync()).Rows, read);
    }

    [Fact]
    public async Task A_position_with_another_hash_or_past_the_end_does_not_match()
    {
        var (_, head) = await NameAsync("org_1", "Acme");
        Assert.True((await ReadAfterAsync(head)).Matches);
        Assert.False((await ReadAfterAsync(head with { Hash = "other" })).Matches);
        Assert.False((await ReadAfterAsync(head with { Sequence = head.Sequence + 1 })).Matches);
    }

    [Fact]
    public async Task Who_has_a_row_that_the_log_has_not_writes_nothing_on_top_of_it()
    {
        var (_, head) = await NameAsync("org_1", "Acme");
        var digest = Digest();
        foreach (var lost in (LogPosition[])[head with { Hash = "other" }, head.Next(1, "lost")])
        {
            await Assert.ThrowsAsync<PrimaryUnavailableException>(() => _primary.WriteAsync(
                _ => Decide.To(true, Change.To(Schema.Organizations, "org_2", ("name", "On top"))), lost, CancellationToken.None));
            await Assert.ThrowsAsync<PrimaryUnavailableException>(() => _primary.OfferAsync(Texts(Versions.Throw(new Dice(6), 5, Soon)), lost, CancellationToken.None));
        }
        Assert.Equal((digest, head), (Digest(), (await ReadAllAsync()).Head));
    }

    [Fact]
    public async Task The_last_common_row_is_found()
    {
        var (_, first) = await NameAsync("org_1", "Acme");
        var (_, second) = await NameAsync("org_1", "Acme Inc.");
        Task<LogPosition> FindAsync(params LogPosition[] positions) => _primary.FindCommonAsync(positions, CancellationToken.None);
        Assert.Equal(second, await FindAsync(first, second, second.Next(1, "lost")));
        Assert.Equal(first, await FindAsync(second with { Hash = "other" }, first));
        Assert.Equal(LogPosition.Start, await FindAsync(first with { Hash = "other" }));
        Assert.Equal(LogPosition.Start, await FindAsync());
    }

    [Fact]
    public async Task An_epoch_begins_only_where_the_log_still_ends()
    {
        var (_, head) = await NameAsync("org_1", "Acme");
        await _primary.BeginEpochAsync(head, CancellationToken.None);
        await _primary.BeginEpochAsync(head, CancellationToken.None);   // another node saw the same
        await NameAsync("org_2", "After");
        var rows = (await ReadAllAsync()).Rows;
        Assert.Equal([false, true, false], rows.Select(r => r.BeginsEpoch));
        Assert.Equal([1L, 2L, 2L], rows.Select(r => r.At.Epoch));
    }

    [Fact]
    public async Task What_has_expired_is_not_taken_and_is_forgotten_without_a_change_of_the_digest()
    {
        await OfferAsync([Spend("spend_1", TimeSpan.FromHours(2)), Spend("spend_2", TimeSpan.FromHours(-2)), Spend("spend_3", TimeSpan.FromMinutes(-1))]);
        Assert.Equal(["spend_1", "spend_3"], (await ReadAllAsync()).Rows.Select(r => RowVersion.FromJson(r.Version, Schema.ByName)!.Id));   // a clock may be a little wrong
        _time.Ahead = TimeSpan.FromHours(4);
        var digest = Digest();
        await _primary.PruneAsync(_time.GetUtcNow(), CancellationToken.None);
        Assert.Equal(digest, Digest());
        await _primary.WriteAsync(_ => Decide.Nothing(true), LogPosition.Start, CancellationToken.None);   // who decides on a replica has read the log from here on
        await PruneHereAsync(_time.GetUtcNow());
        var (left, _) = await _primary.WriteAsync(view => Decide.Nothing(view.Find<long>("SELECT count(*) FROM spends")), LogPosition.Start, CancellationToken.None);
        Assert.Equal(0, left);
    }

    [Fact]
    public async Task What_only_a_clock_that_jumped_calls_over_is_taken()
    {
        var spend = Spend("spend_1", TimeSpan.FromHours(2));
        _time.Ahead = TimeSpan.FromDays(1);
        await OfferAsync([spend]);
        Assert.Single((await ReadAllAsync()).Rows);
    }

    [Fact]
    public async Task Two_writers_in_each_others_way_both_end_done_once_each()
    {
        Task<(long, LogPosition)> CountAsync() => _primary.WriteAsync(
            view =>
            {
                var next = view.Find<long>("SELECT coalesce(max(CAST(name AS INTEGER)), 0) FROM organizations WHERE id = 'org_1'") + 1;
                return Decide.To(next, Change.To(Schema.Organizations, "org_1", ("name", next.ToString(System.Globalization.CultureInfo.InvariantCulture))));
            },
            LogPosition.Start,
            CancellationToken.None);
        async Task<List<long>> CountTenTimesAsync()
        {
            var counted = new List<long>();
            for (var i = 0; i < 10; i++)
            {
                counted.Add((await CountAsync()).Item1);
            }
            return counted;
        }
        var both = await Task.WhenAll(Task.Run(CountTenTimesAsync), Task.Run(CountTenTimesAsync));
        Assert.Equal(Enumerable.Range(1, 20).Select(n => (long)n), both.SelectMany(c => c).Order());
        Assert.Equal(20, (await ReadAllAsync()).Rows.Count);
    }

    [Fact]
    public async Task A_caller_that_gives_up_leaves_alone()
    {
        using var entered = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        using var patience = new CancellationTokenSource();
        var slow = _primary.WriteAsync(
            _ =>
            {
                entered.Set();
                release.Wait();
                return Decide.Nothing(true);
            },
            LogPosition.Start,
            CancellationToken.None);
        entered.Wait();
        var behind = _primary.WriteAsync(_ => Decide.Nothing(true), LogPosition.Start, patience.Token);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => behind);
        release.Set();
        await slow;
    }

    private Task<(string, LogPosition)> NameAsync(string id, string name) =>
        _primary.WriteAsync(_ => Decide.To(name, Change.To(Schema.Organizations, id, ("name", name))), LogPosition.Start, CancellationToken.None);

    private Task<LogPosition> OfferAsync(IReadOnlyList<string> versions) => _primary.OfferAsync(versions, LogPosition.Start, CancellationToken.None);

    private Task<LogPage> ReadAllAsync() => ReadAfterAsync(LogPosition.Start);

    private Task<LogPage> ReadAfterAsync(LogPosition position) => _primary.ReadLogAsync(position, 10_000, CancellationToken.None);

    private static List<string> Texts(IEnumerable<RowVersion> versions) => [.. versions.Select(v => v.ToJson())];

    private static string Version(Table table, string id, HybridClock clock, params (string, object?)[] values) => Change.To(table, id, values).Stamped(clock.Next()).ToJson();

    private string Spend(string id, TimeSpan lasts) => Version(Schema.Spends, id, new HybridClock(_time, "bbbbbbbbbbbb"),
        ("environment_id", "environment_1"), ("kind", "code"), ("request", null), ("created_at", 1), ("expires_at", (_time.GetUtcNow() + lasts).ToUnixTimeMilliseconds()));
}
