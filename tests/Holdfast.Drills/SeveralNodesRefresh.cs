using System.Diagnostics;
using System.Globalization;
using Holdfast.Users;

namespace Holdfast.Drills;

/// <summary>One refresh token, shown at two nodes: a lost response and a thief, with the link between the nodes whole and cut.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class SeveralNodesRefresh(ITestOutputHelper output)
{
    private const int Sessions = 20;

    [Fact] // OAUTH-027
    public async Task A_token_shown_at_two_nodes_has_one_successor_inside_the_grace_and_ends_the_session_outside_it()
    {
        await using var nodes = await Nodes.StartAsync(3, isLinked: true);
        var sessions = await Task.WhenAll(Enumerable.Range(0, Sessions).Select(n => nodes[2].JoinAsync($"ada-{n}@acme.test")));
        var shown = Stopwatch.GetTimestamp();
        // The primary is there, the response is lost: at once, at another node, whether or not it has heard of the session.
        var first = await Task.WhenAll(sessions.Select(s => nodes[2].RefreshAsync(s)));
        var again = await Task.WhenAll(sessions.Select(s => nodes[3].RefreshAsync(s)));
        AssertSame(first, again);
        await Task.WhenAll(first.Select(async s => (await nodes[3].RefreshAsync(s)).Is(200)));

        // The same with links cut and the primary stopped: sessions that node 3 has never heard of, too.
        nodes[1].Freeze();
        nodes.Links!.Break(2, 3, Cut.Hangs);
        var born = await Task.WhenAll(Enumerable.Range(0, Sessions).Select(n => nodes[2].JoinAsync($"grace-{n}@acme.test")));
        var inGrace = born[..(Sessions / 2)];
        var late = born[(Sessions / 2)..];
        var cutAt = Stopwatch.GetTimestamp();
        var here = await Task.WhenAll(inGrace.Select(s => nodes[2].RefreshAsync(s)));
        var there = await Task.WhenAll(inGrace.Select(s => nodes[3].RefreshAsync(s)));
        AssertSame(here, there);
        var thieves = await Task.WhenAll(late.Select(s => nodes[3].RefreshAsync(s)));
        Assert.All(thieves, t => t.Is(200));

        // Outside the grace: where the spend is known, the session ends at once; where the link is cut, nobody can know yet.
        await Nodes.UntilAsync("the grace is over", TimeSpan.FromSeconds(20), () =>
            Task.FromResult(Stopwatch.GetElapsedTime(cutAt) > Session.Grace + TimeSpan.FromMilliseconds(500)));
        var replayed = await Task.WhenAll(sessions.Select(s => nodes[3].RefreshAsync(s)));
        Assert.All(replayed, r => r.Is(400, "SessionReplayed"));
        Assert.All(await Task.WhenAll(late.Select(s => nodes[2].RefreshAsync(s))), r => r.Is(200));
        Assert.All(await Task.WhenAll(inGrace.Select(s => nodes[2].CheckAsync(s))), r => r.Is(200));

        nodes.Links.Heal();
        var healed = await Nodes.UntilAsync("the replayed sessions have ended at all nodes that can be reached", TimeSpan.FromSeconds(20), async () =>
            (await Task.WhenAll(late.Concat(sessions).SelectMany(s => new[] { nodes[2].CheckAsync(s), nodes[3].CheckAsync(s) }))).All(c => c.Status == 400));
        Assert.All(await Task.WhenAll(here.SelectMany(s => new[] { nodes[2].RefreshAsync(s), nodes[3].RefreshAsync(s) })), r => r.Is(200));
        nodes[1].Thaw();
        await nodes.LevelAsync();
        Assert.All(await Task.WhenAll(late.Concat(sessions).Select(s => nodes[1].CheckAsync(s))), r => r.Is(400));
        Assert.All(await Task.WhenAll(inGrace.Select(s => nodes[1].CheckAsync(s))), r => r.Is(200));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Sessions} tokens shown at two nodes, {inGrace.Length} with the link cut: same successors; {Sessions + late.Length} shown outside the grace: ended, {healed.TotalSeconds:0.00} s after the link was whole; {Stopwatch.GetElapsedTime(shown).TotalSeconds:0.0} s"));
    }

    private static void AssertSame(Node.Answer[] first, Node.Answer[] again)
    {
        Assert.All(first, f => f.Is(200));
        Assert.All(again, a => a.Is(200));
        Assert.Equal(first.Select(f => f.Text("token")), again.Select(a => a.Text("token")));   // byte by byte
    }
}
