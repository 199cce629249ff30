using Holdfast.Resilience;
using Holdfast.Storage;

namespace Holdfast.Causes;

/// <summary>Finds what several ill dependencies have in common. A shared thing is the cause when at least two that stand on it fail in a way that it explains, and none
/// that stands on it is well. Pure: no clock, no I/O (decision 0025).</summary>
/// <param name="peers">The cluster's other nodes, ill or well.</param>
/// <param name="well">Whether a dependency has answered since a time, in timestamps of the clock.</param>
/// <param name="others">Everything that is watched, ill or well.</param>
internal sealed class CommonCause(IReadOnlyList<PeerPlace> peers, IReadOnlyCollection<Dependency> others, Func<Dependency, long, bool> well)
{
    private const int Several = 2;
    private const int Many = 3;

    private static readonly string[] s_awayFromHere = [Trouble.Hangs, Trouble.Refuses, Trouble.Unreachable, Trouble.Unresolved, Trouble.Reset];

    /// <summary>The primary's own word for it.</summary>
    private static readonly string s_loginRefused = nameof(PrimaryFault.Unreadable).ToLowerInvariant();

    private readonly List<Cause> _found = [];
    private List<Symptom> _left = [];
    private Dictionary<string, List<Dependency>>? _othersByHost;

    /// <summary>The causes that explain all of the symptoms, each symptom by one of them.</summary>
    public IReadOnlyList<Cause> Find(IReadOnlyCollection<Symptom> symptoms)
    {
        _left = [.. symptoms];
        _found.Clear();
        Network();
        Dns();
        OwnClock();
        Credentials();
        Nodes();
        StandOn();
        Providers();
        Hosts();
        foreach (var symptom in _left)
        {
            Add(symptom.Name, [symptom], ScopeOf([symptom]));
        }
        return [.. _found];
    }

    /// <summary>Nobody outside can be reached: at least three hosts of strangers, who are not all one customer's, and none of them is well.</summary>
    private void Network()
    {
        var outside = _left.Where(s => s.Policy.Scope != DependencyScope.Peer && s.Host is not null && s.How != Trouble.Unresolved && s_awayFromHere.Contains(s.How)).ToList();
        if (Hosts(outside) < Many || Owners(outside) < Several || IsAcquitted(outside, o => o.Policy.Scope != DependencyScope.Peer && o.Host is not null))
        {
            return;
        }
        // DNS lies outside as well; nodes beside this one may.
        var rest = _left.Where(s => (s.Name == Catalogue.Dns.Name || s.Policy.Scope == DependencyScope.Peer) && s_awayFromHere.Contains(s.How) && !outside.Contains(s)).ToList();
        Take("network", [.. outside, .. rest.Any(s => s.Policy.Scope == DependencyScope.Peer) && IsAcquitted(rest, o => o.Policy.Scope == DependencyScope.Peer) ? [] : rest], CauseScope.Platform);
    }

    /// <summary>Names do not resolve: at the resolver itself too, or at several hosts. One name that is gone is that host's.</summary>
    private void Dns()
    {
        var unresolved = _left.Where(s => s.How == Trouble.Unresolved && s.Name != Catalogue.Dns.Name).ToList();
        var resolver = _left.Where(s => s.Name == Catalogue.Dns.Name).ToList();
        if (unresolved.Count > 0 && (resolver.Count > 0 || (Hosts(unresolved) >= Several && Owners(unresolved) >= Several)))
        {
            Take(Catalogue.Dns.Name, [.. resolver, .. unresolved], CauseScope.Platform);
        }
    }

    /// <summary>The certificates of strangers do not all expire at once: this node's clock, or whom it trusts, is wrong.</summary>
    private void OwnClock()
    {
        var refused = _left.Where(s => s.How == Trouble.Certificate).ToList();
        if (Hosts(refused) >= Many && Owners(refused) >= Many)
        {
            Take("time", refused, CauseScope.Platform);
        }
    }

    private void Credentials()
    {
        foreach (var group in _left.Where(s => s.How == Trouble.Denied)
            .SelectMany(s => s.Policy.StandsOn.Where(on => on.StartsWith("credential:", StringComparison.Ordinal)).Select(on => (on, s))).GroupBy(g => g.on, g => g.s).ToList())
        {
            var members = group.ToList();
            if (members.Count >= Several && !IsAcquitted(members, o => o.Policy.StandsOn.Contains(group.Key)))
            {
                Take(group.Key, members, CauseScope.Platform);
            }
        }
    }

