using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Node;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Peers;

/// <summary>What nodes tell for others, and what they take of it: whole, or not at all (decision 0008).</summary>
public sealed class PassedOnTests
{
    private const string Origin = "feedfacecafe";

    private static readonly NodeIdentity s_other = new("other", "local", "zone-other", Origin);

    [Fact]
    public async Task What_is_held_of_a_journal_is_told_up_to_its_hole_and_further_only_when_the_primary_has_what_is_missing()
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        await TakeAsync(a, Segment(0, 1, 2, 3, 4));
        await a.Node.Writer.EnqueueAsync(session => session.View.Execute("DELETE FROM received WHERE origin = @Origin AND position = 3", new { Origin }));
        Assert.Equal((2L, false, "1 2"), Told(a, after: 0));
        Assert.Null(Told(a, after: 2));
        await a.Node.Writer.EnqueueAsync(session => Offered(session, 3));
        Assert.Equal((4L, true, "4"), Told(a, after: 2));
    }

    [Theory]
    [InlineData(0, 3, false, new[] { 1, 3 })]
    [InlineData(0, 3, false, new[] { 1, 2 })]
    [InlineData(0, 2, false, new[] { 2, 1 })]
    [InlineData(0, 2, false, new int[0])]
    [InlineData(2, 4, false, new[] { 4 })]
    public async Task A_segment_that_leaves_a_position_out_is_not_taken_as_whole(int after, int to, bool hasGap, int[] positions)
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        if (after > 0)
        {
            await TakeAsync(a, Segment(0, [.. Enumerable.Range(1, after)]));
        }
        Assert.Equal((false, 1), await TakeAsync(a, Segment(after, positions) with { To = to, HasGap = hasGap }));
        Assert.Equal(after, Held(a)?.Position ?? 0);   // which would be the receipt of what was left out
        Assert.Equal((true, 0), await TakeAsync(a, Segment(after, [.. Enumerable.Range(after + 1, to - after)])));
        Assert.Equal(to, Held(a)!.Position);
    }

    [Theory]
    [InlineData(0, new[] { 7, 8 })]   // a later life of its file begins where the elder ended
    [InlineData(2, new[] { 7, 8 })]
    [InlineData(2, new int[0])]
    public async Task A_gap_that_is_said_is_taken(int after, int[] positions)
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        await TakeAsync(a, Segment(0, [.. Enumerable.Range(1, after)]));
        Assert.Equal((true, 0), await TakeAsync(a, Segment(after, positions) with { To = 8, HasGap = after > 0, GapEndsAt = after }));
        Assert.Equal((8, after), (Held(a)!.Position, Held(a)!.GapEndsAt));
    }

    [Fact]
    public async Task What_a_node_did_that_was_young_when_it_died_with_its_disk_is_shipped_by_who_has_it()
    {
        await using var cluster = new TestCluster();
        await cluster.StartNodeAsync("a");
        await cluster.StopNodeAsync("a");
        await cluster.StartNodeAsync("a", "b", "c");
        await cluster.StartNodeAsync("b", "a", "c");
        await cluster.LevelAsync();
        cluster.PrimaryIsAway(true);
        var life = (await cluster.StartNodeAsync("c", "a", "b")).Node.Incarnation;
        await PeersTests.RecordAsync(cluster["c"], "event_1");
        await PeersTests.HasAsync(cluster, "b", "event_1");
        await cluster.StopNodeAsync("c");
        Directory.Delete(Path.GetDirectoryName(cluster.FileOf("c"))!, recursive: true);
        cluster.PrimaryIsAway(false);
        await Until.TrueAsync(
            async () =>
            {
                var log = (await cluster.Primary.Inner.ReadLogAsync(LogPosition.Start, 1000, CancellationToken.None)).Rows;
                return log.Count(r => r.Version.Contains("\"event_1\"", StringComparison.Ordinal)) == 1 && log.Count(r => r.Version.Contains($"\"i\":\"{life}\"", StringComparison.Ordinal)) == 1;
            },
            () => "Nobody has shipped it.");
    }

    [Fact]
    public async Task An_offer_that_an_epoch_overtook_confirms_nothing()
    {
        await using var stepped = await Stepped.StartAsync();
        await stepped.RecordAsync("event_1");
        await stepped.LevelAsync();
        Assert.Equal(1, stepped.Shipped);
        await stepped.RecordAsync("event_2");
        await stepped.StepWithAnEpochBeforeTheOfferAsync();
        Assert.Equal(0, stepped.Shipped);   // the primary may have lost event_1 with its tail
        await stepped.LevelAsync();
        Assert.Equal(2, stepped.Shipped);
    }

    [Fact]
    public async Task Nor_does_one_that_was_made_for_another_node()
    {
        await using var stepped = await Stepped.StartAsync();
        await stepped.Node.Writer.EnqueueAsync(session => session.AbsorbJournal(Answer(Segment(0, 1))));
        await stepped.LevelAsync();
        Assert.Equal(1, stepped.Confirmed);
        await stepped.Node.Writer.EnqueueAsync(session => session.AbsorbJournal(Answer(Segment(1, 2))));
        await stepped.StepWithAnEpochBeforeTheOfferAsync();
        Assert.Equal(0, stepped.Confirmed);
        await stepped.LevelAsync();
        Assert.Equal(2, stepped.Confirmed);
    }

    [Fact]
    public async Task That_the_primary_has_it_is_believed_of_the_very_row_of_the_log_and_of_no_other_at_its_place()
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        await PeersTests.RecordAsync(a, "event_1");
        await Until.TrueAsync(() => a.Node.CountUnshipped() == 0, () => "The primary does not have it.");
        var read = a.Replicator.Position;
        foreach (var (at, confirmed) in ((LogPosition, long)[])[(read with { Hash = "lost with the tail" }, 0), (read with { Sequence = read.Sequence + 100 }, 0), (LogPosition.Start, 0), (read, 1)])
        {
            var before = Held(a)?.Position ?? 0;
            await TakeAsync(a, Segment((int)before, (int)before + 1) with { Shipped = 1, ShippedAt = at });
            Assert.Equal(confirmed, Held(a)!.Confirmed);
        }
    }

    [Fact]
    public async Task And_what_was_said_of_a_row_counts_when_it_is_read()
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        await PeersTests.RecordAsync(a, "event_1");
        await Until.TrueAsync(() => a.Node.CountUnshipped() == 0, () => "The primary does not have it.");
        var log = await cluster.Primary.Inner.ReadLogAsync(LogPosition.Start, 10, CancellationToken.None);
        using var disk = NodeStore.Open(Path.Combine(cluster.Folder, "reader.db"), new JournalLimits(), Surroundings.Real, Lane.OnThread("reader"));
        await disk.Writer.EnqueueAsync(session => session.AbsorbJournal(Answer(Segment(0, 1) with { Shipped = 1, ShippedAt = log.Head })));
        Assert.Equal(0, disk.Read(view => PeerJournals.Find(view, Origin)!.Confirmed));
        await disk.Writer.EnqueueAsync(session => session.Absorb(LogPosition.Start, log.Rows));
        Assert.Equal(1, disk.Read(view => PeerJournals.Find(view, Origin)!.Confirmed));
    }

    [Fact]
    public async Task A_snapshot_comes_in_parts_of_bounded_number_and_size_and_is_whole()
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        var many = Enumerable.Range(0, 1100).Select(i => $"event_{i:0000}").ToList();
        var large = Enumerable.Range(0, 10).Select(i => $"event_large_{i}").ToList();
        var text = $"\"{new string('x', 1 << 20)}\"";
        await a.Database.RecordAsync(_ => new Decision<bool>(true, [.. many.Select(PeersTests.EventChange)]));
        await a.Database.RecordAsync(_ => new Decision<bool>(true, [.. large.Select(id => Change.To(Schema.Events, id,
            ("environment_id", "e"), ("event", "test"), ("data", text), ("created_at", 1)))]));

        var (events, parts) = (new List<string>(), 0);
        for (var question = new SnapshotQuestion(s_other, "", "", int.MaxValue); ; parts++)
        {
            var part = a.PeerServer.ReadSnapshot(question);
            Assert.InRange(part.Versions.Count, 0, 1000);
            Assert.InRange(part.Versions.SkipLast(1).Sum(v => v.Length), 0, JournalReader.MostCharacters);
            events.AddRange(part.Versions.Select(v => RowVersion.FromJson(v, Schema.ByName)!).Where(v => v.Table == Schema.Events).Select(v => v.Id));
            if (part.ThenTable is null)
            {
                break;
            }
            question = question with { Table = part.ThenTable, AfterId = part.ThenAfterId };
        }
        Assert.Equal(many.Concat(large), events);
        Assert.InRange(parts, Schema.Tables.Count, Schema.Tables.Count + 10);
    }

    [Fact]
    public async Task What_came_of_a_snapshot_whose_giver_was_lost_in_the_middle_is_offered()
    {
        await using var stepped = await Stepped.StartAsync();
        await stepped.Node.Writer.EnqueueAsync(session => session.TakeSnapshot([Segment(0, 1).Facts[0].Version], []));
        await stepped.LevelAsync();
        Assert.Contains("event_of_other_1", await stepped.LogAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disk_that_had_begun_to_read_the_log_before_a_peer_filled_it_keeps_no_hole_in_what_it_read()
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        foreach (var id in (string[])["event_1", "event_2", "event_3"])
        {
            await PeersTests.RecordAsync(a, id);
        }
        await Until.TrueAsync(() => a.Node.CountUnshipped() == 0 && a.Replicator.Position.Sequence >= 4, () => "The primary does not have them.");
        var log = await cluster.Primary.Inner.ReadLogAsync(LogPosition.Start, 2, CancellationToken.None);
        var snapshot = a.PeerServer.ReadSnapshot(new SnapshotQuestion(s_other, "", "", 1));
        using var disk = NodeStore.Open(Path.Combine(cluster.Folder, "filled.db"), new JournalLimits(), Surroundings.Real, Lane.OnThread("filled"));
        await disk.Writer.EnqueueAsync(session => session.Absorb(LogPosition.Start, log.Rows));
        await disk.Writer.EnqueueAsync(session => session.GoOnFrom(NodeState.ParsePosition(snapshot.Position), snapshot.Known));
        var giver = NodeState.ParsePosition(snapshot.Position);
        Assert.Equal([giver.Sequence], disk.Read(view => view.Query<long>("SELECT sequence FROM log_tail ORDER BY sequence")));

        await PeersTests.RecordAsync(a, "event_4");
        await Until.TrueAsync(() => a.Node.CountUnshipped() == 0, () => "The primary does not have it.");
        var more = await cluster.Primary.Inner.ReadLogAsync(giver, 10, CancellationToken.None);
        Assert.Equal(more.Head, await disk.Writer.EnqueueAsync(session => session.Absorb(giver, more.Rows)));
    }

    private static JournalAnswer Answer(JournalSegment segment) => new(s_other, 0, 0, [segment], null);

    private static Task<(bool IsNew, int Refused)> TakeAsync(StorageHost host, JournalSegment segment) => host.Node.Writer.EnqueueAsync(session => session.AbsorbJournal(Answer(segment)));

    /// <summary>A stretch of the other's journal with the events of these positions.</summary>
    private static JournalSegment Segment(int after, params int[] positions) => new(Origin, after, positions.Length > 0 ? positions[^1] : after, 0, LogPosition.Start, false, 0,
        [.. positions.Select(p => new JournalFact(p, PeersTests.EventChange($"event_of_other_{p}").Stamped($"{(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() << 16) + p:x16}.{Origin}").ToJson()))]);

    private static PeerJournals.State? Held(StorageHost host) => host.Node.Read(view => PeerJournals.Find(view, Origin));

    private static bool Offered(WriterSession session, long position) => session.OfferedFor(Origin, position, from: 0);

    /// <summary>What a node tells of the other's journal to somebody who has it up to a position; null when nothing.</summary>
    private static (long To, bool HasGap, string Positions)? Told(StorageHost host, long after)
    {
        var known = new Dictionary<string, JournalMark> { [Origin] = new(after, ""), [host.Node.Incarnation] = new(long.MaxValue, "") };
        var later = TimeProvider.System.GetUtcNow() + PeerJournals.PassedOnAfter + TimeSpan.FromSeconds(1);
        var question = new JournalQuestion(s_other with { Name = "third", Incarnation = "aaaaaaaaaaaa" }, known, 0, 100, TimeSpan.Zero);
        return new JournalReader(host.Node, host.Node.Progress, question, later, withHeld: true).Read() is [var told]
            ? (told.To, told.HasGap, string.Join(' ', told.Facts.Select(f => f.Position)))
            : null;
    }

    /// <summary>A node whose replicator moves when it is told to.</summary>
    private sealed class Stepped : IAsyncDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("holdfast-").FullName;
        private readonly FaultyPrimary _primary;
        private readonly Replication.Replicator _replicator;
        private string? _cluster;

        private Stepped()
        {
            Node = NodeStore.Open(Path.Combine(_folder, "node.db"), new JournalLimits(), Surroundings.Real, Lane.OnThread("node"));
            _primary = new FaultyPrimary(new Primary.Sqlite.SqlitePrimary(
                Path.Combine(_folder, "primary.db"), () => _cluster, new HybridClock(TimeProvider.System, "primary00000"), Surroundings.Real, Lane.OnThread("primary")));
            _replicator = new Replication.Replicator(Node, _primary, Surroundings.Real) { IsSpeaking = _ => false };
        }

        public NodeStore Node { get; }

        public long Shipped => Node.Read(view => view.NodeState.Shipped);

        public long Confirmed => Node.Read(view => PeerJournals.Find(view, Origin)!.Confirmed);

        public static async Task<Stepped> StartAsync()
        {
            var stepped = new Stepped();
            stepped._cluster = await stepped._primary.BootstrapAsync("cluster_1", CancellationToken.None);
            await stepped.LevelAsync();
            return stepped;
        }

        public async Task RecordAsync(string id) => await Node.Writer.RecordAsync(_ => Decide.To(true, PeersTests.EventChange(id)));

        public async Task LevelAsync()
        {
            while (await _replicator.StepAsync(CancellationToken.None))
            {
                // There is more.
            }
            Assert.True(_replicator.Health.IsAvailable, _replicator.Health.Text);
        }

        /// <summary>All that the primary's log says.</summary>
        public async Task<string> LogAsync() => string.Join('\n', (await _primary.Inner.ReadLogAsync(LogPosition.Start, 1000, CancellationToken.None)).Rows.Select(r => r.Version));

        /// <summary>One step, while another node finds out that the primary lost its tail, and begins an epoch.</summary>
        public async Task StepWithAnEpochBeforeTheOfferAsync()
        {
            var epochs = 0;
            _primary.Before = async (call, ct) =>
            {
                if (call == "offer" && epochs++ == 0)
                {
                    await _primary.Inner.BeginEpochAsync((await _primary.Inner.ReadLogAsync(LogPosition.Start, 1, ct)).Head, ct);
                }
            };
            await _replicator.StepAsync(CancellationToken.None);
            Assert.Equal((1, true), (epochs, _replicator.Health.IsAvailable));
        }

        public async ValueTask DisposeAsync()
        {
            await _primary.DisposeAsync();
            Node.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
