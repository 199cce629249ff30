using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Invites an address, to an organization or to the application alone. The row says that a mail is wanted, and since when.</summary>
internal static class SendInvitation
{
    private const int DefaultDays = 7;
    private const int MostDays = 30;

    /// <param name="ExpiresInDays">1 to 30.</param>
    /// <param name="Locale">Of the mail.</param>
    public sealed record Input(
        Given<string> Email, Given<string> OrganizationId, Given<string> RoleSlug, Given<long?> ExpiresInDays, Given<string> InviterUserId, Given<string> Locale)
    {
        /// <summary>What is wrong with it; null when nothing is.</summary>
        public ApiAnswer? Check()
        {
            var fields = new Fields();
            var email = fields.Required("email", Email, Addresses.Longest);
            fields.Optional("organization_id", OrganizationId, 128);
            fields.Optional("inviter_user_id", InviterUserId, 128);
            if (RoleSlug.Value is not null && OrganizationId.Value is null)
            {
                fields.Fault("organization_id", "required");
            }
            if (Locale.Value is { } locale && !Locales.IsOne(locale))
            {
                fields.Fault("locale", "invalid");
            }
            return fields.Refusal
                ?? (Addresses.IsAddress(email) ? null : ApiError.Validation("email", "invalid_email"))
                ?? (ExpiresInDays.Value < 1 ? ApiError.BadRequest("expires_in_days_too_short", "An invitation is valid for a day at least.")
                    : ExpiresInDays.Value > MostDays ? ApiError.BadRequest("expires_in_days_too_long", $"An invitation is valid for {MostDays} days at most.")
                    : null)
                ?? (RoleSlug.Value is { } role && !RoleSlugs.IsKnown(role) ? ApiError.BadRequest("invalid_role", "There is no such role.") : null);
        }
    }

    public static async Task<ApiAnswer> HandleAsync(HttpContext http, Database database, Idempotency idempotency, Acts acts, Invitations invitations)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        refusal ??= input!.Check();
        if (refusal is not null)
        {
            return refusal;
        }
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        // The replica knows every deny that this node has taken, shipped or not; the primary may not yet.
        var (missing, seen) = database.Read(view => (Missing(view, act, input!), Removals(view, act, input!)));
        return missing ?? await idempotency.WriteAsync(http, (view, operation) => Decided(view, act, operation.NewId(Ids.Invitation), input!, seen, invitations));
    }

    /// <summary>The decision: a function of the state and the input, which was checked.</summary>
    /// <param name="seen">Ids of denies that took the address's user away from the organization: who is invited again may come again.</param>
    internal static Decision<ApiAnswer> Decided(View view, Act act, string id, Input input, IReadOnlyList<string> seen, Invitations invitations)
    {
        var (email, organizationId) = (Addresses.Normal(input.Email.Value!), input.OrganizationId.Value);
        if ((Missing(view, act, input) ?? Unwanted(view, act, email, organizationId)) is { } refusal)
        {
            return Decide.Nothing(refusal);
        }
        var (token, hash) = invitations.NewToken(act, id);
        var row = new InvitationRow(
            id, email, organizationId, input.RoleSlug.Value, input.InviterUserId.Value, token, act.Time, act.Time,
            (act.Now + TimeSpan.FromDays(input.ExpiresInDays.Value ?? DefaultDays)).ToUnixTimeMilliseconds());
        return Decide.To(ApiAnswer.Created(invitations.Body(row)),
        [
            Change.To(Schema.Invitations, id,
                ("environment_id", act.EnvironmentId), ("email", email), ("organization_id", organizationId), ("role_slug", row.RoleSlug), ("inviter_user_id", row.InviterUserId),
                ("token_hash", hash), ("token_sealed", token), ("created_at", act.Time), ("expires_at", row.ExpiresAt), ("mail_wanted_at", act.Time),
                ("locale", input.Locale.Value), ("updated_at", act.Time)),
            .. Readmit(view, act, input, seen),
            Invitations.EventOf("invitation.created", act, row, id),
            .. invitations.Mail(view, act, row, input.Locale.Value),
        ]);
    }

    /// <summary>Who was taken away may come again, when they accept: until then the membership is not there, whatever a node said that left its presence out.</summary>
    private static List<Change> Readmit(View view, Act act, Input input, IReadOnlyList<string> seen)
    {
        var lifts = Removals(view, act, input).Union(seen).Select(deny => Memberships.Lifted(act, deny)).ToList();
        return lifts.Count > 0 && input.OrganizationId.Value is { } organization && Addresses.HolderOf(view, act.EnvironmentId, input.Email.Value!) is { } holder
            ? [.. lifts, Memberships.Set(act, organization, holder, present: false)]
            : lifts;
    }

    private static List<string> Removals(View view, Act act, Input input) =>
        input.OrganizationId.Value is { } organization && Addresses.HolderOf(view, act.EnvironmentId, input.Email.Value!) is { } holder
            ? Denied.Standing(view, Memberships.IdOf(act.IdKey, organization, holder), Memberships.Removed)
            : [];

    private static ApiAnswer? Missing(View view, Act act, Input input) =>
        input.OrganizationId.Value is { } organization && OrganizationStore.Find(view, act.EnvironmentId, organization) is null ? ApiError.NotFound("Organization", organization)
        : input.InviterUserId.Value is { } inviter && UserStore.Find(view, act.EnvironmentId, inviter) is null ? ApiError.NotFound("User", inviter)
        : null;

    /// <summary>Whoever is there already, or was invited and has not answered, is not invited again.</summary>
    private static ApiAnswer? Unwanted(View view, Act act, string email, string? organizationId)
    {
        var user = UserStore.FindByAddress(view, act.EnvironmentId, email);
        if (organizationId is null)
        {
            return user is not null ? ApiError.BadRequest("user_already_exists", "A user has this e-mail address.")
                : Invitations.IsInvited(view, act, email, null) ? ApiError.BadRequest("email_already_invited", "This e-mail address was invited.")
                : null;
        }
        return user is not null && MembershipStore.Find(view, act.EnvironmentId, Memberships.IdOf(act.IdKey, organizationId, user.Id)) is not null
                ? ApiError.BadRequest("user_already_organization_member", "The user with this e-mail address is a member of the organization.")
            : Invitations.IsInvited(view, act, email, organizationId)
                ? ApiError.BadRequest("email_already_invited_to_organization", "This e-mail address was invited to the organization.")
            : null;
    }
}
