using Holdfast.Storage.Peers;

namespace Holdfast.Storage.Tests.Peers;

/// <summary>A life begins in one step (decision 0008).</summary>
public sealed class LifeBeginsTests
{
    private static readonly JournalMark s_more = new(1000, "00");   // a peer has more of this life than its disk

    [Fact]
    public async Task A_life_that_is_cut_off_while_it_begins_has_not_begun()
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        var life = a.Node.Incarnation;
        await ExecuteAsync(a, "CREATE TRIGGER cut BEFORE INSERT ON nodes BEGIN SELECT RAISE(ABORT, 'cut off'); END");
        await Assert.ThrowsAnyAsync<Exception>(() => a.Peers.CompareAsync(s_more));
        Assert.Equal(life, a.Node.Incarnation);
        AssertOnlyLife(a, life);
        await ExecuteAsync(a, "DROP TRIGGER cut");
        await cluster.StopNodeAsync("a");

        a = await cluster.StartNodeAsync("a");
        Assert.Equal(life, a.Node.Incarnation);
        AssertOnlyLife(a, life);
        Assert.False(await a.Peers.CompareAsync(s_more));
        Assert.NotEqual(life, a.Node.Incarnation);
        Assert.NotNull(a.Database.Read(view => Lives.Find(view, a.Node.Incarnation)));
    }

    [Fact]
    public async Task It_begins_once_however_many_find_it_out()
    {
        await using var cluster = new TestCluster();
        var a = await cluster.StartNodeAsync("a");
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => a.Peers.CompareAsync(s_more)));
        Assert.Equal(2, a.Database.Read(Lives.OfThisFile).Count);
        Assert.Equal(2, a.Database.Read(view => view.Find<long>("SELECT count(*) FROM nodes")));
    }

    private static void AssertOnlyLife(StorageHost host, string life)
    {
        Assert.Equal([life], host.Database.Read(Lives.OfThisFile).Select(l => l.Incarnation));
        Assert.Equal(life, host.Node.Read(view => view.NodeState.Find("incarnation")));
        Assert.Equal([life], host.Database.Read(view => view.Query<string>("SELECT id FROM nodes")));
    }

    private static Task<int> ExecuteAsync(StorageHost host, string sql) => host.Node.Writer.EnqueueAsync(session => session.View.Execute(sql));
}
