using Holdfast.Http;
using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>Sign-ins that were refused, the latest of each connection, in this node's memory: what a stranger can cause never reaches the journal.</summary>
public sealed class AttemptRing(Ids ids, TimeProvider clock, ILogger<AttemptRing> log)
{
    /// <summary>The most that are remembered of one connection, so that noise at one cannot wipe out another's.</summary>
    public const int MostPerConnection = 100;

    /// <summary>The most connections; above it the one that was quiet longest is forgotten.</summary>
    public const int MostConnections = 1000;

    /// <summary>The most of all; above it whoever has the most loses its oldest.</summary>
    public const int MostAttempts = 20_000;

    /// <summary>What is kept of a text that came from outside, in characters.</summary>
    public const int LongestDetail = 500;

    /// <summary>The longest response that is kept to be checked again, in characters.</summary>
    public const int LongestResponse = 64 * 1024;

    /// <summary>The most characters of all that is kept of messages, of responses and of what they say of themselves; the oldest go first.</summary>
    public const int MostCharacters = 8 * 1024 * 1024;

    /// <summary>What one costs beside its characters.</summary>
    private const int Overhead = 300;

    private readonly Lock _lock = new();
    private long _place;
    private int _count;
    private long _characters;
    private readonly Dictionary<string, Queue<(long Place, Attempt Attempt)>> _attempts = new(StringComparer.Ordinal);
    private readonly Queue<(string Id, int Characters)> _order = new();
    private readonly Dictionary<string, (SamlMaterial? Material, OidcSurface? Oidc, string? Response)> _messages = new(StringComparer.Ordinal);

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

    /// <summary>Those of one connection, oldest first.</summary>
    public IReadOnlyList<Attempt> Of(string connectionId)
    {
        lock (_lock)
        {
            return _attempts.TryGetValue(connectionId, out var ring) ? [.. ring.Select(a => a.Attempt)] : [];
        }
    }

    /// <summary>The response of an attempt, as it was posted; null when it was too long, or is forgotten.</summary>
    internal string? ResponseOf(string attemptId)
    {
        lock (_lock)
        {
            return _messages.GetValueOrDefault(attemptId).Response;
        }
    }

    /// <summary>What a refused sign-in was about; null when nothing was checked, or it is forgotten.</summary>
    internal SamlMaterial? MaterialOf(string attemptId)
    {
        lock (_lock)
        {
            return _messages.GetValueOrDefault(attemptId).Material;
        }
    }

    /// <summary>The same of a sign-in by OpenID Connect.</summary>
    internal OidcSurface? OidcOf(string attemptId)
    {
        lock (_lock)
        {
            return _messages.GetValueOrDefault(attemptId).Oidc;
        }
    }

    /// <summary>Remembers one.</summary>
    /// <param name="reason">A stable code.</param>
    /// <param name="detail">For the administrator; holds no secret and no assertion.</param>
    /// <param name="material">What it was about, for telling and for trying again; null when nothing was checked.</param>
    /// <param name="isSignOut">It was a message of single logout.</param>
    /// <returns>The id that the person is shown.</returns>
    public string Remember(string connectionId, string reason, string detail, SamlMaterial? material = null, bool isSignOut = false) =>
        Remember(connectionId, reason, detail, material, null, isSignOut);

    /// <summary>The same of a sign-in by OpenID Connect, which nobody can try again: its code is used up, and no token is kept.</summary>
    internal string Remember(string connectionId, string reason, string detail, OidcSurface said) => Remember(connectionId, reason, detail, null, said, isSignOut: false);

    private string Remember(string connectionId, string reason, string detail, SamlMaterial? material, OidcSurface? oidc, bool isSignOut)
    {
        var attempt = new Attempt(ids.New(Ids.Attempt), clock.GetUtcNow(), connectionId, Cut(reason), Cut(detail), isSignOut);
        lock (_lock)
        {
            if (!_attempts.TryGetValue(connectionId, out var ring))
            {
                if (_attempts.Count >= MostConnections)
                {
                    _attempts.Remove(_attempts.MinBy(a => a.Value.Last().Place).Key, out var quiet);
                    _count -= quiet!.Count;
                }
                _attempts.Add(connectionId, ring = new Queue<(long, Attempt)>());
            }
            ring.Enqueue((_place++, attempt));
            _count++;
            if (ring.Count > MostPerConnection)
            {
                Forget(ring);
            }
            else if (_count > MostAttempts)
            {
                Forget(_attempts.Values.MaxBy(a => a.Count)!);
            }
            Keep(attempt.Id, material, oidc, material?.Response);
        }
        SsoLog.Refused(log, attempt.Id, connectionId, attempt.Reason);
        return attempt.Id;
    }

