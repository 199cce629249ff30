using System.Collections.Concurrent;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Environments;

/// <summary>The JWT template of each environment: read, set, and found again for every token.</summary>
internal sealed class JwtTemplates(Database database, Idempotency idempotency, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, (string Content, JwtTemplate? Template)> _parsed = new(StringComparer.Ordinal);

    public sealed record Input(Given<string> Content);

    public sealed record Body(string Object, string Content, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    private sealed record Row(string Content, long CreatedAt, long UpdatedAt)
    {
        public Body ToBody() => new("jwt_template", Content, DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(UpdatedAt));
    }

    public ApiAnswer Get(HttpContext http)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.Read(view => Find(view, environmentId)) is { } row ? ApiAnswer.Ok(row.ToBody()) : ApiError.NotFound("JWT template", environmentId);
    }

    public async Task<ApiAnswer> SetAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Content.Value is not { } content)
        {
            return ApiError.Validation("content", "required");
        }
        if (JwtTemplate.Parse(content).Fault is { } fault)
        {
            return ApiError.Validation("content", fault);
        }
        return await idempotency.WriteAsync(http, (view, operation) =>
        {
            var (now, before) = (clock.GetUtcNow().ToUnixTimeMilliseconds(), Find(view, operation.EnvironmentId));
            var row = new Row(content, before?.CreatedAt ?? now, now);
            return Decide.To(ApiAnswer.Ok(row.ToBody()), Change.To(Schema.JwtTemplates, operation.EnvironmentId,
                ("environment_id", operation.EnvironmentId), ("created_at", row.CreatedAt), ("content", content), ("updated_at", now)));
        });
    }

    /// <summary>An environment's template, parsed once; null when it has none.</summary>
    public JwtTemplate? Of(string environmentId)
    {
        if (database.Read(view => view.Find<string>("SELECT content FROM jwt_templates WHERE id = @environmentId", new { environmentId })) is not { } content)
        {
            return null;
        }
        if (!_parsed.TryGetValue(environmentId, out var known) || known.Content != content)
        {
            _parsed[environmentId] = known = (content, JwtTemplate.Parse(content).Template);
        }
        return known.Template;
    }

    private static Row? Find(View view, string environmentId) => view.Find<Row>(
        "SELECT content AS Content, created_at AS CreatedAt, updated_at AS UpdatedAt FROM jwt_templates WHERE id = @environmentId", new { environmentId });
}
