using System.Globalization;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Node;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>A session. Its row never changes; whether it goes on is read from what has been said of it since.</summary>
internal sealed record Session(string Id, string UserId, string? OrganizationId, string? CredentialId, string KeyId, long ExpiresAt, string? FactorId = null)
{
    /// <summary>How far apart two spends of one generation may be: a response was lost, and the client asks again.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    /// <summary>A session's row, ended or not; null when there is none here.</summary>
    public static Session? Find(View view, string environmentId, string id) => view.Find<Session>(
        "SELECT id AS Id, user_id AS UserId, organization_id AS OrganizationId, credential_id AS CredentialId, key_id AS KeyId, expires_at AS ExpiresAt, factor_id AS FactorId "
        + "FROM sessions WHERE id = @id AND environment_id = @environmentId", new { id, environmentId });

    /// <summary>Begins the session of a sign-in, in the same decision. Its row is the decision's first change: so its place in the journal is known.</summary>
    /// <param name="signIn">What a sign-in came to; a refusal stays one.</param>
    /// <param name="view">As the node's writer shows it: the birth is a place in this node's journal.</param>
    /// <param name="stamp">Of the node's clock, just taken: the row carries it wherever it is written.</param>
    /// <param name="from">Where it is begun from; null for nothing known.</param>
    /// <param name="impersonator">Who acts as the user; null for the user.</param>
    public static Decision<Ruling<RefreshToken>> Start(
        View view, Act act, Decision<Ruling<SignedIn>> signIn, string method, TimeSpan lifetime, SuccessorKey key, string stamp, SessionClient? from = null,
        Impersonator? impersonator = null)
    {
        if (signIn.Answer.Answer is not { } who)
        {
            return Rule.Refuse<RefreshToken>(signIn.Answer.Refused!.Value, signIn.Changes);
        }
        var id = SessionIds.New(act);
        if (act.Request is not null && OfRequest(view, act, key) is { } before)
        {
            // The request was done before: its session is the answer, whatever this sign-in would have begun.
            return before.Session.Ended(view, act) is { } over ? Rule.Refuse<RefreshToken>(over) : Rule.Grant(before);
        }
        var birth = new Birth(act.Incarnation, NodeStore.NextPosition(view).ToString(CultureInfo.InvariantCulture));
        var token = new RefreshToken(
            id, who.UserId, who.OrganizationId, method, 0, (act.Now + lifetime).ToUnixTimeMilliseconds(), birth, who.CredentialId, stamp, act.Time, key.Id, key.Mark(id, 0),
            who.OrganizationId, who.FactorId, impersonator);
        return token.Session.Ended(view, act) is { } why
            ? Rule.Refuse<RefreshToken>(why, signIn.Changes)
            : Rule.Grant(token, [token.Row(act.EnvironmentId), .. Client(id, from, impersonator), .. signIn.Changes, .. impersonator is null ? [UserStore.SignedIn(act, who.UserId)] : Array.Empty<Change>()]);
    }

    /// <summary>The session that a request began here when it came before, with the token that it has now; null when it began none.</summary>
    public static RefreshToken? OfRequest(View view, Act act, SuccessorKey key)
    {
        if (act.Request is null || view.Find<Row>(
            "SELECT id AS Id, user_id AS UserId, organization_id AS OrganizationId, method AS Method, credential_id AS CredentialId, birth AS Birth, birth_position AS BirthPosition, key_id AS KeyId, "
            + "created_at AS CreatedAt, expires_at AS ExpiresAt, made_stamp AS Stamp, factor_id AS FactorId, impersonator AS Impersonator, "
            + "(SELECT coalesce(max(generation) + 1, 0) FROM session_spends s WHERE s.session_id = sessions.id) AS Generation FROM sessions WHERE id = @id AND environment_id = @EnvironmentId",
            new { id = SessionIds.New(act), act.EnvironmentId }) is not { } row || row.KeyId != key.Id)
        {
            return null;
        }
        return new RefreshToken(
            row.Id, row.UserId, row.OrganizationId, row.Method, row.Generation, row.ExpiresAt, new Birth(row.Birth, row.BirthPosition), row.CredentialId, row.Stamp, row.CreatedAt, row.KeyId,
            key.Mark(row.Id, row.Generation), row.OrganizationId,
            row.FactorId, row.Impersonator is { } who ? JsonSerializer.Deserialize<Impersonator>(who, JavaScriptJson.Options) : null);
    }

    private sealed record Row(
        string Id, string UserId, string? OrganizationId, string Method, string? CredentialId, string Birth, string BirthPosition, string KeyId, long CreatedAt, long ExpiresAt, string Stamp, string? FactorId, string? Impersonator,
        long Generation);

    private static Change[] Client(string id, SessionClient? from, Impersonator? impersonator) => from is null or { IpAddress: null, UserAgent: null } && impersonator is null
        ? []
        :
        [
            Change.To(Schema.Sessions, id, ("ip_address", from?.IpAddress), ("user_agent", from?.UserAgent),
                ("impersonator", impersonator is null ? null : JsonSerializer.Serialize(impersonator, JavaScriptJson.Options))),
        ];

    /// <summary>Why it does not go on; null when it does.</summary>
    /// <param name="grace">Null for <see cref="Grace"/>.</param>
    public Refusal? Ended(View view, Act act, TimeSpan? grace = null) =>
        ExpiresAt <= act.Time ? Refusal.SessionExpired
        : Denied.Is(view, Id, act.EnvironmentId) ? Refusal.SessionEnded
        : Denied.Is(view, UserId) || (OrganizationId is { } organization && !Memberships.Allows(view, act.IdKey, organization, UserId)) ? Refusal.Denied
        : CredentialId is { } credential && Credential.IsReset(Credential.Of(view, act.EnvironmentId, UserId), credential) ? Refusal.SessionEnded
        : FactorId is { } factor && Factor.IsOver(view, act.EnvironmentId, factor) ? Refusal.SessionEnded
        : WasReplayed(view, grace ?? Grace) ? Refusal.SessionReplayed
        : null;

    /// <summary>Signs out, or revokes: the same deny whoever makes it, because it is never lifted. The session need not have arrived here:
    /// so the deny says of which environment it is, and counts in no other.</summary>
    public static Decision<Ruling<string>> End(View view, Act act, string sessionId, string reason) =>
        view.Find<long>("SELECT count(*) FROM sessions WHERE id = @sessionId AND environment_id <> @EnvironmentId", new { sessionId, act.EnvironmentId }) > 0
            ? Rule.Refuse<string>(Refusal.NotFound)
            : Rule.Grant(sessionId, Deny(act, sessionId, reason));

    internal static Change Deny(Act act, string sessionId, string reason) =>
        Denied.Because(reason, sessionId, act.EnvironmentId, Ids.Derived(Ids.Deny, act.IdKey, reason, sessionId), act.Now);

    /// <summary>Two nodes apart took the same token, at times that no lost response explains.</summary>
    private bool WasReplayed(View view, TimeSpan grace) => view.Find<long>(
        "SELECT count(*) FROM (SELECT generation FROM session_spends WHERE session_id = @Id GROUP BY generation HAVING max(created_at) - min(created_at) > @grace) twice",
        new { Id, grace = (long)grace.TotalMilliseconds }) > 0;
}