    /// <summary>A region, a zone, or all the others: by their nodes.</summary>
    private void Nodes()
    {
        var ill = _left.Where(s => s.Policy.Scope == DependencyScope.Peer && s.Policy.Instance is not null && s_awayFromHere.Contains(s.How)).ToList();
        var away = peers.Where(p => ill.Any(s => s.Policy.Instance == p.Address)).ToList();
        if (away.Count < Several)
        {
            return;
        }
        if (away.Count == peers.Count && away.Select(p => p.Region).Distinct().Count() > 1)
        {
            Take("peers", ill, CauseScope.Platform);
            return;
        }
        foreach (var region in away.Where(p => p.Region is not null).GroupBy(p => p.Region!).Where(g => g.Select(p => p.Zone).Distinct().Count() > 1))
        {
            TakePlace("region:" + region.Key, [.. region], [.. peers.Where(p => p.Region == region.Key)]);
        }
        foreach (var zone in away.Where(p => p.Zone is not null).GroupBy(p => p.Zone!))
        {
            TakePlace("zone:" + zone.Key, [.. zone], [.. peers.Where(p => p.Zone == zone.Key)]);
        }

        void TakePlace(string name, List<PeerPlace> gone, List<PeerPlace> all)
        {
            var members = _left.Where(s => gone.Exists(p => p.Address == s.Policy.Instance) && s.Policy.Scope == DependencyScope.Peer).ToList();
            if (gone.Count == all.Count && gone.Count >= Several && members.Count > 0)
            {
                Take(name, members, CauseScope.Platform);
            }
        }
    }

    /// <summary>Who fails beside something that it stands on is a symptom of that, if that explains how it fails.</summary>
    private void StandOn()
    {
        foreach (var symptom in _left.ToList())
        {
            foreach (var on in symptom.Policy.StandsOn.Where(on => Explains(on, symptom)))
            {
                if (_found.FindIndex(c => c.Symptoms.Contains(on)) is >= 0 and var known)
                {
                    _found[known] = Joined(_found[known], symptom);
                    _left.Remove(symptom);
                    break;
                }
                if (_left.Find(s => s.Name == on) is { } ground)
                {
                    Take(ground.Name, [ground, .. _left.Where(s => s.Policy.StandsOn.Contains(on) && Explains(on, s))], ScopeOf([ground]));
                    break;
                }
            }
        }
    }

    /// <summary>Who hands out credentials takes along only whom a server turns down: all else works with the last one, and a database that hangs beside it is a cause of its own.</summary>
    private static bool Explains(string ground, Symptom symptom) => ground != Catalogue.Credentials.Name || symptom.How == Trouble.Denied || symptom.How == s_loginRefused;

    /// <summary>A connection's endpoints that fail together are its provider, wherever they are.</summary>
    private void Providers()
    {
        // Only where nobody else shares the host's fate: that is for the next look.
        var shared = _left.Where(s => s.Host is not null).GroupBy(s => s.Host!, s => s.Policy.Instance).Where(g => g.Distinct().Skip(1).Any()).Select(g => g.Key).ToHashSet(StringComparer.Ordinal);
        TakeEach(_left.Where(s => s.Policy is { Scope: DependencyScope.Tenant, Instance: not null }).GroupBy(s => s.Policy.Instance!)
            .Where(provider => provider.Count() >= Several && !provider.Any(p => p.Host is not null && shared.Contains(p.Host)))
            .Select(provider => ("idp:" + provider.Key, provider.ToList(), CauseScope.Tenant)));
    }

    /// <summary>A host that several share.</summary>
    private void Hosts() => TakeEach(
        from host in _left.Where(s => s.Host is not null).GroupBy(s => s.Host!)
        let members = host.ToList()
        where members.Count >= Several && !IsAcquitted(members, OthersOn(host.Key), _ => true)
        let isOurs = members.Exists(s => s.Policy.Scope != DependencyScope.Tenant)
        where isOurs || members.Select(s => s.Policy.Instance).Distinct().Skip(1).Any()
        select ("host:" + host.Key, members, isOurs ? CauseScope.Platform : Owners(members) >= Many ? CauseScope.Shared : CauseScope.Tenant));

