using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Storage.Rows;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Peers;

/// <summary>Whole nodes that stand together.</summary>
public sealed class ClusterTests
{
    [Fact]
    public async Task A_code_of_one_node_is_redeemed_at_another_once()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var connection = await nodes[0].SamlConnectionAsync();
        await nodes.HeardAsync(by: 1, whom: 0);
        var code = await connection.SignInAsync();
        var redeemed = (await RedeemAsync(nodes[1], code)).Is(200);
        Assert.Equal("ada@acme.test", redeemed.Json.GetProperty("profile").GetProperty("email").GetString());
        Assert.False(redeemed.Headers.Contains(SignedText.NodeHeader) || redeemed.Headers.Contains(SignedText.SignedHeader));
        Assert.Single(redeemed.Headers.GetValues("X-Request-ID"));
        (await RedeemAsync(nodes[0], code)).IsOAuth("invalid_grant");
        (await RedeemAsync(nodes[1], code)).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_request_with_headers_in_another_alphabet_is_sent_on_too()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var connection = await nodes[0].SamlConnectionAsync();
        await nodes.HeardAsync(by: 1, whom: 0);
        var form = new Dictionary<string, string>
        {
            ["client_id"] = nodes[1].A.ClientId, ["client_secret"] = nodes[1].A.ApiKey, ["grant_type"] = "authorization_code", ["code"] = await connection.SignInAsync(),
        };
        var redeemed = (await nodes[1].SendAsync("POST", "/sso/token", null, new FormUrlEncodedContent(form), ("X-Name", "J\u00fcrgen \u4e16\u754c"))).Is(200);
        Assert.Equal(Holdfast.Http.NodeAnswer.Given, redeemed.Headers.GetValues(Holdfast.Http.NodeAnswer.Header).Single());
        Assert.Null(nodes.Peer(from: 1, to: 0).Forwarding.Health.How);
    }

    [Fact]
    public async Task Of_twenty_who_redeem_a_code_at_two_nodes_one_gets_it()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var connection = await nodes[0].SamlConnectionAsync();
        await nodes.HeardAsync(by: 1, whom: 0);
        var code = await connection.SignInAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => RedeemAsync(nodes[i % 2], code)));
        Assert.Single(answers, a => a.Status == 200);
        Assert.Equal(19, answers.Count(a => a.Status == 400 && a["error"] == "invalid_grant"));
    }

    [Fact]
    public async Task The_same_request_again_at_another_node_gets_the_same_profile()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var connection = await nodes[0].SamlConnectionAsync();
        await nodes.HeardAsync(by: 1, whom: 0);
        var code = await connection.SignInAsync();
        var first = (await RedeemAsync(nodes[0], code, "key")).Is(200);
        var again = (await RedeemAsync(nodes[1], code, "key")).Is(200);
        Assert.Equal(first.Json.GetProperty("profile").GetProperty("id").GetString(), again.Json.GetProperty("profile").GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_sign_in_that_began_at_one_node_ends_there_though_its_answer_came_to_another()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var connection = await nodes[0].SamlConnectionAsync();
        await nodes.HeardAsync(by: 1, whom: 0);
        await ConnectionAtAsync(nodes, 1, connection.Id);
        var begun = await connection.BeginAsync();
        var browser = new Browser(nodes[1]);
        foreach (var (name, (value, _)) in begun.Browser.Cookies)
        {
            browser.Set(name, value);
        }
        var back = (await connection.PostAsync(browser, connection.Response(begun, "ada@acme.test"), begun.RelayState)).Is(302);
        Assert.StartsWith(HoldfastServer.Callback, back.Location, StringComparison.Ordinal);
        Assert.StartsWith(nodes[0].Storage.Database.Incarnation + ".", back.Sent("code")!, StringComparison.Ordinal);
        Assert.Empty(browser.Cookies);   // the other node's cookie came along, and took the flow's away
        (await RedeemAsync(nodes[1], back.Sent("code")!)).Is(200);
    }

    [Fact]
    public async Task With_the_node_away_its_code_is_503_and_its_sign_in_begins_anew()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var connection = await nodes[0].SamlConnectionAsync();
        await nodes.HeardAsync(by: 1, whom: 0);
        await ConnectionAtAsync(nodes, 1, connection.Id);
        var code = await connection.SignInAsync();
        var begun = await connection.BeginAsync();
        var browser = new Browser(nodes[1]);
        foreach (var (name, (value, _)) in begun.Browser.Cookies)
        {
            browser.Set(name, value);
        }
        var response = connection.Response(begun, "ada@acme.test");
        await nodes.StopNodeAsync(0);

        var away = (await RedeemAsync(nodes[1], code)).Is(503, "authority_unavailable");
        Assert.NotNull(away.Headers.RetryAfter);
        var anew = SamlConnection.Read(browser, (await connection.PostAsync(browser, response, begun.RelayState)).Is(302));
        Assert.StartsWith(nodes[1].Storage.Database.Incarnation + ".", anew.RelayState, StringComparison.Ordinal);
        var back = (await connection.PostAsync(browser, connection.Response(anew, "ada@acme.test"), anew.RelayState)).Is(302);
        (await RedeemAsync(nodes[1], back.Sent("code")!)).Is(200);

        await nodes.StartNodeAsync(0);
        await nodes.HeardAsync(by: 1, whom: 0);
        (await RedeemAsync(nodes[1], code)).Is(200);   // the same life goes on, and the code was not used
    }

    [Fact]
    public async Task What_a_life_issued_that_was_declared_over_is_void_elsewhere()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var connection = await nodes[0].SamlConnectionAsync();
        await nodes.HeardAsync(by: 1, whom: 0);
        var code = await connection.SignInAsync();
        await nodes.DeclareDeadAsync(1, nodes[0].Storage.Database.Incarnation);
        (await RedeemAsync(nodes[1], code)).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task A_code_that_nobody_here_can_have_issued_is_void_at_once()
    {
        await using var nodes = await Cluster.StartAsync(2);
        (await RedeemAsync(nodes[1], "nonsense.code")).IsOAuth("invalid_grant");
        (await RedeemAsync(nodes[1], "nonsense")).IsOAuth("invalid_grant");
        (await RedeemAsync(nodes[1], "ffffffffffff.code")).Is(503, "authority_unavailable");   // a node of whom the news has not come yet
    }

    [Fact]
    public async Task What_was_sent_on_is_not_sent_on_again()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 1, whom: 0);
        var form = $"client_id={nodes[0].A.ClientId}&client_secret={nodes[0].A.ApiKey}&grant_type=authorization_code&code={nodes[0].Storage.Database.Incarnation}.x";
        var voice = nodes[0].Services.GetRequiredService<PeerVoice>();   // a node that errs, and sends its own item to another
        var (headers, _) = voice.Sign("POST", "/sso/token", System.Text.Encoding.UTF8.GetBytes(form), null, "192.0.2.7");
        var answer = await nodes[1].SendAsync("POST", "/sso/token", null, form, [.. headers.Select(h => (h.Key, h.Value)), ("Content-Type", "application/x-www-form-urlencoded")]);
        answer.Is(503, "authority_unavailable");
        Assert.Equal(0, nodes.Peer(1, 0).Forwarding.UnderWay);
        Assert.True(answer.Headers.Contains(SignedText.SignedHeader));
    }

    [Fact]
    public async Task What_a_client_says_of_nodes_is_not_sent_on()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 1, whom: 0);
        var form = $"client_id={nodes[0].A.ClientId}&grant_type=authorization_code&code={nodes[0].Storage.Database.Incarnation}.x&code_verifier={new string('v', 43)}";
        for (var i = 0; i < 6; i++)   // more than open a breaker
        {
            (await nodes[1].SendAsync("POST", "/sso/token", null, form, (SignedText.NodeHeader, "x"), ("Content-Type", "application/x-www-form-urlencoded"))).IsOAuth("invalid_grant");
        }
    }

    [Fact]
    public async Task Only_a_node_is_believed_for_whom_it_speaks()
    {
        await using var nodes = await Cluster.StartAsync(2);
        (await nodes[0].SendAsync("POST", "/sso/token", null, "{}", (SignedText.ForHeader, "192.0.2.7"))).Is(401);
        (await nodes[0].SendAsync("GET", "/health", null, null, (SignedText.ForHeader, "192.0.2.7"))).Is(401);
        var voice = nodes[1].Services.GetRequiredService<PeerVoice>();
        var (headers, _) = voice.Sign("GET", "/health", [], null, "192.0.2.7");
        (await nodes[0].SendAsync("GET", "/health", null, null, [.. headers.Select(h => (h.Key, h.Value))])).Is(200);
        (headers, _) = voice.Sign("GET", "/health", [], null, "not an address");
        (await nodes[0].SendAsync("GET", "/health", null, null, [.. headers.Select(h => (h.Key, h.Value))])).Is(401);
    }

    [Fact]
    public async Task What_one_node_creates_another_reads_and_a_repeat_elsewhere_is_the_same()
    {
        await using var nodes = await Cluster.StartAsync(3);
        var made = (await nodes[1].PostAsync("/organizations", new { name = "Acme" }, ("Idempotency-Key", "once"))).Is(201)["id"]!;
        (await nodes[1].GetAsync($"/organizations/{made}")).Is(200);
        Assert.Equal(made, (await nodes[2].PostAsync("/organizations", new { name = "Acme" }, ("Idempotency-Key", "once"))).Is(201)["id"]);
        Assert.Equal(made, (await nodes[0].PostAsync("/organizations", new { name = "Acme" }, ("Idempotency-Key", "once"))).Is(201)["id"]);
        (await nodes[0].GetAsync($"/organizations/{made}")).Is(200);
        Assert.Equal([made], (await nodes[0].GetAsync("/organizations")).Is(200).Ids);
    }

    [Fact]
    public async Task Twenty_who_write_at_three_nodes_are_all_kept_once()
    {
        await using var nodes = await Cluster.StartAsync(3);
        var made = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => nodes[i % 3].PostAsync("/organizations", new { name = $"Acme {i}" })));
        Assert.All(made, a => a.Is(201));
        await nodes.HasAsync(0, view => view.Find<long>("SELECT count(*) FROM organizations") == 20);
        Assert.Equal(20, made.Select(a => a["id"]).Distinct().Count());
    }

    [Fact]
    public async Task Without_the_node_that_has_the_primary_people_sign_in_and_administrators_wait()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var connection = await nodes[0].SamlConnectionAsync();
        await ConnectionAtAsync(nodes, 1, connection.Id);
        await nodes.StopNodeAsync(0);
        var here = connection with { Server = nodes[1] };
        (await here.RedeemAsync(await here.SignInAsync())).Is(200);
        (await nodes[1].PostAsync("/organizations", new { name = "Later" })).Is(503, "primary_unavailable");
        // The primary first; and once it is known that its node is away as a peer, too, that node.
        Assert.Contains(await nodes[1].CauseAsync(), new[] { "primary", $"peer:{nodes.Url(0)}" });

        await nodes.StopNodeAsync(1);
        await nodes.StartNodeAsync(1);   // cold, with nobody there
        here = connection with { Server = nodes[1] };
        (await here.RedeemAsync(await here.SignInAsync())).Is(200);

        await nodes.StartNodeAsync(0);
        await nodes.LevelAsync(1);
        (await nodes[1].PostAsync("/organizations", new { name = "Later" })).Is(201);
    }

    [Fact]
    public async Task Health_names_the_other_nodes()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 1, whom: 0);
        var health = (await nodes[1].GetAsync("/health")).Is(200).Json;
        var peer = health.GetProperty("peers").EnumerateArray().Single();
        Assert.Equal((nodes.Url(0), "node-1", "region", "ok"),
            (peer.GetProperty("address").GetString(), peer.GetProperty("name").GetString(), peer.GetProperty("region").GetString(), peer.GetProperty("state").GetString()));
        Assert.Equal(0, peer.GetProperty("facts_refused").GetInt64());
        Assert.Contains(health.GetProperty("dependencies").EnumerateArray(), d => d.GetProperty("name").GetString() == $"peer:{nodes.Url(0)}");
    }

    [Fact]
    public async Task A_node_that_lost_its_key_is_another_life_and_nobody_takes_the_new_key_for_the_old_one()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 0, whom: 1);
        var elder = nodes[1].Storage.Database.Incarnation;
        string? KeyOf(string life) => nodes[0].Storage.Database.Read(view => Storage.Peers.Lives.Find(view, life))?.PublicKey;
        var key = KeyOf(elder);
        await nodes.StopNodeAsync(1);
        File.Delete(Path.Combine(nodes.Data(1), "node.key"));

        await nodes.StartNodeAsync(1);
        var life = nodes[1].Storage.Database.Incarnation;
        Assert.NotEqual(elder, life);
        await nodes.HeardAsync(by: 0, whom: 1);
        Assert.Equal(key, KeyOf(elder));
        Assert.NotEqual(key, KeyOf(life));
        Assert.Equal(Storage.Peers.Whose.Gone, nodes[0].Storage.Peers.Find(elder).Whose);   // what it issued is void, and is not sent on
        await nodes.LevelAsync(1);
        (await nodes[1].PostAsync("/organizations", new { name = "Acme" })).Is(201);
    }

    [Fact]
    public async Task A_node_that_speaks_of_another_s_life_is_counted_and_the_other_goes_on()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 0, whom: 1);
        await nodes.HeardAsync(by: 1, whom: 0);
        var victim = nodes[0].Storage.Database.Incarnation;
        var said = Change.To(Storage.Schema.Nodes, victim, ("name", "node-1"), ("region", "region"), ("zone", "node-1"), ("born_at", 1L), ("public_key", "another"))
            .Stamped(nodes[1].Storage.Node.Clock.Next());
        await nodes[1].Storage.Node.Writer.EnqueueAsync(session =>
        {
            session.Journal.Append(said, said.ToJson(), nodes.Clock.GetUtcNow());   // it tells others, and does not fall for it itself
            return true;
        });
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        for (var news = 0; nodes[0].Storage.Database.Incarnation == victim; news++)   // it looks whenever a peer tells something
        {
            await nodes[1].Storage.Database.RecordAsync(_ => Decide.To(true, Change.To(
                Storage.Schema.Events, $"event_news_{news}", ("environment_id", "e"), ("event", "news"), ("data", "{}"), ("created_at", 1L))));
            await Task.Delay(50, deadline.Token);
        }
        var peer = (await nodes[0].GetAsync("/health")).Is(200).Json.GetProperty("peers").EnumerateArray().Single();
        Assert.Equal(("node-2", 1), (peer.GetProperty("name").GetString(), peer.GetProperty("facts_refused").GetInt64()));
        await nodes.HeardAsync(by: 1, whom: 0);
        await WritesAsync(nodes[1]);
    }

    [Fact]
    public async Task A_node_whose_life_is_over_hears_it_from_the_log_though_nobody_lets_it_in()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 0, whom: 1);
        var victim = nodes[1].Storage.Database.Incarnation;
        await nodes[0].Storage.Database.RecordAsync(_ => Decide.To(true, Change.To(Storage.Schema.Nodes, victim,
            ("name", "node-2"), ("region", "region"), ("zone", "node-2"), ("born_at", 1L), ("public_key", "another"))));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (nodes[1].Storage.Database.Incarnation == victim)
        {
            await Task.Delay(10, deadline.Token);
        }
        await nodes.HeardAsync(by: 0, whom: 1);
        await WritesAsync(nodes[1]);
    }

    [Fact]
    public void A_node_s_share_of_a_limit_is_by_the_number_of_nodes()
    {
        var limits = new RateLimits(TimeProvider.System, 0.01, nodes: 3);   // 6,000 times 0.01, of three
        var passed = Enumerable.Range(0, 60).Count(_ => limits.Count(RateLimits.PerApiKey, "key") is null);
        Assert.Equal(20, passed);
        var tiny = new RateLimits(TimeProvider.System, 0.000001, nodes: 3);
        Assert.True(tiny.Count(RateLimits.PerApiKey, "key") is null);   // never nothing at all
    }

    /// <summary>Waits until an administrator's write succeeds: what was under way when a life ended is answered to nobody.</summary>
    private static async Task WritesAsync(HoldfastServer node)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while ((await node.PostAsync("/organizations", new { name = "Acme" })).Status != 201)
        {
            await Task.Delay(50, deadline.Token);
        }
    }

    private static Task ConnectionAtAsync(Cluster nodes, int node, string connectionId) =>
        nodes.HasAsync(node, view => view.Find<string>("SELECT id FROM connections WHERE id = @connectionId AND settings_sealed IS NOT NULL", new { connectionId }) is not null);

    internal static Task<Answer> RedeemAsync(HoldfastServer at, string code, string? key = null) => SamlConnection.RedeemAsync(at, at.A, code, key);
}
