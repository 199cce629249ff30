using System.Collections.Concurrent;
using System.Globalization;
using Holdfast.Http;
using Holdfast.Resilience;

namespace Holdfast.Causes;

/// <summary>Names what broke, from the outcomes of this node's own calls alone (law 9, decision 0025). Needs no database, no other node and no telemetry.</summary>
/// <param name="peers">The cluster's other nodes, as they were last heard.</param>
/// <param name="knocks">Knocks at customers' providers; null where nobody does.</param>
internal sealed class Finder(Dependencies dependencies, Traffic traffic, Func<IReadOnlyList<PeerPlace>> peers, Ids ids, TimeProvider clock, Knocks? knocks = null)
{
    /// <summary>How often it looks.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a dependency of the operator may be without an outcome before it is probed; what is suspect is probed with each second look.</summary>
    private static readonly TimeSpan s_probeEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_probeSuspect = TimeSpan.FromMilliseconds(400);

    /// <summary>The same for what nobody uses now: until it has answered for the first time, and afterwards.</summary>
    private static readonly TimeSpan s_probeUnmet = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_probeUnused = TimeSpan.FromSeconds(5);

    /// <summary>The same for what is only knocked at, because a true question would cost something (a credential, a document of megabytes): while somebody uses it, and afterwards; and between two when it may be ill.</summary>
    private static readonly TimeSpan s_knockEvery = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_knockUnused = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_knockSuspect = TimeSpan.FromSeconds(1);

    /// <summary>The most that a probe may take.</summary>
    private static readonly TimeSpan s_probeWithin = TimeSpan.FromSeconds(1);

    /// <summary>What nobody had use for in so long is not probed any more.</summary>
    private static readonly TimeSpan s_inUse = TimeSpan.FromMinutes(10);

    /// <summary>How long a finding waits for those that may have a cause in common with it, while there are any.</summary>
    private static readonly TimeSpan s_settles = TimeSpan.FromSeconds(1);

    /// <summary>The same for a node: until every other one has answered or is found ill too, for a place has many nodes.</summary>
    private static readonly TimeSpan s_nodesSettle = TimeSpan.FromSeconds(2);

    private const int MostSuspects = 10_000;

    /// <summary>The most causes of tenants that one look names anew; the next one names the next, so that nobody's trouble hides the platform's.</summary>
    public const int MostOfTenants = 200;

    private readonly Lock _gate = new();
    private readonly Dictionary<Dependency, Watch> _watches = [];
    private readonly ConcurrentDictionary<Dependency, bool> _suspects = new();
    private readonly ConcurrentDictionary<Dependency, long> _probed = new();
    private volatile IReadOnlyList<Cause> _all = [];
    private volatile HashSet<string> _named = [];   // the symptoms of all of them
    private readonly Lateness _lateness = new(clock);
    private volatile IReadOnlyList<Doubted> _doubted = [];
    private long? _lookedAt;

    /// <summary>Everything that is broken, tenants' things included; the gravest first.</summary>
    public IReadOnlyList<Cause> All => _all;

    /// <summary>The gravest that is the platform's; null while there is none. What is one tenant's is never here.</summary>
    public Cause? Current => _all.FirstOrDefault(c => c.Scope == CauseScope.Platform);

    /// <summary>Is told of each change after the look that found it, outside of the finder's lock: a cause that is new or known better, and whether it is over.</summary>
    public Action<Cause, CauseChange>? Tell { get; set; }

    /// <summary>What is the matter with this node itself, as it says; null while nothing is. It is named beside what broke elsewhere: who refuses for load is not ill for that.</summary>
    public Func<Cause?>? OfThisNode { get; set; }

    /// <summary>Begins to listen to every call.</summary>
    public void Listen() => dependencies.Tell(Note);

    /// <summary>Looks, and probes what is due, until it is told to stop.</summary>
    public Task RunAsync(Action<Exception> cutOff, CancellationToken ct) => Rounds.RunAsync(Every, clock, token =>
    {
        Look();
        Probe(token);
        return Task.CompletedTask;
    }, cutOff, ct);

