using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Users;

/// <summary>One user, by their id or by the application's own; and pages of them.</summary>
internal static class ReadUsers
{
    public static ApiAnswer Get(string id, HttpContext http, Database database) =>
        Answer(http, database, id, (view, environmentId) => UserStore.Find(view, environmentId, id), row => row.ToBody());

    public static ApiAnswer GetByExternalId(string externalId, HttpContext http, Database database)
    {
        var meant = RawPath.LastSegment(http) ?? externalId;
        return Answer(http, database, meant, (view, environmentId) => UserStore.FindByExternalId(view, environmentId, meant), row => row.ToBody());
    }

    /// <summary>The identities at social providers that a user signs in with. One at an organization's own identity provider is a profile, and none of these.</summary>
    public static ApiAnswer ListIdentities(string id, HttpContext http, Database database)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => UserStore.Find(view, environmentId, id) is null
            ? ApiError.NotFound("User", id)
            : ApiAnswer.Ok(view.Query<Identity>(
                "SELECT p.idp_id AS IdpId, p.connection_type AS Type FROM claims c JOIN profiles p ON p.id = c.value AND p.environment_id = c.environment_id "
                + "WHERE c.environment_id = @environmentId AND c.kind = @kind AND c.holder = @id AND p.connection_type LIKE '%OAuth' ORDER BY p.connection_type, p.id LIMIT 100",
                new { environmentId, kind = Claim.UserSsoProfile, id }).ConvertAll(i => new IdentityBody(i.IdpId, "OAuth", i.Type == "GitHubOAuth" ? "GithubOAuth" : i.Type))));
    }

    private sealed record Identity(string IdpId, string Type);

    public static ApiAnswer List(HttpContext http, Database database)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        var query = http.Request.Query;
        var email = query["email"].ToString();
        var organization = query["organization_id"].ToString() is { Length: > 0 } named ? named : query["organization"].ToString();
        if (email.Length > Addresses.Longest || organization.Length > 128)
        {
            return ApiError.Validation(email.Length > Addresses.Longest ? "email" : "organization_id", "too_long");
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view =>
        {
            var holder = email.Length == 0 ? null : Addresses.HolderOf(view, environmentId, email);
            var rows = email.Length > 0 && holder is null ? [] : UserStore.List(view, environmentId, page, organization.Length == 0 ? null : organization, holder);
            return ApiAnswer.Ok(page.Answer(rows, r => r.Id, r => r.ToBody()));
        });
    }

    private static ApiAnswer Answer(HttpContext http, Database database, string id, Func<View, string, UserRow?> find, Func<UserRow, object> write)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => find(view, environmentId)) is { } row ? ApiAnswer.Ok(write(row)) : ApiError.NotFound("User", id);
    }

    /// <param name="Type">Always <c>OAuth</c>.</param>
    internal sealed record IdentityBody(string IdpId, string Type, string Provider);
}
