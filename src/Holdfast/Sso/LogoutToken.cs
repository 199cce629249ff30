using Holdfast.Keys;

namespace Holdfast.Sso;

/// <summary>The token that a browser signs out with: of which session, for a few minutes. It says nothing that its bearer could use otherwise.</summary>
internal sealed class LogoutToken(ClusterKeys keys, SsoOptions options, TimeProvider clock)
{
    private const string Purpose = "sso-logout-token";

    /// <param name="sessionId">The session that it ends, now or at a repeat; null when the node that makes it knows of none.</param>
    public string Make(string environmentId, string connectionId, string? sessionId) => SealedToken.Make(keys, Purpose, environmentId,
        new Content(connectionId, sessionId, (clock.GetUtcNow() + options.LogoutTokenLifetime).ToUnixTimeMilliseconds()));

    /// <summary>What a token says; null when it is not ours, was changed, or is over.</summary>
    public (string EnvironmentId, string ConnectionId, string? SessionId)? Read(string token) =>
        SealedToken.Read<Content>(keys, Purpose, token) is var (environmentId, content) && content.ExpiresAt > clock.GetUtcNow().ToUnixTimeMilliseconds()
            ? (environmentId, content.ConnectionId, content.SessionId)
            : null;

    private sealed record Content(string ConnectionId, string? SessionId, long ExpiresAt);
}
