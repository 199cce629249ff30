using Holdfast.Causes;
using Holdfast.Http;
using Holdfast.Resilience;
using Holdfast.Storage;
using Microsoft.Extensions.Time.Testing;

namespace Holdfast.Tests.Causes;

/// <summary>The cases that could fool the finder (decision 0025), each with what it must say. Virtual time; the real dependencies.</summary>
public sealed class FinderTests
{
    private static readonly TimeSpan Look = Finder.Every;

    private readonly FakeTimeProvider _clock = new(DateTimeOffset.Parse("2026-01-01T00:00:00Z", null));
    private readonly Dependencies _dependencies = new(onCallersThread: true);
    private readonly List<PeerPlace> _peers = [];
    private readonly List<(Cause Cause, CauseChange Change)> _told = [];
    private readonly Finder _finder;
    private readonly List<(Uri At, bool IsDocument)> _knocked = [];
    private Action _whileItLooks = static () => { };
    private Func<Uri, bool, Task> _knock = static (_, _) => Task.CompletedTask;

    public FinderTests()
    {
        _finder = new Finder(_dependencies, new Traffic(_clock), () => Peers(), new Ids(_clock, Entropy.Real), _clock, new Knocks(_dependencies, KnockAsync, _clock)) { Tell = (cause, change) => _told.Add((cause, change)) };
        _finder.Listen();
    }

    private List<PeerPlace> Peers()
    {
        _whileItLooks();
        return _peers;
    }

    private Dependency Operators(DependencyPolicy policy) => _dependencies.Add(new Dependency(policy, _clock, onCallersThread: true));

    private Dependency Token(int connection, string host = "login.example") => At(_dependencies.GetOrAdd(Catalogue.IdpToken.Of($"conn_{connection}", $"org_{connection}"), _clock), host);

    private Dependency UserInfo(int connection, string host) => At(_dependencies.GetOrAdd(Catalogue.IdpUserInfo.Of($"conn_{connection}", $"org_{connection}"), _clock), host);

    private Dependency Node(string name, string zone, string region)
    {
        _peers.Add(new PeerPlace($"http://{name}", name, zone, region));
        return Operators(Catalogue.Peer.Of($"http://{name}"));
    }

    /// <summary>Where it goes is known from the first call on.</summary>
    private static Dependency At(Dependency dependency, string host)
    {
        dependency.CallAsync(_ => Task.FromResult(true), CancellationToken.None, new Uri($"https://{host}/")).Wait();
        return dependency;
    }

