using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Environments;

/// <summary>Where sign-ins may end: list, register, delete. One list serves SSO and AuthKit.</summary>
internal static class RedirectUris
{
    public sealed record Input(Given<string> Uri);

    public sealed record Body(string Object, string Id, string Uri, bool Default, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    public static ApiAnswer List(HttpContext http, RedirectUriStore redirectUris)
    {
        var (page, refusal) = Page.Read(http);
        return page is null
            ? refusal!
            : ApiAnswer.Ok(page.Answer(redirectUris.List(Caller.Of(http).EnvironmentId, page), r => r.Id, Write));
    }

    public static async Task<ApiAnswer> CreateAsync(HttpContext http, Idempotency idempotency, TimeProvider clock)
    {
        var (body, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (body is null)
        {
            return refusal!;
        }
        if (body.Uri.Value is not { } uri || !RedirectUri.MayRegister(uri))
        {
            return ApiError.Validation("uri", body.Uri.Value is null ? "required" : "invalid_uri");
        }
        return await idempotency.WriteAsync(http, (view, operation) =>
        {
            var environmentId = operation.EnvironmentId;
            if (view.Find<RedirectUri>($"SELECT {RedirectUriStore.Columns} FROM redirect_uris WHERE {RedirectUriStore.Effective} AND uri = @uri", new { environmentId, uri }) is { } same)
            {
                return Decide.Nothing(ApiAnswer.Created(Write(same)));   // it is registered: that is what was asked for
            }
            var isFirst = view.Find<long>($"SELECT count(*) FROM redirect_uris WHERE {RedirectUriStore.Effective}", new { environmentId }) == 0;
            var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
            var made = new RedirectUri(operation.NewId(Ids.RedirectUri), uri, isFirst ? 1 : 0, now, now);
            return Decide.To(ApiAnswer.Created(Write(made)), Change.To(Schema.RedirectUris, made.Id,
                ("environment_id", environmentId), ("uri", uri), ("created_at", now), ("present", true), ("is_default", isFirst), ("updated_at", now)));
        });
    }

    public static Task<ApiAnswer> DeleteAsync(string id, HttpContext http, Database database, Ids ids, TimeProvider clock)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.RecordAsync(http, view =>
            view.Find<long>($"SELECT count(*) FROM redirect_uris WHERE {RedirectUriStore.Effective} AND id = @id", new { environmentId, id }) == 0
                ? Decide.Nothing(ApiError.NotFound("Redirect URI", id))
                : Decide.To(ApiAnswer.NoContent, Denied.Because("deleted", id, environmentId, ids, clock.GetUtcNow())));
    }

    private static Body Write(RedirectUri uri) => new("redirect_uri", uri.Id, uri.Uri, uri.IsDefault == 1,
        DateTimeOffset.FromUnixTimeMilliseconds(uri.CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(uri.UpdatedAt));
}
