using Holdfast.Storage.ChangeLog;
using Holdfast.Storage.Rows;

namespace Holdfast.Storage.Primary;

/// <summary>The system of record: tables, and the change log that is written in the same transaction.</summary>
/// <remarks>Every method throws <see cref="PrimaryUnavailableException"/> when the primary does not answer or must not be used.</remarks>
public interface IPrimary : IAsyncDisposable
{
    /// <summary>The cluster that the database belongs to; null when it is empty and nobody has bootstrapped it.</summary>
    Task<string?> FindClusterAsync(CancellationToken ct);

    /// <summary>Makes an empty database the primary of a new cluster. Does nothing when it has become one meanwhile.</summary>
    /// <returns>The cluster that it belongs to now.</returns>
    Task<string> BootstrapAsync(string newClusterId, CancellationToken ct);

    /// <summary>Decides on the primary's state and keeps the changes, with their change-log rows, in one transaction.</summary>
    /// <param name="seen">Where the caller is in the log. If the log does not have that row at its place, it lost its tail, and nothing is written.</param>
    /// <returns>The answer, and where the log stands after it.</returns>
    Task<(T Answer, LogPosition Head)> WriteAsync<T>(Func<View, Decision<T>> decide, LogPosition seen, CancellationToken ct);

    /// <summary>Joins versions into the tables. One that changes nothing writes no change-log row, so offering again is safe.</summary>
    /// <param name="seen">As of <see cref="WriteAsync"/>.</param>
    /// <returns>Where the log stands after it. Only who has read it up to there would notice that the primary lost it again.</returns>
    Task<LogPosition> OfferAsync(IReadOnlyList<string> versions, LogPosition seen, CancellationToken ct);

    /// <summary>The rows after a position.</summary>
    Task<LogPage> ReadLogAsync(LogPosition after, int limit, CancellationToken ct);

    /// <summary>The latest of these positions that the log has with the same hash; <see cref="LogPosition.Start"/> when it has none.</summary>
    Task<LogPosition> FindCommonAsync(IReadOnlyList<LogPosition> positions, CancellationToken ct);

    /// <summary>Forgets rows that expired before a time.</summary>
    Task PruneAsync(DateTimeOffset expiredBefore, CancellationToken ct);

    /// <summary>Appends the row of a new epoch, if the log still ends at <paramref name="head"/>.</summary>
    Task BeginEpochAsync(LogPosition head, CancellationToken ct);
}
