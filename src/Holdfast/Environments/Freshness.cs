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
        if (Age is { } age)
        {
            Require(age, database.Read(view => SignInSettings.Of(view, environmentId, organizationId)));
        }
    }

    /// <summary>The same in a decision, which has a state of its own.</summary>
    /// <exception cref="DataTooOldException">The data is older than the ceiling.</exception>
    public void Require(View view, string environmentId, string? organizationId)
    {
        if (Age is { } age)
        {
            Require(age, SignInSettings.Of(view, environmentId, organizationId));
        }
    }

    /// <summary>The least that can be set.</summary>
    public static readonly TimeSpan LeastCeiling = TimeSpan.FromMinutes(1);

    /// <summary>What is asked about; null on a good day: no ceiling is lower, or the primary answers. While it does, a clock that has jumped makes nothing old.</summary>
    private TimeSpan? Age => replicator.Health.IsAvailable || (replicator.Age is var age && age < LeastCeiling) ? null : replicator.Age;

    private void Require(TimeSpan age, SignInSettings settings)
    {
        var most = settings.MaxStaleness is { } seconds ? TimeSpan.FromSeconds(seconds) : ceiling.People;
        if (age > most)
        {
            throw new DataTooOldException(age, most);
        }
    }
}
