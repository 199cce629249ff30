using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Replication;

namespace Holdfast;

/// <summary>The primary, as a dependency by name. Its calls are driven by Storage, which reports what becomes of them.</summary>
internal static class PrimaryDependency
{
    public static Dependency Declare(Dependencies dependencies, bool isPostgres, TimeProvider clock) => dependencies.Add(new Dependency(
        isPostgres
            ? PostgresServers.Policy
            : new DependencyPolicy("primary", "database", Database.WriteDeadline, 1,
                "Sign-in goes on from this node's replica and journal. Administrators' changes answer 503; denies and deletions are taken.", ["administration"]),
        clock));

    public static void Follow(Dependency primary, Replicator replicator) =>
        replicator.Noted = health => primary.Report(health.Fault is null, health.Fault is null ? null : health.Text);
}
