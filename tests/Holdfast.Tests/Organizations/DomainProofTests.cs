using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Resilience;
using Holdfast.Storage.Peers;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Organizations;

/// <summary>Proofs of domains in DNS, asked of a resolver that answers well, badly or not at all.</summary>
public sealed class DomainProofTests(DomainProofTests.Made made) : IClassFixture<DomainProofTests.Made>
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private readonly HoldfastServer _server = made.Server;
    private readonly DnsServer _dns = made.Dns;

    public sealed class Made : IAsyncLifetime
    {
        internal DnsServer Dns { get; } = new();

        internal HoldfastServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await HoldfastServer.StartAsync(new Start { Dns = Dns.EndPoint });

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            Dns.Dispose();
        }
    }

    /// <summary>A pending domain.</summary>
    private sealed record Pending(string Id, string Organization, string Domain, string Prefix, string Token)
    {
        public string Place => $"{Prefix}.{Domain}";
    }

    public static TheoryData<string> Proofs => [.. Proven.Keys];

    private static readonly Dictionary<string, Action<DnsServer, Pending>> Proven = new()
    {
        ["below the domain"] = (dns, p) => dns.Replies[p.Place] = DnsReply.Text(p.Token),
        ["below the domain, with the prefix"] = (dns, p) => dns.Replies[p.Place] = DnsReply.Text($"{p.Prefix}={p.Token}"),
        ["at the domain, with the prefix"] = (dns, p) => dns.Replies[p.Domain] = DnsReply.Text("v=spf1 -all", $"{p.Prefix}={p.Token}"),
        ["with blanks around it"] = (dns, p) => dns.Replies[p.Place] = DnsReply.Text($" {p.Token}\t"),
        ["behind an alias"] = (dns, p) => dns.Replies[p.Place] = new DnsReply.Texts([p.Token], "proofs.elsewhere.example"),
        ["among so many that UDP cuts them"] = (dns, p) => dns.Replies[p.Place] = DnsReply.Text([.. Enumerable.Range(0, 20).Select(i => new string('x', 200) + i), p.Token]),
        ["among sixty thousand bytes"] = (dns, p) => dns.Replies[p.Domain] = DnsReply.Text([.. Enumerable.Range(0, 230).Select(i => new string('x', 250)), $"{p.Prefix}={p.Token}"]),
        ["where the domain itself fails"] = (dns, p) =>
        {
            dns.Replies[p.Place] = DnsReply.Text(p.Token);
            dns.Replies[p.Domain] = new DnsReply.Code(2);
        },
    };

    [Theory]
    [MemberData(nameof(Proofs))]
    public async Task A_domain_is_verified_by_its_proof(string how)
    {
        var pending = await PendingAsync();
        Proven[how](_dns, pending);

        var verified = (await VerifyAsync(pending)).Is(201);

        Assert.Equal(("verified", "dns", pending.Token), (verified["state"], verified["verification_strategy"], verified["verification_token"]));
        Assert.Equal(verified.Text, (await _server.GetAsync($"/organization_domains/{pending.Id}")).Is(200).Text);
        Assert.Equal([verified.Text], Told("verified", pending));
        (await _server.WithoutEffectAsync(() => VerifyAsync(pending))).Is(400, "domain_already_verified");
    }

    public static TheoryData<string> NoProofs => [.. Unproven.Keys];

    private static readonly Dictionary<string, Action<DnsServer, Pending>> Unproven = new()
    {
        ["nothing"] = (_, _) => { },
        ["no records"] = (dns, p) => dns.Replies[p.Place] = DnsReply.Text(),
        ["another text"] = (dns, p) => dns.Replies[p.Place] = DnsReply.Text("v=spf1 -all", ""),
        ["another case"] = (dns, p) => dns.Replies[p.Place] = DnsReply.Text(p.Token.ToLowerInvariant()),
        ["more than the token"] = (dns, p) => dns.Replies[p.Place] = DnsReply.Text(p.Token + "x", $"x{p.Token}", $"{p.Token} x"),
        ["the token in two records"] = (dns, p) => dns.Replies[p.Place] = DnsReply.Text(p.Token[..13], p.Token[13..]),
        ["the token at the domain without its prefix"] = (dns, p) => dns.Replies[p.Domain] = DnsReply.Text(p.Token),
        ["another prefix"] = (dns, p) => dns.Replies[p.Domain] = DnsReply.Text($"holdfast-domain-verification-000000={p.Token}"),
        ["the proof at a neighbour's name"] = (dns, p) => dns.Replies["x" + p.Place] = DnsReply.Text(p.Token),
        ["a server failure"] = (dns, p) => (dns.Replies[p.Place], dns.Replies[p.Domain]) = (new DnsReply.Code(2), new DnsReply.Code(2)),
    };

    [Theory]
    [MemberData(nameof(NoProofs))]
    public async Task Without_its_proof_a_domain_stays_pending(string how)
    {
        var pending = await PendingAsync();
        Unproven[how](_dns, pending);

        Assert.Equal("pending", (await VerifyAsync(pending)).Is(201)["state"]);
        Assert.Empty(Told("verified", pending));
        Assert.Equal("Ok", Dns(_server).Health.State.ToString());   // what the resolver answered was an answer
        // And the positive twin: the same domain, once its proof stands.
        _dns.Replies[pending.Place] = DnsReply.Text(pending.Token);
        Assert.Equal("verified", (await VerifyAsync(pending)).Is(201)["state"]);
    }

    [Fact] // PLAT-027
    public async Task The_proof_of_one_organization_is_none_of_another()
    {
        var mine = await PendingAsync();
        var theirs = (await _server.PostAsync("/organization_domains", new { organization_id = await _server.OrganizationAsync(), domain = mine.Domain })).Is(201);
        _dns.Replies[$"{theirs["verification_prefix"]}.{mine.Domain}"] = DnsReply.Text(mine.Token);
        _dns.Replies[mine.Domain] = DnsReply.Text($"{theirs["verification_prefix"]}={mine.Token}", $"{mine.Prefix}={theirs["verification_token"]}");

        Assert.Equal("pending", (await VerifyAsync(mine)).Is(201)["state"]);
        Assert.Equal("pending", (await _server.PostAsync($"/organization_domains/{theirs["id"]}/verify", new { })).Is(201)["state"]);
    }

    [Fact] // PLAT-027
    public async Task Of_two_that_wait_for_one_domain_the_second_fails_once_the_first_has_proven_it()
    {
        var first = await PendingAsync();
        var second = (await _server.PostAsync("/organization_domains", new { organization_id = await _server.OrganizationAsync(), domain = first.Domain })).Is(201);
        _dns.Replies[first.Place] = DnsReply.Text(first.Token);
        _dns.Replies[$"{second["verification_prefix"]}.{first.Domain}"] = DnsReply.Text(second["verification_token"]!);   // it has the proof too, and is late
        Assert.Equal("verified", (await VerifyAsync(first)).Is(201)["state"]);

        await Checks(_server).RoundAsync(CancellationToken.None);

        var failed = (await _server.GetAsync($"/organization_domains/{second["id"]}")).Is(200);
        Assert.Equal("failed", failed["state"]);
        Assert.Equal([$$"""{"reason":"domain_verified_by_other_organization","organization_domain":{{failed.Text}}}"""], Told("verification_failed", second["id"]!));
        Assert.Equal("failed", (await _server.PostAsync($"/organization_domains/{second["id"]}/verify", new { })).Is(201)["state"]);
        Assert.Single(Told("verification_failed", second["id"]!));
        Assert.Equal("verified", (await _server.GetAsync($"/organization_domains/{first.Id}"))["state"]);
    }

    [Fact]
    public async Task The_same_verification_again_is_answered_the_same()
    {
        var pending = await PendingAsync();
        _dns.Replies[pending.Place] = DnsReply.Text(pending.Token);
        Task<Answer> AskAsync() => _server.PostAsync($"/organization_domains/{pending.Id}/verify", new { }, ("Idempotency-Key", pending.Id));

        var first = (await AskAsync()).Is(201);

        Assert.Equal("verified", first["state"]);
        Assert.Equal(first.Text, (await _server.WithoutEffectAsync(AskAsync)).Is(201).Text);   // its answer may have been lost
    }

    [Fact]
    public async Task A_pending_domain_is_looked_for_less_and_less_often_and_fails_after_thirty_days()
    {
        using var dns = new DnsServer();
        await using var server = await HoldfastServer.StartAsync(new Start { Dns = dns.EndPoint });
        var pending = await PendingAsync(server);
        async Task<int> RoundAsync()
        {
            var before = dns.Asked.Count;
            await Checks(server).RoundAsync(CancellationToken.None);
            return dns.Asked.Count - before;
        }
        Assert.Equal(2, await RoundAsync());   // both places, once
        Assert.Equal(0, await RoundAsync());
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(2, await RoundAsync());
        server.Clock.Advance(Day);
        Assert.Equal(2, await RoundAsync());
        server.Clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal(0, await RoundAsync());   // a tenth of a day has not passed
        server.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(2, await RoundAsync());
        server.Clock.Advance(10 * Day);
        Assert.Equal(2, await RoundAsync());
        server.Clock.Advance(TimeSpan.FromHours(6));
        Assert.Equal(2, await RoundAsync());
        Assert.Equal("pending", (await server.GetAsync($"/organization_domains/{pending.Id}"))["state"]);

        server.Clock.Advance(20 * Day);
        await RoundAsync();

        var failed = (await server.GetAsync($"/organization_domains/{pending.Id}")).Is(200);
        Assert.Equal("failed", failed["state"]);
        await server.ToldAsync();
        var told = (await server.GetAsync("/events?events=organization_domain.verification_failed")).Is(200).Json.GetProperty("data");
        Assert.Equal("domain_verification_period_expired", Assert.Single(told.EnumerateArray()).GetProperty("data").GetProperty("reason").GetString());
        server.Clock.Advance(Day);
        Assert.Equal(0, await RoundAsync());   // nobody looks for it any more

        // It begins again when it is asked for, and the record that stands already is good for it.
        Assert.Equal("pending", (await server.PostAsync($"/organization_domains/{pending.Id}/verify", new { })).Is(201)["state"]);
        dns.Replies[pending.Place] = DnsReply.Text(pending.Token);
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        await RoundAsync();
        Assert.Equal("verified", (await server.GetAsync($"/organization_domains/{pending.Id}"))["state"]);
        Assert.Equal(1, server.Events("organization_domain.verified"));
        Assert.Equal(0, await RoundAsync());
    }

    [Theory]
    [InlineData("silence", "hangs")]
    [InlineData("garbage", "errors")]
    [InlineData("refusal", "errors")]
    [InlineData("closed", "hangs")]
    public async Task With_dns_gone_a_domain_keeps_its_state_people_sign_in_and_nothing_fails_for_being_late(string what, string how)
    {
        using var dns = new DnsServer();
        await using var server = await HoldfastServer.StartAsync(new Start { Dns = what == "closed" ? new Start().Dns : dns.EndPoint });
        var connection = await server.SamlConnectionAsync();
        var pending = await PendingAsync(server);
        dns.Always = what switch
        {
            "garbage" => new DnsReply.Bytes([0xff, 0xff, 0, 1, 0, 9, 0, 0, 0, 0, 0xc0]),
            "refusal" => new DnsReply.Code(5),
            _ => new DnsReply.Silence(),
        };

        var verifying = server.PostAsync($"/organization_domains/{pending.Id}/verify", new { });
        await connection.SignInAsync();

        Assert.Equal("pending", (await verifying).Is(201)["state"]);
        Assert.Equal(how, Dns(server).Health.How);
        Assert.Equal("failing", (await server.GetAsync("/health")).Json.GetProperty("dependencies").EnumerateArray().Single(d => d.GetProperty("name").GetString() == "dns").GetProperty("state").GetString());
        server.Clock.Advance(31 * Day);
        await Checks(server).RoundAsync(CancellationToken.None);
        Assert.Equal("pending", (await server.GetAsync($"/organization_domains/{pending.Id}"))["state"]);   // nobody could look
        if (what == "closed")
        {
            return;
        }
        dns.Always = null;
        dns.Replies[pending.Place] = DnsReply.Text(pending.Token);
        server.Clock.Advance(Day);
        await Checks(server).RoundAsync(CancellationToken.None);
        Assert.Equal("verified", (await server.GetAsync($"/organization_domains/{pending.Id}"))["state"]);
    }

    [Fact]
    public async Task Name_servers_of_one_tenant_that_are_silent_do_not_keep_others_from_being_asked_for()
    {
        using var dns = new DnsServer();
        await using var server = await HoldfastServer.StartAsync(new Start { Dns = dns.EndPoint });
        for (var i = 0; i < 6; i++)   // one more than opens a breaker
        {
            var silent = await PendingAsync(server);
            dns.Replies[silent.Place] = dns.Replies[silent.Domain] = new DnsReply.Silence();
        }
        await Checks(server).RoundAsync(CancellationToken.None);
        Assert.Equal("Ok", Dns(server).Health.State.ToString());   // the resolver spoke, of the root

        var pending = await PendingAsync(server);
        dns.Replies[pending.Place] = DnsReply.Text(pending.Token);
        Assert.Equal("verified", (await server.PostAsync($"/organization_domains/{pending.Id}/verify", new { })).Is(201)["state"]);
    }

    [Fact]
    public async Task Of_two_nodes_one_looks_for_a_domain_and_the_other_only_when_that_one_is_long_away()
    {
        using var dns = new DnsServer();
        await using var nodes = await Peers.Cluster.StartAsync(2, dns.EndPoint);
        foreach (var step in new Func<Storage.View, Storage.Rows.Decision<bool>>[]
        {
            view => NodeList.Enter(view, "node-1"), view => NodeList.Settle(view, NodeList.Of(view).Number),
            view => NodeList.Enter(view, "node-2"), view => NodeList.Settle(view, NodeList.Of(view).Number),
        })
        {
            await nodes[0].Storage.Database.WriteAsync(step, CancellationToken.None);
        }
        var pending = new List<Pending>();
        for (var i = 0; i < 12; i++)
        {
            pending.Add(await PendingAsync(nodes[0]));
        }
        await nodes.HasAsync(1, view => view.Find<long>("SELECT count(*) FROM organization_domains") == 12 && NodeList.Of(view) is { Now.Count: 2, IsSettled: true });
        async Task<List<string>> RoundAsync(int node)
        {
            var before = dns.Asked.Count;
            await Checks(nodes[node]).RoundAsync(CancellationToken.None);
            return [.. dns.Asked.Skip(before).Select(a => a.Name)];
        }
        var (first, second) = (await RoundAsync(0), await RoundAsync(1));

        Assert.Equal(24, first.Concat(second).Distinct().Count());   // each of them once, at both places
        Assert.Equal(24, first.Count + second.Count);
        Assert.All(new[] { first, second }, asked => Assert.InRange(asked.Count, 2, 22));
        nodes.Clock.Advance(DomainChecks.LeastPause);
        Assert.Equal(first.Order(), (await RoundAsync(0)).Order());
        nodes.Clock.Advance(DomainChecks.OthersWait * DomainChecks.LeastPause);
        Assert.Equal(24, (await RoundAsync(0)).Count);   // it does not hear that the other has looked, and takes over slowly
    }

    [Fact]
    public async Task What_was_deleted_meanwhile_is_not_verified()
    {
        var pending = await PendingAsync();
        _dns.Replies[pending.Place] = DnsReply.Text(pending.Token);
        (await _server.DeleteAsync($"/organization_domains/{pending.Id}")).Is(204);

        await Checks(_server).RoundAsync(CancellationToken.None);

        Assert.Empty(Told("verified", pending));
        Assert.DoesNotContain(_dns.Asked, a => a.Name == pending.Place);
        (await _server.PutAsync($"/organizations/{await _server.OrganizationAsync()}", new { domain_data = new[] { new { domain = pending.Domain, state = "verified" } } })).Is(200);
    }

    private async Task<Pending> PendingAsync(HoldfastServer? server = null)
    {
        server ??= _server;
        var organization = await server.OrganizationAsync();
        var answer = (await server.PostAsync("/organization_domains", new { organization_id = organization, domain = $"{SamlProvider.Unique()}.example" })).Is(201);
        return new Pending(answer["id"]!, organization, answer["domain"]!, answer["verification_prefix"]!, answer["verification_token"]!);
    }

    private Task<Answer> VerifyAsync(Pending pending) => _server.PostAsync($"/organization_domains/{pending.Id}/verify", new { });

    private List<string> Told(string what, Pending pending) => Told(what, pending.Id);

    private List<string> Told(string what, string id) => _server.Storage.Database.Read(view => view.Query<string>(
        "SELECT data FROM events WHERE event = @name AND data LIKE @like ESCAPE '\\'", new { name = $"organization_domain.{what}", like = $"%{Like.Escape(id)}%" }));

    private static DomainChecks Checks(HoldfastServer server) => server.Services.GetRequiredService<DomainChecks>();

    private static Dependency Dns(HoldfastServer server) => server.Services.GetRequiredService<Dependencies>().All.Single(d => d.Name == "dns");
}
