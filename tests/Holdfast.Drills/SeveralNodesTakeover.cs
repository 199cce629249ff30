namespace Holdfast.Drills;

/// <summary>A stranger uses the outage: signs up with somebody else's address at a node that cannot hear the others (decision 0009).</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class SeveralNodesTakeover(ITestOutputHelper output)
{
    private const int Attempts = 20;

    [Theory]
    [InlineData(Cut.Hangs)]
    [InlineData(Cut.Refuses)]
    public async Task A_stranger_who_signs_up_elsewhere_while_links_are_cut_gets_nothing_of_the_owner_s(Cut how)
    {
        await using var nodes = await Nodes.StartAsync(3, isLinked: true);
        var known = await nodes[2].JoinAsync("known@acme.test");
        await Nodes.UntilAsync("node 3 knows the user who was there before", TimeSpan.FromSeconds(20), async () =>
            (await nodes[3].SignInAsync("known@acme.test")).Status == 200);
        await nodes[1].KillAsync();
        nodes.Links!.Break(2, 3, how);

        // Apart: the stranger at node 3 before, between and after what the owners do at node 2.
        var strangers = new List<(string Email, Node.Answer Begun)> { ("known@acme.test", await StrangerAsync(nodes[3], "known@acme.test")) };
        var owners = new List<(string Email, Node.Answer Session)>();
        for (var n = 0; n < Attempts; n++)
        {
            var email = $"owner-{n}@acme.test";
            if (n % 2 == 0)
            {
                strangers.Add((email, await StrangerAsync(nodes[3], n % 4 == 0 ? email : email.ToUpperInvariant())));
            }
            owners.Add((email, await nodes[2].JoinAsync(email)));
            if (n % 2 == 1)
            {
                strangers.Add((email, await StrangerAsync(nodes[3], email)));
            }
        }
        foreach (var (email, begun) in strangers)
        {
            await AssertNoWayInAsync(nodes[3], email, begun, owners.FirstOrDefault(o => o.Email == email).Session);
        }
        // An owner comes to the stranger's node too, by a code in their mailbox: the same user, whichever node made it.
        foreach (var (email, session) in owners.Take(Attempts / 2))
        {
            var magic = (await nodes[3].PostAsync("magic", new { email })).Is(200);
            var there = (await nodes[3].PostAsync("magic/redeem", new { item = magic.Text("item"), code = magic.Text("code") })).Is(200);
            Assert.Equal(session.Text("user_id"), there.Text("user_id"));
        }

        nodes.Links.Heal();
        await nodes[1].StartAsync();
        await nodes.WholeAsync();
        await nodes.LevelAsync();
        foreach (var node in nodes.All)
        {
            foreach (var (email, begun) in strangers)
            {
                await AssertNoWayInAsync(node, email, begun, null);
            }
            foreach (var (email, session) in owners.Append(("known@acme.test", known)))
            {
                var holder = (await node.PostAsync("holder", new { email })).Is(200);
                Assert.Equal((session.Text("user_id"), 1), (holder.Text("user_id"), holder.Json.GetProperty("users").GetInt32()));
                (await node.CheckAsync(session)).Is(200);
                Assert.Equal(session.Text("user_id"), (await node.SignInAsync(email)).Is(200).Text("user_id"));
            }
        }
        output.WriteLine($"{how}: {strangers.Count} sign-ups of strangers, 0 ways in; {owners.Count + 1} owners, each one user at 3 nodes");
    }

    private static async Task<Node.Answer> StrangerAsync(Node node, string email) => (await node.PostAsync("sign-up", new { email, password = "stranger" })).Is(200);

    /// <summary>The password that they chose; a secret that they guess; and the owner who opens the mail that they caused, in a browser that did not begin it.</summary>
    private static async Task AssertNoWayInAsync(Node node, string email, Node.Answer begun, Node.Answer? owner)
    {
        (await node.SignInAsync(email, "stranger")).Is(400, "WrongCredential");
        AssertRefused(await node.ProveAsync(begun, secret: "a guess"));
        if (owner is not null)
        {
            AssertRefused(await node.ProveAsync(begun, signUpId: "sign_up_of_another_browser"));
        }
    }

    /// <summary>By the item's authority; or that was not reached in half a second, on a busy machine.</summary>
    private static void AssertRefused(Node.Answer answer) =>
        Assert.True(answer is { Status: 400, Code: "ItemUnknown" } or { Status: 503, Code: "authority_unavailable" }, $"{answer.Status} {answer.Json}");
}