    /// <summary>One look at everything that may be ill. Deterministic. For who runs the finder; whoever wants to know what is broken reads <see cref="All"/>.</summary>
    public void Look()
    {
        var changes = new List<(Cause Cause, CauseChange Change)>();
        lock (_gate)
        {
            var now = clock.GetTimestamp();
            if (_lookedAt is { } before)
            {
                _lateness.Note(before, now, Every);
            }
            foreach (var dependency in dependencies.All)
            {
                _watches.TryAdd(dependency, new Watch(dependency, clock));
            }
            foreach (var suspect in _suspects.Keys)
            {
                _watches.TryAdd(suspect, new Watch(suspect, clock));
            }
            foreach (var watch in _watches.Values)
            {
                watch.Look(_lateness);
            }
            JoinIn();
            foreach (var watch in _watches.Values.Where(w => w.Dependency.Policy.Scope == DependencyScope.Tenant && w is { Symptom: null, IsSuspect: false, Doubt: null }).ToList())
            {
                _watches.Remove(watch.Dependency);
                _suspects.TryRemove(watch.Dependency, out _);
            }
            _doubted =
            [
                .. from watch in _watches.Values
                where watch.Dependency.Policy.Scope == DependencyScope.Tenant && (watch.Symptom is null ? watch.Doubt is not null : watch.Dependency.Document is not null)
                select new Doubted(watch.Dependency, watch.Symptom?.How ?? watch.Doubt!.Value.How, watch.HeardAt ?? now),
            ];
            Name(Settled(now), changes);
            _lookedAt = clock.GetTimestamp();   // a look that took long is no stall: it was awake
        }
        foreach (var (cause, change) in changes)
        {
            Tell?.Invoke(cause, change);
        }
    }

    /// <summary>Asks those of the operator's things that nobody has called lately. Does not wait for them.</summary>
    public void Probe(CancellationToken ct)
    {
        var now = clock.GetTimestamp();
        var isNodeSuspect = dependencies.All.Any(d => d.Policy.Scope == DependencyScope.Peer && IsSuspect(d));
        foreach (var dependency in dependencies.All)
        {
            var isInUse = dependency.UsedAt is { } used && clock.GetElapsedTime(used, now) <= s_inUse;
            var isKnock = dependency.IsProbeAKnock;
            if (dependency.Probe is null || (isKnock ? dependency.UsedAt is null : !isInUse && !dependency.Policy.IsMissedUnused))
            {
                continue;
            }
            var every = isKnock ? (isInUse ? s_knockEvery : s_knockUnused) : isInUse ? s_probeEvery : dependency.HasAnswered ? s_probeUnused : s_probeUnmet;
            var last = dependency.Calls.Last();
            var isSuspect = IsSuspect(dependency) || (isNodeSuspect && dependency.Policy.Scope == DependencyScope.Peer);   // what is the matter with one may be with all
            var since = last.Length > 0 ? clock.GetElapsedTime(last[^1].At, now) : TimeSpan.MaxValue;
            var probed = _probed.TryGetValue(dependency, out var at) ? clock.GetElapsedTime(at, now) : TimeSpan.MaxValue;
            if (probed >= (isKnock ? s_knockSuspect : s_probeSuspect) && (isSuspect || (since >= every && probed >= every)))
            {
                _probed[dependency] = now;
                _ = dependency.ProbeAsync(isKnock ? Knocks.Within : dependency.Policy.Deadline < s_probeWithin ? dependency.Policy.Deadline : s_probeWithin, ct);
            }
        }
        knocks?.Knock(_doubted, ct);
    }

