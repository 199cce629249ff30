using Holdfast.Bench;
using Holdfast.Incidents;
using Holdfast.Orders;
using Holdfast.Storage;
using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;
using Holdfast.Tests.AuthKit;
using Holdfast.Tests.Peers;
using Holdfast.Verbs;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Orders;

/// <summary>A stolen node is put out, and what it said since is taken back (decision 0034). What comes of each order of hearing is in <c>Holdfast.Storage.Tests.QuarantineTests</c>.</summary>
public sealed class QuarantineTests
{
    private static string Key(HoldfastServer server) => server.Services.GetRequiredService<OperatorKey>().Value;

    private static Task<Answer> QuarantineAsync(HoldfastServer at, string node, string since, string? key = null) =>
        at.SendAsync("POST", $"/ops/nodes/{node}/quarantine", key ?? Key(at), new { since, author = "Ada", reason = "it was stolen" });

    private static long Count(HoldfastServer at, string sql) => at.Storage.Database.Read(view => view.Find<long>(sql));

    [Fact]
    public async Task With_the_primary_gone_its_sessions_end_at_every_node_and_nobody_lets_it_in()
    {
        await using var nodes = await Cluster.StartAsync(3);
        nodes.Clock.StretchesFrom = TimeSpan.FromMilliseconds(50);   // a busy machine is no absent peer
        foreach (var (by, whom) in new[] { (0, 1), (0, 2), (1, 2), (2, 1), (1, 0), (2, 0) })
        {
            await nodes.HeardAsync(by, whom);
        }
        var before = await SignedIn.ByMagicCodeAsync(nodes[1], "before@people.test");
        nodes.Clock.Advance(TimeSpan.FromSeconds(10));
        var since = nodes.Clock.GetUtcNow().ToString("O");
        nodes.Clock.Advance(TimeSpan.FromSeconds(1));
        var after = await SignedIn.ByMagicCodeAsync(nodes[1], "after@people.test");
        var elsewhere = await SignedIn.ByMagicCodeAsync(nodes[2], "elsewhere@people.test");
        var ids = new[] { before.SessionId, after.SessionId, elsewhere.SessionId };
        foreach (var node in new[] { 0, 2 })
        {
            await nodes.HasAsync(node, view => view.Find<long>("SELECT count(*) FROM sessions WHERE id IN @ids", new { ids }) == 3);
        }
        var life = nodes[1].Storage.Database.Incarnation;

        (await nodes[0].WithoutEffectAsync(() => QuarantineAsync(nodes[0], "node-2", since, nodes[0].A.ApiKey))).Is(401);
        (await nodes[0].WithoutEffectAsync(() => QuarantineAsync(nodes[0], "node-1", since))).Is(422, "own_node");
        (await nodes[0].WithoutEffectAsync(() => QuarantineAsync(nodes[0], "node-9", since))).Is(404, "entity_not_found");
        (await nodes[0].WithoutEffectAsync(() => QuarantineAsync(nodes[0], "node-2", "yesterday"))).Is(422);
        (await nodes[0].WithoutEffectAsync(() => QuarantineAsync(nodes[0], "node-2", nodes.Clock.GetUtcNow().AddDays(-31).ToString("O")))).Is(422);
        (await nodes[0].WithoutEffectAsync(() => QuarantineAsync(nodes[0], "node-2", nodes.Clock.GetUtcNow().AddMinutes(2).ToString("O")))).Is(422);
        (await nodes[0].WithoutEffectAsync(() => nodes[0].SendAsync("POST", "/ops/nodes/node-2/quarantine", Key(nodes[0]), "{}"))).Is(422);
        string id;
        using (new PrimaryLock(Path.Combine(nodes[0].Data, "primary.db")))
        {
            var made = (await QuarantineAsync(nodes[0], "node-2", since)).Is(200);
            id = made["id"]!;
            Assert.Equal(("in_force", "node-2", "False"), (made["status"], made["node"], made["left_node_list"]));
            Assert.True(made.Json.GetProperty("taken").GetInt64() > 0);
            Assert.Equal(id, (await QuarantineAsync(nodes[0], "node-2", since)).Is(200)["id"]);   // asked again
            await nodes.HasAsync(2, view => view.Find<long>("SELECT count(*) FROM quarantines") == 1 && Denied(view, life));
            foreach (var node in new[] { nodes[0], nodes[2] })
            {
                (await after.RefreshAsync(at: node)).IsOAuth("invalid_grant");
                Assert.Equal(0, Count(node, "SELECT count(*) FROM users WHERE email LIKE 'after%'"));
                Assert.Equal(Whose.Gone, node.Storage.Peers.Find(life).Whose);
            }
            (await elsewhere.RefreshAsync(at: nodes[0])).Is(200);
            await Assert.ThrowsAsync<PeerUnavailableException>(() => nodes.Peer(from: 1, to: 0).ReadSnapshotAsync(new SnapshotQuestion(nodes[1].Storage.Peers.Own, "", "", 10), CancellationToken.None));
            // Those from before go on, until somebody ends them too.
            var next = new SignedIn(nodes[2], (await before.RefreshAsync(at: nodes[2])).Is(200));
            (await nodes[2].WithoutEffectAsync(() => nodes[2].SendAsync("POST", "/ops/nodes/node-2/end_sessions", nodes[2].A.ApiKey, new { author = "Ada", reason = "to be sure" }))).Is(401);
            (await nodes[2].WithoutEffectAsync(() => nodes[2].SendAsync("POST", "/ops/nodes/node-9/end_sessions", Key(nodes[2]), new { author = "Ada", reason = "to be sure" }))).Is(404);
            var ended = (await nodes[2].SendAsync("POST", "/ops/nodes/node-2/end_sessions", Key(nodes[2]), new { author = "Ada", reason = "to be sure" })).Is(200);
            Assert.Equal(("1", "False"), (ended["ended_sessions"], ended["more"]));
            (await next.RefreshAsync(at: nodes[2])).IsOAuth("invalid_grant");
        }
        (await nodes[0].SendAsync("GET", "/ops/quarantines", nodes[0].A.ApiKey)).Is(401);
        Assert.Equal(id, Assert.Single((await nodes[0].SendAsync("GET", "/ops/quarantines", Key(nodes[0]))).Is(200).Json.GetProperty("data").EnumerateArray()).GetProperty("id").GetString());
        (await nodes[0].SendAsync("GET", $"/ops/quarantines/{id}/taken", nodes[0].A.ApiKey)).Is(401);
        (await nodes[0].SendAsync("GET", "/ops/quarantines/quarantine_9/taken", Key(nodes[0]))).Is(404);
        var taken = (await nodes[0].SendAsync("GET", $"/ops/quarantines/{id}/taken", Key(nodes[0]))).Is(200);
        Assert.Contains(taken.Json.GetProperty("data").EnumerateArray(), t => t.GetProperty("table").GetString() == "sessions" && t.GetProperty("id").GetString() == after.SessionId);
        Assert.DoesNotContain("after@people.test", taken.Text, StringComparison.Ordinal);

        // Taken back: the person is there again, and the node is not.
        await nodes.LevelAsync(0);
        (await nodes[0].WithoutEffectAsync(() => nodes[0].SendAsync("POST", $"/ops/quarantines/{id}/lift", nodes[0].A.ApiKey, new { author = "Ada", reason = "found" }))).Is(401);
        (await nodes[0].WithoutEffectAsync(() => nodes[0].SendAsync("POST", "/ops/quarantines/quarantine_9/lift", Key(nodes[0]), new { author = "Ada", reason = "found" }))).Is(404);
        (await nodes[0].WithoutEffectAsync(() => nodes[0].SendAsync("POST", $"/ops/quarantines/{id}/lift", Key(nodes[0]), "{}"))).Is(422);
        Assert.Equal("lifted", (await nodes[0].SendAsync("POST", $"/ops/quarantines/{id}/lift", Key(nodes[0]), new { author = "Ada", reason = "found" })).Is(200)["status"]);
        Assert.Equal("lifted", (await nodes[0].SendAsync("POST", $"/ops/quarantines/{id}/lift", Key(nodes[0]), new { author = "Ada", reason = "found" })).Is(200)["status"]);
        await nodes.HasAsync(2, view => view.Find<long>("SELECT count(*) FROM users WHERE email LIKE 'after%'") == 1);
        (await after.RefreshAsync(at: nodes[2])).Is(200);
        Assert.Equal(Whose.Gone, nodes[0].Storage.Peers.Find(life).Whose);
    }

