using Holdfast.Storage.Peers;
using Holdfast.Tests.MultiFactor;
using Holdfast.Tests.Peers;

namespace Holdfast.Tests.AuthKit;

/// <summary>Second factors on nodes that stand together, and with what they stand on gone (laws 1, 4 and 5).</summary>
public sealed class FactorClusterTests
{
    [Fact]
    public async Task A_factor_of_one_node_is_asked_for_on_the_other_and_a_code_is_good_on_one_of_them()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await ListedAsync(nodes);
        var person = await Person.MakeAsync(nodes[0]);
        var app = await person.EnrollAsync();
        await HasFactorAsync(nodes, 1, app);

        var (here, there) = ((await person.AskAsync()).Is(403, "mfa_challenge"), (await person.AskAsync(nodes[1])).Is(403, "mfa_challenge"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => person.ShowAsync(i % 2 == 0 ? here : there, app.Code(), at: nodes[i % 2])));
        Assert.Single(answers, a => a.Status == 200);
        Assert.All(answers.Where(a => a.Status != 200), a => Assert.Contains(a["code"], new[] { "one_time_code_previously_used", "invalid_pending_authentication_token" }));

        // A challenge is answered by the node that made it, wherever its code is typed in.
        nodes.Clock.Advance(TimeSpan.FromSeconds(30));
        var challenge = await app.ChallengeAsync(nodes[0]);
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM pending_items WHERE id = @challenge", new { challenge }) > 0);
        Assert.Equal("True", (await nodes[1].PostAsync($"/auth/challenges/{challenge}/verify", new { code = app.Code() })).Is(201)["valid"]);
        (await nodes[0].PostAsync($"/auth/challenges/{challenge}/verify", new { code = app.Code() })).Is(422, "authentication_challenge_already_verified");
    }

    [Fact]
    public async Task When_the_node_that_decides_about_a_code_is_away_nobody_else_does_and_another_factor_may_do()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await ListedAsync(nodes);
        var person = await Person.MakeAsync(nodes[0]);
        List<App> apps = [];
        for (var i = 0; i < 6; i++)
        {
            apps.Add(await person.EnrollAsync());
        }
        await HasFactorAsync(nodes, 1, apps[^1]);
        var challenges = await Task.WhenAll(apps.Select(a => a.ChallengeAsync(nodes[1])));
        await nodes.StopNodeAsync(0);   // and with it the primary

        var asked = (await person.AskAsync(nodes[1])).Is(403, "mfa_challenge");
        // Which node decides about a code, the factor and the step say: of so many steps some are of either.
        var seen = new HashSet<int>();
        for (var step = 0; step < 20 && seen.Count < 2; step++)
        {
            var again = (await person.AskAsync(nodes[1])).Is(403);
            var n = step % apps.Count;
            var answer = await person.ShowAsync(again, apps[n].Code(), challenges[n], nodes[1]);
            Assert.Contains(answer.Status, new[] { 200, 503 });
            if (answer.Status == 503)
            {
                answer.Is(503, "authority_unavailable");
            }
            seen.Add(answer.Status);
            nodes.Clock.Advance(TimeSpan.FromSeconds(n == apps.Count - 1 ? 30 : 0));
            challenges[n] = await apps[n].ChallengeAsync(nodes[1]);
        }
        Assert.Equal([200, 503], seen.Order());
    }

    [Fact]
    public async Task A_factor_that_is_taken_away_while_the_primary_is_gone_is_gone_everywhere()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await ListedAsync(nodes);
        var person = await Person.MakeAsync(nodes[0]);
        var app = await person.EnrollAsync();
        await HasFactorAsync(nodes, 1, app);
        var session = new SignedIn(nodes[0], (await person.ShowAsync((await person.AskAsync()).Is(403), app.Code())).Is(200));
        await nodes.StopNodeAsync(0);

        (await nodes[1].DeleteAsync($"/auth/factors/{app.FactorId}")).Is(204);
        (await person.AskAsync(nodes[1])).Is(200);
        (await session.RefreshAsync(at: nodes[1])).IsOAuth("invalid_grant");
        await nodes.StartNodeAsync(0);

        await nodes.HasAsync(0, view => view.Find<long>("SELECT count(*) FROM denies WHERE subject = @FactorId", new { app.FactorId }) > 0);
        (await nodes[0].GetAsync($"/auth/factors/{app.FactorId}")).Is(404);
        (await session.RefreshAsync(at: nodes[0])).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_recovery_code_is_taken_only_when_another_node_has_heard_of_it()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await ListedAsync(nodes);
        nodes.Clock.StretchesFrom = TimeSpan.FromMilliseconds(50);
        var person = await Person.MakeAsync(nodes[0]);
        var app = await person.EnrollAsync();
        var codes = (await nodes[0].PostAsync($"/user_management/users/{person.UserId}/recovery_codes", new { })).Is(201).Json.GetProperty("codes").EnumerateArray().Select(c => c.GetString()!).ToList();
        await HasFactorAsync(nodes, 1, app);
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM factors WHERE type = 'recovery_codes'") > 0);

        await ConfirmedAsync(nodes);
        (await person.ShowAsync((await person.AskAsync()).Is(403), codes[0])).Is(200);
        (await person.ShowAsync((await person.AskAsync(nodes[1])).Is(403), codes[0], at: nodes[1])).Is(400, "one_time_code_previously_used");
        await nodes.StopNodeAsync(1);
        var waiting = new List<(Answer Asked, string Code)>();
        foreach (var code in codes.Skip(1).Take(4))
        {
            waiting.Add(((await person.AskAsync()).Is(403), code));
            (await person.ShowAsync(waiting[^1].Asked, code)).Is(503, "authority_unavailable");
        }
        // The same sign-in repeats it when somebody is there to hear of it; another does not.
        await nodes.StartNodeAsync(1);
        await nodes.HeardAsync(0, 1);
        await ConfirmedAsync(nodes);
        foreach (var (asked, code) in waiting)
        {
            (await person.ShowAsync(asked, code)).Is(200);
            (await person.ShowAsync((await person.AskAsync()).Is(403), code)).Is(400, "one_time_code_previously_used");
        }
    }

    [Fact]
    public async Task A_new_life_of_a_node_takes_no_code_that_its_elder_may_have_taken()
    {
        var nodes = await Cluster.StartAsync(2);
        await using var _ = nodes;
        await ListedAsync(nodes);
        var person = await Person.MakeAsync(nodes[0]);
        var app = await person.EnrollAsync();
        await HasFactorAsync(nodes, 1, app);
        var elder = nodes[1].Storage.Database.Incarnation;
        await nodes.StopNodeAsync(1);
        Directory.Delete(nodes.Data(1), recursive: true);
        nodes.Clock.Advance(TimeSpan.FromMinutes(1));
        await nodes.StartNodeAsync(1);
        Assert.NotEqual(elder, nodes[1].Storage.Database.Incarnation);
        await nodes.HeardAsync(0, 1);
        await HasFactorAsync(nodes, 1, app);

        // Steps of which the new life decides: some of these. It refuses what began before its birth plus the skew.
        var seen = new List<int>();
        for (var step = 0; step < 12; step++)
        {
            var answer = await person.ShowAsync((await person.AskAsync()).Is(403), app.Code());
            seen.Add(answer.Status);
            nodes.Clock.Advance(TimeSpan.FromSeconds(30));
        }
        Assert.Contains(200, seen);
        Assert.All(seen.Skip(3), s => Assert.Equal(200, s));
        Assert.Equal(SingleUse.Skew, TimeSpan.FromSeconds(60));
    }

    /// <summary>Waits until a node has a factor, and its user with their address and password: those came by another way.</summary>
    private static Task HasFactorAsync(Cluster nodes, int node, App app) =>
        nodes.HasAsync(node, view => view.Find<long>(
            "SELECT count(*) FROM factors f JOIN credentials c ON c.user_id = f.user_id JOIN claims a ON a.holder = f.user_id JOIN users u ON u.id = f.user_id WHERE f.id = @FactorId",
            new { app.FactorId }) > 0);

    /// <summary>Waits until each node has the other's receipt for a fact of now: by a clock that was moved, an elder one is one of a peer that is silent.</summary>
    private static async Task ConfirmedAsync(Cluster nodes)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        for (var node = 0; node < 2; node++)
        {
            while ((await nodes[node].PostAsync("/auth/factors/enroll", new { type = "generic_otp" })).Is(201).Headers.GetValues("Holdfast-Copies").Single() != "2")
            {
                await Task.Delay(10, deadline.Token);
            }
        }
    }

    /// <summary>Waits until both nodes are in the list that says who decides, and both go by it.</summary>
    private static async Task ListedAsync(Cluster nodes)
    {
        await nodes.HeardAsync(0, 1);
        await nodes.HeardAsync(1, 0);
        // Their keeper takes its time, by a clock that stands.
        foreach (var step in new Func<Storage.View, Storage.Rows.Decision<bool>>[]
        {
            view => NodeList.Enter(view, "node-1"), view => NodeList.Settle(view, NodeList.Of(view).Number),
            view => NodeList.Enter(view, "node-2"), view => NodeList.Settle(view, NodeList.Of(view).Number),
        })
        {
            await nodes[0].Storage.Database.WriteAsync(step, CancellationToken.None);
        }
        nodes.Clock.Advance(SingleUse.Skew);
        for (var node = 0; node < 2; node++)
        {
            await nodes.HasAsync(node, view => NodeList.Of(view) is { IsSettled: true, Now.Count: 2 });
        }
    }
}
