using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Tests.AuthKit;
using Holdfast.Tests.Peers;
using Microsoft.Data.Sqlite;

namespace Holdfast.Tests.Events;

/// <summary>The order of the list is the change log's (decision 0021): whoever reads on from an event gets each later one, once, whenever it happened and whichever node answers.</summary>
public sealed class EventOrderTests
{
    [Fact] // PLAT-014
    public async Task What_a_cut_off_node_tells_late_comes_after_what_was_read_at_every_node_and_after_a_restart()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var early = (await nodes[0].PostAsync("/organizations", new { name = "Before" })).Is(201)["id"];
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM organizations WHERE id = @early", new { early }) > 0);

        // Cut off, the second node signs somebody in; the first goes on later, and a reader with it.
        await nodes.StopNodeAsync(0);
        var apart = await SignedIn.ByMagicCodeAsync(nodes[1], "ada@people.test");
        await nodes.StopNodeAsync(1);
        nodes.Clock.Advance(TimeSpan.FromMinutes(1));
        await nodes.StartNodeAsync(0);
        (await nodes[0].PostAsync("/organizations", new { name = "Meanwhile" })).Is(201);
        var seen = await ReadAsync(nodes[0], "");
        Assert.Equal(["organization.created", "organization.created"], seen.Select(e => e.Name));

        await nodes.StartNodeAsync(1);
        await nodes.HasAsync(0, view => view.Find<long>("SELECT count(*) FROM event_places p JOIN events e ON e.id = p.id WHERE e.event = 'user.created'") > 0);
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM event_places p JOIN events e ON e.id = p.id WHERE e.event = 'user.created'") > 0);
        await nodes[0].ToldAsync();
        await nodes[1].ToldAsync();

        var late = await ReadAsync(nodes[0], seen[^1].Id);
        Assert.Contains("user.created", late.Select(e => e.Name));
        Assert.All(late, e => Assert.True(e.At < seen[^1].At));   // they happened before what was read
        Assert.Empty(late.Select(e => e.Id).Intersect(seen.Select(e => e.Id)));
        var all = await ReadAsync(nodes[0], "");
        Assert.Equal(seen.Concat(late), all);

