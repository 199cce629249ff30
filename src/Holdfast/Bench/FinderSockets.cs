using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Holdfast.Causes;
using Holdfast.Flags.Sources;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Resilience;
using Holdfast.Simulation.Time;
using Holdfast.Storage;

namespace Holdfast.Bench;

/// <summary>The same over real sockets: far ends on loopback, the real clients, and the finder as it runs in a node. Everything of the catalogue that a node has at once is there; one thing of it breaks.</summary>
internal static class FinderSockets
{
    /// <summary>Each fault twice.</summary>
    public static int Trials => 2 * s_plan.Count;

    private const int AtOnce = 4;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(40);

    private static readonly FaultKind[] s_kinds = Enum.GetValues<FaultKind>();
    private static readonly FaultKind[] s_ofAnEndpoint = [FaultKind.Hang, FaultKind.Slow, FaultKind.Error, FaultKind.WrongAnswer, FaultKind.Reset];
    private static readonly FaultKind[] s_ofAHost = [FaultKind.Refuse, FaultKind.Hang, FaultKind.Reset];

    private static readonly IReadOnlyList<Aim> s_plan = [.. Plan()];

    /// <summary>One fault, and what it must be called.</summary>
    /// <param name="Hows">Words of which one must be given. The drivers of the primary and of mail have words of their own.</param>
    private sealed record Aim(string Target, FaultKind Kind, Func<Surrounding, IReadOnlyList<string>> Names, IReadOnlyList<string> Hows, bool IsPlatforms, Func<Surrounding, Task> BreakAsync);

