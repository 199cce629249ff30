using System.Text;
using Holdfast.Claims;
using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Every statement on invitations, and what is kept of them. The token is at rest sealed, and found by its hash.</summary>
internal sealed class Invitations(ClusterKeys keys, PersonMails mails, TimeProvider clock)
{
    private const string Revocation =
        "(SELECT min(d.created_at) FROM denies d WHERE d.subject = invitations.id AND d.reason = 'revoked' AND d.environment_id = invitations.environment_id)";

    private const string Holder =
        $"(SELECT c.holder FROM claims c WHERE c.environment_id = invitations.environment_id AND c.kind = '{Claim.Invitation}' AND c.value = invitations.id)";

    private const string Columns =
        "id AS Id, email AS Email, organization_id AS OrganizationId, role_slug AS RoleSlug, inviter_user_id AS InviterUserId, token_sealed AS TokenSealed, "
        + "created_at AS CreatedAt, coalesce(updated_at, created_at) AS UpdatedAt, expires_at AS ExpiresAt, accepted_at AS AcceptedAt, "
        + $"{Holder} AS AcceptedUserId, {Revocation} AS RevokedAt, "
        + $"(SELECT m.role_slugs FROM memberships m WHERE m.organization_id = invitations.organization_id AND m.user_id = {Holder}) AS MemberRoles";

    /// <summary>To no organization, or to one that is here and not deleted.</summary>
    private static readonly string Effective =
        $"environment_id = @environmentId AND (organization_id IS NULL OR {Denied.Not("invitations.organization_id")})";

    public static InvitationRow? Find(View view, string environmentId, string id) =>
        view.Find<InvitationRow>($"SELECT {Columns} FROM invitations WHERE {Effective} AND id = @id", new { environmentId, id });

    public static InvitationRow? FindByToken(View view, string environmentId, string token) =>
        view.Find<InvitationRow>($"SELECT {Columns} FROM invitations WHERE {Effective} AND token_hash = @hash", new { environmentId, hash = Caller.Hash(token) });

    /// <summary>The invitation that a token belongs to, and its environment: whoever follows the link says nothing else.</summary>
    public static (string EnvironmentId, InvitationRow Row)? FindByToken(View view, string token) =>
        view.Find<string>("SELECT environment_id FROM invitations WHERE token_hash = @hash", new { hash = Caller.Hash(token) }) is { } environmentId && FindByToken(view, environmentId, token) is { } row
            ? (environmentId, row)
            : null;

    /// <summary>Whether an invitation of this address, to this organization or to none, waits to be accepted.</summary>
    public static bool IsInvited(View view, Act act, string email, string? organizationId) => view.Query<InvitationRow>(
        $"SELECT {Columns} FROM invitations WHERE {Effective} AND email = @email AND expires_at > @now AND coalesce(organization_id, '') = @organization",
        new { environmentId = act.EnvironmentId, email, now = act.Time, organization = organizationId ?? "" }).Exists(i => i.StateAt(act.Now) == InvitationRow.Pending);

    /// <summary>A page of invitations. Each filter is null for all.</summary>
    public static List<InvitationRow> List(View view, string environmentId, Page page, string? email, string? organizationId)
    {
        var select = $"SELECT {Columns} FROM invitations WHERE {Effective}"
            + (email is null ? "" : " AND email = @email")
            + (organizationId is null ? "" : " AND organization_id = @organizationId");
        return view.Query<InvitationRow>(page.Sql(select), page.Parameters(view, "invitations", environmentId, new { email, organizationId }));
    }

    /// <summary>An invitation as the API shows it, with its token and the link that holds it.</summary>
    public InvitationBody Body(InvitationRow row)
    {
        var token = TokenOf(row);
        return row.ToBody(clock.GetUtcNow(), token, mails.LinkTo(token));
    }

    /// <summary>The mail of it, to be sent from now on.</summary>
    /// <param name="locale">Null for that of the user who has the address.</param>
    public IReadOnlyList<Change> Mail(View view, Act act, InvitationRow row, string? locale) => mails.Invitation(
        view, act, row, TokenOf(row),
        row.OrganizationId is { } organization ? OrganizationStore.Find(view, act.EnvironmentId, organization)?.Name : null,
        row.InviterUserId is { } inviter ? UserStore.Find(view, act.EnvironmentId, inviter) : null, locale, row.UpdatedAt);

    private string TokenOf(InvitationRow row) => Encoding.ASCII.GetString(keys.OpenAtRest(PlaceOf(row.Id), row.TokenSealed));

    /// <summary>A new token of an invitation, sealed, and its hash.</summary>
    public (string Sealed, string Hash) NewToken(Act act, string id)
    {
        var token = Base64.Encode(ClusterKeys.Mac(act.Random, "invitation token", id));
        return (keys.SealAtRest(PlaceOf(id), Encoding.ASCII.GetBytes(token)), Caller.Hash(token));
    }

    /// <summary>Somebody accepts: they are a member from now on. A claim, so that of two that do it apart one has done it, whichever node they come to (law 5).</summary>
    /// <param name="row">One that is pending.</param>
    public static (InvitationRow After, List<Change> Changes) Accept(View view, Act act, InvitationRow row, string userId)
    {
        var after = row.Touched(act) with
        {
            AcceptedAt = act.Time,
            AcceptedUserId = userId,
            MemberRoles = row.OrganizationId is { } held ? Memberships.RolesOf(view, act.IdKey, held, userId) ?? (row.RoleSlug is null ? null : RoleSlugs.Write(row.RoleSlug)) : null,
        };
        return (after,
        [
            Claim.Give(act.EnvironmentId, act.IdKey, Claim.Invitation, row.Id, userId, term: 1, verified: true),
            Change.To(Schema.Invitations, row.Id, ("accepted_at", act.Time), ("updated_at", after.UpdatedAt)),
            .. row.OrganizationId is { } organization ? Memberships.Join(view, act, organization, userId, row.RoleSlug) : [],
            EventOf("invitation.accepted", act, after, row.Id),
        ]);
    }

    /// <summary>The event that tells of an invitation.</summary>
    /// <param name="derivedFrom">The change that it tells of.</param>
    public static Change EventOf(string name, Act act, InvitationRow row, string derivedFrom) =>
        EventRow.Of(name, row.ToBody(act.Now, token: null, url: null), act.EnvironmentId, act.IdKey, derivedFrom, act.Now);

    private static string PlaceOf(string id) => $"invitations/{id}/token";
}
