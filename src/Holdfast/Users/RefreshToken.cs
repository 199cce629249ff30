using System.Globalization;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>The key that makes the successors of a session's tokens: the session names it, so that any node makes the same.</summary>
internal sealed record SuccessorKey(string Id, byte[] Key)
{
    /// <summary>What a token of this generation carries: nobody makes it who has not the key.</summary>
    public string Mark(string sessionId, long generation) =>
        Base64.Encode(ClusterKeys.Mac(Key, "refresh", sessionId, generation.ToString(CultureInfo.InvariantCulture)));
}

/// <summary>Where a session began.</summary>
/// <param name="Position">Of its row in that incarnation's journal: a node that has applied it has the session, or there is none.</param>
internal sealed record Birth(string Incarnation, string Position);

/// <summary>Who acts as a user, and why: one of the people who run the application.</summary>
internal sealed record Impersonator(string Email, string? Reason);

/// <summary>Where a session was begun from; null where nobody said. Shown, and never believed.</summary>
internal sealed record SessionClient(string? IpAddress, string? UserAgent);

/// <summary>What a refresh token says once it is opened: the whole session, so that a node that has not heard of it can go on with it.</summary>
/// <param name="OrganizationId">Where the session began; <paramref name="ActsIn"/> is the organization that it is in now, after a switch another.</param>
/// <param name="ExpiresAt">When the session ends whatever happens, in Unix milliseconds.</param>
/// <param name="Stamp">The stamp of the session's row, and <paramref name="CreatedAt"/> its time.</param>
/// <param name="FactorId">The second factor, or the passkey, that was shown; null for none. When it is taken away, the session has ended.</param>
/// <param name="KeyId">Names the <see cref="SuccessorKey"/>.</param>
internal sealed record RefreshToken(
    string SessionId, string UserId, string? OrganizationId, string Method, long Generation, long ExpiresAt, Birth Birth, string? CredentialId, string Stamp, long CreatedAt,
    string KeyId, string Mark, string? ActsIn, string? FactorId = null, Impersonator? Impersonator = null)
{
    /// <summary>The next one.</summary>
    /// <param name="actsIn">Null to stay.</param>
    public RefreshToken Next(SuccessorKey key, string? actsIn = null) =>
        this with { Generation = Generation + 1, Mark = key.Mark(SessionId, Generation + 1), ActsIn = actsIn ?? ActsIn };

    /// <summary>The session's row, the same from whichever of its tokens it is made.</summary>
    public Change Row(string environmentId) => Change.To(Schema.Sessions, SessionId,
        ("environment_id", environmentId), ("user_id", UserId), ("organization_id", OrganizationId), ("method", Method), ("credential_id", CredentialId),
        ("birth", Birth.Incarnation), ("birth_position", Birth.Position), ("key_id", KeyId), ("created_at", CreatedAt), ("expires_at", ExpiresAt), ("factor_id", FactorId)).At(Stamp);

    /// <summary>The session as it is now.</summary>
    public Session Session => new(SessionId, UserId, ActsIn, CredentialId, KeyId, ExpiresAt, FactorId);

    /// <summary>The session as it began, which its row says wherever it is written.</summary>
    public Session Begun => Session with { OrganizationId = OrganizationId };
}
