using System.Collections.Concurrent;
using Holdfast.Http;

namespace Holdfast.Sso;

/// <summary>Sign-ins that were refused, the latest of them, in this node's memory: what a stranger can cause never reaches the journal.</summary>
public sealed class AttemptRing(Ids ids, TimeProvider clock, ILogger<AttemptRing> log)
{
    /// <summary>The most that are remembered.</summary>
    public const int Most = 1000;

    private readonly ConcurrentQueue<Attempt> _attempts = new();

    /// <summary>The latest, oldest first.</summary>
    public IReadOnlyList<Attempt> Latest => [.. _attempts];

    /// <summary>Remembers one.</summary>
    /// <param name="reason">A stable code.</param>
    /// <param name="detail">For the administrator; holds no secret and no assertion.</param>
    /// <returns>The id that the person is shown.</returns>
    public string Remember(string? connectionId, string reason, string detail)
    {
        var attempt = new Attempt(ids.New(Ids.Attempt), clock.GetUtcNow(), connectionId, reason, detail);
        _attempts.Enqueue(attempt);
        while (_attempts.Count > Most)
        {
            _attempts.TryDequeue(out _);
        }
        SsoLog.Refused(log, attempt.Id, connectionId, reason);
        return attempt.Id;
    }
}

/// <summary>A refused sign-in.</summary>
public sealed record Attempt(string Id, DateTimeOffset At, string? ConnectionId, string Reason, string Detail);

internal static partial class SsoLog
{
    [LoggerMessage(1001, LogLevel.Information, "Sign-in {Attempt} on {ConnectionId} was refused: {Reason}")]
    public static partial void Refused(ILogger log, string attempt, string? connectionId, string reason);

    [LoggerMessage(1002, LogLevel.Warning, "The documents of the provider of {ConnectionId} could not be read: {Why}")]
    public static partial void DocumentsUnread(ILogger log, string connectionId, string why);
}
