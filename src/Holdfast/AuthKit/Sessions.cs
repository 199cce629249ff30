using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Sso;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>A user's sessions: list them, end one, sign out.</summary>
internal sealed class Sessions(Database database, RedirectUriStore redirectUris, EnvironmentStore environments, SessionCookies cookies, RefreshTokens refreshTokens, Acts acts, TimeProvider clock)
{
    internal sealed record RevokeInput(Given<string> SessionId);

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
                view.Query<SessionBody.Row>(page.Sql($"SELECT {SessionBody.Columns} FROM sessions WHERE environment_id = @environmentId AND user_id = @userId"),
                    page.Parameters(view, "sessions", environmentId, new { userId })),
                row => row.Id, row => SessionBody.Of(row, clock.GetUtcNow()))));
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
        await database.RecordAsync(http, view => End(view, act, id, "revoked"));
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
        if (database.Read(view => view.Find<string>("SELECT environment_id FROM sessions WHERE id = @id", new { id }) ?? SessionIds.EnvironmentOf(view, acts.SessionIdKey, id)) is not { } environmentId
            || !ServedUnder.Allows(http, environmentId))
        {
            return AuthKitErrors.SessionNotHere;   // nobody here has made such an id
        }
        var act = acts.Of(environmentId);
        await database.RecordAsync(http, view => Denied.Is(view, id, environmentId) ? Decide.Nothing(Rule.Grant(id).Answer) : End(view, act, id, "signed_out"));
        // What the browser keeps of another session stays: a stranger's link, with a session of theirs, signs nobody else out.
        if (environments.FindClient(environmentId) is { } clientId
            && (cookies.Read(http, clientId) is not { } kept || refreshTokens.Open(environmentId, kept) is not { } shown || shown.Session.SessionId == id))
        {
            cookies.Delete(http, environmentId, clientId);
        }
        return query["return_to"] is [{ Length: > 0 } wanted] && redirectUris.Allows(environmentId, wanted) ? new Back(wanted)
            : redirectUris.Default(environmentId) is { } home ? new Back(home)
            : SignedOut.Everywhere;
    }

    private static bool IsId(string text) => text.StartsWith(Ids.Session, StringComparison.Ordinal) && text.Length == Ids.Session.Length + 26 && text[Ids.Session.Length..].All(char.IsAsciiLetterOrDigit);

    /// <summary>Ends it, and tells so where it is known.</summary>
    private static Decision<Ruling<string>> End(View view, Act act, string id, string reason)
    {
        var (ruling, changes) = Session.End(view, act, id, reason);
        return new(ruling, changes.Count == 0 ? changes : [.. changes, .. SessionBody.Ended(view, id, act)]);
    }
}