    /// <summary>Whoever is found to fail takes those along that met the same at the same host, or of the same provider, and have not been answered since.</summary>
    private void JoinIn()
    {
        var doubts = _watches.Values.Where(w => w is { Symptom: null, Doubt: not null } && w.Dependency.Policy.Scope == DependencyScope.Tenant).ToList();
        if (doubts.Count == 0)
        {
            return;
        }
        var found = new Dictionary<(string? Provider, string? Host), List<Symptom>>();
        foreach (var symptom in _watches.Values.Select(w => w.Symptom).OfType<Symptom>().Where(s => s.Policy.Scope == DependencyScope.Tenant))
        {
            Under((symptom.Policy.Instance, null)).Add(symptom);
            Under((null, symptom.Host)).Add(symptom);
        }
        foreach (var watch in doubts)
        {
            var (provider, host) = (watch.Dependency.Policy.Instance, Symptom.HostOf(watch.Dependency));
            foreach (var symptom in Under((provider, null)).Concat(host is null ? [] : Under((null, host))))
            {
                watch.JoinIn(symptom.How, symptom.SinceAt);
            }
        }

        List<Symptom> Under((string? Provider, string? Host) place) => found.TryGetValue(place, out var there) ? there : found[place] = [];
    }

    private bool IsSuspect(Dependency dependency) => (dependency.Calls.Last() is [.., var last] && !Watch.IsWell(dependency, last)) || _named.Contains(dependency.Name);

    private void Note(Dependency dependency, CallOutcome outcome)
    {
        if (outcome.How is null && !(outcome.Took > dependency.Policy.SlowAfter))
        {
            return;
        }
        if (dependency.Policy.Scope == DependencyScope.Tenant && _suspects.Count < MostSuspects)
        {
            _suspects.TryAdd(dependency, true);
        }
    }

    /// <summary>A finding waits for a moment while others are suspect: what they have in common is to be named, and not each of them.</summary>
    private List<Symptom> Settled(long now)
    {
        var symptoms = _watches.Values.Select(w => w.Symptom).OfType<Symptom>().ToList();
        var suspects = _watches.Values.Any(w => w is { Symptom: null, IsSuspect: true });
        var nodes = symptoms.FindAll(s => s.Policy.Scope == DependencyScope.Peer);
        var latest = nodes.Count == 0 ? now : nodes.Max(n => n.FoundAt);
        var haveNodesSettled = clock.GetElapsedTime(latest, now) >= s_nodesSettle
            || !_watches.Values.Any(w => w.Dependency.Policy.Scope == DependencyScope.Peer && w.Symptom is null && (w.IsSuspect || !(w.WellAt > latest)));
        return symptoms.FindAll(s => s.Policy.IsJudgedByItsDriver || _named.Contains(s.Name)
            || (s.Policy.Scope == DependencyScope.Peer ? haveNodesSettled : !suspects || clock.GetElapsedTime(s.FoundAt, now) >= s_settles));
    }

    private void Name(List<Symptom> symptoms, List<(Cause Cause, CauseChange Change)> changes)
    {
        var own = OfThisNode?.Invoke();
        if (symptoms.Count == 0 && _all.Count == 0 && own is null)
        {
            return;
        }
        var places = peers();
        var found = symptoms.Count == 0 ? [] : new CommonCause(places, Watched(symptoms), WellSince).Find(symptoms);
        if (own is not null)
        {
            found = [.. found, own];
        }
        var (now, left, next, ofTenants) = (clock.GetUtcNow(), new Known(_all), new List<Cause>(), 0);
        var shares = traffic.Between(now - TimeSpan.FromMinutes(1), now);
        foreach (var cause in found)
        {
            var known = left.Take(cause);
            if (known is null && cause.Scope == CauseScope.Tenant && ofTenants++ >= MostOfTenants)
            {
                continue;   // its turn comes
            }
            if (known is { Scope: CauseScope.Tenant } && cause.Scope == CauseScope.Tenant && IsAs(known, cause))
            {
                next.Add(known);
                continue;
            }
            var named = cause with
            {
                Id = known?.Id ?? ids.New(Ids.Incident),
                NamedAt = known?.NamedAt ?? now,
                Since = known is not null && known.Since < cause.Since ? known.Since : cause.Since,
                Shares = shares,
            };
            named = named with { Text = CauseText.Of(named, places) };
            next.Add(named);
            if (known is null || !IsAs(known, named))
            {
                changes.Add((named, known is null ? CauseChange.Named : CauseChange.KnownBetter));
            }
        }
        _all = [.. next.OrderBy(c => c.Scope).ThenByDescending(c => c.SignIn).ThenBy(c => Rank(c)).ThenBy(c => c.Since)];
        _named = [.. next.SelectMany(c => c.Symptoms)];
        var into = new Known(next);
        foreach (var over in left.All)
        {
            // One that another took in is not over.
            changes.Add((over with { Shares = shares }, into.IsWithin(over) ? CauseChange.Joined : CauseChange.Over));
        }
    }

