using System.Globalization;
using Holdfast.Storage.Peers;

namespace Holdfast.Drills;

/// <summary>A node is cut off from all others, in each way that a link can be cut: it serves, says what it cannot do in time, starts cold like that, and catches up.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class SeveralNodesLinks(ITestOutputHelper output)
{
    private const int People = 10;

    /// <summary>Another node may be waited for for half a second (law 1), the primary for 0.8 s; and this much longer on a busy machine.</summary>
    private static readonly TimeSpan Busy = TimeSpan.FromSeconds(1.5);

    private static readonly TimeSpan PeerDeadline = SingleUse.Deadline + Busy;
    private static readonly TimeSpan WriteDeadline = Storage.Database.WriteDeadline + Busy;

    [Theory]
    [InlineData(Cut.Hangs)]
    [InlineData(Cut.Refuses)]
    [InlineData(Cut.OneWay)]
    public async Task A_node_that_is_cut_off_serves_and_says_in_time_what_it_cannot_do(Cut how)
    {
        await using var nodes = await Nodes.StartAsync(3, isLinked: true);
        using var people = await SamlPeople.SetUpAsync(nodes);
        var sessions = await Task.WhenAll(Enumerable.Range(0, People).Select(n => nodes[3].JoinAsync($"ada-{n}@acme.test")));
        var code = await people.ObtainCodeAsync(nodes[2], "elsewhere@acme.test");
        var alive = await people.ObtainCodeAsync(nodes[2], "before@acme.test");
        (await people.RedeemInTimeAsync(nodes[3], alive, "alive")).Is(200);   // there is a connection between the two when the link is cut

        nodes.Links!.Break(1, 3, how);   // one way: what node 3 asks arrives, and the answers are lost
        nodes.Links.Break(2, 3, how);
        var slowest = await ServeAsync(nodes[3], people, sessions);
        var away = (await people.RedeemAsync(nodes[3], code, "the application's")).Is(503, "authority_unavailable");
        Assert.True(away.Took <= PeerDeadline, $"503 came after {away.Took.TotalSeconds:0.00} s");
        var written = (await people.CallAsync("/organizations", new { name = "Later" }, node: 3, key: "once")).Is(503, "primary_unavailable");
        Assert.True(written.Took <= WriteDeadline, $"503 came after {written.Took.TotalSeconds:0.00} s");
        await AssertStepsAsync(nodes[3], "cut");
        var named = await Nodes.UntilAsync("the node names the cause", TimeSpan.FromSeconds(10), async () =>
            (await nodes[3].SendAsync("GET", "/health")).Json.GetProperty("cause") is { ValueKind: System.Text.Json.JsonValueKind.Object } cause
            && cause.GetProperty("dependency").GetString()!.Split(':')[0] is "primary" or "peer" or "peers" or "zone" or "region");   // or what the primary stands on, once that is known to be away (decision 0025)

        // Cold, in this state.
        await nodes[3].KillAsync();
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        await nodes[3].StartAsync();
        var cold = System.Diagnostics.Stopwatch.GetElapsedTime(started);
        await ServeAsync(nodes[3], people, sessions);
        (await nodes[3].RevokeAsync(sessions[0])).Is(200);

        nodes.Links.Heal();
        var held = await Nodes.UntilAsync("the deny holds at the others", TimeSpan.FromSeconds(20), async () =>
            (await Task.WhenAll(nodes[1].CheckAsync(sessions[0]), nodes[2].CheckAsync(sessions[0]))).All(c => c.Status == 400));
        await nodes.WholeAsync();
        // The application asks again, as it was told: it gets what was perhaps given and lost; and nobody else does.
        (await people.RedeemInTimeAsync(nodes[3], code, "the application's")).Is(200);
        (await people.RedeemInTimeAsync(nodes[3], code, "another's")).Is(400, "invalid_grant");
        (await people.RedeemAsync(nodes[2], code)).Is(400, "invalid_grant");
        (await people.MadeAsync("/organizations", new { name = "Later" }, node: 3, key: "once")).Is(201);
        await nodes.LevelAsync();   // what one node took, the others show within the replication lag
        var organizations = (await nodes[1].SendAsync("GET", "/organizations", bearer: people.ApiKey)).Json.GetProperty("data").EnumerateArray();
        Assert.Single(organizations, o => o.GetProperty("name").GetString() == "Later");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{how}: slowest answer {slowest.TotalMilliseconds:0} ms; 503 for another node's code after {away.Took.TotalMilliseconds:0} ms, for a write after {written.Took.TotalMilliseconds:0} ms; cause named after {named.TotalSeconds:0.0} s; cold start {cold.TotalSeconds:0.0} s; a deny held {held.TotalSeconds:0.0} s after the link was whole"));
    }

    /// <summary>People come in every way that the node decides by itself.</summary>
    private static async Task<TimeSpan> ServeAsync(Node node, SamlPeople people, Node.Answer[] sessions)
    {
        var answers = new List<Node.Answer>();
        for (var n = 0; n < sessions.Length; n++)
        {
            answers.Add(await node.SignInAsync($"ada-{n}@acme.test"));
            answers.Add(await node.RefreshAsync(answers[^1]));
            answers.Add(await people.RedeemAsync(node, await people.ObtainCodeAsync(node, $"sso-{n}@acme.test")));
        }
        Assert.All(answers, a => a.Is(200));
        var slowest = answers.Max(a => a.Took);
        Assert.True(slowest <= Busy, $"An answer took {slowest.TotalSeconds:0.00} s.");
        return slowest;
    }

    /// <summary>A step whose authority is another node is told in time to be unavailable; one of its own is taken.</summary>
    private static async Task AssertStepsAsync(Node node, string name)
    {
        var seen = new HashSet<string>();
        for (var n = 0; seen.Count < 3; n++)
        {
            var answer = (await node.StepAsync($"{name}-{n}", MailPeople.Now)).Is(200);
            seen.Add(answer.Texts("authorities").Single());
            Assert.Equal(answer.Texts("authorities") is ["node-3"] ? nameof(SpendVerdict.Granted) : nameof(SpendVerdict.Unavailable), answer.Text("verdict"));
            Assert.True(answer.Took <= PeerDeadline, $"A step took {answer.Took.TotalSeconds:0.00} s.");
        }
    }
}
