using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Peers;

/// <summary>What a stolen node may say of other nodes' lives, and what comes of it (decision 0007).</summary>
public sealed class OneLifeTests
{
    private const string Life = "feedfacecafe";

    [Theory]
    [InlineData("name", "thief", "key_1")]
    [InlineData("born_at", "node", "key_1")]
    [InlineData("key", "node", "key_2")]
    public async Task Of_whom_two_things_are_said_is_over_whichever_came_first(string what, string name, string key)
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        var (honest, forged) = (Row(a, Life, "node", 1, "key_1"), Row(a, Life, name, what == "born_at" ? 2 : 1, key));
        Assert.Equal(Whose.Peers, await WhoseAsync(honest, honest));
        Assert.Equal(Whose.Gone, await WhoseAsync(honest, forged));
        Assert.Equal(Whose.Gone, await WhoseAsync(forged, honest));
        Assert.Equal(Whose.Gone, await WhoseAsync(forged, honest, honest));

        async Task<Whose> WhoseAsync(params RowVersion[] said)
        {
            await a.Node.Writer.EnqueueAsync(session => session.View.Execute("DELETE FROM nodes WHERE id = @Life", new { Life }) + said.Count(session.Rows.Apply));
            return a.Peers.Find(Life).Whose;
        }
    }

    [Fact]
    public async Task A_key_that_was_not_known_yet_contradicts_nothing_and_a_name_that_is_gone_may_have_been_anybody_s()
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        await ApplyAsync(a, Row(a, Life, "node", 1, null), Row(a, Life, "node", 1, "key_1"), Row(a, Life, "node", 1, null));
        Assert.Equal("key_1", a.Database.Read(view => Lives.Find(view, Life))!.PublicKey);
        var own = a.Database.Read(view => Lives.Find(view, a.Node.Incarnation))!;
        Assert.False(a.Database.Read(view => Lives.HasElder(view, own)));
        await ApplyAsync(a, Row(a, Life, "thief", 1, "key_1"));
        Assert.True(a.Database.Read(view => Lives.HasElder(view, own)));   // so that it does not use again what the void one may have used
    }

    [Fact]
    public async Task What_one_s_journal_says_of_another_s_life_is_not_believed_and_counted()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await cluster.LevelAsync();
        var (a, victim) = (cluster["a"], cluster["b"].Node.Incarnation);
        var before = a.Database.Read(view => Lives.Find(view, victim));
        RowVersion[] said =
        [
            Row(a, Life, "thief", 1, "key_of_thief"), Row(a, victim, "b", 1, "key_of_thief"), Row(a, "aaaaaaaaaaaa", "b", long.MaxValue, "key_of_thief"),
            PeersTests.EventChange("event_1").Stamped(a.Node.Clock.Next()),
        ];
        var segment = new JournalSegment(Life, 0, said.Length, 0, LogPosition.Start, false, 0, [.. said.Select((v, i) => new JournalFact(i + 1, v.ToJson()))]);
        var (_, refused) = await a.Node.Writer.EnqueueAsync(session => session.AbsorbJournal(new JournalAnswer(new NodeIdentity("thief", "r", "z", Life), 0, 0, [segment], null)));
        Assert.Equal(1, refused);
        Assert.Equal(before, a.Database.Read(view => Lives.Find(view, victim)));
        Assert.Null(a.Database.Read(view => Lives.Find(view, "aaaaaaaaaaaa")));
        Assert.Equal("thief", a.Database.Read(view => Lives.Find(view, Life))!.Name);
        Assert.Equal(1, a.Database.Read(view => view.Find<long>("SELECT count(*) FROM events WHERE id = 'event_1'")));
        Assert.Equal(Whose.Peers, a.Peers.Find(victim).Whose);
    }

    [Fact]
    public async Task A_node_that_hears_that_its_life_is_over_goes_on_as_another_and_all_are_level()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await cluster.LevelAsync();
        var (a, b) = (cluster["a"], cluster["b"]);
        var elder = b.Node.Incarnation;
        await cluster.Primary.Inner.OfferAsync([Row(a, elder, "b", 1, "key_of_thief").ToJson()], a.Replicator.Position, CancellationToken.None);
        await Until.TrueAsync(() => b.Node.Incarnation != elder, () => "It goes on as if nobody had spoken of it.");
        await Until.TrueAsync(() => a.Peers.Find(elder).Whose == Whose.Gone && a.Peers.Find(b.Node.Incarnation) is { Whose: Whose.Peers, Peer: not null }, () => "Nobody hears of it.");
        await PeersTests.RecordAsync(b, "event_1");
        await PeersTests.HasAsync(cluster, "a", "event_1");
        await cluster.LevelAsync();
    }

    private static RowVersion Row(StorageHost by, string life, string name, long bornAt, string? key) => Change.To(Schema.Nodes, life,
        ("name", name), ("region", "local"), ("zone", "z"), ("born_at", bornAt), ("public_key", key)).Stamped(by.Node.Clock.Next());

    private static Task<int> ApplyAsync(StorageHost host, params RowVersion[] said) => host.Node.Writer.EnqueueAsync(session => said.Count(session.Rows.Apply));
}
