using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Gives a membership another role, takes it away, stops it, and lets it go on.</summary>
internal static class ChangeMembership
{
    public static async Task<ApiAnswer> UpdateAsync(string id, HttpContext http, Database database, Idempotency idempotency, Acts acts)
    {
        var (input, refusal) = await JsonBody.ReadAsync<MembershipInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        var (role, wrong) = input.Check(isNew: false);
        if (wrong is not null)
        {
            return wrong;
        }
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        return database.Read(view => MembershipStore.Find(view, act.EnvironmentId, id)) is null
            ? NotFound(id)
            : await idempotency.WriteAsync(http, (view, _) => Updated(view, act, id, role));
    }

    public static Task<ApiAnswer> DeleteAsync(string id, HttpContext http, Database database, Acts acts)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        return database.RecordAsync(http, view => Deleted(view, act, id));
    }

    public static Task<ApiAnswer> DeactivateAsync(string id, HttpContext http, Database database, Acts acts)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        return database.RecordAsync(http, view => Deactivated(view, act, id));
    }

    public static async Task<ApiAnswer> ReactivateAsync(string id, HttpContext http, Database database, Idempotency idempotency, Acts acts)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        // What this node has heard, and the primary perhaps not yet: an administrator lifts what they were shown.
        var seen = database.Read(view => MembershipStore.Find(view, act.EnvironmentId, id) is null ? null : Denied.Standing(view, id, Memberships.Deactivated));
        return seen is null ? NotFound(id) : await idempotency.WriteAsync(http, (view, _) => Reactivated(view, act, id, seen));
    }

    /// <param name="role">Null when the body names none: then nothing changes.</param>
    internal static Decision<ApiAnswer> Updated(View view, Act act, string id, string? role)
    {
        if (MembershipStore.Find(view, act.EnvironmentId, id) is not { } row)
        {
            return Decide.Nothing(NotFound(id));
        }
        if (role is null)
        {
            return Decide.Nothing(Answer(view, act, row));
        }
        var after = Touched(act, row) with { RoleSlugs = RoleSlugs.Write(role) };
        return Decide.To(Answer(view, act, after),
            Change.To(Schema.Memberships, id, ("role_slugs", after.RoleSlugs), ("updated_at", after.UpdatedAt)),
            MembershipStore.EventOf("organization_membership.updated", act, after, $"{id}/{after.UpdatedAt}"));
    }

    /// <summary>Nobody is a member by it any more, until an administrator says otherwise. Possible with the primary gone; and with a clock that is ahead, for it is a deny.</summary>
    internal static Decision<ApiAnswer> Deleted(View view, Act act, string id) =>
        MembershipStore.Find(view, act.EnvironmentId, id) is { } row && Touched(act, row) is var after
            ? Decide.To(ApiAnswer.Done,
                Denied.Because(Memberships.Removed, id, act.EnvironmentId, act.NewId(Ids.Deny), act.Now),
                Memberships.Set(act, row.OrganizationId, row.UserId, present: false) with { MayBeLeftOut = true },
                Change.To(Schema.Memberships, id, ("updated_at", after.UpdatedAt)),
                MembershipStore.EventOf("organization_membership.deleted", act, after, $"{id}/{after.UpdatedAt}"))
            : Decide.Nothing(NotFound(id));

    /// <summary>A deny each time, also where one stands: that one may just be lifted elsewhere. Of one that stands, no event tells again.</summary>
    internal static Decision<ApiAnswer> Deactivated(View view, Act act, string id)
    {
        if (MembershipStore.Find(view, act.EnvironmentId, id) is not { } row)
        {
            return Decide.Nothing(NotFound(id));
        }
        var deny = Denied.Because(Memberships.Deactivated, id, act.EnvironmentId, act.NewId(Ids.Deny), act.Now);
        if (row.Inactive == 1)
        {
            return Decide.To(Answer(view, act, row), deny);
        }
        var after = Touched(act, row) with { Inactive = 1 };
        return Decide.To(Answer(view, act, after),
            deny,
            Change.To(Schema.Memberships, id, ("updated_at", after.UpdatedAt)),
            MembershipStore.EventOf("organization_membership.updated", act, after, $"{id}/{after.UpdatedAt}"));
    }

    /// <summary>Lifts the deactivations that were seen. One made elsewhere meanwhile stays. Roles are as they were.</summary>
    /// <param name="seen">Ids of denies that the caller's node knows. The primary may know others, and not yet these.</param>
    internal static Decision<ApiAnswer> Reactivated(View view, Act act, string id, IReadOnlyList<string> seen)
    {
        if (MembershipStore.Find(view, act.EnvironmentId, id) is not { } row)
        {
            return Decide.Nothing(NotFound(id));
        }
        if (seen.Count == 0)
        {
            return Decide.Nothing(Answer(view, act, row));
        }
        var standing = Denied.Standing(view, id, Memberships.Deactivated);
        var after = Touched(act, row) with { Inactive = standing.Exists(deny => !seen.Contains(deny)) ? 1 : 0 };
        return Decide.To(Answer(view, act, after),
        [
            .. seen.Select(deny => Memberships.Lifted(act, deny)),
            Change.To(Schema.Memberships, id, ("updated_at", after.UpdatedAt)),
            .. after.Inactive == 1 ? (Change[])[] : [MembershipStore.EventOf("organization_membership.updated", act, after, $"{id}/{after.UpdatedAt}")],
        ]);
    }

    private static MembershipRow Touched(Act act, MembershipRow row) => row with { UpdatedAt = Math.Max(act.Time, row.UpdatedAt + 1) };

    private static ApiAnswer Answer(View view, Act act, MembershipRow row) => ApiAnswer.Ok(MembershipStore.Body(view, act.EnvironmentId, row));

    private static ApiAnswer NotFound(string id) => ApiError.NotFound("Organization membership", id);
}
