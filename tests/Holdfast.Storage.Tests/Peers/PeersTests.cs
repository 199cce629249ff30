using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Peers;

/// <summary>Nodes that read each other's journals (decision 0007).</summary>
public sealed class PeersTests
{
    [Fact]
    public async Task Facts_reach_peers_while_the_primary_is_away_and_all_are_level_when_it_is_back()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b", "c");
        cluster.PrimaryIsAway(true);
        foreach (var name in (string[])["a", "b", "c"])
        {
            await RecordAsync(cluster[name], $"event_{name}");
        }
        await HasAsync(cluster, "a", "event_b", "event_c");
        await HasAsync(cluster, "b", "event_a", "event_c");
        await HasAsync(cluster, "c", "event_a", "event_b");
        cluster.PrimaryIsAway(false);
        await cluster.LevelAsync();
    }

    [Fact]
    public async Task A_fact_whose_author_is_gone_is_passed_on_and_shipped_by_who_has_it()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b", "c");
        await cluster.LevelAsync();
        cluster.PrimaryIsAway(true);
        cluster.Cut.UnionWith([("a", "c"), ("c", "a")]);
        await RecordAsync(cluster["a"], "event_1");
        await HasAsync(cluster, "b", "event_1");
        await cluster.StopNodeAsync("a");
        File.Delete(cluster.FileOf("a"));
        await HasAsync(cluster, "c", "event_1");
        cluster.PrimaryIsAway(false);
        await Until.TrueAsync(async () =>
            (await cluster.Primary.Inner.ReadLogAsync(ChangeLog.LogPosition.Start, 1000, CancellationToken.None)).Rows.Count(r => r.Version.Contains("\"event_1\"", StringComparison.Ordinal)) == 1,
            () => "Nobody has shipped it.");
    }

    [Fact]
    public async Task An_empty_disk_is_filled_by_a_peer_while_the_primary_is_away()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await RecordAsync(cluster["a"], "event_1");
        await cluster.LevelAsync();
        cluster.PrimaryIsAway(true);
        await RecordAsync(cluster["a"], "event_2");
        await cluster.StopNodeAsync("b");
        Directory.Delete(Path.GetDirectoryName(cluster.FileOf("b"))!, recursive: true);
        await cluster.StartNodeAsync("b", "a");
        await HasAsync(cluster, "b", "event_1", "event_2");
        await RecordAsync(cluster["b"], "event_3");
        await HasAsync(cluster, "a", "event_3");
        cluster.PrimaryIsAway(false);
        await cluster.LevelAsync();
    }

    [Fact]
    public async Task A_disk_that_peers_filled_offers_what_the_primary_has_not_had_and_reads_on_without_a_hole()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await cluster.LevelAsync();
        cluster.PrimaryIsAway(true);
        await RecordAsync(cluster["a"], "event_1");
        await HasAsync(cluster, "b", "event_1");
        await cluster.StopNodeAsync("b");
        Directory.Delete(Path.GetDirectoryName(cluster.FileOf("b"))!, recursive: true);
        await cluster.StartNodeAsync("b", "a");
        await HasAsync(cluster, "b", "event_1");
        await cluster.StopNodeAsync("a");
        Directory.Delete(Path.GetDirectoryName(cluster.FileOf("a"))!, recursive: true);   // who wrote it is gone, and b has it from a snapshot only
        cluster.PrimaryIsAway(false);
        await Until.TrueAsync(async () =>
            (await cluster.Primary.Inner.ReadLogAsync(ChangeLog.LogPosition.Start, 1000, CancellationToken.None)).Rows.Any(r => r.Version.Contains("\"event_1\"", StringComparison.Ordinal)),
            () => "Nobody has shipped it.");
        await Until.TrueAsync(() => cluster["b"].Replicator.Health.IsAvailable, () => "It does not get level.");
        var sequences = cluster["b"].Database.Read(v => v.Query<long>("SELECT sequence FROM log_tail ORDER BY sequence"));
        Assert.Equal(Enumerable.Range(0, sequences.Count).Select(i => sequences[0] + i), sequences);
    }

    [Fact]
    public async Task A_node_that_has_data_starts_while_its_peers_are_silent()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await RecordAsync(cluster["b"], "event_1");
        await cluster.StopNodeAsync("b");
        cluster.Silent.Add(("b", "a"));
        await cluster.StartNodeAsync("b", "a");
        await RecordAsync(cluster["b"], "event_2");
        await HasAsync(cluster, "a", "event_1", "event_2");
    }

    [Fact]
    public async Task A_peer_that_fills_an_empty_disk_gives_what_waits_aside_too()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b", "c");
        await cluster.LevelAsync();
        await cluster.StopNodeAsync("a");
        cluster.Clocks["a"] = new MovedClock(-TimeSpan.FromMinutes(5));
        await cluster.StartNodeAsync("a", "b", "c");
        await cluster["c"].Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Users, "user_1", ("environment_id", "e"), ("created_at", 1L))));
        await Until.TrueAsync(() => cluster["a"].Node.Read(view => view.Find<long>("SELECT count(*) FROM aside WHERE version LIKE '%user_1%'")) > 0, () => "Nothing waits aside.");
        cluster.PrimaryIsAway(true);
        cluster.Cut.UnionWith([("b", "c"), ("c", "b")]);
        await cluster.StopNodeAsync("b");
        Directory.Delete(Path.GetDirectoryName(cluster.FileOf("b"))!, recursive: true);
        await cluster.StartNodeAsync("b", "a", "c");
        Assert.True(cluster["b"].Node.Read(view => view.Find<long>("SELECT count(*) FROM users WHERE id = 'user_1'")) == 1);
    }

    [Fact]
    public async Task A_disk_that_was_put_back_in_time_begins_a_new_life()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        var life = await SetBackAsync(cluster);
        await cluster.StartNodeAsync("a", "b");
        await Until.TrueAsync(() => life != cluster["a"].Node.Incarnation, () => "It goes on as if nothing had been.");   // the question at the start has half a second, on a busy machine too
        await HasAsync(cluster, "a", "event_1");   // from the peer, which held it
        await RecordAsync(cluster["a"], "event_2");
        await HasAsync(cluster, "b", "event_2");
        Assert.Equal(Whose.Gone, cluster["b"].Peers.Find(life).Whose);
        Assert.Equal(Whose.Peers, cluster["b"].Peers.Find(cluster["a"].Node.Incarnation).Whose);
    }

    [Fact]
    public async Task The_latest_life_of_a_name_lives_though_its_clock_was_ahead_before()
    {
        await using var cluster = new TestCluster();
        cluster.Clocks["a"] = new MovedClock(TimeSpan.FromSeconds(30));
        await cluster.StartNodeAsync("a");
        await cluster.StopNodeAsync("a");
        await cluster.StartNodeAsync("a", "b");
        await cluster.StartNodeAsync("b", "a");
        await cluster.LevelAsync();
        var elder = cluster["a"].Node.Incarnation;
        await cluster.StopNodeAsync("a");
        Directory.Delete(Path.GetDirectoryName(cluster.FileOf("a"))!, recursive: true);
        cluster.Clocks["a"].Ahead = TimeSpan.Zero;
        await cluster.StartNodeAsync("a", "b");
        await Until.TrueAsync(() => cluster["b"].Peers.Find(elder).Whose == Whose.Gone, () => "The elder lives.");
        Assert.Equal(Whose.Peers, cluster["b"].Peers.Find(cluster["a"].Node.Incarnation).Whose);
    }

    [Fact]
    public async Task A_node_whose_clock_is_minutes_behind_does_not_call_an_empty_disk_filled()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await RecordAsync(cluster["a"], "event_1");
        await cluster.LevelAsync();
        await cluster.StopNodeAsync("b");
        Directory.Delete(Path.GetDirectoryName(cluster.FileOf("b"))!, recursive: true);
        cluster.Clocks["b"] = new MovedClock(-TimeSpan.FromMinutes(5));
        await Assert.ThrowsAsync<ClockBehindException>(() => cluster.StartNodeAsync("b", "a"));
        cluster.Clocks["b"].Ahead = TimeSpan.Zero;
        await cluster.StartNodeAsync("b", "a");
        await HasAsync(cluster, "b", "event_1");
    }

    [Fact]
    public async Task A_disk_that_went_on_from_yesterday_before_any_peer_was_there_is_found_out_by_its_last_fact()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        var life = await SetBackAsync(cluster);
        cluster.Cut.UnionWith([("a", "b"), ("b", "a")]);
        await cluster.StartNodeAsync("a", "b");
        await RecordAsync(cluster["a"], "event_2");
        await RecordAsync(cluster["a"], "event_3");
        cluster.Cut.Clear();
        await HasAsync(cluster, "b", "event_2", "event_3");
        await HasAsync(cluster, "a", "event_1");
        Assert.NotEqual(life, cluster["a"].Node.Incarnation);
    }

    [Fact]
    public async Task No_peer_is_believed_about_what_is_the_primarys_alone()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await cluster.LevelAsync();
        var stamp = cluster["a"].Node.Clock.Next();
        await cluster["b"].Node.Writer.EnqueueAsync(session => session.AbsorbJournal(new JournalAnswer(cluster["a"].Peers.Own, 0, 0,
            [
                new JournalSegment("stolen", 0, 2, 0, LogPosition.Start, false, 0,
                [
                    new JournalFact(1, Change.To(Schema.ApiKeys, "key_1", ("environment_id", "e"), ("name", "n"), ("hash", "h"), ("obfuscated_value", "o"), ("created_at", 1)).Stamped(stamp).ToJson()),
                    new JournalFact(2, EventOf("event_1", stamp).ToJson()),
                ]),
            ], null)));
        Assert.Equal(0, cluster["b"].Database.Read(v => v.Find<long>("SELECT count(*) FROM api_keys")));
        Assert.Equal(1, cluster["b"].Database.Read(v => v.Find<long>("SELECT count(*) FROM events")));
        await Assert.ThrowsAsync<InvalidOperationException>(() => cluster["b"].Database.RecordAsync(_ => Decide.To(true,
            Change.To(Schema.Lifts, "lift_1", ("environment_id", "e"), ("deny_id", "d"), ("created_at", 1)))));
    }

    [Fact]
    public async Task What_a_peer_sends_in_no_form_is_counted_and_stops_nothing_and_what_a_younger_release_sends_waits()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await cluster.LevelAsync();
        var stamp = cluster["a"].Node.Clock.Next();
        string[] malformed =
        [
            "", "{", "[]", "null", "{\"t\":1,\"i\":\"x\",\"g\":{}}", "{\"i\":\"x\",\"g\":{}}", "{\"t\":\"events\",\"i\":\"x\",\"g\":{\"made\":[]}}",
            "{\"t\":\"events\",\"i\":\"x\",\"g\":{\"made\":[\"garbage\",{}]}}", "{\"t\":\"events\",\"i\":\"x\",\"g\":{\"made\":[\"ffffffffffffffff.aaaaaaaaaaaa\",{}]}}",
            $"{{\"t\":\"events\",\"i\":\"x\",\"g\":{{\"made\":[\"{stamp}\",{{\"created_at\":1.5}}]}}}}", $"{{\"t\":\"events\",\"i\":\"x\",\"g\":{{\"made\":[\"{stamp}\",{{\"data\":[]}}]}}}}",
        ];
        string[] younger =
        [
            $"{{\"t\":\"robots\",\"i\":\"x\",\"g\":{{\"made\":[\"{stamp}\",{{\"a\":1}}]}}}}", $"{{\"t\":\"events\",\"i\":\"x\",\"g\":{{\"mood\":[\"{stamp}\",{{\"a\":1}}]}}}}",
            $"{{\"t\":\"events\",\"i\":\"x\",\"g\":{{\"made\":[\"{stamp}\",{{\"mood\":1}}]}}}}",
        ];
        var facts = malformed.Concat(younger).Append(EventOf("event_1", stamp).ToJson()).Select((v, i) => new JournalFact(i + 1, v)).ToList();
        var (_, refused) = await cluster["b"].Node.Writer.EnqueueAsync(session =>
            session.AbsorbJournal(new JournalAnswer(cluster["a"].Peers.Own, 0, 0, [new JournalSegment("other", 0, facts.Count, 0, LogPosition.Start, false, 0, facts)], null)));
        Assert.Equal(malformed.Length, refused);
        Assert.Equal(younger.Length, cluster["b"].Database.Read(v => v.Find<long>("SELECT count(*) FROM aside")));
        Assert.Equal(1, cluster["b"].Database.Read(v => v.Find<long>("SELECT count(*) FROM events")));
    }

    [Fact]
    public async Task A_deny_is_answered_with_its_copy_and_without_one_it_says_so()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await Until.TrueAsync(() => cluster["a"].Peers.Copies.Confirmed > 0, () => "No copy was ever confirmed.");
        Assert.Equal(2, await CopiesOfDenyAsync(cluster["a"], "deny_1"));
        await cluster.StopNodeAsync("b");
        Assert.Equal(1, await CopiesOfDenyAsync(cluster["a"], "deny_2"));
        Assert.Equal(1, cluster["a"].Peers.Copies.AnsweredWithOne);
    }

    [Fact]
    public async Task What_repeats_or_does_not_follow_is_left()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await cluster.LevelAsync();
        JournalAnswer Answer(long after, long to) => new(cluster["a"].Peers.Own, 0, 0,
            [new JournalSegment("other", after, to, 0, LogPosition.Start, false, 0, [new JournalFact(to, EventOf($"event_{to}", cluster["a"].Node.Clock.Next()).ToJson())])], null);
        foreach (var answer in (JournalAnswer[])[Answer(0, 1), Answer(0, 1), Answer(5, 6), Answer(1, 2)])
        {
            await cluster["b"].Node.Writer.EnqueueAsync(session => session.AbsorbJournal(answer));
        }
        Assert.Equal(["event_1", "event_2"], cluster["b"].Database.Read(v => v.Query<string>("SELECT id FROM events ORDER BY id")));
    }

    /// <summary>Stops a, which has told b of event_1, and gives it the disk from before that: the same inode, the same boot.</summary>
    /// <returns>The life that it had.</returns>
    private static async Task<string> SetBackAsync(TestCluster cluster)
    {
        await cluster.LevelAsync();
        cluster.PrimaryIsAway(true);
        await cluster.StopNodeAsync("a");
        var yesterday = await File.ReadAllBytesAsync(cluster.FileOf("a"));
        await cluster.StartNodeAsync("a", "b");
        var life = cluster["a"].Node.Incarnation;
        await RecordAsync(cluster["a"], "event_1");
        await HasAsync(cluster, "b", "event_1");
        await cluster.StopNodeAsync("a");
        await File.WriteAllBytesAsync(cluster.FileOf("a"), yesterday);
        return life;
    }

    private static RowVersion EventOf(string id, string stamp) => EventChange(id).Stamped(stamp);

    internal static Change EventChange(string id) => Change.To(Schema.Events, id, ("environment_id", "e"), ("event", "test"), ("data", "{}"), ("created_at", 1));

    internal static Task RecordAsync(StorageHost host, string id) => host.Database.RecordAsync(_ => Decide.To(true, EventChange(id)));

    internal static Task HasAsync(TestCluster cluster, string name, params string[] ids) => Until.TrueAsync(
        () => ids.All(id => cluster[name].Database.Read(v => v.Find<long>("SELECT count(*) FROM events WHERE id = @id", new { id })) == 1),
        () => $"{name} does not have {string.Join(", ", ids)}.");

    private static async Task<int> CopiesOfDenyAsync(StorageHost host, string id) => (await host.Database.RecordCopiedAsync(_ => Decide.To(true, Change.To(Schema.Denies, id,
        ("environment_id", "e"), ("subject", "s"), ("reason", "revoked"), ("created_at", 1))))).Copies;
}