    /// <summary>Keeps what a sign-in that succeeded was proven by, to be tried again: here alone, and never on a disk.</summary>
    internal void KeepResponse(string attemptId, string response)
    {
        lock (_lock)
        {
            Keep(attemptId, null, null, response);
        }
    }

    private void Forget(Queue<(long Place, Attempt Attempt)> ring)
    {
        ring.Dequeue();
        _count--;
    }

    private void Keep(string attemptId, SamlMaterial? material, OidcSurface? oidc, string? response)
    {
        response = response is { Length: > 0 and <= LongestResponse } ? response : null;
        if (material is null && oidc is null && response is null)
        {
            return;
        }
        var characters = Overhead + (response?.Length ?? 0) + (material?.Surface?.CountCharacters() ?? 0) + (oidc?.CountCharacters() ?? 0);
        _messages[attemptId] = (material is null ? null : material with { Response = null }, oidc, response);
        _order.Enqueue((attemptId, characters));
        _characters += characters;
        while (_characters > MostCharacters)
        {
            var oldest = _order.Dequeue();
            _messages.Remove(oldest.Id);
            _characters -= oldest.Characters;
        }
    }

    private static string Cut(string text) => text.Length <= LongestDetail ? text : string.Concat(text.AsSpan(0, LongestDetail), "…");
}

/// <summary>A refused sign-in.</summary>
public sealed record Attempt(string Id, DateTimeOffset At, string ConnectionId, string Reason, string Detail, bool IsSignOut);

/// <summary>What a sign-in by SAML was about.</summary>
/// <param name="Surface">What the response says of itself; null when it could not be read.</param>
/// <param name="Trust">What the connection trusted then.</param>
/// <param name="RequestId">What it had to answer; null when nobody asked.</param>
/// <param name="BeganAt">When our request was made; null when there was none.</param>
/// <param name="Response">As posted.</param>
public sealed record SamlMaterial(SamlSurface? Surface, SamlTrust Trust, string? RequestId, DateTimeOffset? BeganAt, string? Response);

internal static partial class SsoLog
{
    [LoggerMessage(1001, LogLevel.Information, "Sign-in {Attempt} on {ConnectionId} was refused: {Reason}")]
    public static partial void Refused(ILogger log, string attempt, string connectionId, string reason);

    [LoggerMessage(1002, LogLevel.Warning, "The documents of the provider of {ConnectionId} could not be read: {Why}")]
    public static partial void DocumentsUnread(ILogger log, string connectionId, string why);

    [LoggerMessage(1003, LogLevel.Warning, "A round through the providers' documents was cut off")]
    public static partial void RoundCutOff(ILogger log, Exception fault);

    [LoggerMessage(1011, LogLevel.Warning, "A round through the connections' certificates was cut off")]
    public static partial void CertificatesUnseen(ILogger log, Exception fault);

    [LoggerMessage(1004, LogLevel.Warning, "Sign-in {Attempt} on {ConnectionId} was accepted with {Notes}")]
    public static partial void Noted(ILogger log, string attempt, string connectionId, string notes);

    [LoggerMessage(1005, LogLevel.Warning, "The metadata of {ConnectionId} changed and was taken: {Change}; version {Version}")]
    public static partial void MetadataTaken(ILogger log, string connectionId, string change, string version);

    [LoggerMessage(1006, LogLevel.Warning, "The metadata of {ConnectionId} changed and waits for an administrator: {Change}; {Why}; version {Version}")]
    public static partial void MetadataPending(ILogger log, string connectionId, string change, string why, string version);

    [LoggerMessage(1007, LogLevel.Warning, "The metadata of {ConnectionId} cannot be used: {Why}")]
    public static partial void MetadataUnusable(ILogger log, string connectionId, string why);

    [LoggerMessage(1008, LogLevel.Information, "The metadata of {ConnectionId} can be used again, after {Why}")]
    public static partial void MetadataUsableAgain(ILogger log, string connectionId, string why);

    [LoggerMessage(1009, LogLevel.Warning, "What was read of the metadata of {ConnectionId} could not be kept: {Why}")]
    public static partial void MetadataUnkept(ILogger log, string connectionId, string why);

    [LoggerMessage(1010, LogLevel.Warning, "A round through the metadata addresses was cut off")]
    public static partial void MetadataRoundCutOff(ILogger log, Exception fault);
}
