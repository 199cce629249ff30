using Holdfast.Http;

namespace Holdfast.Sso;

/// <summary>Sign-ins that were refused, the latest of each connection, in this node's memory: what a stranger can cause never reaches the journal.</summary>
public sealed class AttemptRing(Ids ids, TimeProvider clock, ILogger<AttemptRing> log)
{
    /// <summary>The most that are remembered of one connection, so that noise at one cannot wipe out another's.</summary>
    public const int MostPerConnection = 100;

    /// <summary>The most connections; above it the one that was quiet longest is forgotten.</summary>
    public const int MostConnections = 1000;

    /// <summary>What is kept of a text that came from outside, in characters.</summary>
    public const int LongestDetail = 500;

    private readonly Lock _lock = new();
    private long _place;
    private readonly Dictionary<string, Queue<(long Place, Attempt Attempt)>> _attempts = new(StringComparer.Ordinal);

    /// <summary>The latest, oldest first.</summary>
    public IReadOnlyList<Attempt> Latest
    {
        get
        {
            lock (_lock)
            {
                return [.. _attempts.Values.SelectMany(a => a).OrderBy(a => a.Place).Select(a => a.Attempt)];
            }
        }
    }

    /// <summary>Remembers one.</summary>
    /// <param name="reason">A stable code.</param>
    /// <param name="detail">For the administrator; holds no secret and no assertion.</param>
    /// <returns>The id that the person is shown.</returns>
    public string Remember(string connectionId, string reason, string detail)
    {
        var attempt = new Attempt(ids.New(Ids.Attempt), clock.GetUtcNow(), connectionId, Cut(reason), Cut(detail));
        lock (_lock)
        {
            if (!_attempts.TryGetValue(connectionId, out var ring))
            {
                if (_attempts.Count >= MostConnections)
                {
                    _attempts.Remove(_attempts.MinBy(a => a.Value.Last().Place).Key);
                }
                _attempts.Add(connectionId, ring = new Queue<(long, Attempt)>());
            }
            ring.Enqueue((_place++, attempt));
            if (ring.Count > MostPerConnection)
            {
                ring.Dequeue();
            }
        }
        SsoLog.Refused(log, attempt.Id, connectionId, attempt.Reason);
        return attempt.Id;
    }

    private static string Cut(string text) => text.Length <= LongestDetail ? text : string.Concat(text.AsSpan(0, LongestDetail), "…");
}

/// <summary>A refused sign-in.</summary>
public sealed record Attempt(string Id, DateTimeOffset At, string ConnectionId, string Reason, string Detail);

internal static partial class SsoLog
{
    [LoggerMessage(1001, LogLevel.Information, "Sign-in {Attempt} on {ConnectionId} was refused: {Reason}")]
    public static partial void Refused(ILogger log, string attempt, string connectionId, string reason);

    [LoggerMessage(1002, LogLevel.Warning, "The documents of the provider of {ConnectionId} could not be read: {Why}")]
    public static partial void DocumentsUnread(ILogger log, string connectionId, string why);

    [LoggerMessage(1003, LogLevel.Warning, "A round through the providers' documents was cut off")]
    public static partial void RoundCutOff(ILogger log, Exception fault);
}
