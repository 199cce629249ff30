using Holdfast.Causes;
using Holdfast.Http;
using Holdfast.Resilience;
using Holdfast.Simulation.Time;

namespace Holdfast.Bench;

/// <summary>One node among far parties that can be broken, in virtual time and in one thread: the real catalogue, breakers, deadlines and finder; only what is at the other end is played.</summary>
internal sealed class FinderWorld
{
    /// <summary>Of one call in so many, something goes wrong on a good day.</summary>
    private const double Noise = 0.002;

    private static readonly FaultKind[] s_noise = [FaultKind.Error, FaultKind.Reset, FaultKind.Refuse];

    private static readonly PeerPlace[] s_peers =
    [
        new("http://10.0.1.1:4100", "north-a", "zone-a", "north"), new("http://10.0.1.2:4100", "north-b", "zone-a", "north"), new("http://10.0.1.3:4100", "north-c", "zone-b", "north"),
        new("http://10.0.2.1:4100", "south-a", "zone-c", "south"),
    ];

    private readonly World _world;
    private readonly MachineClock _clock;
    private readonly Dice _dice;
    private readonly Dependencies _dependencies = new(onCallersThread: true);
    private readonly Dependency _knock;
    private readonly Dictionary<string, Far> _far = new(StringComparer.Ordinal);
    private readonly List<(TimeSpan At, string Change, Cause Cause)> _told = [];

    public FinderWorld(ulong seed)
    {
        _world = new World(seed, keepsTrace: false);
        _clock = new MachineClock(_world, _world.Outside, () => TimeSpan.Zero);
        _dice = _world.Dice("finder");
        _knock = new Dependency(Catalogue.ProviderKnock with { SlowAfter = Catalogue.IdpDocuments.SlowAfter }, _clock, onCallersThread: true);
        Finder = new Finder(_dependencies, new Traffic(_clock), () => s_peers, new Ids(_clock, _dice.AsEntropy()), _clock, new Knocks(_dependencies, KnockAsync, _clock))
        {
            Tell = (cause, change) => _told.Add((_world.Now, change.ToString(), cause)),
        };
        Finder.Listen();
        _world.After(TimeSpan.Zero, _world.Outside, "start", () =>
        {
            Primary();
            foreach (var peer in s_peers)
            {
                Peer(peer.Address);
            }
            Resolver();
            Telemetry();
            Mail();
            Background("flags", Catalogue.Flags.Of("unleash"), TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(1));
            Background("credentials", Catalogue.Credentials, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(5));
            Action();
            // Four connections of four organizations at one provider; two of one organization at another; five alone.
            for (var c = 0; c < 11; c++)
            {
                Connection($"conn_{c}", c is 4 or 5 ? "org_4" : $"org_{c}", c < 4 ? "login.shared.example" : c < 6 ? "login.twice.example" : $"login{c}.example");
            }
            _clock.CreateTimer(_ =>
            {
                Finder.Look();
                Finder.Probe(CancellationToken.None);
            }, null, Finder.Every, Finder.Every);
        });
    }

    public Finder Finder { get; }

    /// <summary>What was named, known better, or over, and when.</summary>
    public IReadOnlyList<(TimeSpan At, string Change, Cause Cause)> Told => _told;

    public TimeSpan Now => _world.Now;

    /// <summary>When a call or a probe first met a fault.</summary>
    public TimeSpan? FirstMet { get; set; }

    public Dice Dice => _dice;

    public void Run(TimeSpan time) => _world.Run(_world.Now + time);

    public void Break(PlannedFault fault)
    {
        foreach (var host in fault.Hosts)
        {
            _far[host].Fault = fault.Kind;
        }
    }

    public void Mend(PlannedFault fault)
    {
        foreach (var host in fault.Hosts)
        {
            _far[host].Mend();
        }
    }

    /// <summary>Every single fault that can be planned here.</summary>
    public static IReadOnlyList<PlannedFault> All { get; } = [.. Plan()];

