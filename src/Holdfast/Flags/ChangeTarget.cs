using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.Flags;

/// <summary>Says for whom a flag is on: a user or an organization, as the public API has it; and, beside it, what the SDKs' runtime client reads as well: targets that are switched off,
/// and targets of kinds that are the application's own.</summary>
internal sealed partial class ChangeTarget(Database database, Idempotency idempotency, FlagChanges changes)
{
    /// <summary>The most targets of a flag, and of all flags of an environment: all of them travel to every runtime client.</summary>
    public const int MostTargets = 1000;

    /// <inheritdoc cref="MostTargets"/>
    public const int MostTargetsOfAll = 20_000;

    /// <param name="Type">By the id's prefix when nothing is given; else a kind of the application's own.</param>
    /// <param name="Enabled">One that is not counts as absent. Default true.</param>
    public sealed record Input(Given<string> Type, Given<bool?> Enabled);

    public Task<ApiAnswer> AddAsync(string slug, string resourceId, HttpContext http) =>
        KindOf(resourceId) is { } kind ? WriteAsync(slug, kind, resourceId, http, present: true, enabled: true) : Task.FromResult(InvalidId);

    public async Task<ApiAnswer> SetAsync(string slug, string resourceId, HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Enabled is { Is: true, Value: null })
        {
            return ApiError.Validation("enabled", "required");
        }
        return Kind(input.Type.Value, resourceId, out var kind) is { } refused
            ? refused
            : await WriteAsync(slug, kind, resourceId, http, present: true, input.Enabled.Value ?? true);
    }

    /// <summary>Takes one away; of the application's own kinds the query names which (<c>type=workspace</c>).</summary>
    public Task<ApiAnswer> RemoveAsync(string slug, string resourceId, HttpContext http) =>
        Kind(http.Request.Query["type"].ToString() is { Length: > 0 } type ? type : null, resourceId, out var kind) is { } refused
            ? Task.FromResult(refused)
            : WriteAsync(slug, kind, resourceId, http, present: false, enabled: false);

    private async Task<ApiAnswer> WriteAsync(string slug, string kind, string resourceId, HttpContext http, bool present, bool enabled)
    {
        var caller = Caller.Of(http);
        return database.Read(view => Missing(view, caller.EnvironmentId, slug, kind, resourceId))
            ?? await idempotency.WriteAsync(http, (view, _) => Missing(view, caller.EnvironmentId, slug, kind, resourceId) is { } missing
                ? Decide.Nothing(missing)
                : Decided(view, FlagStore.Find(view, caller.EnvironmentId, slug)!, kind, resourceId, present, enabled, changes.Of(view, caller), changes.IdKey(caller)));
    }

    private static Decision<ApiAnswer> Decided(View view, FlagRow row, string kind, string resourceId, bool present, bool enabled, FlagChange change, byte[] idKey)
    {
        var had = FlagStore.Targets(view, row.EnvironmentId, [row.Id]);
        var id = Ids.Derived(Ids.FlagTarget, idKey, row.Id, kind, resourceId);
        var stands = had.Find(t => t.Id == id);
        if (present ? stands is { } same && same.Enabled == (enabled ? 1 : 0) : stands is null)
        {
            return Decide.Nothing(ApiAnswer.NoContent);   // it is as was asked for
        }
        if (present && stands is null && (had.Count >= MostTargets || FlagStore.CountTargets(view, row.EnvironmentId) >= MostTargetsOfAll))
        {
            return Decide.Nothing(ApiError.Unprocessable("too_many_targets", $"A feature flag has at most {MostTargets} targets, and those of an environment {MostTargetsOfAll}."));
        }
        var after = row with { UpdatedAt = change.After(row) };
        var target = Change.To(Schema.FlagTargets, id,
            ("environment_id", row.EnvironmentId), ("flag_id", row.Id), ("kind", kind), ("resource_id", resourceId), ("created_at", change.Time), ("present", present), ("enabled", enabled));
        var named = stands?.Named ?? NameOf(view, row.EnvironmentId, kind, resourceId);
        List<FlagTargetRow> has = [.. had.Where(t => t.Id != id)];
        if (present)
        {
            has.Add(new FlagTargetRow(id, row.Id, kind, resourceId, enabled ? 1 : 0, named));
        }
        return Decide.To(ApiAnswer.NoContent, target, Change.To(Schema.Flags, row.Id, ("updated_at", after.UpdatedAt)), change.RuleUpdated(row, after, had, has));
    }

    private static ApiAnswer? Missing(View view, string environmentId, string slug, string kind, string resourceId) =>
        FlagStore.Find(view, environmentId, slug) is null ? ApiError.NotFound("Feature flag", slug)
        : kind == FlagTargetRow.Organization && OrganizationStore.Find(view, environmentId, resourceId) is null ? ApiError.NotFound("Organization", resourceId)
        : kind == FlagTargetRow.User && UserStore.Find(view, environmentId, resourceId) is null ? ApiError.NotFound("User", resourceId)
        : null;

    private static string? NameOf(View view, string environmentId, string kind, string resourceId) => kind switch
    {
        FlagTargetRow.Organization => OrganizationStore.Find(view, environmentId, resourceId)?.Name,
        FlagTargetRow.User => UserStore.Find(view, environmentId, resourceId)?.KnownEmail,
        _ => null,
    };

    private static string? KindOf(string resourceId) =>
        !ResourceId().IsMatch(resourceId) ? null
        : resourceId.StartsWith(Ids.User, StringComparison.Ordinal) ? FlagTargetRow.User
        : resourceId.StartsWith(Ids.Organization, StringComparison.Ordinal) && !resourceId.StartsWith(Ids.OrganizationDomain, StringComparison.Ordinal) ? FlagTargetRow.Organization
        : null;

    private static ApiAnswer? Kind(string? type, string resourceId, out string kind)
    {
        kind = type ?? KindOf(resourceId) ?? "";
        return type is not null && !Type().IsMatch(type) ? ApiError.Validation("type", "invalid")
            : !ResourceId().IsMatch(resourceId) || (kind is "" or FlagTargetRow.User or FlagTargetRow.Organization && kind != (KindOf(resourceId) ?? "-")) ? InvalidId
            : null;
    }

    private static ApiAnswer InvalidId { get; } =
        new(StatusCodes.Status400BadRequest, new InvalidIdBody("Invalid resource id", "invalid_resource_id_format", StatusCodes.Status400BadRequest));

    private sealed record InvalidIdBody(string Message, string Code, [property: JsonPropertyName("statusCode")] int StatusCode);

    /// <summary>As the runtime client takes them; anything else would match nobody there.</summary>
    [GeneratedRegex(@"^[a-z][a-z0-9_-]{0,63}\z", RegexOptions.NonBacktracking)]
    private static partial Regex Type();

    [GeneratedRegex(@"^(?!\.{1,2}\z)[A-Za-z0-9._:-]{1,255}\z")]
    private static partial Regex ResourceId();
}
