using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Peers;
using Holdfast.Storage.Rows;

namespace Holdfast.Environments;

/// <summary>An environment's signing keys, for administrators: list them, switch to the next in good order, or deny one at once.</summary>
internal sealed class ManageSigningKeys(Database database, Idempotency idempotency, ClusterKeys keys, OwnName own, Ids ids, TimeProvider clock)
{
    /// <param name="State"><c>next</c>: published and unused. <c>current</c>: signs. <c>previous</c>: signed, and is published still.</param>
    /// <param name="Nodes">The nodes that have it.</param>
    public sealed record Body(
        string Object, string Id, string State, DateTimeOffset CreatedAt, DateTimeOffset? ActivatedAt, DateTimeOffset? UsableAt, IReadOnlyList<string> Nodes);

    public ApiAnswer List(HttpContext http) => database.Read(view =>
    {
        var all = SigningKeys.All(view, Caller.Of(http).EnvironmentId);
        return ApiAnswer.Ok(new ListBody<Body>("list", [.. SigningKeys.Published(all, clock.GetUtcNow()).Select(key => Write(view, key, all))], new ListMetadata(null, null)));
    });

    /// <summary>Switches to the next key, and makes another one. It waits until every node has the next key and nobody's copy of the key set can be from before it.</summary>
    public async Task<ApiAnswer> RotateAsync(HttpContext http)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        var early = database.Read(view => Refusal(view, SigningKeys.All(view, environmentId)));
        var another = early is null ? SigningKey.Make(environmentId, active: false, keys, ids, clock) : null;   // it takes a while: before the transaction, and only where it may be wanted
        return await idempotency.WriteAsync(http, (view, _) =>
        {
            var all = SigningKeys.All(view, environmentId);
            if (another is null || Refusal(view, all) is not null)
            {
                return Decide.Nothing(Refusal(view, all) ?? early!);
            }
            var used = Use(SigningKeys.Next(all)!, all, clock.GetUtcNow());
            return Decide.To(ApiAnswer.Ok(Write(view, used, [.. all.Where(k => k.Id != used.Id), used])), [Change.To(Schema.SigningKeys, used.Id, ("activated_at", used.ActivatedAt)), another]);
        });
    }

    /// <summary>A key that others may have: it is published no more and signs nothing, from now on, whatever else is down. What it signed is good for nobody who reads the key set again.</summary>
    public Task<ApiAnswer> DeleteAsync(string id, HttpContext http)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.RecordAsync(http, view =>
        {
            var standing = SigningKeys.All(view, environmentId).FindAll(k => k.IsDenied == 0);
            return !standing.Exists(k => k.Id == id) ? Decide.Nothing(ApiError.NotFound("Signing key", id))
                : standing.Count == 1 ? Decide.Nothing(ApiError.Conflict("last_signing_key", "This is the only key there is. Another one is made as soon as the primary database is there."))
                : Decide.To(ApiAnswer.NoContent, Denied.Because("deleted", id, environmentId, ids, clock.GetUtcNow()));
        });
    }

    /// <summary>The key as it is once it is switched to: later than every other, whatever this node's clock says, for by that they are ordered.</summary>
    public static SigningKeys.Row Use(SigningKeys.Row key, List<SigningKeys.Row> all, DateTimeOffset now) =>
        key with { ActivatedAt = Math.Max(now.ToUnixTimeMilliseconds(), (all.Max(k => k.ActivatedAt) ?? 0) + 1) };

    private ApiAnswer? Refusal(View view, List<SigningKeys.Row> all)
    {
        var now = clock.GetUtcNow();
        if (SigningKeys.Next(all) is not { } next)
        {
            return ApiError.Conflict("next_key_missing", "There is no next key yet. It is made within a minute, while the primary database is there.");
        }
        if (UsableAt(next) is var from && from > now)
        {
            return ApiError.Conflict("next_key_too_young", $"Copies of the key set from before the next key may be in use until {from:yyyy-MM-dd'T'HH:mm:ss'Z'}.");
        }
        var have = Nodes(view, next.Id);
        var missing = NodeList.Of(view).All.Append(own.Name).Distinct(StringComparer.Ordinal).Except(have, StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return missing.Count > 0 ? ApiError.Conflict("next_key_not_everywhere", $"Not every node has the next key yet: {string.Join(", ", missing)}.")
            : SigningKeys.Published(all, now).Count >= SigningKeys.Most ? ApiError.Conflict("too_many_signing_keys", "Too many keys are published already; those that are no longer used go away by themselves.")
            : null;
    }

    private static DateTimeOffset UsableAt(SigningKeys.Row key) => DateTimeOffset.FromUnixTimeMilliseconds(key.CreatedAt) + SigningKeys.PublishedBefore;

    private static List<string> Nodes(View view, string keyId) =>
        view.Query<string>("SELECT node FROM signing_key_copies WHERE key_id = @keyId ORDER BY node", new { keyId });

    private static Body Write(View view, SigningKeys.Row key, List<SigningKeys.Row> all)
    {
        var isCurrent = SigningKeys.Current(all)?.Id == key.Id;
        return new Body("signing_key", key.Id, isCurrent ? "current" : key.ActivatedAt is null ? "next" : "previous", DateTimeOffset.FromUnixTimeMilliseconds(key.CreatedAt),
            key.ActivatedAt is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null, key.ActivatedAt is null && !isCurrent ? UsableAt(key) : null, Nodes(view, key.Id));
    }
}
