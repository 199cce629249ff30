using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Holdfast.Storage.Tests;

namespace Holdfast.Drills;

/// <summary>What is to be used once is shown at three nodes at once, again and again, while one of them is killed: it is never taken twice (law 5).</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class SeveralNodesSingleUse(ITestOutputHelper output)
{
    private const int Items = 100;
    private const int Waves = 5;

    [Fact]
    public async Task Three_hundred_items_shown_at_three_nodes_while_one_is_killed_are_each_taken_once()
    {
        var began = Stopwatch.GetTimestamp();
        await using var nodes = await Nodes.StartAsync(3, isLinked: false);
        using var people = await SamlPeople.SetUpAsync(nodes);
        var dice = new Dice(20251020);
        var shown = new List<Item>();
        for (var wave = 0; wave < Waves; wave++)
        {
            var items = (await Task.WhenAll(Enumerable.Range(0, Items / Waves).Select(i => IssueAsync(nodes, people, dice.Below(3) + 1, wave * Items / Waves + i)))).SelectMany(i => i).ToList();
            var victim = nodes[1 + dice.Below(3)];
            var showing = Task.WhenAll(items.SelectMany(item => nodes.All.Select(node => item.ShowAsync(node))));
            // Somewhere in the middle of them.
            var enough = 1 + dice.Below(items.Count * 2);
            await Task.WhenAny(showing, Nodes.UntilAsync("enough were answered", TimeSpan.FromSeconds(30), () => Task.FromResult(items.Sum(i => i.Answers.Count) >= enough)));
            await victim.KillAsync();
            await showing;
            await victim.StartAsync();
            shown.AddRange(items);
        }
        await nodes.WholeAsync();
        var (before, unclear) = (shown.Count(i => i.Accepted > 0), shown.Count(i => i.Accepted == 0));
        Assert.DoesNotContain(shown, i => i.Accepted == 0 && !i.IsUnclear);   // nobody was refused what nobody had got

        // All is well again: every item once more at every node.
        foreach (var item in shown)
        {
            await Task.WhenAll(nodes.All.Select(item.ShowAsync));
        }
        Assert.DoesNotContain(shown, i => i.Accepted > 1);
        Assert.DoesNotContain(shown, i => i.Answers.Contains(Verdict.Wrong));
        foreach (var kind in shown.GroupBy(i => i.Kind))
        {
            output.WriteLine($"{kind.Key}: {kind.Count()} items, shown {kind.Sum(i => i.Answers.Count)} times: {kind.Count(i => i.Accepted == 1)} accepted once, "
                + $"{kind.Count(i => i.Accepted > 1)} twice, {kind.Count(i => i.Accepted == 0)} used up by a request whose answer was lost");
            Assert.True(kind.Count(i => i.Accepted == 1) >= Items * 3 / 4, $"Only {kind.Count(i => i.Accepted == 1)} of {kind.Key} were accepted at all.");
        }
        await nodes.LevelAsync();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Waves} kills; {before} accepted before the end, {unclear} left unclear by a kill; {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s"));
    }

    private enum Verdict
    {
        Accepted,
        Refused,

        /// <summary>No answer, or 503: perhaps it was used and the answer was lost.</summary>
        Unclear,

        Wrong,
    }

    private sealed record Item(string Kind, Func<Node, Task<Verdict>> Show)
    {
        public ConcurrentQueue<Verdict> Answers { get; } = new();

        public int Accepted => Answers.Count(a => a == Verdict.Accepted);

        public bool IsUnclear => Answers.Contains(Verdict.Unclear);

        public async Task ShowAsync(Node node) => Answers.Enqueue(await Show(node));
    }

    private static async Task<List<Item>> IssueAsync(Nodes nodes, SamlPeople people, int at, int number)
    {
        var code = await people.ObtainCodeAsync(nodes[at], $"ada-{number}@acme.test");
        var magic = (await nodes[at].PostAsync("magic", new { email = $"grace-{number}@acme.test" })).Is(200);
        var made = MailPeople.Now;
        return
        [
            new Item("SSO codes", async node => Read(await people.RedeemAsync(node, code), "invalid_grant")),
            new Item("magic codes", async node => Read(await node.PostAsync("magic/redeem", new { item = magic.Text("item"), code = magic.Text("code") }), "ItemSpent")),
            new Item("one-time password steps", async node => await node.StepAsync($"step-{number}", made) switch
            {
                { Status: 0 } => Verdict.Unclear,
                { Status: 200 } answer => answer.Text("verdict") switch { "Granted" => Verdict.Accepted, "Used" => Verdict.Refused, "Unavailable" => Verdict.Unclear, _ => Verdict.Wrong },
                _ => Verdict.Wrong,
            }),
        ];
    }

    private static Verdict Read(Node.Answer answer, string refusal) => answer.Status switch
    {
        200 => Verdict.Accepted,
        400 when answer.Code == refusal => Verdict.Refused,
        0 or 503 => Verdict.Unclear,
        _ => Verdict.Wrong,
    };
}
