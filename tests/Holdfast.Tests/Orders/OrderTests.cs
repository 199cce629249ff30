using Holdfast.Bench;
using Holdfast.Flags.Sources;
using Holdfast.Incidents;
using Holdfast.Orders;
using Holdfast.Resilience;
using Holdfast.Storage.Peers;
using Holdfast.Tests.Flags;
using Holdfast.Tests.Peers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Orders;

/// <summary>What an operator changes at run time: without deploying, without the primary, with an end (decision 0029).</summary>
public sealed class OrderTests
{
    private static string Key(HoldfastServer server) => server.Services.GetRequiredService<OperatorKey>().Value;

    private static Task<Answer> GiveAsync(HoldfastServer server, object order) => server.SendAsync("POST", "/ops/orders", Key(server), order);

    private static Task<Answer> CloseAsync(HoldfastServer server, string target = "dns", object? more = null) =>
        GiveAsync(server, more ?? new { kind = "dependency", target, setting = "closed", author = "Ada", reason = "its owner rebuilds it" });

    private static void Round(HoldfastServer server) => server.Services.GetRequiredService<ApplyOrders>().Round();

    private static Dependency Dependency(HoldfastServer server, string name)
    {
        Assert.True(server.Services.GetRequiredService<Dependencies>().TryFind(name, out var dependency));
        return dependency;
    }

    /// <summary>How a call fails; null when it is made.</summary>
    private static async Task<string?> CallAsync(Dependency dependency)
    {
        try
        {
            Assert.Equal(7, await dependency.CallAsync(_ => Task.FromResult(7), CancellationToken.None));
            return null;
        }
        catch (DependencyUnavailableException away)
        {
            return away.How;
        }
    }

    private static async Task<string?> ByHandAsync(HoldfastServer server, string name) => (await server.SendAsync("GET", "/health", null)).Is(200).Json.GetProperty("dependencies").EnumerateArray()
        .Single(d => d.GetProperty("name").GetString() == name).GetProperty("by_hand").GetString();

    private static async Task<List<string>> InForceAsync(HoldfastServer server) =>
        [.. (await server.SendAsync("GET", "/health", null)).Is(200).Json.GetProperty("orders").EnumerateArray().Select(o => o.GetProperty("id").GetString()!)];

