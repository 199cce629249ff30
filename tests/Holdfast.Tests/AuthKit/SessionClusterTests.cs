using Holdfast.Tests.Peers;

namespace Holdfast.Tests.AuthKit;

/// <summary>Sessions on nodes that stand together, and with what they stand on gone (laws 1, 4 and 5).</summary>
public sealed class SessionClusterTests
{
    [Fact]
    public async Task A_session_goes_on_at_a_node_that_has_never_heard_of_it_with_the_primary_and_its_own_node_gone()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var known = await SignedIn.ByMagicCodeAsync(nodes[0], "ada@people.test");
        await nodes.StopNodeAsync(1);
        var unheard = await SignedIn.ByMagicCodeAsync(nodes[0], "grace@people.test");
        await nodes.StopNodeAsync(0);
        await nodes.StartNodeAsync(1);

        var next = new SignedIn(nodes[1], (await unheard.RefreshAsync(at: nodes[1])).Is(200));

        Assert.Equal((unheard.SessionId, "grace@people.test"), (next.SessionId, next.Answer.Json.GetProperty("user").GetProperty("email").GetString()));
        (await next.RefreshAsync()).Is(200);
        (await known.RefreshAsync(at: nodes[1])).Is(200);
    }

    [Fact]
    public async Task A_session_is_ended_where_it_has_not_come_to_and_then_everywhere()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.StopNodeAsync(1);
        var session = await SignedIn.ByMagicCodeAsync(nodes[0], "ada@people.test");
        await nodes.StopNodeAsync(0);
        await nodes.StartNodeAsync(1);
        (await nodes[1].PostAsync("/user_management/sessions/revoke", new { session_id = session.SessionId })).Is(200);
        (await session.RefreshAsync(at: nodes[1])).IsOAuth("invalid_grant");
        await nodes.StartNodeAsync(0);

        await nodes.HasAsync(0, view => view.Find<long>("SELECT count(*) FROM denies WHERE subject = @SessionId", new { session.SessionId }) > 0);
        (await session.RefreshAsync(at: nodes[0])).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_link_to_sign_out_ends_a_session_where_it_has_not_come_to()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.StopNodeAsync(1);
        var session = await SignedIn.ByMagicCodeAsync(nodes[0], "ada@people.test");
        await nodes.StopNodeAsync(0);
        await nodes.StartNodeAsync(1);
        Assert.Contains((await nodes[1].SendAsync("GET", $"/user_management/sessions/logout?session_id={session.SessionId}", null)).Status, new[] { 200, 302 });
        (await session.RefreshAsync(at: nodes[1])).IsOAuth("invalid_grant");
        await nodes.StartNodeAsync(0);

        await nodes.HasAsync(0, view => view.Find<long>("SELECT count(*) FROM denies WHERE subject = @SessionId", new { session.SessionId }) > 0);
        (await session.RefreshAsync(at: nodes[0])).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_mailed_code_is_redeemed_by_the_node_that_made_it_wherever_it_is_typed_in()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var (id, code) = await SignedIn.MailCodeAsync(nodes[0], "ada@people.test");
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM pending_items WHERE id = @id", new { id }) > 0);

        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => SignedIn.AskAsync(nodes[i % 2], SignedIn.MagicGrant, ("email", "ada@people.test"), ("code", code))));

        Assert.Single(answers, a => a.Status == 200);
        Assert.All(answers.Where(a => a.Status != 200), a => a.Is(400, "one_time_code_previously_used"));
        var (late, unused) = await SignedIn.MailCodeAsync(nodes[0], "ada@people.test");
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM pending_items WHERE id = @late", new { late }) > 0);
        await nodes.StopNodeAsync(0);
        (await SignedIn.AskAsync(nodes[1], SignedIn.MagicGrant, ("email", "ada@people.test"), ("code", unused))).Is(503, "authority_unavailable");
    }
}
