using Holdfast.Resilience;
using Holdfast.Storage.Node;
using Holdfast.Storage.Primary.Postgres;

namespace Holdfast.Storage.Tests.Postgres;

/// <summary>Opening a primary on a server.</summary>
internal static class Postgres
{
    /// <remarks>With patience for a busy machine: what must end in time ends by its caller's deadline.</remarks>
    public static PostgresServers Servers(string connectionString) => new(connectionString, "holdfast-test", null, new Dependency(
        new DependencyPolicy("primary", "database", TimeSpan.FromMinutes(3), 16, "None.", []) { OpensAfter = int.MaxValue, IsAnswer = static _ => true }, TimeProvider.System));

    public static PostgresPrimary Open(NodeStore node, Func<string?> cluster, string connectionString, Surroundings? world = null) =>
        new(node, cluster, Servers(connectionString), world ?? Surroundings.Real);
}