    /// <summary>Rounds of a quarter of a second: each of these is well or fails, and then the finder looks.</summary>
    private void Rounds(int rounds, params ReadOnlySpan<(Dependency Dependency, string? How)> calls)
    {
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (dependency, how) in calls)
            {
                dependency.Report(how is null, how);
            }
            Pass(Look);
        }
    }

    private void Pass(TimeSpan time)
    {
        for (var until = _clock.GetUtcNow() + time; _clock.GetUtcNow() < until;)
        {
            _clock.Advance(Look);
            _finder.Look();
        }
    }

    private void PassProbing(TimeSpan time)
    {
        for (var until = _clock.GetUtcNow() + time; _clock.GetUtcNow() < until;)
        {
            Pass(Look);
            _finder.Probe(CancellationToken.None);
        }
    }

    private async Task KnockAsync(Uri at, bool isDocument, CancellationToken ct)
    {
        _knocked.Add((at, isDocument));
        await _knock(at, isDocument);
    }

    private IEnumerable<string> Named => _finder.All.Select(c => c.Dependency);

    private void Says(string dependency, string how, CauseScope scope = CauseScope.Platform)
    {
        var cause = Assert.Single(_finder.All);
        Assert.Equal((dependency, how, scope), (cause.Dependency, cause.How, cause.Scope));
        Assert.Equal(scope == CauseScope.Platform ? cause : null, _finder.Current);
    }

    [Fact]
    public void One_failure_in_a_hundred_says_nothing()
    {
        var (dns, token) = (Operators(Catalogue.Dns), Token(1));
        for (var i = 0; i < 50; i++)
        {
            Rounds(99, (dns, null), (token, null));
            Rounds(1, (dns, Trouble.Errors), (token, Trouble.Reset));
        }

        Assert.Empty(_told);
    }

    [Fact]
    public void Three_in_a_row_are_named_since_the_first_and_said_once()
    {
        var dns = Operators(Catalogue.Dns);
        Rounds(4, (dns, null));
        var began = _clock.GetUtcNow();
        Rounds(2, (dns, Trouble.Refuses));
        Assert.Empty(_finder.All);
        Rounds(20, (dns, Trouble.Refuses));

        Says("dns", Trouble.Refuses);
        Assert.Equal(began, _finder.Current!.Since);
        Assert.Equal([CauseChange.Named], _told.Select(t => t.Change));
        Assert.StartsWith("Name resolution (DNS) refuses connections, since 00:00:01 UTC. No sign-in stands on it", _finder.Current.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_over_is_over_after_three_answers_and_five_seconds()
    {
        var dns = Operators(Catalogue.Dns);
        Rounds(4, (dns, Trouble.Refuses));
        Rounds(18, (dns, null));
        Says("dns", Trouble.Refuses);

        Rounds(4, (dns, null));

        Assert.Empty(_finder.All);
        Assert.Equal([CauseChange.Named, CauseChange.Over], _told.Select(t => t.Change));
    }

    [Fact]
    public void A_thing_that_flaps_each_second_is_one_cause()
    {
        var dns = Operators(Catalogue.Dns);
        for (var i = 0; i < 60; i++)
        {
            Rounds(4, (dns, Trouble.Refuses));
            Rounds(4, (dns, null));
        }

        Says("dns", Trouble.Refuses);
        Assert.Single(_told);
    }

    [Fact]
    public void The_primary_is_named_at_its_driver_s_first_word_and_when_its_driver_is_silent()
    {
        var primary = Operators(Catalogue.Primary);
        Rounds(4, (primary, null));
        primary.Report(false, "damaged", "The file was cut off.");
        _finder.Look();
        Says("primary", "damaged");
        Assert.Equal("The file was cut off.", _finder.Current!.Detail);

        Rounds(4, (primary, null));
        Assert.Empty(_finder.All);
        Pass(TimeSpan.FromSeconds(2));

        Says("primary", Trouble.Hangs);
    }

    [Fact]
    public void A_process_that_stood_still_blames_nobody()
    {
        var (primary, token) = (Operators(Catalogue.Primary), Token(1));
        Rounds(4, (primary, null), (token, null));
        var calls = Enumerable.Range(0, 4).Select(_ => token.CallAsync(_ => new TaskCompletionSource<bool>().Task, CancellationToken.None)).ToList();

        _clock.Advance(TimeSpan.FromSeconds(30));   // at once: no look in between, and every deadline ran out
        _finder.Look();
        Rounds(40, (primary, null), (token, null));

        Assert.All(calls, c => Assert.True(c.IsFaulted));
        Assert.Empty(_told);
    }

    [Fact]
    public void Silence_while_several_wait_is_a_hang_before_any_deadline()
    {
        var saved = _dependencies.GetOrAdd(Catalogue.IdpMetadata.Of("environment_1") with { SlowAfter = TimeSpan.FromSeconds(2), Scope = DependencyScope.Platform }, _clock);
        _dependencies.Add(saved);
        var end = new TaskCompletionSource<bool>();
        var calls = Enumerable.Range(0, 3).Select(_ => saved.CallAsync(_ => end.Task, CancellationToken.None)).ToList();

        Pass(TimeSpan.FromSeconds(2.75));
        Assert.Empty(_finder.All);   // what may take two seconds is not missed at once
        Pass(TimeSpan.FromSeconds(0.75));

        Says(saved.Name, Trouble.Hangs);
        Assert.DoesNotContain(calls, c => c.IsCompleted);
        end.SetResult(true);
    }

    [Fact]
    public void Slow_is_slow_and_not_a_hang()
    {
        var node = Node("north", "a", "r");
        for (var i = 0; i < 8; i++)
        {
            var end = new TaskCompletionSource<bool>();
            var call = node.CallAsync(_ => end.Task, CancellationToken.None);
            _clock.Advance(TimeSpan.FromMilliseconds(300));
            end.SetResult(true);
            Assert.True(call.IsCompletedSuccessfully);
            _finder.Look();
        }

        Pass(TimeSpan.FromSeconds(2));
        Says("peer:http://north", Trouble.Slow);
    }

    [Fact]
    public void Behind_an_open_breaker_it_stays_named()
    {
        var token = Token(1);
        for (var i = 0; i < 40; i++)
        {
            _ = token.CallAsync<bool>(_ => throw new OutageException(Trouble.Errors, "500"), CancellationToken.None);
            Pass(Look);
        }

        Assert.Equal(DependencyState.Open, token.Health.State);
        Says("idp_token:conn_1", Trouble.Errors, CauseScope.Tenant);
    }

    [Fact]
    public void One_customer_s_provider_is_none_of_the_platform_s_causes_however_busy()
    {
        var (ill, well) = (Token(1, "one.example"), Token(2, "two.example"));
        Rounds(40, (ill, Trouble.Errors), (ill, Trouble.Errors), (ill, Trouble.Errors), (well, null));

        Says("idp_token:conn_1", Trouble.Errors, CauseScope.Tenant);
    }

    [Fact]
    public void A_connection_s_endpoints_that_fail_together_are_its_provider()
    {
        var (token, userInfo, other) = (Token(1, "one.example"), UserInfo(1, "api.one.example"), Token(2, "two.example"));
        Rounds(8, (token, Trouble.Errors), (userInfo, Trouble.Errors), (other, null));

        Says("idp:conn_1", Trouble.Errors, CauseScope.Tenant);
    }

    [Fact]
    public void A_provider_that_many_use_is_named_once()
    {
        var (a, b, c, other) = (Token(1), Token(2), Token(3), Token(4, "else.example"));
        Rounds(8, (a, Trouble.Errors), (b, Trouble.Errors), (c, Trouble.Errors), (other, null));

        Says("host:login.example", Trouble.Errors, CauseScope.Shared);
        Assert.DoesNotContain("login.example", _finder.All[0].Text, StringComparison.Ordinal);   // whose it is, stays with the operator
    }

    [Fact]
    public void One_healthy_connection_acquits_a_host()
    {
        var (a, b, well) = (Token(1), Token(2), Token(3));
        Rounds(12, (a, Trouble.Errors), (b, Trouble.Errors), (well, null));

        Assert.Equal(["idp_token:conn_1", "idp_token:conn_2"], Named.Order());
    }

    [Fact]
    public void Names_that_vanish_at_several_hosts_are_dns_and_one_is_its_host()
    {
        var (a, b, c) = (Token(1, "one.example"), Token(2, "two.example"), Token(3, "three.example"));
        Rounds(8, (a, Trouble.Unresolved), (b, null), (c, null));
        Says("idp_token:conn_1", Trouble.Unresolved, CauseScope.Tenant);

        Rounds(8, (a, Trouble.Unresolved), (b, Trouble.Unresolved), (c, Trouble.Unresolved));

        Says("dns", Trouble.Unresolved);
    }

    [Fact]
    public void Certificates_of_strangers_that_expire_at_once_are_this_node_s_clock()
    {
        var tokens = Enumerable.Range(1, 3).Select(i => Token(i, $"login{i}.example")).ToArray();
        Rounds(8, (tokens[0], Trouble.Certificate), (tokens[1], Trouble.Certificate), (tokens[2], Trouble.Certificate));

        Says("time", Trouble.Certificate);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Nobody_outside_is_the_way_out_unless_somebody_is_there(bool isSomebodyThere)
    {
        var tokens = Enumerable.Range(1, 4).Select(i => Token(i, $"login{i}.example")).ToArray();
        Rounds(10, (tokens[0], Trouble.Hangs), (tokens[1], Trouble.Hangs), (tokens[2], Trouble.Refuses), (tokens[3], isSomebodyThere ? null : Trouble.Hangs));

        if (isSomebodyThere)
        {
            Assert.Null(_finder.Current);
            Assert.Equal(3, _finder.All.Count);
            return;
        }
        Says("network", Trouble.Hangs);
    }

    [Theory]
    [InlineData("a", "peer:http://a")]
    [InlineData("a b", "zone:one")]
    [InlineData("a c", "peer:http://a peer:http://c")]
    [InlineData("a b c", "region:north")]
    [InlineData("a b c d", "peers")]
    [InlineData("d", "peer:http://d")]
    public void Nodes_are_named_by_the_widest_place_that_is_away_whole(string away, string names)
    {
        var nodes = new[] { Node("a", "one", "north"), Node("b", "one", "north"), Node("c", "two", "north"), Node("d", "three", "south") };
        (Dependency, string?)[] calls = [.. nodes.Select(n => (n, away.Split(' ').Contains(n.Name["peer:http://".Length..]) ? Trouble.Refuses : null))];
        Rounds(4, [.. nodes.Select(n => (n, (string?)null))]);

        Rounds(10, calls);

        Assert.Equal(names.Split(' '), Named.Order());
    }

    [Fact]
    public void A_primary_on_a_node_that_is_gone_is_what_the_node_takes_along()
    {
        var (node, primary) = (Node("a", "one", "north"), Operators(Catalogue.Primary with { StandsOn = ["peer:http://a"] }));
        Rounds(4, (node, null), (primary, null));
        Rounds(10, (node, Trouble.Refuses), (primary, Trouble.Unreachable));

        Says("peer:http://a", Trouble.Refuses);
        Assert.Equal(["peer:http://a", "primary"], _finder.Current!.Symptoms.Order());
        Assert.Contains("administration", _finder.Current.Products);
    }

    [Theory]
    [InlineData("unreachable", "credentials primary")]
    [InlineData("damaged", "credentials primary")]
    [InlineData("unreadable", "credentials")]   // the database turns down what the issuer gave out last
    public void A_dead_issuer_of_credentials_takes_along_only_a_primary_that_refuses_the_login(string how, string names)
    {
        var (issuer, primary) = (Operators(Catalogue.Credentials), Operators(Catalogue.PostgresPrimary with { StandsOn = [Catalogue.Credentials.Name] }));
        Rounds(4, (issuer, null), (primary, null));
        Rounds(10, (issuer, Trouble.Refuses), (primary, how));

        Assert.Equal(names.Split(' '), Named.Order());
        Assert.Contains(_finder.All, c => c.Dependency == names.Split(' ')[^1] && c.Symptoms.Contains("primary"));
    }

    [Fact]
    public void A_call_of_PostgreSQL_that_failed_is_no_success_of_it()
    {
        var primary = Operators(Catalogue.PostgresPrimary);
        for (var round = 0; round < 10; round++)
        {
            primary.Report(false, "unreachable", "It turns connections away.");
            for (var i = 0; i < 5; i++)
            {
                Assert.True(primary.CallAsync<bool>(_ => throw new TimeoutException(), CancellationToken.None).IsFaulted);
            }
            Pass(Look);
            Says("primary", "unreachable");
            Assert.Equal((DependencyState.Failing, "unreachable"), (primary.Health.State, primary.Health.How));
        }

        Assert.Single(_told);
    }

    [Fact]
    public void A_credential_that_two_are_turned_down_with_is_the_cause()
    {
        var mail = Operators(Catalogue.Dns with { Name = "mail", StandsOn = ["credential:relay"] });
        var stream = Operators(Catalogue.Dns with { Name = "stream", StandsOn = ["credential:relay"] });
        Rounds(8, (mail, Trouble.Denied), (stream, Trouble.Denied));

        Says("credential:relay", Trouble.Denied);
    }

    [Fact]
    public void Two_things_that_have_nothing_in_common_have_two_names_and_the_primary_is_first()
    {
        var (primary, dns, telemetry) = (Operators(Catalogue.Primary), Operators(Catalogue.Dns), Operators(Catalogue.Telemetry));
        Rounds(10, (primary, "unreachable"), (dns, Trouble.Errors), (telemetry, Trouble.Hangs));

        Assert.Equal(["primary", "dns", "telemetry"], Named);
    }

    [Fact]
    public async Task What_nobody_calls_is_probed_if_somebody_had_use_for_it()
    {
        var asked = 0;
        var dns = Operators(Catalogue.Dns with { IsMissedUnused = false });
        dns.Probe = _ => ++asked > 3 ? throw new OutageException(Trouble.Refuses, "no") : Task.CompletedTask;
        for (var i = 0; i < 40; i++)
        {
            Pass(Look);
            _finder.Probe(CancellationToken.None);
        }
        Assert.Equal(0, asked);   // nobody needed a resolver yet

        await dns.CallAsync(_ => Task.FromResult(true), CancellationToken.None);
        for (var i = 0; i < 32; i++)
        {
            Pass(Look);
            _finder.Probe(CancellationToken.None);
        }

        Says("dns", Trouble.Refuses);
        Assert.Equal(DependencyState.Ok, dns.Health.State);   // a probe opens no breaker
    }

    private Dependency KnockedAt(DependencyPolicy policy, Func<string?> how)
    {
        var dependency = _dependencies.Add(new Dependency(policy, _clock, onCallersThread: true) { IsProbeAKnock = true });
        dependency.Probe = _ => how() is { } word ? throw new OutageException(word, "no") : Task.CompletedTask;
        return dependency;
    }

    [Fact]
    public async Task What_is_knocked_at_is_named_before_its_own_round_comes_and_is_over_when_somebody_is_there()
    {
        string? how = Trouble.Refuses;
        var issuer = KnockedAt(Catalogue.Credentials, () => how);
        PassProbing(TimeSpan.FromMinutes(2));
        Assert.Empty(_told);   // nobody has use for it yet
        how = null;
        await issuer.CallAsync(_ => Task.FromResult(true), CancellationToken.None);
        PassProbing(TimeSpan.FromHours(1));   // as rarely as some issuers are asked
        Assert.Empty(_told);

        how = Trouble.Refuses;
        PassProbing(TimeSpan.FromSeconds(64));
        Says("credentials", Trouble.Refuses);
        Assert.Equal(DependencyState.Ok, issuer.Health.State);   // a knock opens no breaker

        how = null;
        PassProbing(TimeSpan.FromSeconds(12));
        Assert.Empty(_finder.All);
    }

    [Fact]
    public void Who_answers_a_knock_is_not_well_for_that()
    {
        var flags = KnockedAt(Catalogue.Flags.Of("unleash"), () => null);
        flags.Report(true);
        for (var call = 0; call < 3; call++)
        {
            flags.Report(false, Trouble.Errors);
            PassProbing(TimeSpan.FromSeconds(8));
        }
        PassProbing(TimeSpan.FromSeconds(30));

        Says("flags:unleash", Trouble.Errors);
    }

    [Fact]
    public void And_a_knock_that_was_lost_for_once_does_not_make_it_well()
    {
        string? how = null;
        var flags = KnockedAt(Catalogue.Flags.Of("unleash"), () => how);
        flags.Report(true);
        for (var call = 0; call < 3; call++)
        {
            flags.Report(false, Trouble.Errors);
            PassProbing(TimeSpan.FromSeconds(4));
        }
        how = Trouble.Hangs;
        PassProbing(TimeSpan.FromSeconds(3));
        how = null;
        PassProbing(TimeSpan.FromSeconds(20));   // answered, again and again

        Assert.NotEmpty(_told);
        Assert.DoesNotContain(_told, t => t.Change == CauseChange.Over);
    }

    [Fact]
    public void Three_hosts_of_one_customer_s_are_that_customer_s()
    {
        Dependency[] all = [Token(1, "token.example"), UserInfo(1, "people.example"), At(_dependencies.GetOrAdd(Catalogue.IdpDocuments.Of("conn_1", "org_1"), _clock), "documents.example")];
        Rounds(12, [.. all.Select(d => (d, (string?)Trouble.Hangs))]);

        Assert.NotEmpty(_finder.All);
        Assert.All(_finder.All, c => Assert.Equal(CauseScope.Tenant, c.Scope));
    }

    [Fact]
    public void One_of_many_servers_that_is_restarted_is_no_finding_of_knocks()
    {
        string? how = null;
        var flags = KnockedAt(Catalogue.Flags.Of("unleash"), () => how);
        flags.Report(true);
        PassProbing(TimeSpan.FromSeconds(5));
        how = Trouble.Refuses;
        PassProbing(TimeSpan.FromSeconds(2.5));
        how = null;
        PassProbing(TimeSpan.FromMinutes(1));

        Assert.Empty(_told);
    }

    [Fact]
    public async Task Who_answers_a_knock_says_that_the_way_out_is_there()
    {
        Dependency[] hanging = [KnockedAt(Catalogue.Flags.Of("unleash"), () => Trouble.Hangs), KnockedAt(Catalogue.Telemetry, () => Trouble.Hangs), Operators(Catalogue.Mail)];
        var issuer = KnockedAt(Catalogue.Credentials, () => null);
        foreach (var (dependency, host) in ((Dependency, string)[])[.. hanging.Select((d, i) => (d, $"far{i}.example")), (issuer, "issuer.example")])
        {
            await dependency.CallAsync(_ => Task.FromResult(true), CancellationToken.None, new Uri($"https://{host}/"));
        }
        for (var round = 0; round < 40; round++)
        {
            Array.ForEach(hanging, d => d.Report(false, Trouble.Hangs));
            PassProbing(TimeSpan.FromSeconds(0.5));
        }

        Assert.Equal(["flags:unleash", "mail", "telemetry"], Named.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_is_over_is_not_found_again_by_what_was_told_already()
    {
        var dns = Operators(Catalogue.Dns);
        Rounds(10, (dns, Trouble.Refuses));
        Rounds(70, (dns, null));   // a third of the last twenty seconds went ill for a while

        Assert.Equal([CauseChange.Named, CauseChange.Over], _told.Select(t => t.Change));
    }

    [Fact]
    public async Task A_mail_server_that_takes_six_seconds_is_slow_and_does_not_hang()
    {
        var mail = Operators(Catalogue.Mail);
        for (var round = 0; round < 3; round++)
        {
            var two = Enumerable.Range(0, 2).Select(_ => mail.CallAsync(async token =>
            {
                await Task.Delay(TimeSpan.FromSeconds(6), _clock, token);
                return true;
            }, CancellationToken.None)).ToList();
            Pass(TimeSpan.FromSeconds(6.25));
            await Task.WhenAll(two).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
            Pass(Look);
        }

        Says("mail", Trouble.Slow);
        Assert.DoesNotContain(_told, t => t.Cause.How == Trouble.Hangs);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_resolver_that_nobody_needs_yet_is_missed_once_it_has_answered(bool wasThere)
    {
        var isThere = wasThere;
        var dns = Operators(Catalogue.Dns);
        dns.Probe = _ => isThere ? Task.CompletedTask : throw new OutageException(Trouble.Refuses, "no");
        PassProbing(TimeSpan.FromMinutes(3));
        Assert.Empty(_told);   // well, or never there: a closed network

        isThere = false;
        PassProbing(TimeSpan.FromSeconds(10));

        if (wasThere)
        {
            Says("dns", Trouble.Refuses);
            return;
        }
        Assert.Empty(_told);
        Assert.Empty(dns.Calls.Last());
    }

    /// <summary>A provider that is called once in ten minutes: who was turned away once is followed by a knock or two.</summary>
    [Theory]
    [InlineData(Trouble.Refuses, Trouble.Refuses, true)]
    [InlineData(Trouble.Hangs, Trouble.Hangs, true)]
    [InlineData(Trouble.Unresolved, Trouble.Unresolved, true)]
    [InlineData(Trouble.Certificate, Trouble.Certificate, true)]
    [InlineData(Trouble.Refuses, null, false)]          // one of many behind an address was restarted
    [InlineData(Trouble.Errors, Trouble.Refuses, false)] // a host can be held to what a host does
    [InlineData(Trouble.Wrong, null, false)]
    public void A_provider_that_is_called_rarely_is_named_after_one_call_and_some_knocks(string met, string? heard, bool isNamed)
    {
        _knock = (_, _) => heard is null ? Task.CompletedTask : throw new OutageException(heard, "knock");
        var token = Token(1);
        Pass(TimeSpan.FromMinutes(1));
        token.Report(false, met);
        PassProbing(TimeSpan.FromSeconds(6));

        Assert.Equal(isNamed ? ["idp_token:conn_1"] : [], Named);
        Assert.InRange(_knocked.Count, 2, 5);
        Assert.All(_knocked, k => Assert.Equal(("https://login.example/", false), (k.At.AbsoluteUri, k.IsDocument)));
    }

    [Theory, InlineData(Trouble.Errors), InlineData(Trouble.Wrong), InlineData(Trouble.Hangs)]
    public void Where_a_provider_has_a_document_it_is_read_and_the_two_are_the_provider(string how)
    {
        _knock = (_, isDocument) => isDocument ? throw new OutageException(how, "knock") : Task.CompletedTask;
        var token = Token(1);
        _dependencies.GetOrAdd(Catalogue.IdpDocuments.Of("conn_1", "org_1"), _clock).Document = new Uri("https://login.example/.well-known/openid-configuration");
        Pass(TimeSpan.FromMinutes(1));
        token.Report(false, how);
        PassProbing(TimeSpan.FromSeconds(8));

        var cause = Assert.Single(_finder.All);
        Assert.Equal(("idp:conn_1", how, CauseScope.Tenant), (cause.Dependency, cause.How, cause.Scope));
        Assert.Equal(["idp_documents:conn_1", "idp_token:conn_1"], cause.Symptoms.Order());
        Assert.All(_knocked, k => Assert.True(k.IsDocument));   // the same host is not asked twice
    }

    [Fact]
    public void An_endpoint_that_fails_beside_a_document_that_is_well_is_acquitted_of_nothing()
    {
        _knock = (_, _) => Task.CompletedTask;
        var token = Token(1);
        _dependencies.GetOrAdd(Catalogue.IdpDocuments.Of("conn_1", "org_1"), _clock).Document = new Uri("https://login.example/.well-known/openid-configuration");
        for (var i = 0; i < 2; i++)
        {
            token.Report(false, Trouble.Refuses);
            PassProbing(TimeSpan.FromSeconds(8));
        }
        Assert.Empty(_told);   // two refusals, and a host that answers
        token.Report(false, Trouble.Refuses);
        PassProbing(TimeSpan.FromSeconds(2));

        Says("idp_token:conn_1", Trouble.Refuses, CauseScope.Tenant);
    }

    [Fact]
    public void However_many_are_doubted_each_is_knocked_at()
    {
        _knock = (_, _) => Task.CompletedTask;
        var tokens = Enumerable.Range(1, 600).Select(i => Token(i, $"login-{i}.example")).ToList();
        Pass(TimeSpan.FromSeconds(1));
        tokens.ForEach(t => t.Report(false, Trouble.Refuses));
        PassProbing(TimeSpan.FromSeconds(3));

        Assert.Equal(600, _knocked.Select(k => k.At.Host).Distinct().Count());
    }

    [Theory, InlineData(true), InlineData(false)]
    public void What_knocks_alone_keep_alive_is_forgotten_unless_it_is_read_in_the_background(bool isRead)
    {
        _knock = (_, _) => throw new OutageException(Trouble.Refuses, "knock");
        var token = Token(1);
        var documents = _dependencies.GetOrAdd(Catalogue.IdpDocuments.Of("conn_1", "org_1"), _clock);
        documents.Document = new Uri("https://login.example/.well-known/openid-configuration");
        token.Report(false, Trouble.Refuses);
        PassProbing(TimeSpan.FromSeconds(8));
        Assert.Equal(["idp:conn_1"], Named);
        for (var i = 0; i < 3; i++)
        {
            PassProbing(TimeSpan.FromMinutes(10));
            if (isRead)
            {
                documents.Report(false, Trouble.Refuses);
            }
        }

        Assert.Equal(isRead ? ["idp_documents:conn_1"] : [], Named);
        var before = _knocked.Count;
        PassProbing(TimeSpan.FromMinutes(2));
        Assert.Equal(isRead, _knocked.Count > before);
    }

    [Fact]
    public void A_host_is_knocked_at_a_few_times_a_minute_however_often_calls_fail_there()
    {
        _knock = (_, _) => Task.CompletedTask;
        var (token, other) = (Token(1), Token(2));
        for (var i = 0; i < 60; i++)
        {
            token.Report(false, Trouble.Refuses);
            PassProbing(TimeSpan.FromSeconds(2));
            token.Report(true);
            other.Report(false, Trouble.Reset);
            PassProbing(TimeSpan.FromSeconds(2));
            other.Report(true);
        }

        Assert.InRange(_knocked.Count, 5, 5 + (4 * 4) + 1);   // five, and four a minute for four minutes
        var before = _knocked.Count;
        PassProbing(TimeSpan.FromMinutes(10));
        Assert.Equal(before, _knocked.Count);   // nobody fails: nobody is asked
    }

    [Fact]
    public void Whoever_fails_at_a_host_that_is_found_to_fail_joins_in_unless_it_has_answered_since()
    {
        var (busy, rare, well) = (Token(1), Token(2), Token(3));
        Pass(TimeSpan.FromSeconds(30));
        Rounds(2, (busy, Trouble.Errors), (well, null));
        rare.Report(false, Trouble.Errors);
        Rounds(6, (busy, Trouble.Errors));
        Says("host:login.example", Trouble.Errors, CauseScope.Tenant);   // who was well answered before the last of them fell ill

        Rounds(40, (busy, null), (rare, null), (well, null));
        Assert.Empty(_finder.All);
        Rounds(6, (busy, Trouble.Errors), (rare, null), (well, null));
        rare.Report(false, Trouble.Errors);
        Rounds(1, (busy, Trouble.Errors), (well, null));
        Says("idp_token:conn_1", Trouble.Errors, CauseScope.Tenant);   // one failure of one that has answered since is its own
    }

    /// <summary>A machine with too much to do: each look comes late, and calls run into their deadlines.</summary>
    [Theory, InlineData(300, false), InlineData(0, true)]
    public void A_node_that_was_late_itself_takes_two_that_hang_for_less(int lateBy, bool isNamed)
    {
        var node = Node("north", "a", "r");
        Rounds(8, (node, null));
        for (var call = 0; call < 2; call++)
        {
            var hanging = node.CallAsync(_ => new TaskCompletionSource<bool>().Task, CancellationToken.None);
            while (!hanging.IsCompleted)
            {
                _clock.Advance(Look + TimeSpan.FromMilliseconds(lateBy));
                _finder.Look();
            }
        }
        for (var look = 0; look < 12; look++)
        {
            _clock.Advance(Look + TimeSpan.FromMilliseconds(lateBy));
            _finder.Look();
        }

        Assert.Equal(isNamed ? ["peer:http://north"] : [], Named);
    }

    [Fact]
    public void Even_a_node_that_is_always_late_names_what_hangs_on()
    {
        var node = Node("north", "a", "r");
        Rounds(8, (node, null));
        for (var call = 0; call < 10; call++)
        {
            var hanging = node.CallAsync(_ => new TaskCompletionSource<bool>().Task, CancellationToken.None);
            for (var look = 0; look < 8; look++)
            {
                _clock.Advance(Look + TimeSpan.FromMilliseconds(300));
                _finder.Look();
            }
        }

        Says("peer:http://north", Trouble.Hangs);
    }

    [Fact]
    public void Five_thousand_customers_providers_are_named_by_and_by_and_the_platform_s_cause_at_once()
    {
        var tokens = Enumerable.Range(0, 5000).Select(i => Token(i, $"login{i}.example")).ToArray();
        Token(5000, "well.example").Report(true);
        foreach (var token in tokens)
        {
            token.Report(false, Trouble.Errors);
            token.Report(false, Trouble.Errors);
            token.Report(false, Trouble.Errors);
        }
        Operators(Catalogue.Primary).Report(false, "damaged");
        for (var look = 1; look <= 26; look++)
        {
            _told.Clear();
            _finder.Look();
            Assert.Equal("damaged", _finder.Current!.How);
            Assert.Equal(Math.Min(5000, look * Finder.MostOfTenants), _finder.All.Count(c => c.Scope == CauseScope.Tenant));
            Assert.True(_told.Count <= Finder.MostOfTenants + 1);
        }
        Assert.Equal(5001, Named.Distinct().Count());
        Assert.Empty(_told);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(5000)]
    public void What_is_watched_is_gone_through_a_few_times_however_many_share_a_host(int perHost)
    {
        var tokens = Enumerable.Range(0, 5000).Select(i => Token(i, $"login{i / perHost}.example")).ToArray();
        var others = new Counted<Dependency>(tokens);
        var asked = 0;
        var causes = new CommonCause([], others, (_, _) => ++asked < 0).Find([.. tokens.Select(t => new Symptom(t, Trouble.Errors, default, 0, 0))]);

        Assert.Equal(5000 / perHost, causes.Count);
        Assert.InRange(others.Steps, 0, 4 * tokens.Length);
        Assert.InRange(asked, 0, tokens.Length);
    }

    [Fact]
    public void A_look_that_took_long_is_no_stall_of_the_process()
    {
        var (dns, token) = (Operators(Catalogue.Dns), Token(1));
        Rounds(8, (dns, Trouble.Errors));
        _whileItLooks = () => _clock.Advance(TimeSpan.FromSeconds(3));
        for (var look = 0; look < 4; look++)
        {
            var call = token.CallAsync(_ => new TaskCompletionSource<bool>().Task, CancellationToken.None);
            Pass(Look);   // the call's deadline runs out in it
            Assert.True(call.IsFaulted);
        }

        Assert.Contains("idp_token:conn_1", Named);
    }

    [Fact]
    public void It_tells_after_the_look_so_that_a_log_that_nobody_reads_holds_up_none()
    {
        var dns = Operators(Catalogue.Dns);
        var looked = false;
        _finder.Tell = (_, _) =>
        {
            var other = new Thread(_finder.Look);
            other.Start();
            looked = other.Join(TimeSpan.FromSeconds(10));
        };
        Rounds(4, (dns, Trouble.Refuses));

        Assert.True(looked);
    }

    [Fact]
    public void Seeded_faults_are_named_and_the_same_seed_says_the_same()
    {
        var trials = Enumerable.Range(0, 2 * Bench.FinderWorld.All.Count).AsParallel().AsOrdered().Select(i => Bench.FinderBench.Single((ulong)i)).ToList();

        Assert.True(trials.Count(t => t.IsRight) >= 0.97 * trials.Count, string.Join('\n', trials.Where(t => !t.IsRight)));   // the goal is measured by 'holdfast bench finder'
        Assert.Equal(trials[7], Bench.FinderBench.Single(7));
    }

    [Fact]
    public void Thirty_healthy_minutes_under_load_name_nothing() => Assert.Equal(0, Bench.FinderBench.WellFor(4711, TimeSpan.FromMinutes(30)));

    private sealed class Counted<T>(IReadOnlyCollection<T> all) : IReadOnlyCollection<T>
    {
        public int Steps { get; private set; }

        public int Count => all.Count;

        public IEnumerator<T> GetEnumerator()
        {
            foreach (var one in all)
            {
                Steps++;
                yield return one;
            }
        }

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