        // The same at the other node, page by page in both directions, and after a restart.
        Assert.Equal(all, await ReadAsync(nodes[1], ""));
        Assert.Equal(late, await ReadAsync(nodes[1], seen[^1].Id));
        Assert.Equal(Enumerable.Reverse(all), await ReadAsync(nodes[1], "", "desc"));
        await nodes.StopNodeAsync(1);
        await nodes.StartNodeAsync(1);
        Assert.Equal(late, await ReadAsync(nodes[1], seen[^1].Id));
        // A range narrows by time, and the order is the log's still.
        Assert.Equal(late, await ReadAsync(nodes[1], "", "asc", $"&range_start={late[0].At:yyyy-MM-dd'T'HH:mm:ss'Z'}&range_end={seen[^1].At:yyyy-MM-dd'T'HH:mm:ss'Z'}&events={string.Join(',', late.Select(e => e.Name))}"));
        Assert.NotNull(apart.SessionId);
    }

    [Fact]
    public async Task A_disk_that_a_peer_fills_while_the_primary_is_gone_has_the_same_order()
    {
        await using var nodes = await Cluster.StartAsync(3);
        foreach (var (id, at) in new[] { ("event_1", 3L), ("event_2", 2L), ("event_3", 1L) })   // the order of their times is another
        {
            await nodes[0].Storage.Database.WriteAsync(_ => Decide.To(true, Event(nodes[0], id, at)), CancellationToken.None);
        }
        var told = await ReadAsync(nodes[0], "");
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM event_places") >= told.Count);
        await nodes.StopNodeAsync(0);
        await nodes.StopNodeAsync(2);
        Directory.Delete(nodes.Data(2), recursive: true);

        await nodes.StartNodeAsync(2);

        Assert.Equal(told, await ReadAsync(nodes[2], ""));
        Assert.Equal(told.Skip(1), await ReadAsync(nodes[2], told[0].Id));
    }

    [Fact]
    public async Task What_the_log_has_not_told_is_not_listed_and_an_unknown_cursor_has_nothing_after_it()
    {
        await using var server = await HoldfastServer.StartAsync();
        (await server.PostAsync("/organizations", new { name = "Told" })).Is(201);
        string untold;
        await using (var other = new SqliteConnection($"Data Source={Path.Combine(server.Data, "primary.db")};Pooling=False"))
        {
            await other.OpenAsync();
            await using var hold = other.CreateCommand();
            hold.CommandText = "BEGIN EXCLUSIVE";
            await hold.ExecuteNonQueryAsync();
            await SignedIn.ByMagicCodeAsync(server, "ada@people.test");
            untold = server.Storage.Database.Read(view => view.Find<string>("SELECT id FROM events WHERE event = 'user.created'"))!;

            var only = Assert.Single(await ReadAsync(server, ""));
            Assert.Equal("organization.created", only.Name);
            Assert.Empty(await ReadAsync(server, untold));
            Assert.Empty(await ReadAsync(server, "event_01HQZZZZZZZZZZZZZZZZZZZZZZ"));
        }
        await server.ToldAsync();
        Assert.Contains(await ReadAsync(server, ""), e => e.Id == untold);
        Assert.Empty(await ReadAsync(server, untold, key: server.B.ApiKey));
    }

    [Fact]
    public async Task An_event_keeps_its_first_place_when_an_epoch_tells_it_again()
    {
        await using var server = await HoldfastServer.StartAsync();
        foreach (var id in new[] { "event_1", "event_2" })
        {
            await server.Storage.Database.RecordAsync(_ => Decide.To(true, Event(server, id)));
            await server.ToldAsync();
        }
        var before = await ReadAsync(server, "");
        // The primary loses the row that told of the second, and gets others first.
        await server.Storage.Database.WriteAsync(_ => Decide.To(true, Event(server, "event_3")), CancellationToken.None);
        await using (var primary = new SqliteConnection($"Data Source={Path.Combine(server.Data, "primary.db")};Pooling=False"))
        {
            await primary.OpenAsync();
            await using var cut = primary.CreateCommand();
            cut.CommandText = "DELETE FROM events WHERE id IN ('event_2', 'event_3'); DELETE FROM change_log WHERE sequence >= (SELECT sequence FROM change_log WHERE version LIKE '%event_2%')";
            await cut.ExecuteNonQueryAsync();
        }
        await server.Storage.Database.RecordAsync(_ => Decide.To(true, Event(server, "event_0")));
        await server.ToldAsync();
        await server.ShippedAsync();

        var after = await ReadAsync(server, "");
        Assert.Equal([.. before.Select(e => e.Id), "event_3", "event_0"], after.Select(e => e.Id));
    }

    private static Change Event(HoldfastServer server, string id, long at = 1) => Change.To(
        Schema.Events, id, ("environment_id", server.A.Id), ("event", "test.told"), ("data", "{}"), ("created_at", at), ("organization_id", null));

    private sealed record Told(string Id, string Name, DateTimeOffset At);

    /// <summary>Reads on from an event to the end, by twos.</summary>
    private static async Task<List<Told>> ReadAsync(HoldfastServer server, string after, string order = "asc", string more = "", string? key = null)
    {
        var told = new List<Told>();
        for (var cursor = after; cursor is not null;)
        {
            var page = (await server.SendAsync("GET", $"/events?limit=2&order={order}&after={cursor}{more}", key ?? server.A.ApiKey)).Is(200).Json;
            told.AddRange(page.GetProperty("data").EnumerateArray().Select(e => new Told(
                e.GetProperty("id").GetString()!, e.GetProperty("event").GetString()!, e.GetProperty("created_at").GetDateTimeOffset())));
            cursor = page.GetProperty("list_metadata").GetProperty("after").GetString();
        }
        return told;
    }
}
