using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Flags;

/// <summary>Creates a feature flag. Disabled, and off for everybody, unless the body says otherwise.</summary>
internal sealed class CreateFlag(Database database, Idempotency idempotency, FlagChanges changes)
{
    public async Task<ApiAnswer> HandleAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<FlagInput>(http);
        if ((refusal ?? input!.Check(isNew: true)) is { } refused)
        {
            return refused;
        }
        var caller = Caller.Of(http);
        return await idempotency.WriteAsync(http, (view, operation) => Decided(view, operation, input!, changes.Of(view, caller), changes.IdKey(caller)));
    }

    private Decision<ApiAnswer> Decided(View view, Operation operation, FlagInput input, FlagChange change, byte[] idKey)
    {
        var (environmentId, slug) = (operation.EnvironmentId, input.Slug.Value!);
        var id = operation.NewId(Ids.Flag);
        // The replica knows every deletion that this node has taken; the primary may not yet.
        if (Claim.Find(view, environmentId, Claim.FlagSlug, slug) is { Holder: { } holder } && !Denied.Is(view, holder) && !database.Read(local => Denied.Is(local, holder)))
        {
            return Decide.Nothing(ApiError.Conflict("flag_slug_already_used", $"There is a feature flag with the slug '{slug}'."));
        }
        if (FlagStore.Count(view, environmentId) >= FlagInput.MostFlags)
        {
            return Decide.Nothing(ApiError.Unprocessable("too_many_flags", $"An environment has at most {FlagInput.MostFlags} feature flags."));
        }
        var time = change.Time;
        var row = new FlagRow(
            id, environmentId, slug, input.Name.Value ?? slug, input.Description.Value, input.OwnerText, input.TagsText, input.Enabled.Value == true ? 1 : 0,
            input.DefaultValue.Value == true ? 1 : 0, time, time);
        return Decide.To(
            ApiAnswer.Created(row.ToBody()),
            Claim.Give(view, environmentId, idKey, Claim.FlagSlug, slug, id, verified: true),
            Change.To(Schema.Flags, id,
                ("environment_id", environmentId), ("slug", slug), ("created_at", time), ("name", row.Name), ("description", row.Description), ("tags", row.Tags), ("owner", row.Owner),
                ("enabled", row.Enabled), ("default_value", row.DefaultValue), ("updated_at", time)),
            change.Created(row));
    }
}
