using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Peers;

/// <summary>A stolen node among others: who hears of its quarantine when, with the primary and without (decision 0034).</summary>
public sealed class QuarantineClusterTests
{
    [Fact]
    public async Task With_the_primary_gone_who_heard_it_first_and_who_heard_it_last_are_level_and_the_primary_with_them_when_it_is_back()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b", "stolen");
        await RenameAsync(cluster["a"], "user_1", "a@honest.test");
        await RenameAsync(cluster["stolen"], "user_2", "before@honest.test");
        await HasAsync(cluster, "user_1", "a@honest.test");
        await HasAsync(cluster, "user_2", "before@honest.test");
        await cluster.LevelAsync();
        cluster.PrimaryIsAway(true);
        // a and b do not hear each other; the thief tells both.
        cluster.Cut.UnionWith([("a", "b"), ("b", "a")]);
        var moment = await MomentAsync(cluster);
        await RenameAsync(cluster["stolen"], "user_1", "thief@stolen.test");
        await RenameAsync(cluster["stolen"], "user_2", "thief@stolen.test");
        await RenameAsync(cluster["stolen"], "user_3", "thief@stolen.test");
        await RenameAsync(cluster["b"], "user_4", "b@honest.test");
        foreach (var user in (string[])["user_1", "user_2", "user_3"])
        {
            await HasAsync(cluster, user, "thief@stolen.test");
        }
        cluster.Cut.Add(("stolen", "a"));   // nor would it be let in there any more
        await QuarantineAsync(cluster["a"], cluster["stolen"].Node.Incarnation, moment);
        Assert.Equal(("a@honest.test", "before@honest.test", null), Emails(cluster["a"]));
        // It goes on talking to b, which has not heard.
        await RenameAsync(cluster["stolen"], "user_5", "thief@stolen.test");
        await Until.TrueAsync(() => Email(cluster["b"], "user_5") is not null, () => "b does not hear it.");
        Assert.Equal(("thief@stolen.test", "thief@stolen.test", "thief@stolen.test"), Emails(cluster["b"]));
        await cluster.StopNodeAsync("stolen");
        cluster.Cut.Clear();
        await Until.TrueAsync(() => Email(cluster["a"], "user_4") is not null, () => "a does not hear b.");
        await cluster.LevelAsync();
        Assert.Equal(("a@honest.test", "before@honest.test", null), Emails(cluster["b"]));
        Assert.Null(Email(cluster["b"], "user_5"));
        cluster.PrimaryIsAway(false);
        await IsLevelWithPrimaryAsync(cluster, "a", "b");
        // And what the thief has left in the journal reaches nobody by the primary either.
        await cluster.StartNodeAsync("late", "a", "b");
        await cluster.LevelAsync();
        Assert.Equal(("a@honest.test", "before@honest.test", null), Emails(cluster["late"]));
    }

    [Fact]
    public async Task A_node_that_never_had_what_was_replaced_gets_it_from_those_who_had_and_a_lift_brings_all_back()
    {
        await using var cluster = await TestCluster.StartAsync("a", "stolen");
        await RenameAsync(cluster["a"], "user_1", "a@honest.test");
        await HasAsync(cluster, "user_1", "a@honest.test");
        var moment = await MomentAsync(cluster);
        await RenameAsync(cluster["stolen"], "user_1", "thief@stolen.test");
        await HasAsync(cluster, "user_1", "thief@stolen.test");
        await IsLevelWithPrimaryAsync(cluster, "a", "stolen");
        await cluster.StartNodeAsync("late", "a");
        await cluster.LevelAsync();
        var life = cluster["stolen"].Node.Incarnation;
        await cluster.StopNodeAsync("stolen");
        await QuarantineAsync(cluster["late"], life, moment);
        await Until.TrueAsync(() => Email(cluster["late"], "user_1") == "a@honest.test", () => $"It has {Email(cluster["late"], "user_1")}.");
        await IsLevelWithPrimaryAsync(cluster, "a", "late");
        await cluster["a"].Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.QuarantineLifts, "lift_1", ("quarantine_id", "quarantine_1"), ("author", "Ada"), ("reason", "found"), ("created_at", 1L))));
        await Until.TrueAsync(() => Email(cluster["late"], "user_1") == "thief@stolen.test", () => $"It has {Email(cluster["late"], "user_1")}.");
        await IsLevelWithPrimaryAsync(cluster, "a", "late");
    }

    [Fact]
    public async Task What_came_by_the_primary_alone_is_taken_back_there_and_at_the_nodes()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await RenameAsync(cluster["a"], "user_1", "a@honest.test");
        await HasAsync(cluster, "user_1", "a@honest.test");
        await cluster.LevelAsync();
        const string Life = "feedfacecafe";
        var moment = await MomentAsync(cluster);
        var thief = new HybridClock(TimeProvider.System, Life);
        await cluster.Primary.Inner.OfferAsync(
            [Change.To(Schema.Users, "user_1", ("email", "thief@stolen.test")).Stamped(thief.Next(Stamp(cluster["a"], "user_1"))).ToJson(), Change.To(Schema.Organizations, "org_1", ("name", "Theirs")).Stamped(thief.Next()).ToJson()],
            cluster["a"].Replicator.Position, CancellationToken.None);
        await HasAsync(cluster, "user_1", "thief@stolen.test");
        await QuarantineAsync(cluster["b"], Life, moment);
        await HasAsync(cluster, "user_1", "a@honest.test");
        await IsLevelWithPrimaryAsync(cluster, "a", "b");
        Assert.Equal(0, cluster["a"].Database.Read(view => view.Find<long>("SELECT count(*) FROM organizations WHERE id = 'org_1'")));
        // Who offers it again, and who writes it, gets nothing for it.
        await cluster.Primary.Inner.OfferAsync([Change.To(Schema.Users, "user_1", ("email", "again@stolen.test")).Stamped(thief.Next()).ToJson()], cluster["a"].Replicator.Position, CancellationToken.None);
        await IsLevelWithPrimaryAsync(cluster, "a", "b");
        Assert.Equal("a@honest.test", Email(cluster["a"], "user_1"));
    }

    [Fact]
    public async Task A_node_that_is_under_quarantine_itself_says_nothing_any_more()
    {
        await using var cluster = await TestCluster.StartAsync("a", "stolen");
        await cluster.LevelAsync();
        await QuarantineAsync(cluster["a"], cluster["stolen"].Node.Incarnation, await MomentAsync(cluster));
        await Until.TrueAsync(() => cluster["stolen"].Database.Read(view => view.Find<long>("SELECT count(*) FROM quarantines")) == 1, () => "It does not hear of it.");
        await Assert.ThrowsAsync<JournalUnavailableException>(() => RenameAsync(cluster["stolen"], "user_1", "thief@stolen.test"));
        Assert.Null(Email(cluster["stolen"], "user_1"));
    }

    [Fact]
    public async Task What_a_life_s_journal_says_under_another_s_stamp_or_an_earlier_one_of_its_own_is_noted_once()
    {
        await using var cluster = await TestCluster.StartAsync("a");
        var a = cluster["a"];
        const string Life = "feedfacecafe";
        await RenameAsync(a, "user_1", "a@honest.test");
        var (own, honest) = (new HybridClock(TimeProvider.System, Life), new HybridClock(TimeProvider.System, "bbbbbbbbbbbb"));
        var (early, first) = (own.Next(), own.Next());
        RowVersion Said(string user, string stamp) => Change.To(Schema.Users, user, ("email", "thief@stolen.test")).Stamped(stamp);
        RowVersion[] said =
        [
            Said("user_2", first), Said("user_3", own.Next()),
            Said("user_4", early),                                            // set back
            Said("user_5", honest.Next()),                                    // in another's name
            a.Database.Read(view => view.ReadAll(Schema.Users, "", 1).Single()),   // repeated of what is known
            Said("user_6", own.Next()),
        ];
        var segment = new JournalSegment(Life, 0, said.Length, 0, ChangeLog.LogPosition.Start, false, 0, [.. said.Select((v, i) => new JournalFact(i + 1, v.ToJson()))]);
        await a.Node.Writer.EnqueueAsync(session => session.AbsorbJournal(new JournalAnswer(new NodeIdentity("thief", "r", "z", Life), 0, 0, [segment], null)));
        Assert.Equal(["user_4", "user_5"], a.Database.Read(view => view.Query<string>("SELECT row_id FROM doubtful WHERE life = @Life ORDER BY row_id", new { Life })));
    }

    /// <summary>A moment after all that was said, and before all that will be: stamps may be some time ahead of the machine's clock after a restart, and who hears one goes on from it.</summary>
    private static async Task<long> MomentAsync(TestCluster cluster)
    {
        var said = cluster.Names.Max(name => HybridClock.MillisecondsOf(cluster[name].Node.Clock.Next()));
        await Until.TrueAsync(() => TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() > said, () => "The clock stands still.");
        return TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
    }

    private static Task<bool> RenameAsync(StorageHost host, string user, string email) => host.Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Users, user, ("email", email))));

    private static Task<bool> QuarantineAsync(StorageHost host, string life, long since) => host.Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Quarantines, $"quarantine_1/{life}",
        ("quarantine_id", "quarantine_1"), ("node", "stolen"), ("life", life), ("since", since), ("author", "Ada"), ("reason", "stolen"), ("created_at", since))));

    private static string? Email(StorageHost host, string user) => host.Database.Read(view => view.Find<string>("SELECT email FROM users WHERE id = @user", new { user }));

    private static string Stamp(StorageHost host, string user) => host.Database.Read(view => view.Find<string>("SELECT address_stamp FROM users WHERE id = @user", new { user }))!;

    private static (string?, string?, string?) Emails(StorageHost host) => (Email(host, "user_1"), Email(host, "user_2"), Email(host, "user_3"));

    private static async Task HasAsync(TestCluster cluster, string user, string email)
    {
        foreach (var name in cluster.Names)
        {
            await Until.TrueAsync(() => Email(cluster[name], user) == email, () => $"{name} has {Email(cluster[name], user)} for {user}.");
        }
    }

    private static async Task IsLevelWithPrimaryAsync(TestCluster cluster, params string[] names) => await Until.TrueAsync(
        () => names.Select(n => cluster[n].Node.Digest()).Append(cluster.PrimaryDigest()).Distinct().Count() == 1, () => "The nodes or the primary differ.");
}
