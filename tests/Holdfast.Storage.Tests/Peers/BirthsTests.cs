using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Peers;

/// <summary>Where something was born, and whether that place has been applied here.</summary>
public sealed class BirthsTests
{
    [Fact]
    public async Task A_place_of_a_journal_is_applied_where_it_was_written_and_where_it_was_read()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b", "c");
        await cluster.LevelAsync();
        cluster.Cut.UnionWith([("c", "a"), ("c", "b")]);
        cluster.PrimaryIsAway(true);
        var born = await RecordAsync(cluster["a"]);
        Assert.True(IsApplied(cluster, "a", born));
        Assert.False(IsApplied(cluster, "a", born + 1));
        await Until.TrueAsync(() => IsApplied(cluster, "b", born), () => "b does not read it.");
        Assert.False(IsApplied(cluster, "c", born));
        cluster.Cut.Clear();
        await Until.TrueAsync(() => IsApplied(cluster, "c", born), () => "c does not read it.");
    }

    [Fact]
    public async Task A_life_that_nobody_has_heard_of_is_applied_nowhere()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        Assert.False(cluster["a"].Node.Read(view => Births.IsApplied(view, "feedfacecafe", 1)));
    }

    [Fact]
    public async Task What_waits_aside_is_not_applied_though_its_place_was_passed()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await cluster.LevelAsync();
        await cluster.StopNodeAsync("b");
        cluster.Clocks["b"] = new MovedClock(-TimeSpan.FromMinutes(5));
        var born = await RecordAsync(cluster["a"]);
        await cluster.StartNodeAsync("b", "a");
        await Until.TrueAsync(
            () => cluster["b"].Node.Read(view => PeerJournals.Find(view, cluster["a"].Node.Incarnation)?.Position >= born), () => "b does not read it.");
        Assert.False(IsApplied(cluster, "b", born));
    }

    private static bool IsApplied(TestCluster cluster, string at, long position) =>
        cluster[at].Node.Read(view => Births.IsApplied(view, cluster["a"].Node.Incarnation, position));

    private static async Task<long> RecordAsync(StorageHost host)
    {
        var position = 0L;
        await host.Database.RecordAsync(view =>
        {
            position = Node.NodeStore.NextPosition(view);
            return Decide.To(true, Change.To(Schema.Users, $"user_{position}", ("environment_id", "env"), ("created_at", 1L)));
        });
        return position;
    }
}
