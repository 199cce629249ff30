using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Flags;

/// <summary>Changes the fields of a feature flag that the body names, and no others; and the switch alone, as the public API has it.</summary>
internal sealed class UpdateFlag(Database database, Idempotency idempotency, FlagChanges changes)
{
    public async Task<ApiAnswer> HandleAsync(string slug, HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<FlagInput>(http);
        return (refusal ?? input!.Check(isNew: false)) is { } refused ? refused : await WriteAsync(slug, http, row => row with
        {
            Name = input!.Name.Or(row.Name)!,
            Description = input.Description.Or(row.Description),
            Owner = input.Owner.Is ? input.OwnerText : row.Owner,
            Tags = input.Tags.Is ? input.TagsText : row.Tags,
            Enabled = input.Enabled.Is ? Number(input.Enabled.Value) : row.Enabled,
            DefaultValue = input.DefaultValue.Is ? Number(input.DefaultValue.Value) : row.DefaultValue,
        });
    }

    public Task<ApiAnswer> EnableAsync(string slug, HttpContext http) => WriteAsync(slug, http, row => row with { Enabled = 1 });

    public Task<ApiAnswer> DisableAsync(string slug, HttpContext http) => WriteAsync(slug, http, row => row with { Enabled = 0 });

    private async Task<ApiAnswer> WriteAsync(string slug, HttpContext http, Func<FlagRow, FlagRow> edit)
    {
        var caller = Caller.Of(http);
        // The replica knows every deletion that this node has taken, shipped or not; the primary may not yet.
        return database.Read(view => FlagStore.Find(view, caller.EnvironmentId, slug)) is null
            ? ApiError.NotFound("Feature flag", slug)
            : await idempotency.WriteAsync(http, (view, _) => FlagStore.Find(view, caller.EnvironmentId, slug) is { } row
                ? Decided(view, row, edit(row), changes.Of(view, caller))
                : Decide.Nothing(ApiError.NotFound("Feature flag", slug)));
    }

    /// <summary>Only what differs is written: what another administrator changes meanwhile stays. Nothing differs: nothing happened, and no event says so.</summary>
    private static Decision<ApiAnswer> Decided(View view, FlagRow row, FlagRow after, FlagChange change)
    {
        if (after == row)
        {
            return Decide.Nothing(ApiAnswer.Ok(row.ToBody()));
        }
        after = after with { UpdatedAt = change.After(row) };
        var written = new (string Column, object? Was, object? Is)[]
        {
            ("name", row.Name, after.Name), ("description", row.Description, after.Description), ("tags", row.Tags, after.Tags), ("owner", row.Owner, after.Owner),
            ("enabled", row.Enabled, after.Enabled), ("default_value", row.DefaultValue, after.DefaultValue), ("updated_at", null, after.UpdatedAt),
        };
        List<Change> all = [Change.To(Schema.Flags, row.Id, [.. written.Where(w => !Equals(w.Was, w.Is)).Select(w => (w.Column, w.Is))])];
        if (row with { DefaultValue = after.DefaultValue, UpdatedAt = after.UpdatedAt } != after)
        {
            all.Add(change.Updated(row, after));
        }
        if (row.DefaultValue != after.DefaultValue)
        {
            var targets = FlagStore.Targets(view, row.EnvironmentId, [row.Id]);
            all.Add(change.RuleUpdated(row, after, targets, targets));
        }
        return new(ApiAnswer.Ok(after.ToBody()), all);
    }

    private static long Number(bool? value) => value == true ? 1 : 0;
}