    /// <summary>Faults of what the operator has and nobody waits for: it is met when its own round comes, so what counts is the time from then on.</summary>
    public static IReadOnlyList<PlannedFault> InTheBackground { get; } =
    [
        .. from target in new[] { (Words: "mail", Name: Catalogue.Mail.Name), (Words: "flag provider", Name: "flags:unleash"), (Words: "issuer of credentials", Name: Catalogue.Credentials.Name) }
        from kind in Enum.GetValues<FaultKind>()
        where kind != FaultKind.Slow || target.Words == "mail"   // a slow answer of what nobody waits for is no trouble, and has no name
        select new PlannedFault(target.Words, kind, [target.Words == "mail" ? "mail" : target.Name.Split(':')[0]], [target.Name], PlannedFault.WordOf(kind), true),
    ];

    private static IEnumerable<PlannedFault> Plan()
    {
        // The primary's driver has words of its own; what is wrong with its answers has four.
        yield return new("primary", FaultKind.Refuse, ["primary"], ["primary"], Trouble.Unreachable, true);
        yield return new("primary", FaultKind.Hang, ["primary"], ["primary"], Trouble.Hangs, true);
        yield return new("primary", FaultKind.WrongAnswer, ["primary"], ["primary"], "damaged", true);
        foreach (var kind in Enum.GetValues<FaultKind>())
        {
            var word = PlannedFault.WordOf(kind);
            if (kind is not (FaultKind.WrongAnswer or FaultKind.Certificate))
            {
                foreach (var peer in s_peers)
                {
                    yield return new("one node", kind, [peer.Address], [$"peer:{peer.Address}"], word, true);
                }
            }
            if (kind is FaultKind.Refuse or FaultKind.Hang or FaultKind.Reset)
            {
                yield return new("a zone", kind, [s_peers[0].Address, s_peers[1].Address], ["zone:zone-a"], word, true);
                yield return new("a region", kind, [s_peers[0].Address, s_peers[1].Address, s_peers[2].Address], ["region:north"], word, true);
                yield return new("all other nodes", kind, [.. s_peers.Select(p => p.Address)], ["peers"], word, true);
            }
            if (kind is FaultKind.Refuse or FaultKind.Hang or FaultKind.Slow or FaultKind.Error)
            {
                yield return new("resolver", kind, ["dns"], ["dns"], word, true);
            }
            for (var c = 6; c < 11; c++)
            {
                yield return new("one provider", kind, [$"login{c}.example"], [$"idp_token:conn_{c}", $"idp:conn_{c}", $"idp_userinfo:conn_{c}"], word, false);
            }
            yield return new("an application's own endpoint", kind, ["action"], ["action:action_1"], word, false);
            yield return new("a provider that many use", kind, ["login.shared.example"], ["host:login.shared.example"], word, false);
            yield return new("a provider that one customer uses twice", kind, ["login.twice.example"], ["host:login.twice.example"], word, false);
        }
        string[] outside = ["action", "login.shared.example", "login.twice.example", .. Enumerable.Range(6, 5).Select(c => $"login{c}.example")];
        yield return new("names everywhere", FaultKind.EmptyDns, outside, ["dns"], Trouble.Unresolved, true);
        yield return new("this node's clock", FaultKind.Certificate, outside, ["time"], Trouble.Certificate, true);
        yield return new("the way out", FaultKind.Hang, outside, ["network"], Trouble.Hangs, true);
        yield return new("the way out", FaultKind.Reset, outside, ["network"], Trouble.Reset, true);
    }

    private Far At(string host) => _far.TryGetValue(host, out var far) ? far : _far[host] = new Far();

    /// <summary>As the replicator does: a step each quarter of a second, which tells how it went; one that hangs tells it after 5 s.</summary>
    private void Primary()
    {
        var (far, dependency) = (At("primary"), _dependencies.Add(new Dependency(Catalogue.Primary, _clock, onCallersThread: true)));
        _ = LoopAsync();

        async Task LoopAsync()
        {
            while (true)
            {
                await Task.Delay(_dice.Between(TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(300)), _clock);
                switch (far.Fault)
                {
                    case null:
                        dependency.Report(true);
                        break;
                    case FaultKind.Hang:
                        await Task.WhenAny(far.Mended, Task.Delay(TimeSpan.FromSeconds(5), _clock));
                        dependency.Report(far.Fault is null, Trouble.Unreachable);
                        break;
                    case var kind:
                        dependency.Report(false, kind == FaultKind.Refuse ? Trouble.Unreachable : "damaged");
                        break;
                }
            }
        }
    }