    private static bool Denied(View view, string life) => view.Find<long>("SELECT count(*) FROM denies WHERE subject = @life AND reason = 'quarantined'", new { life }) > 0;

    [Fact]
    public async Task A_session_that_only_its_password_proved_ends_and_what_it_said_in_another_s_name_is_void()
    {
        await using var server = await HoldfastServer.StartAsync();
        const string Life = "feedfacecafe";
        var database = server.Storage.Database;
        var session = await SignedIn.ByMagicCodeAsync(server, "ada@people.test");
        var since = server.Clock.GetUtcNow();
        var (own, honest) = (new HybridClock(server.Clock, Life), new HybridClock(server.Clock, "bbbbbbbbbbbb"));
        RowVersion[] said =
        [
            Change.To(Schema.Nodes, Life, ("name", "stolen"), ("region", "local"), ("zone", "z"), ("born_at", 1L), ("public_key", "key")).Stamped(own.Next()),
            Change.To(Schema.Credentials, "credential_thief", ("environment_id", server.A.Id), ("user_id", session.UserId), ("kind", "password"), ("secret", "x"), ("proof", "mailbox"), ("proven_by", null), ("replaces", "[]"), ("created_at", 1L)).Stamped(own.Next()),
            Change.To(Schema.Users, session.UserId, ("email", "thief@stolen.test")).Stamped(honest.Next(database.Read(view => view.Find<string>("SELECT address_stamp FROM users WHERE id = @UserId", new { session.UserId }))!)),
        ];
        var segment = new JournalSegment(Life, 0, said.Length, 0, LogPosition.Start, false, 0, [.. said.Select((v, i) => new JournalFact(i + 1, v.ToJson()))]);
        await server.Storage.Node.Writer.EnqueueAsync(writer => writer.AbsorbJournal(new JournalAnswer(new NodeIdentity("stolen", "local", "z", Life), 0, 0, [segment], null)));
        // Somebody signed in here with what the thief had put there.
        await database.RecordAsync(_ => Decide.To(true, Change.To(Schema.Sessions, "session_by_it",
            ("environment_id", server.A.Id), ("user_id", session.UserId), ("organization_id", null), ("method", "password"), ("credential_id", "credential_thief"), ("birth", database.Incarnation), ("birth_position", "1"), ("key_id", "k"),
            ("created_at", 1L), ("expires_at", server.Clock.GetUtcNow().AddDays(1).ToUnixTimeMilliseconds()))));
        string? Email() => database.Read(view => view.Find<string>("SELECT email FROM users WHERE id = @UserId", new { session.UserId }));
        Assert.Equal("thief@stolen.test", Email());
        var id = (await QuarantineAsync(server, "stolen", since.ToString("O"))).Is(200)["id"];
        Assert.Equal("ada@people.test", Email());
        Assert.Equal(0, Count(server, "SELECT count(*) FROM credentials WHERE id = 'credential_thief'"));
        Assert.Equal(1, Count(server, "SELECT count(*) FROM denies WHERE subject = 'session_by_it'"));
        Assert.Equal(0, database.Read(view => view.Find<long>("SELECT count(*) FROM denies WHERE subject = @SessionId", new { session.SessionId })));
        await server.Services.GetRequiredService<KeepQuarantines>().RoundAsync();
        Assert.Equal((1, 1, 1), (Count(server, "SELECT count(*) FROM quarantines"), Count(server, "SELECT count(*) FROM quarantine_voids"), Count(server, "SELECT count(*) FROM denies WHERE subject = 'session_by_it'")));
        // A further life of it that is heard of later is in it too.
        await server.Storage.Node.Writer.EnqueueAsync(writer => writer.Rows.Apply(Change.To(Schema.Nodes, "cafefeedface", ("name", "stolen"), ("region", "local"), ("zone", "z"), ("born_at", 2L), ("public_key", "key2")).Stamped(own.Next())));
        await server.Services.GetRequiredService<KeepQuarantines>().RoundAsync();
        Assert.Equal(1, Count(server, $"SELECT count(*) FROM quarantines WHERE life = 'cafefeedface' AND quarantine_id = '{id}'"));
    }

