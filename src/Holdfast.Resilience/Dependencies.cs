using System.Diagnostics.CodeAnalysis;

namespace Holdfast.Resilience;

/// <summary>The catalogue of everything that this node calls. What is not in it is not called (architecture, law 7).</summary>
public sealed class Dependencies
{
    private readonly Lock _gate = new();
    private volatile IReadOnlyList<Dependency> _all = [];

    /// <summary>All of them, in the order in which they were added. A snapshot: it does not change under the reader.</summary>
    public IReadOnlyList<Dependency> All => _all;

    /// <exception cref="InvalidOperationException">There is one of that name.</exception>
    public Dependency Add(Dependency dependency)
    {
        lock (_gate)
        {
            if (TryFind(dependency.Name, out _))
            {
                throw new InvalidOperationException($"The dependency '{dependency.Name}' is declared twice.");
            }
            _all = [.. _all, dependency];
            return dependency;
        }
    }

    /// <summary>For dependencies that tenants make (one for each connection's identity provider): the one of that name, or a new one.</summary>
    public Dependency GetOrAdd(DependencyPolicy policy, TimeProvider clock)
    {
        lock (_gate)
        {
            return TryFind(policy.Name, out var there) ? there : Add(new Dependency(policy, clock));
        }
    }

    public bool TryFind(string name, [NotNullWhen(true)] out Dependency? dependency)
    {
        dependency = _all.FirstOrDefault(d => d.Name == name);
        return dependency is not null;
    }
}
