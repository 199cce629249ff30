using Holdfast.Edge;

namespace Holdfast.Tests.Edge;

/// <summary>Which node is asked: by states alone, on a clock that stands until it is moved.</summary>
public sealed class EdgeNodesTests
{
    private static readonly TimeSpan SlowStart = TimeSpan.FromSeconds(10);

    private readonly HeldClock _clock = new();
    private readonly HashSet<EdgeNode> _silent = [];

    private EdgeNodes Nodes(int count, int most = 1000, int mostPerNode = 1000, Func<int, string>? region = null)
    {
        var all = Enumerable.Range(1, count).Select(n =>
        {
            var node = new EdgeNode(new Uri($"http://10.0.0.{n}:4100"), new EdgeTimes(SlowStart, TimeSpan.FromSeconds(1), 1), _clock);
            node.Hear(new NodeSaid($"node-{n}", region?.Invoke(n) ?? "eu", $"{n:x12}", "https://id.test"));
            node.Passed(isLate: false);
            return node;
        }).ToList();
        return new EdgeNodes(all, "eu", new Admission(most, mostPerNode), _silent.Contains);
    }

    private static Asked Keyed(int number) => Asked.Of("GET", "/organizations", "", null, $"Bearer sk_{number}", false, default);

    private static Asked Unkeyed => Asked.Of("GET", "/sso/authorize", "", null, null, false, default);

    [Fact]
    public void A_node_s_end_moves_its_keys_alone_and_spreads_them()
    {
        const int Keys = 3000;
        var nodes = Nodes(5);
        var before = Enumerable.Range(0, Keys).Select(k => nodes.Order(Keyed(k))[0]).ToList();
        Assert.All(nodes.All, n => Assert.InRange(before.Count(b => b == n), Keys / 5 * 0.8, Keys / 5 * 1.2));

        var dead = nodes.All[2];
        dead.Tell(Told.Refused);
        var after = Enumerable.Range(0, Keys).Select(k => nodes.Order(Keyed(k))[0]).ToList();

        Assert.All(Enumerable.Range(0, Keys).Where(k => before[k] != dead), k => Assert.Same(before[k], after[k]));
        var moved = Enumerable.Range(0, Keys).Where(k => before[k] == dead).Select(k => after[k]).ToList();
        Assert.DoesNotContain(dead, moved);
        Assert.All(nodes.All.Where(n => n != dead), n => Assert.InRange(moved.Count(m => m == n), moved.Count / 4 * 0.6, moved.Count / 4 * 1.4));
    }

    [Fact]
    public void A_node_that_is_back_takes_its_share_little_by_little_and_the_same_keys_again()
    {
        const int Keys = 2000;
        var nodes = Nodes(3);
        var before = Enumerable.Range(0, Keys).Select(k => nodes.Order(Keyed(k))[0]).ToList();
        var back = nodes.All[0];
        back.Tell(Told.Refused);
        back.Passed(isLate: true);
        back.Passed(isLate: true);
        Assert.Equal(NodeState.Ready, back.State);

        int Share() => Enumerable.Range(0, Keys).Count(k => nodes.Order(Keyed(k))[0] == back);
        var full = before.Count(b => b == back);
        Assert.InRange(Share(), 1, full / 3);
        _clock.Advance(SlowStart / 2);
        Assert.InRange(Share(), full / 3, full - 1);
        _clock.Advance(SlowStart / 2);
        Assert.Equal(before, Enumerable.Range(0, Keys).Select(k => nodes.Order(Keyed(k))[0]));
    }

    [Fact]
    public void The_near_region_is_preferred_and_a_far_one_serves_when_it_is_ill_or_full()
    {
        var nodes = Nodes(4, mostPerNode: 10, region: n => n <= 2 ? "eu" : "us");
        Assert.All(Enumerable.Range(0, 200), k => Assert.Equal("eu", nodes.Order(Keyed(k))[0].Said!.Region));
        Assert.All(Enumerable.Range(0, 200), _ => Assert.Equal("eu", nodes.Order(Unkeyed)[0].Said!.Region));

        nodes.All[0].Tell(Told.Refused);
        Assert.All(Enumerable.Range(0, 200), k => Assert.Same(nodes.All[1], nodes.Order(Keyed(k))[0]));
        for (var i = 0; i < 10; i++)
        {
            nodes.All[1].Enter();
        }
        Assert.All(Enumerable.Range(0, 200), k => Assert.Equal("us", nodes.Order(Keyed(k))[0].Said!.Region));
    }

    [Fact]
    public void An_item_goes_to_the_node_that_it_names_and_elsewhere_when_that_is_gone()
    {
        var nodes = Nodes(3, region: n => n == 3 ? "us" : "eu");
        var asked = Asked.Of("GET", "/sign-in", $"?flow={3:x12}.abc", null, null, false, default);
        Assert.All(Enumerable.Range(0, 50), _ => Assert.Same(nodes.All[2], nodes.Order(asked)[0]));

        nodes.All[2].Hear(new NodeSaid("node-3", "us", "ffffffffffff", null));   // another life
        Assert.All(Enumerable.Range(0, 50), _ => Assert.NotSame(nodes.All[2], nodes.Order(asked)[0]));
    }

    [Fact]
    public void When_all_look_ill_all_are_asked()
    {
        var nodes = Nodes(3);
        foreach (var node in nodes.All)
        {
            node.Missed("hangs", isCertain: false);
            node.Missed("hangs", isCertain: false);
        }
        Assert.All(nodes.All, n => Assert.Equal(NodeState.Ejected, n.State));
        Assert.Equal(3, nodes.Order(Unkeyed).Count);
    }