    public static async Task<IReadOnlyList<Trial>> RunAsync(int count, Action<string> progress, CancellationToken ct)
    {
        using var authority = new FarAuthority();
        var trials = new Trial[count];
        var done = 0;
        // Spread over the plan, however few they are.
        var step = Math.Max(1, s_plan.Count / count);
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (trial, token) =>
        {
            trials[trial] = await TryAsync((ulong)trial, s_plan[trial * step % s_plan.Count], authority, token);
            progress($"sockets: {Interlocked.Increment(ref done)} of {count}{(trials[trial].IsRight ? "" : $"; missed: {trials[trial].Target}, {trials[trial].Kind}: {trials[trial].Said}")}");
        });
        return trials;
    }

    private static IEnumerable<Aim> Plan()
    {
        foreach (var kind in s_kinds)
        {
            yield return Of("one provider", kind, w => w.First, ["idp_token:conn_0", "idp:conn_0"], isPlatforms: false);
            yield return Of("an application's own endpoint", kind, w => w.Action, ["action:action_1"], isPlatforms: false);
        }
        foreach (var kind in s_ofAnEndpoint)
        {
            yield return Of("a token endpoint", kind, w => w.Second, ["idp_token:conn_1"], isPlatforms: false, only: "/token");
            yield return Of("a UserInfo endpoint", kind, w => w.Second, ["idp_userinfo:conn_1"], isPlatforms: false, only: "/userinfo");
            yield return Of("a provider's documents", kind, w => w.Second, ["idp_documents:conn_1"], isPlatforms: false, only: "/.well-known");
        }
        foreach (var kind in (FaultKind[])[FaultKind.Refuse, FaultKind.Hang, FaultKind.Slow, FaultKind.Error, FaultKind.Reset])
        {
            yield return new("one node", kind, w => [$"peer:{w.North.Url}"], [PlannedFault.WordOf(kind)], true, w => w.North.BreakAsync(kind));
            yield return Of("telemetry", kind, w => w.Collector, [Catalogue.Telemetry.Name]);
        }
        foreach (var kind in s_ofAHost)
        {
            yield return Of("primary", kind, w => w.Primary, [Catalogue.Primary.Name], hows: [Trouble.Unreachable, Trouble.Hangs]);
        }
        foreach (var kind in (FaultKind[])[FaultKind.Refuse, FaultKind.Hang, FaultKind.Slow, FaultKind.Error, FaultKind.WrongAnswer])
        {
            yield return new("resolver", kind, _ => [Catalogue.Dns.Name], [PlannedFault.WordOf(kind)], true, w =>
            {
                w.Resolver.Break(kind);
                return Task.CompletedTask;
            });
        }
        foreach (var kind in s_kinds.Where(k => k != FaultKind.EmptyDns))   // what the operator names is looked up by the system's resolver, which is not the bench's to break
        {
            yield return Of("mail", kind, w => w.Mail, [Catalogue.Mail.Name], hows: kind == FaultKind.Certificate ? ["untrusted"] : null);
        }
        foreach (var kind in (FaultKind[])[FaultKind.Refuse, FaultKind.Hang, FaultKind.Error, FaultKind.WrongAnswer, FaultKind.Reset])   // nobody waits for it, so slow is no trouble
        {
            yield return Of("flag provider", kind, w => w.Flags, ["flags:unleash"]);
            yield return Of("issuer of credentials", kind, w => w.Issuer, [Catalogue.Credentials.Name], hows: kind == FaultKind.WrongAnswer ? [Trouble.Wrong, Trouble.Errors] : null);
        }
        yield return new("names everywhere", FaultKind.EmptyDns, _ => ["dns"], [Trouble.Unresolved], true, w => w.BreakAllAsync(FaultKind.EmptyDns, [w.First, w.Second, w.Action]));
        yield return new("this node's clock", FaultKind.Certificate, _ => ["time"], [Trouble.Certificate], true, w => w.BreakAllAsync(FaultKind.Certificate, [w.First, w.Second, w.Action]));
        foreach (var kind in (FaultKind[])[FaultKind.Hang, FaultKind.Reset])
        {
            yield return new("the way out", kind, _ => ["network"], [PlannedFault.WordOf(kind)], true, w => w.BreakAllAsync(kind, [w.First, w.Second, w.Action, w.Mail, w.Flags, w.Issuer]));
        }

        static Aim Of(string target, FaultKind kind, Func<Surrounding, FarHost> host, string[] names, string[]? hows = null, bool isPlatforms = true, string? only = null) =>
            new(target, kind, _ => names, hows ?? [PlannedFault.WordOf(kind)], isPlatforms, async w =>
            {
                host(w).Only = only;
                await host(w).BreakAsync(kind);
            });
    }

    private static async Task<Trial> TryAsync(ulong seed, Aim aim, FarAuthority authority, CancellationToken ct)
    {
        var dice = Dice.Of(seed, "sockets");
        await using var around = await Surrounding.StartAsync((int)(seed % 100), dice, authority, isTelemetryDown: aim.Target != "telemetry", ct);
        await Task.Delay(TimeSpan.FromMilliseconds(dice.Between(2500, 5000)), TimeProvider.System, ct);
        var names = aim.Names(around);
        var (began, brokenAt) = (Stopwatch.GetTimestamp(), TimeProvider.System.GetUtcNow());
        await aim.BreakAsync(around);
        (double Seconds, double FromCall)? named = null;
        while (named is null && Stopwatch.GetElapsedTime(began) < s_patience)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, ct);
            if (around.Finder.All.FirstOrDefault(c => names.Contains(c.Dependency) && aim.Hows.Contains(c.How) && (c.Scope == CauseScope.Platform) == aim.IsPlatforms) is { } cause)
            {
                var since = cause.Since > brokenAt ? cause.Since - brokenAt : TimeSpan.Zero;
                named = (Stopwatch.GetElapsedTime(began).TotalSeconds, (Stopwatch.GetElapsedTime(began) - since).TotalSeconds);
            }
        }
        var said = string.Join(", ", around.Finder.All.Select(c => $"{c.Dependency} {c.How}"));
        var wrong = around.Told.Where(c => c.Scope == CauseScope.Platform && !names.Contains(c.Dependency) && (c.Dependency != Catalogue.Telemetry.Name || aim.Target == "telemetry")).Select(c => $"{c.Dependency} {c.How}").Distinct().ToList();
        return new Trial(aim.Target, aim.Kind.ToString(), named is not null && wrong.Count == 0, named?.Seconds, named?.FromCall, $"named {said}; wrongly {string.Join(", ", wrong)}");
    }

    /// <summary>What a node calls, and who calls it.</summary>
    private sealed class Surrounding : IAsyncDisposable
    {
        private static readonly TimeProvider s_clock = TimeProvider.System;

        private readonly CancellationTokenSource _stop = new();
        private readonly Dependencies _dependencies = new();
        private readonly OperatorHttp _inside = new();
        private readonly List<FarHost> _hosts = [];
        private readonly List<Task> _work = [];
        private readonly ConcurrentQueue<Cause> _told = new();
        private OutboundHttp _outbound = null!;
        private CredentialSource? _credentials;

        public FarHost First { get; private set; } = null!;

        public FarHost Second { get; private set; } = null!;

        public FarHost Action { get; private set; } = null!;

        public FarHost North { get; private set; } = null!;

        public FarHost South { get; private set; } = null!;

        public FarHost Primary { get; private set; } = null!;

        public FarHost Mail { get; private set; } = null!;

        public FarHost Flags { get; private set; } = null!;

        public FarHost Issuer { get; private set; } = null!;

        public FarHost Collector { get; private set; } = null!;

        public FarResolver Resolver { get; } = new();

        public Finder Finder { get; private set; } = null!;

        public IEnumerable<Cause> Told => _told;

        public static async Task<Surrounding> StartAsync(int number, Dice dice, FarAuthority authority, bool isTelemetryDown, CancellationToken ct)
        {
            var around = new Surrounding();
            try
            {
                await around.BeginAsync(number, dice, authority, isTelemetryDown, ct);
                return around;
            }
            catch
            {
                await around.DisposeAsync();
                throw;
            }
        }

        public async Task BreakAllAsync(FaultKind kind, FarHost[] hosts)
        {
            if (hosts.Length > 3)
            {
                Resolver.Break(FaultKind.Hang);
            }
            foreach (var host in hosts)
            {
                await host.BreakAsync(kind);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_work);
            foreach (var host in _hosts)
            {
                await host.DisposeAsync();
            }
            _credentials?.Dispose();
            Resolver.Dispose();
            _outbound?.Dispose();
            _inside.Dispose();
            _stop.Dispose();
        }

        private async Task BeginAsync(int number, Dice dice, FarAuthority authority, bool isTelemetryDown, CancellationToken ct)
        {
            var place = number * 10;
            async Task<FarHost> HostAsync(string? name, TimeSpan? slow = null, string says = "{}", bool isMail = false)
            {
                var host = await FarHost.StartAsync(place++, name, authority, ct, slow is { } s ? 1.25 * s : null, says, isMail);
                _hosts.Add(host);
                return host;
            }

            (First, Second, Action) = (await HostAsync("first.test"), await HostAsync("second.test"), await HostAsync("action.test"));
            (North, South, Primary) = (await HostAsync(null, Catalogue.Peer.SlowAfter), await HostAsync(null, Catalogue.Peer.SlowAfter), await HostAsync(null));
            (Mail, Flags) = (await HostAsync(FarHost.AddressOf(place).ToString(), Catalogue.Mail.SlowAfter, isMail: true), await HostAsync(null, says: """{"version":1,"features":[]}"""));
            (Issuer, Collector) = (await HostAsync(null, says: """{"username":"u","password":"p"}"""), await HostAsync(null, Catalogue.Telemetry.SlowAfter));
            Collector.Fault = isTelemetryDown ? FaultKind.Hang : null;

            FarHost[] strangers = [First, Second, Action];
            _outbound = new OutboundHttp(
                OutboundGuard.Read(["127.0.0.0/8:*"]).Guard, s_clock,
                (name, _) => Task.FromResult<IPAddress[]>(Array.Find(strangers, h => h.Name == name) is { Fault: not FaultKind.EmptyDns } host ? [host.Address] : []), [authority.Root]);
            Finder = new Finder(
                _dependencies, new Traffic(s_clock), () => [new PeerPlace(North.Url, "north", "zone-n", "north"), new PeerPlace(South.Url, "south", "zone-s", "south")], new Ids(s_clock, Entropy.Real), s_clock,
                new Knocks(_dependencies, CauseServices.Through(_outbound, _dependencies, s_clock), s_clock))
            {
                Tell = (cause, change) => _told.Enqueue(cause),
            };
            Finder.Listen();
            _work.Add(Finder.RunAsync(_ => { }, _stop.Token));
            Connection("conn_0", "org_0", First, dice);
            Connection("conn_1", "org_1", Second, dice);
            var action = _dependencies.GetOrAdd(Catalogue.Action.Of("action_1", "environment_1"), s_clock);
            Loop(dice.Between(200, 1500), async () => Judge(action, (await _outbound.PostJsonAsync(action, new Uri(Action.Url), "{}"u8.ToArray(), [], OutboundLimits.Document, _stop.Token)).Body));
            foreach (var node in new[] { North, South })
            {
                var peer = _dependencies.Add(new Dependency(Catalogue.Peer.Of(node.Url), s_clock) { Probe = token => _inside.KnockAsync(new Uri(node.Url), token) });
                Loop(dice.Between(500, 2000), () => peer.CallAsync(token => _inside.KnockAsync(new Uri(node.Url), token), _stop.Token));
            }
            PrimaryOfAnotherNode();
            var texts = new DnsTexts([Resolver.EndPoint]);
            var dns = _dependencies.Add(new Dependency(Catalogue.Dns, s_clock) { Probe = texts.KnockAsync });
            Loop(dice.Between(2000, 8000), () => texts.ReadAsync(dns, ["_holdfast.customer.test"], _stop.Token));
            Letters(dice, authority);
            var source = FlagSources.Of(new FlagSetting("unleash", Flags.Url, null), "bench", _dependencies, _inside, Entropy.Real, s_clock, _ => { });
            _work.Add(source.RunAsync(_ => { }, _stop.Token));
            Credentials(dice);
            // As SendTelemetry does.
            var telemetry = _dependencies.Add(new Dependency(Catalogue.Telemetry, s_clock) { Probe = token => _inside.ReachAsync(new Uri(Collector.Url), token), IsProbeAKnock = true });
            Loop(5000, () => _inside.PostAsync(
                telemetry, new Uri(Collector.Url), "{}"u8.ToArray(), [], 64 * 1024, answer => answer.Status is >= 200 and < 300 ? 0 : throw new OutageException(Trouble.Errors, "status"), Catalogue.Telemetry.Deadline, s_clock, _stop.Token));
        }

        private void Connection(string id, string organization, FarHost host, Dice dice)
        {
            Uri At(string path) => new(host.Url + path);
            var token = _dependencies.GetOrAdd(Catalogue.IdpToken.Of(id, organization), s_clock);
            var userInfo = _dependencies.GetOrAdd(Catalogue.IdpUserInfo.Of(id, organization), s_clock);
            var documents = _dependencies.GetOrAdd(Catalogue.IdpDocuments.Of(id, organization), s_clock);
            documents.Document = At("/.well-known/openid-configuration");
            Loop(dice.Between(100, 700), async () => Judge(token, (await _outbound.PostFormAsync(token, At("/token"), [new("grant_type", "authorization_code")], null, OutboundLimits.Document, _stop.Token)).Body));
            Loop(dice.Between(300, 1500), async () => Judge(userInfo, (await _outbound.GetAsync(userInfo, At("/userinfo"), OutboundLimits.Document, _stop.Token)).Body));
            Loop(dice.Between(2000, 4000), async () => Judge(documents, (await _outbound.GetAsync(documents, documents.Document, OutboundLimits.Document, _stop.Token)).Body));
        }

        /// <summary>As the replicator does: a step each quarter of a second, which tells how it went; one that hangs tells it after 5 s.</summary>
        private void PrimaryOfAnotherNode()
        {
            var (wire, primary) = (new Dependency(Catalogue.PrimaryNode.Of(Primary.Url), s_clock), _dependencies.Add(new Dependency(Catalogue.Primary, s_clock)));
            Loop(250, async () =>
            {
                try
                {
                    await _inside.PostAsync(wire, new Uri(Primary.Url), "{}"u8.ToArray(), [], 64 * 1024, answer => answer.Status == 200 ? 0 : throw new OutageException(Trouble.Errors, "status"), Catalogue.PrimaryNode.Deadline, s_clock, _stop.Token);
                    primary.Report(true);
                }
                catch (DependencyUnavailableException)
                {
                    primary.Report(false, Trouble.Unreachable);
                }
            });
        }

        /// <summary>Mails by chance, two under way at most; one that is not taken is handed in again after 5 s.</summary>
        private void Letters(Dice dice, FarAuthority authority)
        {
            var relay = new SmtpRelay(new SmtpSettings(Mail.Address.ToString(), Mail.Port, SmtpTls.Implicit, "bench.test", "no-reply@bench.test", authority.Root));
            var mail = _dependencies.Add(new Dependency(Catalogue.Mail, s_clock));
            for (var i = 0; i < 2; i++)
            {
                var pause = dice.Between(1000, 6000);
                var wait = pause;
                _work.Add(Task.Run(async () =>
                {
                    while (!_stop.IsCancellationRequested)
                    {
                        await Task.Delay(TimeSpan.FromMilliseconds(wait), s_clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                        wait = await IsDoneAsync(() => relay.SendAsync(mail, new OutgoingMail("m", null, "ada@far.test", "A code", "123456", "<p>123456</p>", s_clock.GetUtcNow()), _stop.Token)) ? pause : 5000;
                    }
                }, CancellationToken.None));
            }
        }

        /// <summary>As <see cref="DatabaseCredentials"/> asks an issuer that does not say until when: each minute, and sooner after a failure.</summary>
        private void Credentials(Dice dice)
        {
            _credentials = CredentialSource.Of(Issuer.Url, s_clock);
            _dependencies.Add(_credentials.Dependency);
            var wait = dice.Between(0, 60_000) / 4;
            _work.Add(Task.Run(async () =>
            {
                _ = await IsDoneAsync(() => _credentials.AskAsync(_stop.Token));
                for (var failures = 0; !_stop.IsCancellationRequested;)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(wait), s_clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    failures = await IsDoneAsync(() => _credentials.AskAsync(_stop.Token)) ? 0 : failures + 1;
                    wait = failures == 0 ? 60_000 : Math.Min(5000, 1000 << Math.Min(failures - 1, 3));
                }
            }, CancellationToken.None));
        }

        private void Loop(int milliseconds, Func<Task> call) => _work.Add(Task.Run(async () =>
        {
            while (!_stop.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), s_clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await IsDoneAsync(call);
            }
        }, CancellationToken.None));

        private async Task<bool> IsDoneAsync(Func<Task> call)
        {
            try
            {
                _stop.Token.ThrowIfCancellationRequested();
                await call();
                return true;
            }
            catch (Exception fault) when (fault is DependencyUnavailableException or OutboundAnswerException or OperationCanceledException)
            {
                return false;   // the finder has heard of it
            }
        }

        /// <summary>As those who read them do: what is no JSON is of no use.</summary>
        private static void Judge(Dependency dependency, byte[] body)
        {
            try
            {
                using var json = JsonDocument.Parse(body);
            }
            catch (JsonException)
            {
                dependency.Note(Trouble.Wrong);
            }
        }
    }
}
