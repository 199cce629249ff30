using Holdfast.Storage.ChangeLog;

namespace Holdfast.Storage.Primary.Remote;

/// <summary>The way to the node that has the primary. Two bodies are made: over HTTP, and over a simulated network.</summary>
/// <remarks>Only values travel. It throws <see cref="PrimaryUnavailableException"/>, with the far node's own word for what is the matter where it gave one.</remarks>
public interface IPrimaryWire
{
    Task<PrimaryAnswer> AskAsync(PrimaryQuestion question, CancellationToken ct);
}

/// <summary>What can be asked of a primary from afar.</summary>
public enum PrimaryCall
{
    /// <summary>Which cluster it belongs to.</summary>
    FindCluster,

    /// <summary>To become the primary of <see cref="PrimaryQuestion.NewCluster"/>.</summary>
    Bootstrap,

    /// <summary>To join <see cref="PrimaryQuestion.Versions"/>, if the log has what the asker has seen.</summary>
    Offer,

    /// <summary>To join them only if the log still ends at <see cref="PrimaryQuestion.At"/>.</summary>
    Commit,

    /// <summary>The log after <see cref="PrimaryQuestion.At"/>.</summary>
    ReadLog,

    /// <summary>The latest of <see cref="PrimaryQuestion.Positions"/> that it has.</summary>
    FindCommon,

    /// <summary>A new epoch after <see cref="PrimaryQuestion.At"/>.</summary>
    BeginEpoch,

    /// <summary>To forget what expired before <see cref="PrimaryQuestion.Before"/>.</summary>
    Prune,
}

/// <param name="Cluster">The asker's cluster; null as long as it belongs to none. A primary of another one refuses.</param>
public sealed record PrimaryQuestion(PrimaryCall Call, string? Cluster)
{
    public LogPosition At { get; init; } = LogPosition.Start;

    /// <summary>Where the asker is in the log: without that row at its place, nothing is written.</summary>
    public LogPosition Seen { get; init; } = LogPosition.Start;

    /// <summary>Rows wanted of the log.</summary>
    public int Limit { get; init; }

    public IReadOnlyList<string> Versions { get; init; } = [];

    public IReadOnlyList<LogPosition> Positions { get; init; } = [];

    public string NewCluster { get; init; } = "";

    public DateTimeOffset Before { get; init; }
}

/// <param name="Cluster">Of <see cref="PrimaryCall.FindCluster"/> and <see cref="PrimaryCall.Bootstrap"/>.</param>
/// <param name="Position">Where the log stands, or the common row; null when a commit met another head.</param>
/// <param name="Page">Of <see cref="PrimaryCall.ReadLog"/>.</param>
public sealed record PrimaryAnswer(string? Cluster = null, LogPosition? Position = null, LogPage? Page = null);