    [Fact]
    public void Whoever_hears_nothing_of_a_node_asks_another()
    {
        var nodes = Nodes(3);
        _silent.Add(nodes.All[0]);
        Assert.All(Enumerable.Range(0, 300), k => Assert.NotSame(nodes.All[0], nodes.Order(Keyed(k))[0]));
        _silent.UnionWith(nodes.All);
        Assert.Contains(Enumerable.Range(0, 300), k => nodes.Order(Keyed(k))[0] == nodes.All[0]);
    }

    [Fact]
    public void What_belongs_to_no_node_is_spread_by_load()
    {
        var nodes = Nodes(3);
        var counts = Enumerable.Range(0, 3000).Select(_ => nodes.Order(Unkeyed)[0]).GroupBy(n => n).ToDictionary(g => g.Key, g => g.Count());
        Assert.All(nodes.All, n => Assert.InRange(counts[n], 800, 1200));
        for (var i = 0; i < 9; i++)
        {
            nodes.All[0].Enter();
        }
        Assert.InRange(Enumerable.Range(0, 3000).Count(_ => nodes.Order(Unkeyed)[0] == nodes.All[0]), 1, 500);
    }

    [Fact]
    public void One_busy_key_does_not_fill_its_node_while_others_rest()
    {
        var nodes = Nodes(3);
        var own = nodes.Order(Keyed(1))[0];
        for (var i = 0; i < 40; i++)
        {
            own.Enter();
        }
        Assert.NotSame(own, nodes.Order(Keyed(1))[0]);
    }

    [Fact]
    public void Administration_is_turned_away_first_and_sessions_last()
    {
        var admission = new Admission(100, 100);
        int Most(Priority priority)
        {
            var taken = 0;
            while (admission.TryEnter(priority))
            {
                taken++;
            }
            for (var i = 0; i < taken; i++)
            {
                admission.Leave();
            }
            return taken;
        }

        Assert.Equal((60, 75, 90, 100), (Most(Priority.Administration), Most(Priority.Read), Most(Priority.SignIn), Most(Priority.Session)));
        Assert.Equal(0, admission.UnderWay);
        for (var i = 0; i < 80; i++)
        {
            Assert.True(admission.TryEnter(Priority.Session));
        }
        Assert.False(admission.TryEnter(Priority.Read));
        Assert.True(admission.TryEnter(Priority.SignIn));
    }

    [Fact]
    public void Retries_are_a_share_of_requests_and_a_few_besides()
    {
        var budget = new Budget(0.2, 10, _clock);
        int Taken()
        {
            var taken = 0;
            while (budget.TryTake())
            {
                taken++;
            }
            return taken;
        }

        Assert.Equal(10, Taken());
        for (var i = 0; i < 100; i++)
        {
            budget.Count();
        }
        Assert.Equal(20, Taken());
        _clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(0, Taken());
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(10, Taken());   // what was ten seconds ago is forgotten
    }

    [Fact]
    public void A_node_is_ejected_by_its_failures_and_stays_away_longer_each_time()
    {
        var node = Nodes(1).All[0];
        void Return()
        {
            node.Passed(isLate: true);
            node.Passed(isLate: true);
        }

        node.Tell(Told.Hung);
        node.Tell(Told.Lost);
        node.Tell(Told.Answered);
        node.Tell(Told.Hung);
        node.Tell(Told.Hung);
        Assert.Equal(NodeState.Ready, node.State);   // not three in a row
        var gone = node.Gone;
        node.Tell(Told.Hung);
        Assert.Equal((NodeState.Ejected, "hangs", 1L), (node.State, node.Why, node.Ejections));
        Assert.True(SpinWait.SpinUntil(() => gone.IsCancellationRequested, TimeSpan.FromSeconds(30)));

        Return();
        Assert.Equal(NodeState.Ejected, node.State);   // its probes passed before, too
        _clock.Advance(TimeSpan.FromSeconds(1));
        Return();
        Assert.Equal(NodeState.Ready, node.State);
        Assert.False(node.Gone.IsCancellationRequested);
        for (var i = 0; i < 3; i++)
        {
            node.Tell(Told.Unable);
        }
        _clock.Advance(TimeSpan.FromSeconds(1));
        Return();
        Assert.Equal(NodeState.Ejected, node.State);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Return();
        Assert.Equal(NodeState.Ready, node.State);
    }

    [Fact]
    public void One_late_probe_ejects_nobody_and_one_refused_does()
    {
        var node = Nodes(1).All[0];
        node.Missed("hangs", isCertain: false);
        Assert.Equal(NodeState.Ready, node.State);
        node.Passed(isLate: false);
        node.Missed("hangs", isCertain: false);
        Assert.Equal(NodeState.Ready, node.State);
        node.Missed("refuses", isCertain: true);
        Assert.Equal((NodeState.Ejected, "refuses"), (node.State, node.Why));
        node.Passed(isLate: true);
        Assert.Equal(NodeState.Ejected, node.State);
        node.Passed(isLate: true);
        Assert.Equal(NodeState.Ready, node.State);
    }

    [Fact]
    public void The_slowest_hundredth_is_known_once_enough_was_seen()
    {
        var latencies = new Latencies();
        for (var i = 1; i < 200; i++)
        {
            latencies.Add("read", TimeSpan.FromMilliseconds(i % 100));
        }
        Assert.Null(latencies.P99("read"));
        latencies.Add("read", TimeSpan.FromMilliseconds(50));
        Assert.InRange(latencies.P99("read")!.Value, TimeSpan.FromMilliseconds(97), TimeSpan.FromMilliseconds(99));
        Assert.Null(latencies.P99("keys"));
    }
}
