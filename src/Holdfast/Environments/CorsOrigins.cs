using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Environments;

/// <summary>Web origins whose browsers may call the token endpoint: list, register, delete.</summary>
internal static class CorsOrigins
{
    /// <summary>The most of one environment.</summary>
    public const int Most = 200;

    private const string Columns = "id AS Id, origin AS Origin, created_at AS CreatedAt";

    private static readonly string s_effective = $"environment_id = @environmentId AND {Denied.Not("cors_origins.id")}";

    public sealed record Input(Given<string> Origin);

    public sealed record Body(string Object, string Id, string Origin, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    private sealed record Row(string Id, string Origin, long CreatedAt);

    public static ApiAnswer List(HttpContext http, Database database)
    {
        var (page, refusal) = Page.Read(http);
        return page is null ? refusal! : database.Read(view => ApiAnswer.Ok(page.Answer(
            view.Query<Row>(page.Sql($"SELECT {Columns} FROM cors_origins WHERE {s_effective}"), page.Parameters(view, "cors_origins", Caller.Of(http).EnvironmentId)),
            row => row.Id, Write)));
    }

    public static async Task<ApiAnswer> CreateAsync(HttpContext http, Database database, Idempotency idempotency, TimeProvider clock)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Origin.Value is not { } origin || !WebOrigin.MayRegister(origin))
        {
            return ApiError.Validation("origin", input.Origin.Value is null ? "required" : "invalid_origin");
        }
        return await idempotency.WriteAsync(http, (view, operation) =>
        {
            var environmentId = operation.EnvironmentId;
            var known = view.Query<Row>($"SELECT {Columns} FROM cors_origins WHERE {s_effective}", new { environmentId });
            // The replica knows every deny that this node has taken, shipped or not; the primary may not yet.
            if (known.Find(row => row.Origin == origin) is { } same && !database.Read(local => Denied.Is(local, same.Id)))
            {
                return Decide.Nothing(ApiError.Conflict("duplicate_cors_origin", "This CORS origin is registered already."));
            }
            if (known.Count >= Most)
            {
                return Decide.Nothing(ApiError.Conflict("too_many_cors_origins", $"There are {known.Count} CORS origins: delete those that are no longer used."));
            }
            var made = new Row(operation.NewId(Ids.CorsOrigin), origin, clock.GetUtcNow().ToUnixTimeMilliseconds());
            return Decide.To(ApiAnswer.Created(Write(made)),
                Change.To(Schema.CorsOrigins, made.Id, ("environment_id", environmentId), ("origin", origin), ("created_at", made.CreatedAt)));
        });
    }

    public static Task<ApiAnswer> DeleteAsync(string id, HttpContext http, Database database, Ids ids, TimeProvider clock)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.RecordAsync(http, view =>
            view.Find<long>($"SELECT count(*) FROM cors_origins WHERE {s_effective} AND id = @id", new { environmentId, id }) == 0
                ? Decide.Nothing(ApiError.NotFound("CORS origin", id))
                : Decide.To(ApiAnswer.NoContent, Denied.Because("deleted", id, environmentId, ids, clock.GetUtcNow())));
    }

    /// <summary>Whether the origin is registered, letter for letter.</summary>
    /// <param name="environmentId">Null for: in any environment. A preflight does not say which one it is about.</param>
    public static bool Allows(View view, string? environmentId, string origin) => view.Find<long>(
        $"SELECT count(*) FROM cors_origins WHERE origin = @origin AND (@environmentId IS NULL OR environment_id = @environmentId) AND {Denied.Not("cors_origins.id")}",
        new { origin, environmentId }) > 0;

    private static Body Write(Row row)
    {
        var made = DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt);
        return new Body("cors_origin", row.Id, row.Origin, made, made);
    }
}

/// <summary>A web origin as browsers write it (RFC 6454 §6.2): scheme, host, and a port that is not the scheme's own; in lower case, without a path.</summary>
internal static class WebOrigin
{
    public const int Longest = 300;

    /// <summary>Whether it is an origin of https, or of http on loopback, in the one spelling that a browser sends.</summary>
    public static bool MayRegister(string text) =>
        text.Length is > 0 and <= Longest
        && Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback))
        && uri.Host.Length > 0 && !text.Contains('*', StringComparison.Ordinal)
        && text == $"{uri.Scheme}://{(uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost).ToLowerInvariant()}{(uri.IsDefaultPort ? "" : $":{uri.Port}")}";
}
