using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Holdfast.Resilience;

/// <summary>The catalogue of everything that this node calls. What is not in it is not called (architecture, law 7).</summary>
/// <param name="onCallersThread">Those of tenants begin their calls on the thread that asks: for a simulated world.</param>
public sealed class Dependencies(bool onCallersThread = false)
{
    /// <summary>The most dependencies that tenants make.</summary>
    public const int MostOfTenants = 10_000;

    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<string, Dependency> _ofTenants = new(StringComparer.Ordinal);
    private volatile IReadOnlyList<Dependency> _all = [];
    private readonly List<Dependency> _beside = [];
    private Action<Dependency, CallOutcome>? _told;
    private Func<Dependency, ByHand?> _byHand = static _ => null;

    /// <summary>All of them, in the order in which they were added. A snapshot: it does not change under the reader.</summary>
    public IReadOnlyList<Dependency> All => _all;

    /// <summary>Those that tenants have made. For the finder of causes.</summary>
    public IEnumerable<Dependency> Tenants => _ofTenants.Select(d => d.Value);

    /// <summary>Tells one listener of every outcome of every dependency, those that come later included. It must not throw, nor wait.</summary>
    public void Tell(Action<Dependency, CallOutcome> told)
    {
        lock (_gate)
        {
            _told = told;
            foreach (var dependency in _all.Concat(Tenants))
            {
                dependency.Told = told;
            }
        }
    }

    /// <exception cref="InvalidOperationException">There is one of that name.</exception>
    public Dependency Add(Dependency dependency)
    {
        lock (_gate)
        {
            if (TryFind(dependency.Name, out _))
            {
                throw new InvalidOperationException($"The dependency '{dependency.Name}' is declared twice.");
            }
            dependency.Told = _told;
            dependency.ByHand = _byHand(dependency);
            _all = [.. _all, dependency];
            return dependency;
        }
    }

    /// <summary>One that tells what it meets by another's name, and so is not listed; a person may set it like all.</summary>
    public Dependency Beside(Dependency dependency)
    {
        lock (_gate)
        {
            _beside.Add(dependency);
            dependency.ByHand = _byHand(dependency);
            return dependency;
        }
    }

    /// <summary>What a person has decided, for every dependency there is and every one that comes.</summary>
    /// <param name="rule">Null for those that are nobody's but their breaker's.</param>
    public void SetByHand(Func<Dependency, ByHand?> rule)
    {
        lock (_gate)
        {
            Volatile.Write(ref _byHand, rule);
            foreach (var dependency in _all.Concat(_beside).Concat(Tenants))
            {
                dependency.ByHand = rule(dependency);
            }
        }
    }

    /// <summary>For dependencies that tenants make (one for each connection's identity provider): the one of that name, or a new one.</summary>
    /// <remarks>They are not in <see cref="All"/>, which is for the operator and bounded; above <see cref="MostOfTenants"/> those that are well and idle are forgotten.</remarks>
    public Dependency GetOrAdd(DependencyPolicy policy, TimeProvider clock)
    {
        if (_ofTenants.TryGetValue(policy.Name, out var there))
        {
            return there;
        }
        if (_ofTenants.Count >= MostOfTenants)
        {
            foreach (var (name, idle) in _ofTenants)
            {
                if (idle.UnderWay == 0 && idle.Health.State == DependencyState.Ok)
                {
                    _ofTenants.TryRemove(name, out _);
                }
            }
        }
        var made = _ofTenants.GetOrAdd(policy.Name, _ => new Dependency(policy, clock, onCallersThread) { Told = Volatile.Read(ref _told) });
        made.ByHand = Volatile.Read(ref _byHand)(made);   // after it can be found: whoever changes the rule meanwhile sets it too
        return made;
    }

    /// <summary>Those of tenants, by kind: how many there are, and how many of them are not well. Names are the tenants' business.</summary>
    public IReadOnlyList<(string Kind, int Count, int Failing)> OfTenants =>
    [
        .. _ofTenants.Values.GroupBy(d => d.Policy.Kind, StringComparer.Ordinal)
            .Select(kind => (kind.Key, kind.Count(), kind.Count(d => d.Health.State != DependencyState.Ok))),
    ];

    /// <summary>One that tenants have made.</summary>
    public bool TryFindOfTenants(string name, [NotNullWhen(true)] out Dependency? dependency) => _ofTenants.TryGetValue(name, out dependency);

    public bool TryFind(string name, [NotNullWhen(true)] out Dependency? dependency)
    {
        dependency = _all.FirstOrDefault(d => d.Name == name);
        return dependency is not null;
    }
}
