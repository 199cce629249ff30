using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Storage;

namespace Holdfast.Users;

/// <summary>One membership, and pages of them: of a user, of an organization, or of both.</summary>
internal static class ReadMemberships
{
    public static ApiAnswer Get(string id, HttpContext http, Database database)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => MembershipStore.Find(view, environmentId, id) is { } row
            ? ApiAnswer.Ok(MembershipStore.Body(view, environmentId, row))
            : ApiError.NotFound("Organization membership", id));
    }

    public static ApiAnswer List(HttpContext http, Database database)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        var query = http.Request.Query;
        var (userId, organizationId) = (Text(query, "user_id"), Text(query, "organization_id"));
        if (userId?.Length > 128 || organizationId?.Length > 128)
        {
            return ApiError.Validation(userId?.Length > 128 ? "user_id" : "organization_id", "too_long");
        }
        var statuses = Lists.Read(query, "statuses");
        if (statuses.Exists(s => s is not ("active" or "inactive" or "pending")))
        {
            return ApiError.Validation("statuses", "invalid");
        }
        if (userId is null && organizationId is null)
        {
            return ApiError.BadRequest("missing_user_id_or_organization_id", "Say whose memberships: of a user, of an organization, or of both.");
        }
        var (active, inactive) = (statuses.Count == 0 || statuses.Contains("active"), statuses.Contains("inactive"));
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view =>
        {
            if (userId is not null && UserStore.Find(view, environmentId, userId) is null)
            {
                return ApiError.NotFound("User", userId);
            }
            if (organizationId is not null && OrganizationStore.Find(view, environmentId, organizationId) is null)
            {
                return ApiError.NotFound("Organization", organizationId);
            }
            // None is pending: who was invited becomes a member when they accept.
            var rows = active || inactive ? MembershipStore.List(view, environmentId, page, userId, organizationId, active && inactive ? null : active) : [];
            var users = UserStore.Find(view, environmentId, [.. rows.Select(r => r.UserId).Distinct()]).ToDictionary(u => u.Id, StringComparer.Ordinal);
            return ApiAnswer.Ok(page.Answer(rows, r => r.Id, r => r.ToBody(users[r.UserId])));
        });
    }

    /// <summary>The groups that a member is in. There are none: no environment has groups yet.</summary>
    public static ApiAnswer ListGroups(string omId, HttpContext http, Database database)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => MembershipStore.Find(view, environmentId, omId)) is null
            ? ApiError.NotFound("Organization membership", omId)
            : ApiAnswer.Ok(new ListBody<GroupBody>("list", [], new ListMetadata(null, null)));
    }

    /// <summary>A group of an organization.</summary>
    internal sealed record GroupBody(string Object, string Id, string OrganizationId, string Name, string? Description, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    private static string? Text(IQueryCollection query, string name) => query[name].ToString() is { Length: > 0 } text ? text : null;
}
