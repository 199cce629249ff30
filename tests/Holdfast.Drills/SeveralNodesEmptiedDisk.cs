using System.Globalization;
using Holdfast.Storage.Peers;

namespace Holdfast.Drills;

/// <summary>A node's disk is emptied while the primary is away: the node fills from a peer and serves, in a new life (law 8; for what the old one issued, law 5).</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class SeveralNodesEmptiedDisk(ITestOutputHelper output)
{
    private const int Items = 20;

    [Fact]
    public async Task A_node_whose_disk_was_emptied_fills_from_a_peer_and_takes_nothing_twice()
    {
        await using var nodes = await Nodes.StartAsync(3, isLinked: true);
        using var people = await SamlPeople.SetUpAsync(nodes);
        var sessions = await Task.WhenAll(Enumerable.Range(0, Items).Select(n => nodes[3].JoinAsync($"ada-{n}@acme.test")));
        var codes = new List<string>();
        var magic = new List<Node.Answer>();
        for (var n = 0; n < Items; n++)
        {
            codes.Add(await people.ObtainCodeAsync(nodes[3], $"sso-{n}@acme.test"));
            magic.Add((await nodes[3].PostAsync("magic", new { email = $"grace-{n}@acme.test" })).Is(200));
        }
        var made = MailPeople.Now;
        var (spent, unspent) = (await StepsOfNodeAsync(nodes, "spent", made), Enumerable.Range(0, Items).Select(n => $"unspent-{n}").ToList());
        var used = codes[..(Items / 2)];
        Assert.All(await Task.WhenAll(used.Select(c => people.RedeemInTimeAsync(nodes[2], c, c))), a => a.Is(200));
        var life = (await nodes[3].PostAsync("state")).Text("incarnation");
        await Nodes.UntilAsync("node 2 has what node 3 has", TimeSpan.FromSeconds(20), async () =>
            (await nodes[3].PostAsync("state")).Json is var state && state.GetProperty("confirmed").GetInt64() >= state.GetProperty("position").GetInt64());

        await nodes[1].KillAsync();
        await nodes[3].KillAsync();
        nodes[3].EmptyDisk();
        var born = MailPeople.Now;
        var filled = await TimedAsync(nodes[3].StartAsync());
        Assert.NotEqual(life, (await nodes[3].PostAsync("state")).Text("incarnation"));

        // It serves, with the primary away.
        Assert.All(await Task.WhenAll(sessions.Select((_, n) => nodes[3].SignInAsync($"ada-{n}@acme.test"))), a => a.Is(200));
        Assert.All(await Task.WhenAll(sessions.Select(s => nodes[3].RefreshAsync(s))), a => a.Is(200));
        (await people.RedeemAsync(nodes[3], await people.ObtainCodeAsync(nodes[3], "new@acme.test"))).Is(200);

        // What its old life issued is void, at it and at the other, used or not.
        await Nodes.UntilAsync("node 2 has heard of the new life", TimeSpan.FromSeconds(20), async () => (await people.RedeemAsync(nodes[2], codes[^1])).Status == 400);
        foreach (var node in new[] { nodes[2], nodes[3] })
        {
            Assert.All(await Task.WhenAll(codes.Select(c => people.RedeemAsync(node, c))), a => a.Is(400, "invalid_grant"));
            Assert.All(await Task.WhenAll(magic.Select(m => node.PostAsync("magic/redeem", new { item = m.Text("item"), code = m.Text("code") }))), a => a.Is(400, "ItemUnknown"));
        }

        // Steps from before its birth are refused by it, those that it had taken and those that nobody had; new ones are taken, once.
        var (void_, refused) = (0, 0);
        foreach (var step in spent.Concat(unspent))
        {
            var answer = (await nodes[2].StepAsync(step, made)).Is(200);
            if (answer.Texts("authorities").Contains("node-3"))
            {
                Assert.NotEqual(nameof(SpendVerdict.Granted), answer.Text("verdict"));
                void_ += answer.Text("verdict") == nameof(SpendVerdict.Void) ? 1 : 0;
                refused++;
            }
        }
        var later = born + (long)(SingleUse.Skew + SingleUse.Skew).TotalMilliseconds;
        var taken = 0;
        for (var n = 0; taken < Items / 4; n++)
        {
            var answer = (await nodes[3].StepAsync($"later-{n}", later)).Is(200);
            if (answer.Texts("authorities") is ["node-3"])
            {
                Assert.Equal(nameof(SpendVerdict.Granted), answer.Text("verdict"));
                Assert.NotEqual(nameof(SpendVerdict.Granted), (await nodes[2].StepAsync($"later-{n}", later)).Is(200).Text("verdict"));
                taken++;
            }
        }
        Assert.True(void_ > 0 && refused > 0);
        await nodes[1].StartAsync();
        await nodes.WholeAsync();
        await nodes.LevelAsync();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"filled from a peer and ready after {filled.TotalSeconds:0.0} s; {codes.Count} codes and {magic.Count} mailed ones void at two nodes; of {refused} old steps {void_} void and none taken; {taken} new ones taken once"));
    }

    /// <summary>Steps that node 3 has taken as their authority.</summary>
    private static async Task<List<string>> StepsOfNodeAsync(Nodes nodes, string name, long made)
    {
        var steps = new List<string>();
        for (var n = 0; steps.Count < Items / 2; n++)
        {
            var answer = (await nodes[2].StepAsync($"{name}-{n}", made)).Is(200);
            if (answer.Texts("authorities") is ["node-3"] && answer.Text("verdict") == nameof(SpendVerdict.Granted))   // else it was not in time, on a busy machine
            {
                steps.Add($"{name}-{n}");
            }
        }
        return steps;
    }

    private static async Task<TimeSpan> TimedAsync(Task work)
    {
        var since = System.Diagnostics.Stopwatch.GetTimestamp();
        await work;
        return System.Diagnostics.Stopwatch.GetElapsedTime(since);
    }
}
