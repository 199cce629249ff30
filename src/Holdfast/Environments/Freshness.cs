using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Replication;

namespace Holdfast.Environments;

/// <summary>The oldest data that signs a person in, where nobody has set another.</summary>
public sealed record StalenessCeiling(TimeSpan People);

/// <summary>Refuses sign-ins on data that is older than it may be (law 6). Denies and sign-outs do not ask.</summary>
/// <remarks>Age is the time since the replica was last level with the primary. What peers tell makes facts fresh, and not what administrators have changed; so it does not count.</remarks>
internal sealed class Freshness(Replicator replicator, Database database, StalenessCeiling ceiling)
{
    /// <param name="organizationId">Null for none.</param>
    /// <exception cref="DataTooOldException">The data is older than the ceiling.</exception>
    public void Require(string environmentId, string? organizationId)
    {
        // On a good day nothing is asked: no ceiling is lower.
        if (replicator.Age is var age && age >= LeastCeiling)
        {
            Require(age, database.Read(view => SignInSettings.Of(view, environmentId, organizationId)));
        }
    }

    /// <summary>The same in a decision, which has a state of its own.</summary>
    /// <exception cref="DataTooOldException">The data is older than the ceiling.</exception>
    public void Require(View view, string environmentId, string? organizationId)
    {
        if (replicator.Age is var age && age >= LeastCeiling)
        {
            Require(age, SignInSettings.Of(view, environmentId, organizationId));
        }
    }

    /// <summary>The least that can be set.</summary>
    public static readonly TimeSpan LeastCeiling = TimeSpan.FromMinutes(1);

    private void Require(TimeSpan age, SignInSettings settings)
    {
        var most = settings.MaxStaleness is { } seconds ? TimeSpan.FromSeconds(seconds) : ceiling.People;
        if (age > most)
        {
            throw new DataTooOldException(age, most);
        }
    }
}
