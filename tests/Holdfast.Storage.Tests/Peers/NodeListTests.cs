using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Tests.Peers;

/// <summary>Who decides about what nobody issued, also while the list of nodes changes (law 5).</summary>
public sealed class NodeListTests
{
    [Fact]
    public async Task Nodes_enter_themselves_one_after_the_other_and_the_list_settles()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b", "c");
        await Until.TrueAsync(
            () => ((string[])["a", "b", "c"]).All(n => cluster[n].Database.Read(NodeList.Of) is { IsSettled: true, Now: ["a", "b", "c"] }),
            () => $"The list is {cluster["a"].Database.Read(NodeList.Of)}.");
    }

    [Fact]
    public async Task A_step_is_not_settled_while_a_node_has_not_read_it()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await SettledAsync(cluster, "a", "b");
        cluster.Cut.UnionWith([("a", "b"), ("b", "a")]);   // b reads the step from the primary, but nobody hears that it has
        await cluster["a"].Database.WriteAsync(v => NodeList.Enter(v, "c"), CancellationToken.None);
        await Task.Delay(NodeListKeeper.Settling + NodeListKeeper.Every + NodeListKeeper.Every);
        Assert.False(cluster["a"].Database.Read(NodeList.Of).IsSettled);
    }

    [Fact]
    public void While_the_list_changes_both_authorities_count_and_a_change_moves_only_its_share()
    {
        string[] names = ["a", "b", "c"];
        var (old, now) = (new NodeList(1, names, names), new NodeList(2, names, [.. names, "d"]));
        var moved = 0;
        for (var n = 0; n < 1000; n++)
        {
            var authorities = now.AuthoritiesOf($"item_{n}");
            Assert.Equal(old.AuthoritiesOf($"item_{n}")[0], authorities[0]);
            Assert.True(authorities.Count == 1 || authorities[1] == "d");
            moved += authorities.Count - 1;
        }
        Assert.InRange(moved, 200, 300);
        Assert.Empty(new NodeList(0, [], []).AuthoritiesOf("item"));
    }

    [Fact]
    public async Task An_item_is_used_once_wherever_it_is_shown_and_the_same_request_is_granted_again()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b", "c");
        await SettledAsync(cluster, "a", "b", "c");
        string[] nodes = ["a", "b", "c"];
        for (var n = 0; n < 20; n++)
        {
            var verdicts = await Task.WhenAll(nodes.Select(node => SpendAsync(cluster, node, $"item_{n}", $"request_{node}")));
            Assert.Equal([SpendVerdict.Granted, SpendVerdict.Used, SpendVerdict.Used], verdicts.Order());
            var winner = nodes[Array.IndexOf(verdicts, SpendVerdict.Granted)];
            Assert.Equal(SpendVerdict.Granted, await SpendAsync(cluster, nodes[(n + 1) % 3], $"item_{n}", $"request_{winner}"));
        }
        var authority = cluster["a"].Database.Read(NodeList.Of).AuthoritiesOf("item_away")[0];
        await cluster.StopNodeAsync(authority);
        Assert.Equal(SpendVerdict.Unavailable, await SpendAsync(cluster, nodes.First(n => n != authority), "item_away", null));
    }

    [Fact]
    public async Task A_node_with_peers_decides_about_nothing_before_it_has_read_the_list()
    {
        await using var cluster = new TestCluster();
        await cluster.StartNodeAsync("a");
        Assert.Equal(SpendVerdict.Granted, await SpendAsync(cluster, "a", "item_alone", null));
        await cluster.StopNodeAsync("a");
        cluster.PrimaryIsAway(true);   // so that nobody can enter the list
        await cluster.StartNodeAsync("a", "b");
        Assert.Equal(SpendVerdict.Unavailable, await SpendAsync(cluster, "a", "item", null));
        Assert.Equal(SpendVerdict.Unavailable, (await cluster["a"].PeerServer.SpendAsync(new SpendQuestion(cluster["a"].Peers.Own, "e", "totp_step", "item", null,
            TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), long.MaxValue, false))).Verdict);
    }

    /// <summary>What the first authority wrote for one request came to the second after that had granted another: by a smaller stamp, it would replace the second's word.</summary>
    [Fact]
    public async Task An_authority_s_word_is_not_replaced_by_that_of_the_other()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await SettledAsync(cluster, "a", "b");
        var item = Enumerable.Range(0, 100).Select(n => $"item_{n}").First(i => cluster["a"].Database.Read(NodeList.Of).AuthoritiesOf(i)[0] == "b");
        cluster.Cut.UnionWith([("a", "b"), ("b", "a")]);   // so that the change goes on
        await cluster["a"].Database.WriteAsync(v => NodeList.Leave(v, "b"), CancellationToken.None);
        await Until.TrueAsync(
            () => ((string[])["a", "b"]).All(n => cluster[n].Database.Read(NodeList.Of).AuthoritiesOf(item).SequenceEqual(["b", "a"])), () => "The step is not read.");

        Assert.Equal(SpendVerdict.Granted, await DecideAsync(cluster, "b", item, "the first to ask"));
        Assert.Equal(SpendVerdict.Granted, await DecideAsync(cluster, "a", item, "another, by a list that is over"));
        cluster.Cut.Clear();
        await Until.TrueAsync(() => cluster["a"].Node.Progress.Peers.TryGetValue(cluster["b"].Node.Incarnation, out var read)
            && read.Position == cluster["b"].Node.Progress.JournalHead, () => "It does not come across.");

        Assert.Equal(SpendVerdict.Used, await DecideAsync(cluster, "a", item, "the first to ask"));
        Assert.Equal(SpendVerdict.Granted, await DecideAsync(cluster, "a", item, "another, by a list that is over"));
    }

    /// <summary>One authority's word.</summary>
    private static Task<SpendVerdict> DecideAsync(TestCluster cluster, string node, string item, string request) => cluster[node].SingleUse.SpendHereAsync(new SpendQuestion(
        cluster[node].Peers.Own, "e", "totp_step", item, request, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), long.MaxValue, NeedsCopy: false));

    [Fact]
    public async Task A_new_life_knows_nothing_of_what_is_older_than_itself()
    {
        await using var cluster = await TestCluster.StartAsync("a", "b");
        await SettledAsync(cluster, "a", "b");
        var item = Enumerable.Range(0, 100).Select(n => $"item_{n}").First(i => cluster["b"].Database.Read(NodeList.Of).AuthoritiesOf(i)[0] == "a");
        await cluster.StopNodeAsync("a");
        Directory.Delete(Path.GetDirectoryName(cluster.FileOf("a"))!, recursive: true);
        await cluster.StartNodeAsync("a", "b");
        Assert.Equal(SpendVerdict.Void, await SpendAsync(cluster, "a", item, null));
        Assert.Equal(SpendVerdict.Granted, await SpendAsync(cluster, "a", item, null, madeAt: TimeProvider.System.GetUtcNow().AddMinutes(2)));
    }

    [Fact]
    public async Task A_clock_ahead_of_two_peers_replaces_nothing_but_denies_and_signs_in()
    {
        await using var cluster = new TestCluster();
        cluster.Clocks["a"] = new MovedClock();
        await cluster.StartNodeAsync("a");
        await cluster.StopNodeAsync("a");
        foreach (var (name, others) in (IEnumerable<(string, string[])>)[("a", ["b", "c"]), ("b", ["a", "c"]), ("c", ["a", "b"])])
        {
            await cluster.StartNodeAsync(name, others);
        }
        await Profile(cluster, "Ada", mayBeLeftOut: false);
        cluster.Clocks["a"].Ahead = TimeSpan.FromSeconds(20);
        await Until.TrueAsync(() => cluster["a"].Peers.Clocks.IsAhead, () => "Nobody noticed.");
        await Until.TrueAsync(async () =>
        {
            try
            {
                await Profile(cluster, "Eve", mayBeLeftOut: false);
                return false;
            }
            catch (ClockAheadException)
            {
                return true;
            }
        }, () => "It still replaces.");
        await Profile(cluster, "Mallory", mayBeLeftOut: true);
        Assert.NotEqual("Mallory", cluster["a"].Database.Read(v => v.Find<string>("SELECT first_name FROM profiles WHERE id = 'prof_1'")));
        await PeersTests.RecordAsync(cluster["a"], "event_1");
        await cluster["a"].Database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Denies, "deny_1", ("environment_id", "e"), ("subject", "s"), ("reason", "r"), ("created_at", 1))));
        await Assert.ThrowsAsync<ClockAheadException>(() => cluster["a"].Database.WriteAsync(v => NodeList.Enter(v, "d"), CancellationToken.None));
    }

    private static Task<bool> Profile(TestCluster cluster, string firstName, bool mayBeLeftOut) => cluster["a"].Database.RecordAsync(_ => Decide.To(true,
        Change.To(Schema.Profiles, "prof_1", ("email", null), ("first_name", firstName), ("last_name", null), ("groups", "[]"), ("raw_attributes", "{}"))
            with { MayBeLeftOut = mayBeLeftOut }));

    private static Task SettledAsync(TestCluster cluster, params string[] names) => Until.TrueAsync(
        () => names.All(n => cluster[n].Database.Read(NodeList.Of) is { IsSettled: true } list && list.Now.SequenceEqual(names)
            && names.All(other => other == n || cluster[n].Peers.FindByName(other) is not null)), () => "The list does not settle.");

    private static Task<SpendVerdict> SpendAsync(TestCluster cluster, string node, string item, string? request, DateTimeOffset? madeAt = null) =>
        cluster[node].SingleUse.SpendAsync(new SpendQuestion(cluster[node].Peers.Own, "e", "totp_step", item, request,
            (madeAt ?? TimeProvider.System.GetUtcNow()).ToUnixTimeMilliseconds(), TimeProvider.System.GetUtcNow().AddHours(3).ToUnixTimeMilliseconds(), false), CancellationToken.None);
}
