using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>An administrator makes a user a member; or an active one again, with the role that is named.</summary>
internal static class CreateMembership
{
    public static async Task<ApiAnswer> HandleAsync(HttpContext http, Database database, Idempotency idempotency, Acts acts)
    {
        var (input, refusal) = await JsonBody.ReadAsync<MembershipInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        var (role, wrong) = input.Check(isNew: true);
        if (wrong is not null)
        {
            return wrong;
        }
        var (environmentId, userId, organizationId) = (Caller.Of(http).EnvironmentId, input.UserId.Value!, input.OrganizationId.Value!);
        var act = acts.Of(environmentId);
        // The replica knows every deny that this node has taken, shipped or not; the primary may not yet.
        var (missing, known) = database.Read(view => (Missing(view, environmentId, userId, organizationId), Known.Of(view, act, userId, organizationId)));
        return missing ?? await idempotency.WriteAsync(http, (view, _) => Decided(view, act, userId, organizationId, role, known));
    }

    /// <summary>What the caller's node knows of a membership: whether it is one, and the ids of the denies against it.</summary>
    internal sealed record Known(bool IsMember, IReadOnlyList<string> Denies)
    {
        public static Known Of(View view, Act act, string userId, string organizationId)
        {
            var id = Memberships.IdOf(act.IdKey, organizationId, userId);
            return new Known(MembershipStore.Find(view, act.EnvironmentId, id) is not null, Denied.Standing(view, id));
        }
    }

    /// <summary>The decision: a function of the state and the input, which was checked.</summary>
    /// <param name="role">Null for the one that everybody begins with.</param>
    internal static Decision<ApiAnswer> Decided(View view, Act act, string userId, string organizationId, string? role, Known known)
    {
        if (Missing(view, act.EnvironmentId, userId, organizationId) is { } missing)
        {
            return Decide.Nothing(missing);
        }
        var id = Memberships.IdOf(act.IdKey, organizationId, userId);
        var held = MembershipStore.Find(view, act.EnvironmentId, id);
        if (held is { Inactive: 0 } && known.Denies.Count == 0)
        {
            return Decide.Nothing(ApiError.Conflict("organization_membership_already_exists", "The user is a member of this organization."));
        }
        var isNew = held is null || (!known.IsMember && known.Denies.Count > 0);
        var roles = RoleSlugs.Write(role ?? RoleSlugs.Default);
        var before = Memberships.LastTouched(view, id);
        var after = new MembershipRow(
            id, userId, organizationId, OrganizationStore.Find(view, act.EnvironmentId, organizationId)!.Name, roles, 0, before?.CreatedAt ?? act.Time,
            before is null ? act.Time : Math.Max(act.Time, before.UpdatedAt + 1));
        return Decide.To(ApiAnswer.Created(after.ToBody(UserStore.Find(view, act.EnvironmentId, userId))),
        [
            Change.To(Schema.Memberships, id,
                ("environment_id", act.EnvironmentId), ("user_id", userId), ("organization_id", organizationId), ("created_at", after.CreatedAt), ("present", true),
                ("role_slugs", roles), ("updated_at", after.UpdatedAt)),
            .. Memberships.Lift(view, act, id, known.Denies),
            MembershipStore.EventOf(
                isNew ? "organization_membership.created" : "organization_membership.updated", act, after, before is null ? id : $"{id}/{after.UpdatedAt}"),
        ]);
    }

    private static ApiAnswer? Missing(View view, string environmentId, string userId, string organizationId) =>
        UserStore.Find(view, environmentId, userId) is null ? ApiError.NotFound("User", userId)
        : OrganizationStore.Find(view, environmentId, organizationId) is null ? ApiError.NotFound("Organization", organizationId)
        : null;
}
