using Holdfast.Resilience;

namespace Holdfast.Organizations;

/// <summary>What asking DNS for a domain's proof came to.</summary>
internal enum DomainFinding
{
    /// <summary>It stands there.</summary>
    Proven,

    /// <summary>It does not, or the domain's own servers say nothing of use.</summary>
    Absent,

    /// <summary>No resolver could be asked: nothing is known.</summary>
    Unknown,
}

/// <summary>Asks DNS for the proofs of domains, within a budget, and never on the way of a sign-in.</summary>
internal sealed class DomainLookup(DnsTexts texts, Dependencies dependencies, TimeProvider clock)
{
    private readonly Dependency _dns = dependencies.Add(new Dependency(Catalogue.Dns, clock) { Probe = texts.KnockAsync });

    /// <exception cref="OperationCanceledException"><paramref name="ct"/> was cancelled.</exception>
    public async Task<DomainFinding> AskAsync(DomainProof proof, string domain, CancellationToken ct)
    {
        try
        {
            return proof.Stands(await texts.ReadAsync(_dns, proof.Names(domain), ct)) ? DomainFinding.Proven : DomainFinding.Absent;
        }
        catch (DependencyUnavailableException)
        {
            return DomainFinding.Unknown;
        }
    }
}