    [Fact]
    public async Task The_operator_does_it_all_by_the_command()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(OnNetwork: true));
        await server.Storage.Node.Writer.EnqueueAsync(writer => writer.Rows.Apply(
            Change.To(Schema.Nodes, "feedfacecafe", ("name", "stolen"), ("region", "local"), ("zone", "z"), ("born_at", 1L), ("public_key", "key")).Stamped(server.Storage.Node.Clock.Next())));
        Task<int> OpsAsync(params string[] args) => OpsVerb.Create().Parse([.. args, "--data", server.Data, "--url", server.Url]).InvokeAsync();
        string Ago(int days) => server.Clock.GetUtcNow().AddDays(-days).ToString("O");
        Assert.Equal(1, await OpsAsync("quarantine", "nobody", "--since", Ago(1), "--why", "stolen"));
        Assert.NotEqual(0, await OpsAsync("quarantine", "stolen", "--why", "stolen"));
        Assert.Equal(1, await OpsAsync("quarantine", "stolen", "--since", Ago(31), "--why", "stolen"));
        Assert.Equal(0, Count(server, "SELECT count(*) FROM quarantines"));
        Assert.Equal(0, await OpsAsync("quarantine", "stolen", "--since", Ago(1), "--why", "stolen", "--by", "Ada"));
        var id = server.Storage.Database.Read(view => view.Find<string>("SELECT quarantine_id FROM quarantines WHERE author = 'Ada'"))!;
        Assert.Equal(0, await OpsAsync("quarantines"));
        Assert.Equal(0, await OpsAsync("taken", id));
        Assert.Equal(0, await OpsAsync("end-sessions", "stolen", "--why", "stolen"));
        Assert.Equal(1, await OpsAsync("lift-quarantine", "quarantine_9", "--why", "found"));
        Assert.Equal(0, await DoctorVerb.Create().Parse(["--data", server.Data]).InvokeAsync());
        Assert.Equal(0, await OpsAsync("lift-quarantine", id, "--why", "found"));
        Assert.Equal(1, Count(server, "SELECT count(*) FROM quarantine_lifts"));
    }
}