    /// <summary>Everything that is watched, by its host: sorted once for all hosts.</summary>
    private List<Dependency> OthersOn(string host)
    {
        if (_othersByHost is null)
        {
            _othersByHost = new Dictionary<string, List<Dependency>>(StringComparer.Ordinal);
            foreach (var other in others)
            {
                if (Symptom.HostOf(other) is { } at)
                {
                    (_othersByHost.TryGetValue(at, out var on) ? on : _othersByHost[at] = []).Add(other);
                }
            }
        }
        return _othersByHost.GetValueOrDefault(host) ?? [];
    }

    /// <summary>Whether somebody who stands on the same has answered since the first of them fell ill.</summary>
    private bool IsAcquitted(List<Symptom> members, Func<Dependency, bool> standsOnIt) => IsAcquitted(members, others, standsOnIt);

    private bool IsAcquitted(List<Symptom> members, IReadOnlyCollection<Dependency> among, Func<Dependency, bool> standsOnIt)
    {
        if (members.Count == 0)
        {
            return false;
        }
        var (since, ill) = (members.Max(s => s.SinceAt), members.Select(m => m.Dependency).ToHashSet());
        return among.Any(o => standsOnIt(o) && !ill.Contains(o) && well(o, since));
    }

    private void Take(string name, List<Symptom> members, CauseScope scope)
    {
        Add(name, members, scope);
        _left = [.. _left.Except(members)];
    }

    /// <summary>Takes many that have no member in common.</summary>
    private void TakeEach(IEnumerable<(string Name, List<Symptom> Members, CauseScope Scope)> causes)
    {
        var taken = new HashSet<Dependency>();
        foreach (var (name, members, scope) in causes.ToList())
        {
            Add(name, members, scope);
            taken.UnionWith(members.Select(m => m.Dependency));
        }
        _left.RemoveAll(s => taken.Contains(s.Dependency));
    }

    private void Add(string name, List<Symptom> members, CauseScope scope)
    {
        var first = members.Find(m => m.Name == name) ?? members.MinBy(m => m.SinceAt)!;
        var how = members.GroupBy(m => m.How, StringComparer.Ordinal).OrderByDescending(g => g.Count()).ThenByDescending(g => g.Contains(first)).First().Key;
        _found.Add(new Cause(
            name, first.Name == name ? first.How : how, members.Min(m => m.Since), scope, members.Max(m => m.Policy.SignIn),
            [.. members.SelectMany(m => m.Policy.NeededBy).Distinct().Order(StringComparer.Ordinal)], [.. members.Select(m => m.Name)],
            string.Join(' ', members.Select(m => m.Policy.Fallback).Distinct().Take(3)), first.Detail));
    }

    private static Cause Joined(Cause cause, Symptom symptom) => cause with
    {
        Since = symptom.Since < cause.Since ? symptom.Since : cause.Since,
        SignIn = symptom.Policy.SignIn > cause.SignIn ? symptom.Policy.SignIn : cause.SignIn,
        Products = [.. cause.Products.Concat(symptom.Policy.NeededBy).Distinct().Order(StringComparer.Ordinal)],
        Symptoms = [.. cause.Symptoms, symptom.Name],
        Fallback = cause.Fallback.Contains(symptom.Policy.Fallback, StringComparison.Ordinal) ? cause.Fallback : $"{cause.Fallback} {symptom.Policy.Fallback}",
        Detail = cause.Detail ?? symptom.Detail,
    };

    private static CauseScope ScopeOf(List<Symptom> members) => members.TrueForAll(m => m.Policy.Scope == DependencyScope.Tenant) ? CauseScope.Tenant : CauseScope.Platform;

    private static int Hosts(List<Symptom> of) => of.Select(s => s.Host).OfType<string>().Distinct().Count();

    /// <summary>How many organizations; the operator counts as one for each thing of his.</summary>
    private static int Owners(List<Symptom> of) => of.Select(s => s.Policy.Owner ?? s.Name).Distinct().Count();
}

/// <summary>Where another node is.</summary>
/// <param name="Address">The instance of its dependencies.</param>
/// <param name="Name">What it calls itself; this, zone and region are null until it was heard.</param>
internal sealed record PeerPlace(string Address, string? Name, string? Zone, string? Region);