    private static bool IsAs(Cause known, Cause cause) => known.Dependency == cause.Dependency && known.How == cause.How && known.Symptoms.SequenceEqual(cause.Symptoms);

    /// <summary>Causes, found by name and by symptom: each symptom has one cause.</summary>
    private sealed class Known
    {
        private readonly Dictionary<string, int> _byName = new(StringComparer.Ordinal);
        private readonly Dictionary<string, int> _bySymptom = new(StringComparer.Ordinal);
        private readonly IReadOnlyList<Cause> _causes;
        private readonly HashSet<int> _taken = [];

        public Known(IReadOnlyList<Cause> causes)
        {
            _causes = causes;
            for (var i = 0; i < causes.Count; i++)
            {
                _byName.TryAdd(causes[i].Dependency, i);
                foreach (var symptom in causes[i].Symptoms)
                {
                    _bySymptom.TryAdd(symptom, i);
                }
            }
        }

        /// <summary>Those that nobody took.</summary>
        public IEnumerable<Cause> All => _causes.Where((_, i) => !_taken.Contains(i));

        /// <summary>What is known better is the same cause: by its name, or because it takes along everything that an earlier name did, or the other way round.</summary>
        public Cause? Take(Cause cause)
        {
            if (!_byName.TryGetValue(cause.Dependency, out var at) || _taken.Contains(at))
            {
                var owners = cause.Symptoms.Select(s => _bySymptom.GetValueOrDefault(s, -1)).ToList();
                var counts = owners.Where(i => i >= 0 && !_taken.Contains(i)).CountBy(i => i).OrderBy(c => c.Key).ToList();
                at = counts.Find(c => c.Value == _causes[c.Key].Symptoms.Count) is { Value: > 0 } within ? within.Key
                    : counts is [{ Value: var all } only] && all == cause.Symptoms.Count ? only.Key
                    : -1;
            }
            if (at < 0)
            {
                return null;
            }
            _taken.Add(at);
            return _causes[at];
        }

        /// <summary>Whether one of these has all of its symptoms.</summary>
        public bool IsWithin(Cause over) => _bySymptom.TryGetValue(over.Symptoms[0], out var at) && over.Symptoms.All(s => _bySymptom.GetValueOrDefault(s, -1) == at);
    }

    /// <summary>Everything that might acquit a shared thing. Tenants' things by the thousand are looked at only when some of them are ill.</summary>
    private List<Dependency> Watched(List<Symptom> symptoms) =>
        symptoms.Exists(s => s.Policy.Scope == DependencyScope.Tenant) ? [.. dependencies.All, .. dependencies.Tenants] : [.. dependencies.All];

    /// <summary>Whoever answers a knock acquits the host and the way there, if nothing else.</summary>
    private static bool WellSince(Dependency dependency, long since)
    {
        var last = dependency.Calls.Last();
        return dependency.ReachedAt > since || (last.Length > 0 && Watch.IsWell(dependency, last[^1]) && last[^1].At > since);
    }

    /// <summary>The primary before what hardly anybody needs.</summary>
    private static int Rank(Cause cause) => cause.Symptoms.Contains(Catalogue.Primary.Name) ? 0 : cause.Products.Count > 0 ? 1 : 2;
}

