using System.Text.Json;
using Holdfast.Http;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>The login explainer: sign-ins of a connection, what each was checked for, and the same response against the connection's present settings.</summary>
/// <remarks>What succeeded is a row that every node has, for 30 days. What was refused is in the memory of the node that refused it, and so is every response. By OpenID Connect
/// there is no response to keep.</remarks>
internal sealed class ManageAttempts(Database database, Connections connections, AttemptRing ring, SamlChecks checks, TimeProvider clock)
{
    public ApiAnswer List(string connectionId, HttpContext http)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        if (Find(connectionId, http) is not { } connection)
        {
            return ApiError.NotFound("Connection", connectionId);
        }
        // Ids begin with their time, so they are the order; a cursor may be of either kind.
        var up = page.Ascending != page.Backwards;
        bool IsBeyond(string id) => page.Cursor is not { } cursor || (up ? string.CompareOrdinal(id, cursor) > 0 : string.CompareOrdinal(id, cursor) < 0);
        var rows = database.Read(view => view.Query<Row>(
            $"SELECT {Row.Columns} FROM sso_attempts WHERE connection_id = @connectionId AND expires_at > @now"
            + (page.Cursor is null ? "" : $" AND id {(up ? ">" : "<")} @Cursor") + $" ORDER BY id {(up ? "ASC" : "DESC")} LIMIT {page.Limit + 1}",
            new { connectionId, now = Now, page.Cursor }));
        var all = rows.Select(r => Succeeded(r, connection)).Concat(ring.Of(connectionId).Where(a => IsBeyond(a.Id)).Select(a => Refused(a, connection)));
        var ordered = up ? all.OrderBy(a => a.Id, StringComparer.Ordinal) : all.OrderByDescending(a => a.Id, StringComparer.Ordinal);
        return ApiAnswer.Ok(page.Answer(ordered.Take(page.Limit + 1).ToList(), a => a.Id, a => a));
    }

    public ApiAnswer Get(string connectionId, string attemptId, HttpContext http) => Find(connectionId, http) is not { } connection
        ? ApiError.NotFound("Connection", connectionId)
        : FindAttempt(connection, attemptId) is { } found ? ApiAnswer.Ok(found.Body) : ApiError.NotFound("Attempt", attemptId);

    /// <summary>Checks the same response again, as of when it came. It signs nobody in, and writes nothing.</summary>
    public async Task<ApiAnswer> ReplayAsync(string connectionId, string attemptId, HttpContext http)
    {
        if (Find(connectionId, http) is not { } connection)
        {
            return ApiError.NotFound("Connection", connectionId);
        }
        if (FindAttempt(connection, attemptId) is not { } found)
        {
            return ApiError.NotFound("Attempt", attemptId);
        }
        if (ring.ResponseOf(attemptId) is not { } response || connection is not { Trust: { } trust, Settings.Saml: { } saml })
        {
            return ApiError.Conflict("response_not_kept", connection.Trust is null
                ? "There is no response to check again: by OpenID Connect the provider's code is used up by the sign-in, and no token is kept. Ask for a new sign-in."
                : "There is no response to check again: responses are kept for a while, in the memory of the node that received them, and only where one was read. Ask for a new sign-in.");
        }
        var (at, was) = (found.Body.CreatedAt, found.Material);
        // Of a sign-in that succeeded, what it answered is known from the response; that it was ours was checked then.
        var requestId = was is { Surface: { } said } ? was.RequestId ?? (found.Body.Outcome == "succeeded" ? said.InResponseTo : null) : was?.RequestId;
        var (verdict, surface) = await checks.CheckAgainAsync(response, trust, requestId, at, http.RequestAborted);
        var material = new SamlMaterial(surface, trust, requestId, was?.BeganAt, null);
        var (reason, detail, notes) = verdict switch
        {
            SamlVerdict.Refused refused => (refused.Why.ToString(), refused.Detail, (IReadOnlyList<string>)[]),
            SamlVerdict.Accepted accepted => (Attributes.Of(accepted.Assertion, saml.AttributeMap).Refusal, "the assertion does not say who the person is",
                [.. accepted.Evidence.Notes(at).Order().Select(SamlWords.Of)]),
            _ => throw new InvalidOperationException("There is no such verdict."),
        };
        if (reason is null && found.Body.Reason is { } then && !ExplainAttempt.IsAboutTheResponse(then))
        {
            (reason, detail) = (then, found.Body.Detail!);   // the response is right; what was wrong with the sign-in is as it was
        }
        return ApiAnswer.Ok(Describe("connection_attempt_replay", attemptId, connection, reason, detail, material, notes, requestId is null, null, at));
    }

    private ReadyConnection? Find(string connectionId, HttpContext http) =>
        database.Read(view => ConnectionStore.Find(view, Caller.Of(http).EnvironmentId, connectionId)) is { } connection ? connections.Ready(connection) : null;

    private (AttemptBody Body, SamlMaterial? Material)? FindAttempt(ReadyConnection connection, string attemptId)
    {
        if (attemptId.Length > 128)
        {
            return null;
        }
        var connectionId = connection.Connection.Id;
        if (ring.Of(connectionId).FirstOrDefault(a => a.Id == attemptId) is { } refused)
        {
            return (Refused(refused, connection), ring.MaterialOf(attemptId));
        }
        return database.Read(view => view.Find<Row>(
            $"SELECT {Row.Columns} FROM sso_attempts WHERE id = @attemptId AND connection_id = @connectionId AND expires_at > @now", new { attemptId, connectionId, now = Now })) is { } row
            ? (Succeeded(row, connection), MaterialOf(row.Facts(), connection))
            : null;
    }

    private AttemptBody Refused(Attempt attempt, ReadyConnection connection)
    {
        if (attempt.IsSignOut)
        {
            var (summary, remedy) = ExplainAttempt.OfSignOut(connection.Connection.ConnectionType, attempt.Reason, attempt.Detail);
            return new AttemptBody(
                "connection_attempt", attempt.Id, connection.Connection.Id, "refused", attempt.Reason, attempt.Detail, summary, remedy, [], [], false, null, false, attempt.At);
        }
        var material = ring.MaterialOf(attempt.Id);
        return Describe("connection_attempt", attempt.Id, connection, attempt.Reason, attempt.Detail, material, [], material is { RequestId: null }, null, attempt.At, ring.OidcOf(attempt.Id));
    }

    private AttemptBody Succeeded(Row row, ReadyConnection connection)
    {
        var facts = row.Facts();
        return Describe("connection_attempt", row.Id, connection, null, "", MaterialOf(facts, connection), facts.Notes, facts.IdpInitiated, row.ProfileId,
            DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt), facts.Oidc);
    }

    /// <summary>What was received was what was expected then, whatever the connection expects now.</summary>
    private static SamlMaterial? MaterialOf(AttemptFacts facts, ReadyConnection connection) => facts.Surface is { } said && connection.Trust is { } trust
        ? new SamlMaterial(said, trust with { IdpEntityId = said.Issuer!, AcsUrl = said.Destination!, SpEntityId = said.Audiences[0] }, said.InResponseTo, null, null)
        : null;

    private AttemptBody Describe(
        string kind, string id, ReadyConnection connection, string? reason, string detail, SamlMaterial? material, IReadOnlyList<string> notes, bool isIdpInitiated, string? profileId,
        DateTimeOffset at, OidcSurface? oidc = null)
    {
        var type = connection.Connection.ConnectionType;
        var (summary, remedy, steps) = ConnectionInput.IsSamlType(type) ? ExplainAttempt.Of(type, reason, detail, material, at) : ExplainOidcAttempt.Of(type, reason, detail, oidc, at);
        return new AttemptBody(
            kind, id, connection.Connection.Id, reason is null ? "succeeded" : "refused", reason, reason is null ? null : detail, summary, remedy, steps, notes, isIdpInitiated, profileId,
            ring.ResponseOf(id) is not null, at);
    }

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private sealed record Row(string Id, string ProfileId, string Said, long CreatedAt)
    {
        public const string Columns = "id AS Id, profile_id AS ProfileId, said AS Said, created_at AS CreatedAt";

        public AttemptFacts Facts() => JsonSerializer.Deserialize<AttemptFacts>(Said, JavaScriptJson.Options)!;
    }
}
