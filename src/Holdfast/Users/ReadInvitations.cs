using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Users;

/// <summary>One invitation, by its id or its token; and pages of them.</summary>
internal static class ReadInvitations
{
    public static ApiAnswer Get(string id, HttpContext http, Database database, Invitations invitations)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => Invitations.Find(view, environmentId, id)) is { } row ? ApiAnswer.Ok(invitations.Body(row)) : ApiError.NotFound("Invitation", id);
    }

    /// <summary>Whatever became of it. A refusal does not say the token again: it is a secret.</summary>
    public static ApiAnswer GetByToken(string token, HttpContext http, Database database, Invitations invitations)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return token.Length <= 128 && database.Read(view => Invitations.FindByToken(view, environmentId, token)) is { } row
            ? ApiAnswer.Ok(invitations.Body(row))
            : ApiError.NotFound("Invitation", "token");
    }

    public static ApiAnswer List(HttpContext http, Database database, Invitations invitations)
    {
        var (page, refusal) = Page.Read(http);
        if (page is null)
        {
            return refusal!;
        }
        var (email, organizationId) = (http.Request.Query["email"].ToString(), http.Request.Query["organization_id"].ToString());
        if (email.Length > Addresses.Longest || organizationId.Length > 128)
        {
            return ApiError.Validation(email.Length > Addresses.Longest ? "email" : "organization_id", "too_long");
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        var rows = database.Read(view => Invitations.List(
            view, environmentId, page, email.Length == 0 ? null : Addresses.Normal(email), organizationId.Length == 0 ? null : organizationId));
        return ApiAnswer.Ok(page.Answer(rows, r => r.Id, invitations.Body));
    }
}