    /// <summary>As a peer's link does: its journal answers within 2 s, and says so by the dependency that people wait for; now and then somebody spends a code there.</summary>
    private void Peer(string address)
    {
        var (far, at) = (At(address), new Uri(address));
        var dependency = _dependencies.Add(new Dependency(Catalogue.Peer.Of(address), _clock, onCallersThread: true));
        dependency.Probe = token => CalleeAsync(far, dependency, isTenants: false, token);
        _ = JournalAsync();
        Every(_dice.Between(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(60)), () => CallAsync(far, dependency, at));

        async Task JournalAsync()
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromSeconds(2), _clock);
                switch (far.Fault)
                {
                    case null or FaultKind.Slow:
                        dependency.Report(true);
                        break;
                    case FaultKind.Hang:
                        await Task.WhenAny(far.Mended, Task.Delay(TimeSpan.FromSeconds(2), _clock));
                        dependency.Report(far.Fault is null, Trouble.Hangs);
                        break;
                    case { } kind:
                        dependency.Report(false, Trouble.Of(PlannedFault.ExceptionOf(kind, isTenants: false)));
                        break;
                }
            }
        }
    }

    private void Resolver()
    {
        var far = At("dns");
        var dependency = _dependencies.Add(new Dependency(Catalogue.Dns, _clock, onCallersThread: true));
        dependency.Probe = token => CalleeAsync(far, dependency, isTenants: false, token);
        Every(_dice.Between(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(60)), () => CallAsync(far, dependency, null));
    }

    /// <summary>Down, all the time.</summary>
    private void Telemetry()
    {
        var far = At("telemetry");
        far.Fault = FaultKind.Hang;
        var dependency = _dependencies.Add(new Dependency(Catalogue.Telemetry, _clock, onCallersThread: true) { IsProbeAKnock = true });
        dependency.Probe = token => CalleeAsync(far, dependency, isTenants: false, token);
        Every(TimeSpan.FromSeconds(5), () => CallAsync(far, dependency, new Uri("http://collector.example:4318")));
    }

    /// <summary>Mails by chance; one that is not taken is handed in again after 5 s, then twice as late each time.</summary>
    private void Mail()
    {
        var (far, dependency) = (At("mail"), _dependencies.Add(new Dependency(Catalogue.Mail, _clock, onCallersThread: true)));
        Every(_dice.Between(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10)), async () =>
        {
            for (var pause = TimeSpan.FromSeconds(5); !await CallAsync(far, dependency, new Uri("smtp://relay.example:587")) && pause < TimeSpan.FromMinutes(1); pause *= 2)
            {
                await Task.Delay(pause, _clock);
            }
        });
    }

    /// <summary>A round of its own, and after a failure a second, twice as long each time. What is wrong with an answer is judged inside the call.</summary>
    private void Background(string host, DependencyPolicy policy, TimeSpan every, TimeSpan mostAfterFailures)
    {
        var (far, dependency) = (At(host), _dependencies.Add(new Dependency(policy, _clock, onCallersThread: true) { IsProbeAKnock = true }));
        dependency.Probe = token => far.Fault is FaultKind.Error or FaultKind.WrongAnswer ? Task.CompletedTask : CalleeAsync(far, dependency, isTenants: false, token);   // a host that answers so is there
        _ = LoopAsync();

        async Task LoopAsync()
        {
            await Task.Delay(_dice.Between(TimeSpan.Zero, every), _clock);
            for (var failures = 0; ;)
            {
                try
                {
                    await dependency.CallAsync(async token => await CalleeAsync(far, dependency, isTenants: false, token) ? throw new OutageException(Trouble.Wrong, "nonsense") : true, CancellationToken.None, new Uri($"https://{host}.example"));
                    failures = 0;
                }
                catch (DependencyUnavailableException)
                {
                    failures++;
                }
                await Task.Delay(failures == 0 ? every : TimeSpan.FromSeconds(Math.Min(mostAfterFailures.TotalSeconds, Math.Pow(2, failures - 1))), _clock);
            }
        }
    }

    /// <summary>An application's endpoint, asked at each of its sign-ins.</summary>
    private void Action()
    {
        var (far, dependency) = (At("action"), _dependencies.GetOrAdd(Catalogue.Action.Of("action_1", "environment_1"), _clock));
        Every(TimeSpan.FromSeconds(5 * Math.Pow(0.01, _dice.Below(1000) / 1000.0)), () => CallAsync(far, dependency, new Uri("https://action/")));
    }

    /// <summary>Sign-ins by chance, from one in five seconds to twenty a second; each asks the token endpoint, half of them UserInfo as well.</summary>
    private void Connection(string id, string organization, string host)
    {
        var (far, at) = (At(host), new Uri($"https://{host}/"));
        var token = _dependencies.GetOrAdd(Catalogue.IdpToken.Of(id, organization), _clock);
        var userInfo = _dependencies.GetOrAdd(Catalogue.IdpUserInfo.Of(id, organization), _clock);
        var documents = _dependencies.GetOrAdd(Catalogue.IdpDocuments.Of(id, organization), _clock);
        documents.Document = new Uri(at, ".well-known/openid-configuration");
        var mean = TimeSpan.FromSeconds(5 * Math.Pow(0.01, _dice.Below(1000) / 1000.0));
        Every(mean, async () =>
        {
            if (await CallAsync(far, token, at) && _dice.Chance(0.5))
            {
                await CallAsync(far, userInfo, at);
            }
        });
        Every(TimeSpan.FromMinutes(10), () => CallAsync(far, documents, at));
    }

    /// <summary>Again and again, by chance around a mean.</summary>
    private void Every(TimeSpan mean, Func<Task> work)
    {
        _world.After(_dice.Between(TimeSpan.Zero, 2 * mean), _world.Outside, "traffic", () =>
        {
            _ = work();
            Every(mean, work);
        });
    }

    private async Task<bool> CallAsync(Far far, Dependency dependency, Uri? at)
    {
        try
        {
            var isWrong = await dependency.CallAsync(token => CalleeAsync(far, dependency, dependency.Policy.Scope == DependencyScope.Tenant, token), CancellationToken.None, at);
            if (isWrong)
            {
                dependency.Note(Trouble.Wrong);
            }
            return !isWrong;
        }
        catch (DependencyUnavailableException)
        {
            return false;
        }
    }

    /// <summary>As <see cref="OutboundHttp"/> knocks. What is broken here is the host, so its document is as well.</summary>
    private async Task KnockAsync(Uri at, bool isDocument, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(Knocks.Within, _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, ct);
        if (await CalleeAsync(At(at.Host), _knock, isTenants: true, both.Token) && isDocument)
        {
            throw new OutageException(Trouble.Wrong, "no document");
        }
    }

    /// <summary>The other end.</summary>
    /// <returns>Whether the answer is of no use.</returns>
    private async Task<bool> CalleeAsync(Far far, Dependency dependency, bool isTenants, CancellationToken ct)
    {
        if (far.Fault is not null && far != _far["telemetry"])
        {
            FirstMet ??= _world.Now;
        }
        var healthy = _dice.Between(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(_dice.Chance(0.05) ? 150 : 40));
        switch (far.Fault)
        {
            case null:
                await Task.Delay(_dice.Chance(Noise) ? TimeSpan.FromSeconds(1.2) : healthy, _clock, ct);
                return _dice.Chance(Noise) ? throw PlannedFault.ExceptionOf(_dice.Pick(s_noise), isTenants) : false;
            case FaultKind.Hang:
                await far.Mended.WaitAsync(ct);
                return false;
            case FaultKind.Slow:
                await Task.Delay((dependency.Policy.SlowAfter!.Value * 1.2) + healthy, _clock, ct);
                return false;
            case FaultKind.WrongAnswer:
                await Task.Delay(healthy, _clock, ct);
                return true;
            case { } kind:
                await Task.Delay(TimeSpan.FromMilliseconds(1), _clock, ct);
                throw PlannedFault.ExceptionOf(kind, isTenants);
        }
    }

    /// <summary>A far party: well, or broken in one way.</summary>
    private sealed class Far
    {
        private TaskCompletionSource _mended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public FaultKind? Fault { get; set; }

        public Task Mended => _mended.Task;

        public void Mend()
        {
            Fault = null;
            var was = _mended;
            _mended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            was.TrySetResult();
        }
    }
}
