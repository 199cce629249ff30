using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.Flags;

/// <summary>Feature flags: one, pages of them, those that are on for somebody, and all of them for the SDKs' runtime clients. From this node's replica, with the primary gone too.</summary>
internal static class ReadFlags
{
    public static ApiAnswer Get(string slug, HttpContext http, Database database)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => FlagStore.Find(view, environmentId, slug)) is { } row ? ApiAnswer.Ok(row.ToBody()) : ApiError.NotFound("Feature flag", slug);
    }

    public static ApiAnswer List(HttpContext http, Database database) => Answer(http, database, (view, environmentId, page) => FlagStore.List(view, environmentId, page));

    public static ApiAnswer ListForOrganization(string organizationId, HttpContext http, Database database) => Answer(
        http, database,
        (view, environmentId, page) => FlagStore.ListForOrganization(view, environmentId, page, organizationId),
        (view, environmentId) => OrganizationStore.Find(view, environmentId, organizationId) is null ? ApiError.NotFound("Organization", organizationId) : null);

    public static ApiAnswer ListForUser(string userId, HttpContext http, Database database) => Answer(
        http, database,
        (view, environmentId, page) => FlagStore.ListForUser(view, environmentId, page, userId),
        (view, environmentId) => UserStore.Find(view, environmentId, userId) is null ? ApiError.NotFound("User", userId) : null);

    /// <summary>All flags with their targets, by slug: a runtime client evaluates them by itself.</summary>
    public static ApiAnswer Poll(HttpContext http, Database database)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view =>
        {
            var flags = FlagStore.All(view, environmentId);
            var targets = FlagStore.Targets(view, environmentId, [.. flags.Select(f => f.Id)]).ToLookup(t => t.FlagId);
            return ApiAnswer.Ok(flags.ToDictionary(f => f.Slug, f => Entry(f, [.. targets[f.Id]]), StringComparer.Ordinal));
        });
    }

    private static FlagPollBody Entry(FlagRow flag, IReadOnlyList<FlagTargetRow> targets)
    {
        List<FlagPollBody.TargetBody> Of(string kind) => [.. targets.Where(t => t.Kind == kind).Select(t => new FlagPollBody.TargetBody(t.ResourceId, t.Enabled == 1))];
        List<FlagPollBody.CustomTargetBody> own =
            [.. targets.Where(t => t.Kind is not (FlagTargetRow.User or FlagTargetRow.Organization)).Select(t => new FlagPollBody.CustomTargetBody(t.Kind, t.ResourceId, t.Enabled == 1))];
        return new(flag.Slug, flag.Enabled == 1, flag.DefaultValue == 1, new(Of(FlagTargetRow.User), Of(FlagTargetRow.Organization), own.Count == 0 ? null : own));
    }

    private static ApiAnswer Answer(
        HttpContext http, Database database, Func<View, string, Page, List<FlagRow>> list, Func<View, string, ApiAnswer?>? missing = null)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => missing?.Invoke(view, environmentId) ?? ApiAnswer.Ok(page.Answer(list(view, environmentId, page), r => r.Id, r => r.ToBody())));
    }
}
