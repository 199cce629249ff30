using Holdfast.Resilience;
using Holdfast.Storage.Replication;
using Holdfast.Verbs;

namespace Holdfast;

/// <summary>The primary, as a dependency by name. Its calls are driven by Storage, which reports what becomes of them.</summary>
internal static class PrimaryDependency
{
    /// <param name="settings">Whether it is PostgreSQL, with credentials from an issuer, or a file of another node, or of this one.</param>
    public static Dependency Declare(Dependencies dependencies, Settings settings, TimeProvider clock) => dependencies.Add(new Dependency(
        settings.Postgres is { } postgres ? Catalogue.PostgresPrimary with { StandsOn = postgres.Credentials is null ? [] : [Catalogue.Credentials.Name] }
        : Catalogue.Primary with { StandsOn = settings.PrimaryNode is { } node ? [$"peer:{node.GetLeftPart(UriPartial.Authority)}"] : [] },
        clock));

    public static void Follow(Dependency primary, Replicator replicator)
    {
        replicator.IsClosed = () => primary.ByHand is { IsOpen: false };
        replicator.Noted = health => primary.Report(health.Fault is null, health.Fault?.ToString().ToLowerInvariant(), health.Text);
    }
}