    [Fact]
    public async Task A_dependency_is_closed_on_every_node_with_the_primary_gone_and_opened_again_at_another()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 0, whom: 1);
        await nodes.HeardAsync(by: 1, whom: 0);
        using var gone = new PrimaryLock(Path.Combine(nodes[0].Data, "primary.db"));

        var order = (await CloseAsync(nodes[1])).Is(201)["id"]!;
        Assert.Equal(Trouble.Closed, await CallAsync(Dependency(nodes[1], "dns")));

        await nodes.HasAsync(0, view => OrderStore.Find(view, order) is not null);
        Round(nodes[0]);
        Assert.Equal(Trouble.Closed, await CallAsync(Dependency(nodes[0], "dns")));
        Assert.Equal(("closed", null), (await ByHandAsync(nodes[0], "dns"), await ByHandAsync(nodes[0], "primary")));
        Assert.Equal([order], await InForceAsync(nodes[0]));
        Assert.DoesNotContain("Ada", (await nodes[0].SendAsync("GET", "/health", null)).Text, StringComparison.Ordinal);

        (await nodes[0].SendAsync("POST", $"/ops/orders/{order}/lift", Key(nodes[0]), new { author = "Grace" })).Is(200);
        Assert.Null(await CallAsync(Dependency(nodes[0], "dns")));
        await nodes.HasAsync(1, view => OrderStore.Find(view, order)!.LiftedAt is not null);
        Round(nodes[1]);
        Assert.Null(await CallAsync(Dependency(nodes[1], "dns")));
        var listed = Assert.Single((await nodes[1].SendAsync("GET", "/ops/orders?all=true", Key(nodes[1]))).Is(200).Json.GetProperty("data").EnumerateArray());
        Assert.Equal(("lifted", "Ada", "Grace"), (listed.GetProperty("status").GetString(), listed.GetProperty("author").GetString(), listed.GetProperty("lifted_by").GetString()));
    }

    [Fact]
    public async Task An_order_for_one_node_is_nobody_else_s()
    {
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 0, whom: 1);
        await nodes.HeardAsync(by: 1, whom: 0);

        var order = (await CloseAsync(nodes[0], more: new { kind = "dependency", target = "dns", setting = "closed", node = "node-2", author = "Ada", reason = "r" })).Is(201)["id"]!;
        await nodes.HasAsync(1, view => OrderStore.Find(view, order) is not null);
        Round(nodes[0]);
        Round(nodes[1]);

        Assert.Equal((null, Trouble.Closed), (await CallAsync(Dependency(nodes[0], "dns")), await CallAsync(Dependency(nodes[1], "dns"))));
        (await CloseAsync(nodes[0], more: new { kind = "dependency", target = "dns", setting = "closed", node = "node-3", author = "Ada", reason = "r" })).Is(422);
        (await CloseAsync(nodes[0], more: new { kind = "dependency", target = "dns", setting = "closed", region = "nowhere", author = "Ada", reason = "r" })).Is(422);
    }

    [Fact]
    public async Task A_lift_names_the_order_that_it_saw_and_another_stays()
    {
        await using var server = await HoldfastServer.StartAsync();
        var first = (await CloseAsync(server)).Is(201)["id"]!;
        var second = (await CloseAsync(server)).Is(201)["id"]!;
        Assert.Equal([second], await InForceAsync(server));   // of two about one thing the later

        (await server.SendAsync("POST", $"/ops/orders/{second}/lift", Key(server), new { author = "Ada" })).Is(200);
        Assert.Equal([first], await InForceAsync(server));
        Assert.Equal(Trouble.Closed, await CallAsync(Dependency(server, "dns")));
        (await server.SendAsync("POST", $"/ops/orders/{first}/lift", Key(server), new { author = "Ada" })).Is(200);
        Assert.Null(await CallAsync(Dependency(server, "dns")));
        await server.WithoutEffectAsync(() => server.SendAsync("POST", $"/ops/orders/{first}/lift", Key(server), new { author = "Ada" }));
    }

    [Fact]
    public async Task An_order_ends_by_the_clock_though_nobody_looks_and_holds_through_a_restart()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            var clock = new HeldClock();
            Holdfast.Environments.NewEnvironment a, b;
            await using (var before = await HoldfastServer.StartAsync(new Start(Data: data, Clock: clock)))
            {
                (a, b) = (before.A, before.B);
                (await CloseAsync(before)).Is(201);
                // Given elsewhere, when there were others: alone, this node would refuse it.
                var now = clock.GetUtcNow();
                await before.Storage.Database.RecordAsync(_ => Holdfast.Storage.Rows.Decide.To(true, OrderStore.Given(new OrderRow(
                    "order_elsewhere", OrderKind.Drain, null, "drained", "node", "node", "Ada", "a new disk", now.ToUnixTimeMilliseconds(), now.AddSeconds(600).ToUnixTimeMilliseconds(), null, null))));
            }
            using var gone = new PrimaryLock(Path.Combine(data, "primary.db"));
            await using var after = await HoldfastServer.StartAsync(new Start(Data: data, Clock: clock), a, b);
            Assert.Equal(Trouble.Closed, await CallAsync(Dependency(after, "dns")));
            Assert.Contains("a new disk", (await after.SendAsync("GET", "/health/ready", null)).Is(503, "drained").Text, StringComparison.Ordinal);

            clock.Advance(TimeSpan.FromMinutes(10));
            (await after.SendAsync("GET", "/health/ready", null)).Is(200);
            Assert.Equal(Trouble.Closed, await CallAsync(Dependency(after, "dns")));
            clock.Advance(TimeSpan.FromMinutes(50));
            Assert.Null(await CallAsync(Dependency(after, "dns")));
            Assert.Empty(await InForceAsync(after));
            Assert.Equal(["ended", "ended"], (await after.SendAsync("GET", "/ops/orders?all=true", Key(after))).Json.GetProperty("data").EnumerateArray().Select(o => o.GetProperty("status").GetString()));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task Open_by_hand_is_asked_whatever_the_breaker_counts()
    {
        await using var server = await HoldfastServer.StartAsync();
        var dns = Dependency(server, "dns");
        dns.Probe = null;
        for (var i = 0; i < dns.Policy.OpensAfter; i++)
        {
            dns.Report(false, Trouble.Refuses);
        }
        Assert.Equal(Trouble.Refuses, await CallAsync(dns));

        (await GiveAsync(server, new { kind = "dependency", target = "dns", setting = "open", author = "Ada", reason = "it works" })).Is(201);
        Assert.Null(await CallAsync(dns));
    }

    [Fact]
    public async Task The_primary_is_closed_by_hand_people_go_on_and_the_cause_is_named()
    {
        await using var server = await HoldfastServer.StartAsync();
        var connection = await server.SamlConnectionAsync();
        (await CloseAsync(server, "primary")).Is(201);

        Assert.Contains("The operator has closed", (await server.PostAsync("/organizations", new { name = "Acme" })).Is(503, "primary_unavailable").Text, StringComparison.Ordinal);
        Assert.NotNull(await connection.SignInAsync());
        Assert.Equal("primary", await server.CauseAsync());
        var cause = (await server.SendAsync("GET", "/health", null)).Json.GetProperty("cause");
        Assert.Equal("closed", cause.GetProperty("how").GetString());
        Assert.StartsWith("The primary database is closed by the operator", cause.GetProperty("text").GetString(), StringComparison.Ordinal);

        var order = (await InForceAsync(server))[0];
        (await server.SendAsync("POST", $"/ops/orders/{order}/lift", Key(server), new { author = "Ada" })).Is(200);
        await server.ShippedAsync();
        (await server.PostAsync("/organizations", new { name = "Acme" })).Is(201);
    }

    [Fact]
    public async Task All_of_a_kind_are_closed_at_once_and_no_customer_is_named_for_it()
    {
        await using var server = await HoldfastServer.StartAsync();
        var dependencies = server.Services.GetRequiredService<Dependencies>();
        var (one, action) = (dependencies.GetOrAdd(Catalogue.IdpToken.Of("conn_one"), server.Clock), dependencies.GetOrAdd(Catalogue.Action.Of("action_one"), server.Clock));

        (await CloseAsync(server, "idp_token:{connection}")).Is(201);
        (await CloseAsync(server, "action:action_one")).Is(201);

        var later = dependencies.GetOrAdd(Catalogue.IdpToken.Of("conn_later"), server.Clock);
        Assert.Equal([Trouble.Closed, Trouble.Closed, Trouble.Closed], new[] { await CallAsync(one), await CallAsync(later), await CallAsync(action) });
        Assert.Null(await CallAsync(dependencies.GetOrAdd(Catalogue.Action.Of("action_two"), server.Clock)));
        Assert.DoesNotContain("action_one", (await server.SendAsync("GET", "/health", null)).Is(200).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_drained_node_says_why_and_still_redeems_what_it_issued()
    {
        await using var nodes = await Cluster.StartAsync(2);
        var connection = await nodes[0].SamlConnectionAsync();
        await nodes.HeardAsync(by: 1, whom: 0);
        await nodes.HeardAsync(by: 0, whom: 1);
        var (here, there) = (await connection.SignInAsync(), await connection.SignInAsync());
        var begun = await connection.BeginAsync();

        var order = (await GiveAsync(nodes[1], new { kind = "drain", node = "node-1", author = "Ada", reason = "a new kernel" })).Is(201)["id"]!;
        await nodes.HasAsync(0, view => OrderStore.Find(view, order) is not null);
        Round(nodes[0]);

        var ready = await nodes[0].SendAsync("GET", "/health/ready", null);
        Assert.Contains("a new kernel", ready.Is(503, "drained").Text, StringComparison.Ordinal);
        Assert.True(ready.Headers.Contains("Retry-After"));
        (await nodes[0].SendAsync("GET", "/health/live", null)).Is(200);
        (await nodes[1].SendAsync("GET", "/health/ready", null)).Is(200);
        (await ClusterTests.RedeemAsync(nodes[0], here)).Is(200);
        (await ClusterTests.RedeemAsync(nodes[1], there)).Is(200);
        Assert.StartsWith(HoldfastServer.Callback, (await connection.PostAsync(begun.Browser, connection.Response(begun, "ada@acme.test"), begun.RelayState)).Is(302).Location, StringComparison.Ordinal);   // what was under way ends
    }

    [Fact]
    public async Task The_flag_provider_is_polled_by_order_and_its_stream_ends()
    {
        await using var provider = await FlagProvider.StartAsync();
        var streams = 0;
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        provider.Answer = FlagProvider.Say(FlagProvider.LaunchDarkly);
        var stream = provider.Stream(FlagProvider.Put());
        provider.AnswerStream = http =>
        {
            Interlocked.Increment(ref streams);
            http.RequestAborted.Register(() => ended.TrySetResult());
            return stream(http);
        };
        await using var server = await HoldfastServer.StartAsync(new Start { Flags = new FlagSetting("launchdarkly", provider.Url, "key") });
        var flags = server.Services.GetRequiredService<ProviderFlags>();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (Volatile.Read(ref streams) == 0 || flags.Count is null)
        {
            await Task.Delay(10, deadline.Token);
        }

        (await GiveAsync(server, new { kind = "flags", author = "Ada", reason = "the stream drops events" })).Is(201);
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True((await server.SendAsync("GET", "/health", null)).Json.GetProperty("flags").GetProperty("polls_only").GetBoolean());
        Assert.Equal((1, null, 1), (Volatile.Read(ref streams), Dependency(server, "flags:launchdarkly").Health.How, flags.Count));
    }

    [Fact]
    public async Task A_category_of_ours_is_logged_on_a_lower_level_for_a_time_and_no_other()
    {
        var lines = new Lines();
        await using var server = await HoldfastServer.StartAsync(new Start(Configure: builder => builder.Logging.AddProvider(lines)));
        var logs = server.Services.GetRequiredService<ILoggerFactory>();
        var (mail, sso) = (logs.CreateLogger("Holdfast.Mail.SendMails"), logs.CreateLogger("Holdfast.Sso.X"));
        Assert.False(mail.IsEnabled(LogLevel.Debug));

        var order = (await GiveAsync(server, new { kind = "log", target = "Holdfast.Mail", setting = "debug", author = "Ada", reason = "no mail comes" })).Is(201)["id"]!;
        Assert.Equal((true, false, false), (mail.IsEnabled(LogLevel.Debug), mail.IsEnabled(LogLevel.Trace), sso.IsEnabled(LogLevel.Debug)));
        Assert.Contains(lines.All, l => l.Contains("log Holdfast.Mail debug (every node)", StringComparison.Ordinal) && l.Contains("by Ada: no mail comes", StringComparison.Ordinal));

        (await server.SendAsync("POST", $"/ops/orders/{order}/lift", Key(server), new { author = "Ada" })).Is(200);
        Assert.False(mail.IsEnabled(LogLevel.Debug));
        Assert.Contains(lines.All, l => l.StartsWith("No longer in force: log Holdfast.Mail debug", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{}", "kind required, setting required, author required, reason required")]
    [InlineData("""{"kind":"reboot","setting":"x","author":"a","reason":"r"}""", "kind invalid")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r","setting":"closed"}""", "target required")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r","setting":"closed","target":"nothing"}""", "target unknown")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r","setting":"closed","target":"node"}""", "target unknown")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r","setting":"closed","target":"peer:http://x journal"}""", "target unknown")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r","setting":"closed","target":"idp_token:"}""", "target unknown")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r","setting":"ajar","target":"mail"}""", "setting invalid")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r","target":"mail"}""", "setting required")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r","setting":"closed","target":"mail","lasts_s":604801}""", "lasts_s out_of_range")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r","setting":"closed","target":"mail","lasts_s":0}""", "lasts_s out_of_range")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r","setting":"closed","target":"mail","lasts_s":"long"}""", "lasts_s invalid_type")]
    [InlineData("""{"kind":"dependency","author":"a","reason":"r\u0000","setting":"closed","target":"mail"}""", "reason invalid_characters")]
    [InlineData("""{"kind":"drain","author":"a","reason":"r"}""", "node required")]
    [InlineData("""{"kind":"drain","author":"a","reason":"r","node":"node","region":"region"}""", "region one_of_node_and_region")]
    [InlineData("""{"kind":"log","author":"a","reason":"r","setting":"debug","target":"Microsoft.AspNetCore"}""", "target unknown")]
    [InlineData("""{"kind":"log","author":"a","reason":"r","setting":"debug","target":"HoldfastX"}""", "target unknown")]
    [InlineData("""{"kind":"log","author":"a","reason":"r","setting":"none","target":"Holdfast"}""", "setting invalid")]
    public async Task An_order_that_cannot_be_followed_changes_nothing(string body, string faults)
    {
        await using var server = await HoldfastServer.StartAsync();
        var refused = (await server.WithoutEffectAsync(() => server.SendAsync("POST", "/ops/orders", Key(server), body))).Is(422);
        Assert.Equal(faults, string.Join(", ", refused.Faults));
    }

    [Fact]
    public async Task What_a_journal_calls_an_order_and_is_none_keeps_no_node_from_starting_and_is_told_once()
    {
        const long Week = 7 * 24 * 60 * 60 * 1000L;
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            var clock = new HeldClock();
            var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
            var good = new OrderRow("order_good", OrderKind.Dependency, "dns", "closed", "all", null, "Ada", "r", now, now + Week, null, null);
            OrderRow[] bad =
            [
                good with { Target = null },
                good with { Kind = OrderKind.Log, Target = null, Setting = "debug" },
                good with { Kind = OrderKind.Log, Target = "Microsoft.AspNetCore", Setting = "trace" },
                good with { Kind = "reboot" },
                good with { Setting = "ajar" },
                good with { Scope = "node" },
                good with { Scope = "galaxy", Place = "x" },
                good with { EndsAt = now + Week + 1 },
                good with { CreatedAt = long.MaxValue, EndsAt = long.MaxValue },
                good with { CreatedAt = long.MinValue },
                good with { EndsAt = long.MaxValue },
                good with { Kind = OrderKind.End, Target = null, Setting = "ended" },
            ];
            bad = [.. bad.Select((o, i) => o with { Id = $"order_bad_{i}" })];
            Holdfast.Environments.NewEnvironment a, b;
            await using (var before = await HoldfastServer.StartAsync(new Start(Data: data, Clock: clock)))
            {
                (a, b) = (before.A, before.B);
                foreach (var order in bad)
                {
                    await before.Storage.Database.RecordAsync(_ => Holdfast.Storage.Rows.Decide.To(true, OrderStore.Given(order with { EndsAt = Math.Min(order.EndsAt, now + (2 * Week)) })));
                    await before.Storage.Database.RecordAsync(_ => Holdfast.Storage.Rows.Decide.To(true, Holdfast.Storage.Rows.Change.To(Holdfast.Storage.Schema.Orders, order.Id + "_late",
                        ("kind", order.Kind), ("target", order.Target), ("setting", order.Setting), ("scope", order.Scope), ("place", order.Place), ("author", order.Author), ("reason", order.Reason),
                        ("created_at", order.CreatedAt), ("ends_at", order.EndsAt), ("expires_at", now + (2 * Week)))));
                }
                // One that says nothing at all, one whose lift has no time, and one that is sound.
                await before.Storage.Database.RecordAsync(_ => Holdfast.Storage.Rows.Decide.To(true,
                    Holdfast.Storage.Rows.Change.To(Holdfast.Storage.Schema.Orders, "order_bad_empty", ("kind", OrderKind.Drain), ("target", null), ("setting", null), ("scope", null), ("place", null), ("author", null),
                        ("reason", null), ("created_at", null), ("ends_at", now + Week), ("expires_at", now + Week)),
                    Holdfast.Storage.Rows.Change.To(Holdfast.Storage.Schema.OrderLifts, "lift_bad", ("order_id", "order_lifted"), ("author", null), ("reason", null), ("created_at", long.MaxValue), ("expires_at", now + Week)),
                    OrderStore.Given(good with { Id = "order_lifted", Target = "mail" }), OrderStore.Given(good)));
            }
            var lines = new Lines();
            await using var after = await HoldfastServer.StartAsync(new Start(Data: data, Clock: clock, Configure: builder => builder.Logging.AddProvider(lines)), a, b);
            Round(after);
            Assert.Equal(Trouble.Closed, await CallAsync(Dependency(after, "dns")));
            Assert.Equal(["order_good"], await InForceAsync(after));
            (await after.SendAsync("GET", "/health/ready", null)).Is(200);
            (await after.SendAsync("GET", "/ops/orders", Key(after))).Is(200);
            Assert.DoesNotContain("order_bad", (await after.SendAsync("GET", "/ops/orders?all=true", Key(after))).Is(200).Text, StringComparison.Ordinal);
            (await after.SendAsync("POST", "/ops/orders/order_bad_0/lift", Key(after), new { author = "Ada" })).Is(404);
            Assert.Single(lines.All, l => l.Contains("order order_bad_empty is none", StringComparison.Ordinal));
            Assert.Single(lines.All, l => l.Contains("order order_bad_0 is none", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task The_last_node_that_takes_new_work_is_not_drained()
    {
        await using (var alone = await HoldfastServer.StartAsync())
        {
            (await alone.WithoutEffectAsync(() => GiveAsync(alone, new { kind = "drain", node = "node", author = "Ada", reason = "r" }))).Is(409, "last_node");
            (await alone.WithoutEffectAsync(() => GiveAsync(alone, new { kind = "drain", region = "region", author = "Ada", reason = "r" }))).Is(409, "last_node");
        }
        await using var nodes = await Cluster.StartAsync(2);
        await nodes.HeardAsync(by: 0, whom: 1);
        await nodes.HasAsync(0, view => Holdfast.Storage.Peers.NodeList.Of(view).Now.Contains("node-2"));
        (await GiveAsync(nodes[0], new { kind = "drain", region = "region", author = "Ada", reason = "r" })).Is(409, "last_node");
        var first = (await GiveAsync(nodes[0], new { kind = "drain", node = "node-1", author = "Ada", reason = "r" })).Is(201)["id"]!;
        (await GiveAsync(nodes[0], new { kind = "drain", node = "node-2", author = "Ada", reason = "r" })).Is(409, "last_node");
        (await nodes[0].SendAsync("POST", $"/ops/orders/{first}/lift", Key(nodes[0]), new { author = "Ada" })).Is(200);
        (await GiveAsync(nodes[0], new { kind = "drain", node = "node-2", author = "Ada", reason = "r" })).Is(201);
    }

    [Fact]
    public async Task Nobody_but_the_operator_gives_reads_or_lifts()
    {
        await using var server = await HoldfastServer.StartAsync();
        var order = (await CloseAsync(server)).Is(201)["id"]!;
        foreach (var key in new[] { null, server.A.ApiKey, "op_0" })
        {
            var body = new { kind = "dependency", target = "mail", setting = "closed", author = "a", reason = "r" };
            (await server.WithoutEffectAsync(() => server.SendAsync("POST", "/ops/orders", key, body))).Is(401);
            (await server.WithoutEffectAsync(() => server.SendAsync("POST", $"/ops/orders/{order}/lift", key, new { author = "a" }))).Is(401);
            (await server.SendAsync("GET", "/ops/orders", key)).Is(401);
        }
        (await server.SendAsync("POST", "/ops/orders/order_unknown/lift", Key(server), new { author = "a" })).Is(404);
        (await server.WithoutEffectAsync(() => server.SendAsync("POST", $"/ops/orders/{order}/lift", Key(server), "{}"))).Is(422);
        (await server.SendAsync("POST", "/ops/orders", Key(server), "[]")).Is(400);
    }

    [Fact]
    public async Task A_node_is_put_out_with_the_primary_gone_and_leaves_the_list_when_it_is_back()
    {
        await using var nodes = await Cluster.StartAsync(2);
        nodes.Clock.StretchesFrom = TimeSpan.FromMilliseconds(50);   // a busy machine is no absent peer
        await nodes.HeardAsync(by: 0, whom: 1);
        await nodes.HeardAsync(by: 1, whom: 0);
        await nodes.HasAsync(0, view => NodeList.Of(view).Now.Contains("node-2"));
        var life = nodes[1].Storage.Database.Incarnation;
        Task<Answer> EndAsync(string node, string? key = null) => nodes[0].SendAsync("POST", $"/ops/nodes/{node}/end", key ?? Key(nodes[0]), new { author = "Ada", reason = "it was stolen" });
        (await nodes[0].WithoutEffectAsync(() => EndAsync("node-2", nodes[0].A.ApiKey))).Is(401);
        (await nodes[0].WithoutEffectAsync(() => EndAsync("node-1"))).Is(422, "own_node");
        (await nodes[0].WithoutEffectAsync(() => EndAsync("node-3"))).Is(404, "entity_not_found");
        (await nodes[0].WithoutEffectAsync(() => nodes[0].SendAsync("POST", "/ops/nodes/node-2/end", Key(nodes[0]), "{}"))).Is(422);
        using (new PrimaryLock(Path.Combine(nodes[0].Data, "primary.db")))
        {
            var ended = (await EndAsync("node-2")).Is(200);
            Assert.Equal(("1", "False"), (ended["ended_lives"], ended["left_node_list"]));
            Assert.Contains(ended.Headers.GetValues("Holdfast-Copies").Single(), new[] { "1", "2" });
            Assert.Equal(Whose.Gone, nodes[0].Storage.Peers.Find(life).Whose);
        }
        await nodes.LevelAsync(0);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        Answer again;
        while ((again = (await EndAsync("node-2")).Is(200))["left_node_list"] != "True")
        {
            nodes.Clock.Advance(NodeListKeeper.Settling);   // that it came in may not be settled yet
            await nodes[0].Storage.NodeList.StepAsync(deadline.Token);
            await Task.Delay(10, deadline.Token);
        }
        Assert.Equal("0", again["ended_lives"]);
        Assert.DoesNotContain("node-2", nodes[0].Storage.Database.Read(NodeList.Of).Now);
        while (!nodes[0].Storage.Database.Read(NodeList.Of).IsSettled)
        {
            nodes.Clock.Advance(NodeListKeeper.Settling);   // nobody waits for what was put out to say that it goes by the new list
            await nodes[0].Storage.NodeList.StepAsync(deadline.Token);
            await Task.Delay(10, deadline.Token);
        }
        var listed = Assert.Single((await nodes[0].SendAsync("GET", "/ops/orders?all=true", Key(nodes[0]))).Json.GetProperty("data").EnumerateArray());
        Assert.Equal(("end", "ended", "it was stolen"), (listed.GetProperty("kind").GetString(), listed.GetProperty("status").GetString(), listed.GetProperty("reason").GetString()));
    }

    [Fact]
    public async Task A_hundred_are_in_force_at_most()
    {
        await using var server = await HoldfastServer.StartAsync();
        for (var i = 0; i < OrderStore.Most; i++)
        {
            (await CloseAsync(server, $"action:a{i}")).Is(201);
        }
        (await server.WithoutEffectAsync(() => CloseAsync(server))).Is(422, "too_many_orders");
        server.Clock.Advance(GiveOrder.Usual);
        (await CloseAsync(server)).Is(201);
    }

    /// <summary>What is logged, as text.</summary>
    private sealed class Lines : ILoggerProvider, ILogger
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> _lines = new();

        public IReadOnlyList<string> All => [.. _lines];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => _lines.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
