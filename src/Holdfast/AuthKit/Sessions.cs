using System.Text.Json.Serialization;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>A user's sessions: list them, end one, sign out.</summary>
internal sealed class Sessions(Database database, RedirectUriStore redirectUris, Acts acts, TimeProvider clock)
{
    internal sealed record RevokeInput(Given<string> SessionId);

    internal sealed record Body(
        string Object, string Id, string UserId, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? OrganizationId, string? IpAddress, string? UserAgent,
        string AuthMethod, string Status, DateTimeOffset ExpiresAt, DateTimeOffset? EndedAt, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    private sealed record Row(string Id, string UserId, string? OrganizationId, string Method, long CreatedAt, long ExpiresAt, long? EndedAt);

    private const string Columns =
        "id AS Id, user_id AS UserId, organization_id AS OrganizationId, method AS Method, created_at AS CreatedAt, expires_at AS ExpiresAt, "
        + "(SELECT min(d.created_at) FROM denies d WHERE d.subject = sessions.id AND d.environment_id = sessions.environment_id) AS EndedAt";

    public ApiAnswer List(string userId, HttpContext http)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => UserStore.Find(view, environmentId, userId) is null
            ? ApiError.NotFound("User", userId)
            : ApiAnswer.Ok(page.Answer(
                view.Query<Row>(page.Sql($"SELECT {Columns} FROM sessions WHERE environment_id = @environmentId AND user_id = @userId"),
                    page.Parameters(view, "sessions", environmentId, new { userId })),
                row => row.Id, Write)));
    }

    /// <summary>A deny: it is taken with the primary gone, and for a session that has not come to this node yet. So what another environment has is answered like what nobody has.</summary>
    public async Task<ApiAnswer> RevokeAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<RevokeInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.SessionId.Value is not { } id || !IsId(id))
        {
            return ApiError.Validation("session_id", input.SessionId.Value is null ? "required" : "invalid");
        }
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        await database.RecordAsync(http, view => Session.End(view, act, id, "revoked"));
        return ApiAnswer.Ok(new { });
    }

    /// <summary>Ends the session of whoever follows this link, and sends the browser on, to where the application wants it if that is registered.</summary>
    public async Task<IResult> SignOutAsync(HttpContext http)
    {
        var query = http.Request.Query;
        if (query["session_id"] is not [{ Length: > 0 } id] || !IsId(id))
        {
            return ApiError.Validation("session_id", "required");
        }
        // One that has not come here is ended all the same (law 4): its id says of which environment it is.
        if (database.Read(view => view.Find<string>("SELECT environment_id FROM sessions WHERE id = @id", new { id }) ?? SessionIds.EnvironmentOf(view, acts.SessionIdKey, id)) is not { } environmentId)
        {
            return AuthKitErrors.SessionNotHere;   // nobody here has made such an id
        }
        var act = acts.Of(environmentId);
        await database.RecordAsync(http, view => Denied.Is(view, id, environmentId) ? Decide.Nothing(Rule.Grant(id).Answer) : Session.End(view, act, id, "signed_out"));
        return query["return_to"] is [{ Length: > 0 } wanted] && redirectUris.Allows(environmentId, wanted) ? new Back(wanted)
            : redirectUris.Default(environmentId) is { } home ? new Back(home)
            : SignedOut.Everywhere;
    }

    private static bool IsId(string text) => text.StartsWith(Ids.Session, StringComparison.Ordinal) && text.Length == Ids.Session.Length + 26 && text[Ids.Session.Length..].All(char.IsAsciiLetterOrDigit);

    private Body Write(Row row)
    {
        var ended = row.EndedAt ?? (row.ExpiresAt <= clock.GetUtcNow().ToUnixTimeMilliseconds() ? row.ExpiresAt : null);
        return new Body("session", row.Id, row.UserId, row.OrganizationId, null, null, SignInMethod.ToAuthMethod(row.Method),
            row.EndedAt is not null ? "revoked" : ended is not null ? "expired" : "active", DateTimeOffset.FromUnixTimeMilliseconds(row.ExpiresAt),
            ended is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null, DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt),
            DateTimeOffset.FromUnixTimeMilliseconds(row.EndedAt ?? row.CreatedAt));
    }
}
