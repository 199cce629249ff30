using Holdfast.Resilience;
using Holdfast.Storage.Replication;

namespace Holdfast;

/// <summary>The primary, as a dependency by name. Its calls are driven by Storage, which reports what becomes of them.</summary>
internal static class PrimaryDependency
{
    /// <param name="primaryNode">The node that has the primary; null when it is this one.</param>
    public static Dependencies Declare(Dependencies dependencies, Replicator replicator, Uri? primaryNode, TimeProvider clock)
    {
        var primary = dependencies.Add(new Dependency(
            Catalogue.Primary with { StandsOn = primaryNode is null ? [] : [$"peer:{primaryNode.GetLeftPart(UriPartial.Authority)}"] }, clock));
        replicator.Noted = health => primary.Report(health.Fault is null, health.Fault?.ToString().ToLowerInvariant(), health.Text);
        return dependencies;
    }
}
