using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>A session as the API and its events show it.</summary>
/// <param name="Status"><c>active</c>, <c>expired</c> or <c>revoked</c>.</param>
internal sealed record SessionBody(
    string Object, string Id, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Impersonator? Impersonator, string? IpAddress,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? OrganizationId, string? UserAgent, string UserId, string AuthMethod, string Status,
    DateTimeOffset ExpiresAt, DateTimeOffset? EndedAt, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary>A session's row.</summary>
    /// <param name="EndedAt">When a deny of it was made; null while none was.</param>
    internal sealed record Row(
        string Id, string UserId, string? OrganizationId, string Method, string? IpAddress, string? UserAgent, string? Impersonator, long CreatedAt, long ExpiresAt, long? EndedAt);

    public const string Columns =
        "id AS Id, user_id AS UserId, organization_id AS OrganizationId, method AS Method, ip_address AS IpAddress, user_agent AS UserAgent, impersonator AS Impersonator, "
        + "created_at AS CreatedAt, expires_at AS ExpiresAt, "
        + "(SELECT min(d.created_at) FROM denies d WHERE d.subject = sessions.id AND d.environment_id = sessions.environment_id) AS EndedAt";

    public static SessionBody Of(Row row, DateTimeOffset now)
    {
        var ended = row.EndedAt ?? (row.ExpiresAt <= now.ToUnixTimeMilliseconds() ? row.ExpiresAt : null);
        return new SessionBody(
            "session", row.Id, row.Impersonator is null ? null : JsonSerializer.Deserialize<Impersonator>(row.Impersonator, JavaScriptJson.Options), row.IpAddress, row.OrganizationId,
            row.UserAgent, row.UserId, SignInMethod.ToAuthMethod(row.Method), row.EndedAt is not null ? "revoked" : ended is not null ? "expired" : "active",
            DateTimeOffset.FromUnixTimeMilliseconds(row.ExpiresAt), ended is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null,
            DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(row.EndedAt ?? row.CreatedAt));
    }

    /// <summary>The event that tells of a session that begins.</summary>
    public static Change Begun(RefreshToken session, SessionClient? from, Act act)
    {
        var created = DateTimeOffset.FromUnixTimeMilliseconds(session.CreatedAt);
        var body = new SessionBody(
            "session", session.SessionId, session.Impersonator, from?.IpAddress, session.OrganizationId, from?.UserAgent, session.UserId, SignInMethod.ToAuthMethod(session.Method), "active",
            DateTimeOffset.FromUnixTimeMilliseconds(session.ExpiresAt), null, created, created);
        return EventRow.Of("session.created", body, act.EnvironmentId, act.IdKey, session.SessionId, act.Now);
    }

    /// <summary>The event that tells of a session that somebody has ended; none where its row has not come, or it had ended before.</summary>
    public static IReadOnlyList<Change> Ended(View view, string id, Act act) =>
        view.Find<Row>($"SELECT {Columns} FROM sessions WHERE id = @id AND environment_id = @EnvironmentId", new { id, act.EnvironmentId }) is { EndedAt: null } row && row.ExpiresAt > act.Time
            ? [EventRow.Of("session.revoked", Of(row with { EndedAt = act.Time }, act.Now), act.EnvironmentId, act.IdKey, $"{id}/revoked", act.Now)]
            : [];
}