/// <summary>What became of a cause.</summary>
internal enum CauseChange
{
    Named,

    /// <summary>Another name, another way of failing, or other symptoms.</summary>
    KnownBetter,
    Over,

    /// <summary>It was a part of another one.</summary>
    Joined,
}

/// <summary>What is said of a cause, to anybody: no address stands in it but those that <c>GET /health</c> shows.</summary>
internal static class CauseText
{
    public static string Of(Cause cause, IReadOnlyList<PeerPlace> peers)
    {
        var text = $"{Subject(cause, peers)} {How(cause.How)}, since {cause.Since.UtcDateTime.ToString("HH:mm:ss", CultureInfo.InvariantCulture)} UTC.";
        if (cause.Symptoms.Count > 1)
        {
            text += $" It takes along {cause.Symptoms.Count} dependencies.";
        }
        text += cause.Dependency == Cause.Load ? "" : cause.SignIn switch
        {
            SignInStake.None => " No sign-in stands on it",
            SignInStake.Optional => " Sign-ins go on without it",
            _ => " Sign-ins that are about it cannot go on",
        };
        var (sso, authKit) = (cause.Shares.GetValueOrDefault(Products.Sso), cause.Shares.GetValueOrDefault(Products.AuthKit));
        var (requests, failed) = ((sso?.Requests ?? 0) + (authKit?.Requests ?? 0), (sso?.Failed ?? 0) + (authKit?.Failed ?? 0));
        return text + $"{(cause.Dependency == Cause.Load ? " In" : "; in")} the last minute {failed.ToString(CultureInfo.InvariantCulture)} of {requests.ToString(CultureInfo.InvariantCulture)} requests of sign-in failed. {cause.Fallback}";
    }

    /// <summary>What broke, as a noun.</summary>
    public static string Subject(Cause cause, IReadOnlyList<PeerPlace> peers)
    {
        var colon = cause.Dependency.IndexOf(':', StringComparison.Ordinal);
        var (kind, what) = colon < 0 ? (cause.Dependency, "") : (cause.Dependency[..colon], cause.Dependency[(colon + 1)..]);
        return kind switch
        {
            "primary" => "The primary database",
            "dns" => "Name resolution (DNS)",
            "network" => "The way out of this node",
            "time" => "This node's clock, or its list of trusted authorities: certificates everywhere",
            "peers" => "The way to all other nodes",
            "peer" => peers.FirstOrDefault(p => what.StartsWith(p.Address, StringComparison.Ordinal))?.Name is { } name ? $"The node {name}" : "Another node",
            "zone" => $"The zone {what}",
            "region" => $"The region {what}",
            "credential" => $"The credential for {what}",
            "host" => cause.Scope == CauseScope.Platform ? "A host that several dependencies are on" : "A host that identity providers of several customers are on",
            "idp" or "idp_token" or "idp_userinfo" or "idp_documents" => "An identity provider of one customer",
            Cause.Load => "This node",
            "telemetry" => "The telemetry collector",
            _ => $"The dependency '{cause.Dependency}'",
        };
    }

    private static string How(string how) => how switch
    {
        Trouble.Refuses => "refuses connections",
        Trouble.Hangs => "accepts work and does not answer",
        Trouble.Slow => "answers too slowly",
        Trouble.Errors => "answers with errors",
        Trouble.Wrong => "gives answers of no use",
        Trouble.Closed => "is closed by the operator",
        Trouble.Reset => "breaks connections off",
        Trouble.Unresolved => "has no address",
        Trouble.Certificate => "shows a certificate that is not valid",
        Trouble.Denied or "denies" => "turns this node down",
        "untrusted" => "offers no encryption that can be trusted",
        Trouble.Unreachable => "cannot be reached",
        Cause.Overloaded => "has more to do than it can",
        "unrecognized" => "does not know this node, or is not known",
        _ => $"is {how}",
    };
}
