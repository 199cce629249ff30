using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Organizations;

/// <summary>One organization, by its id or by the application's own; and pages of them.</summary>
internal static class ReadOrganizations
{
    private const int DefaultRetentionDays = 30;

    public static ApiAnswer Get(string id, HttpContext http, Database database) => Answer(
        http, database, id, (view, environmentId) => OrganizationStore.Find(view, environmentId, id), OrganizationStore.Body);

    public static ApiAnswer GetByExternalId(string externalId, HttpContext http, Database database)
    {
        var meant = RawPath.LastSegment(http) ?? externalId;
        return Answer(http, database, meant, (view, environmentId) => OrganizationStore.FindByExternalId(view, environmentId, meant), OrganizationStore.Body);
    }

    /// <summary>How audit events are kept. Until there are audit logs, every organization has the same.</summary>
    public static ApiAnswer GetAuditLogConfiguration(string id, HttpContext http, Database database) => Answer(
        http, database, id, (view, environmentId) => OrganizationStore.Find(view, environmentId, id),
        (_, row) => new AuditLogConfigurationBody(row.Id, DefaultRetentionDays, "inactive"));

    public static ApiAnswer GetDomain(string id, HttpContext http, Database database)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => OrganizationStore.FindDomain(view, environmentId, id)) is { } row
            ? ApiAnswer.Ok(row.ToBody())
            : ApiError.NotFound("Organization domain", id);
    }

    public static ApiAnswer List(HttpContext http, Database database)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        var query = http.Request.Query;
        var domains = Lists.Read(query, "domains").Select(d => d.ToLowerInvariant()).ToList();
        var search = query["search"].ToString();
        if (domains.Count > OrganizationInput.MostDomains || search.Length > 256)
        {
            return ApiError.Validation(search.Length > 256 ? "search" : "domains", "too_long");
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view =>
        {
            var rows = OrganizationStore.List(view, environmentId, page, domains, search.Length == 0 ? null : search);
            var all = OrganizationStore.Domains(view, [.. rows.Select(r => r.Id)]).ToLookup(d => d.OrganizationId);
            return ApiAnswer.Ok(page.Answer(rows, r => r.Id, r => r.ToBody(all[r.Id])));
        });
    }

    private static ApiAnswer Answer(
        HttpContext http, Database database, string id, Func<View, string, OrganizationRow?> find, Func<View, OrganizationRow, object> write)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => find(view, environmentId) is { } row ? ApiAnswer.Ok(write(view, row)) : ApiError.NotFound("Organization", id));
    }

    internal sealed record AuditLogConfigurationBody(string OrganizationId, int RetentionPeriodInDays, string State);
}
