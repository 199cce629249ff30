using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>An invitation is accepted, revoked, or sent once more.</summary>
internal static class AnswerInvitation
{
    /// <param name="Locale">Of the mail; null for the one that it was sent in.</param>
    public sealed record ResendInput(Given<string> Locale);

    public static async Task<ApiAnswer> AcceptAsync(string id, HttpContext http, Database database, Idempotency idempotency, Acts acts, Invitations invitations)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        var operation = await idempotency.BeginAsync(http);
        return await database.RecordAsync(http, view => Accepted(view, act, id, operation.RequestId, invitations));
    }

    public static Task<ApiAnswer> RevokeAsync(string id, HttpContext http, Database database, Acts acts, Invitations invitations)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        return database.RecordAsync(http, view => Revoked(view, act, id, invitations));
    }

    public static async Task<ApiAnswer> ResendAsync(string id, HttpContext http, Database database, Idempotency idempotency, Acts acts, Invitations invitations)
    {
        var (input, refusal) = await JsonBody.ReadAsync<ResendInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Locale.Value is { } locale && !Locales.IsOne(locale))
        {
            return ApiError.Validation("locale", "invalid");
        }
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        // The replica knows every deny that this node has taken, shipped or not; the primary may not yet.
        return database.Read(view => NotResent(Invitations.Find(view, act.EnvironmentId, id), id, act)) is { } not
            ? not
            : await idempotency.WriteAsync(http, (view, _) => Resent(view, act, id, input.Locale.Value, invitations));
    }

    /// <summary>The user who has the address accepts. The same request again is answered the same.</summary>
    /// <param name="request">What repeats of one request share; null when it carries no <c>Idempotency-Key</c>.</param>
    internal static Decision<ApiAnswer> Accepted(View view, Act act, string id, string? request, Invitations invitations)
    {
        if (Invitations.Find(view, act.EnvironmentId, id) is not { } row)
        {
            return Decide.Nothing(NotFound(id));
        }
        var spend = Caller.Hash("invitation\n" + id);
        if (row.StateAt(act.Now) != InvitationRow.Pending)
        {
            return Decide.Nothing(
                request is not null && row.AcceptedUserId is not null && view.Find<string>("SELECT request FROM spends WHERE id = @spend", new { spend }) == request
                    ? ApiAnswer.Ok(invitations.Body(row))
                    : NotPending);
        }
        if (UserStore.FindByAddress(view, act.EnvironmentId, row.Email) is not { IsVerified: true } user || ProveAddress.Refused(view, user.Id) is not null)
        {
            return Decide.Nothing(ApiError.BadRequest("invalid_invite", "Nobody who may sign in has proven this e-mail address. The person signs in first."));
        }
        if (row.OrganizationId is { } organization && Denied.Standing(view, Memberships.IdOf(act.IdKey, organization, user.Id), Memberships.Removed).Count > 0)
        {
            return Decide.Nothing(ApiError.BadRequest("invalid_invite", "The membership was taken away after the invitation was sent."));
        }
        var (after, changes) = Invitations.Accept(view, act, row, user.Id);
        return new(ApiAnswer.Ok(invitations.Body(after)),
        [
            .. changes,
            Change.To(Schema.Spends, spend,
                ("environment_id", act.EnvironmentId), ("kind", "invitation"), ("request", request), ("created_at", act.Time),
                ("expires_at", (act.Now + TimeSpan.FromDays(1)).ToUnixTimeMilliseconds())),
        ]);
    }

    /// <summary>A deny, and so possible with the primary gone. The same deny whoever makes it, because it is never lifted.</summary>
    internal static Decision<ApiAnswer> Revoked(View view, Act act, string id, Invitations invitations)
    {
        if (Invitations.Find(view, act.EnvironmentId, id) is not { } row)
        {
            return Decide.Nothing(NotFound(id));
        }
        if (row.StateAt(act.Now) != InvitationRow.Pending)
        {
            return Decide.Nothing(NotPending);
        }
        var after = row.Touched(act) with { RevokedAt = act.Time };
        return Decide.To(ApiAnswer.Ok(invitations.Body(after)),
            Denied.Because("revoked", id, act.EnvironmentId, Ids.Derived(Ids.Deny, act.IdKey, "revoked", id), act.Now),
            Change.To(Schema.Invitations, id, ("updated_at", after.UpdatedAt)),
            Invitations.EventOf("invitation.revoked", act, after, id));
    }

    /// <param name="locale">Null for the one that it was sent in.</param>
    internal static Decision<ApiAnswer> Resent(View view, Act act, string id, string? locale, Invitations invitations)
    {
        var row = Invitations.Find(view, act.EnvironmentId, id);
        if (NotResent(row, id, act) is { } not)
        {
            return Decide.Nothing(not);
        }
        var after = row!.Touched(act);
        locale ??= view.Find<string>("SELECT locale FROM invitations WHERE id = @id", new { id });
        return Decide.To(ApiAnswer.Ok(invitations.Body(after)),
        [
            Change.To(Schema.Invitations, id, ("mail_wanted_at", after.UpdatedAt), ("locale", locale), ("updated_at", after.UpdatedAt)),
            Invitations.EventOf("invitation.resent", act, after, $"{id}/{after.UpdatedAt}"),
            .. invitations.Mail(view, act, after, locale),
        ]);
    }

    private static ApiAnswer? NotResent(InvitationRow? row, string id, Act act) => row?.StateAt(act.Now) switch
    {
        null => NotFound(id),
        InvitationRow.Accepted => ApiError.BadRequest("invite_accepted", "The invitation was accepted."),
        InvitationRow.Revoked => ApiError.BadRequest("invite_revoked", "The invitation was revoked."),
        InvitationRow.Expired => ApiError.BadRequest("invite_expired", "The invitation has expired."),
        _ => null,
    };

    private static ApiAnswer NotPending { get; } = ApiError.BadRequest("invite_not_pending", "The invitation was accepted or revoked, or it has expired.");

    private static ApiAnswer NotFound(string id) => ApiError.NotFound("Invitation", id);
}
