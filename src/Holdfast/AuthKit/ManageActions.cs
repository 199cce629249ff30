using System.Text.Json.Serialization;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.AuthKit;

/// <summary>An environment's actions, for administrators: make, list, change, delete.</summary>
internal sealed class ManageActions(Database database, Idempotency idempotency, ClusterKeys keys, PublicAddress address, Ids ids, Entropy entropy, TimeProvider clock)
{
    private const int LongestUrl = 2048;

    public sealed record Input(Given<string> Type, Given<string> EndpointUrl, Given<string> Status, Given<string> WhenUnreachable);

    /// <param name="Secret">What both sides sign with; told once, when it is made.</param>
    public sealed record Body(
        string Object, string Id, string Type, string EndpointUrl, string Status, string WhenUnreachable,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Secret, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    public ApiAnswer List(HttpContext http) => database.Read(view => ApiAnswer.Ok(new ListBody<Body>("list",
        [
            .. view.Query<ActionEndpoint>($"SELECT {ActionEndpoint.Columns} FROM action_endpoints WHERE {ActionEndpoint.Effective} ORDER BY created_at DESC, id DESC",
                new { environmentId = Caller.Of(http).EnvironmentId }).Select(e => Write(e)),
        ],
        new ListMetadata(null, null))));

    public async Task<ApiAnswer> CreateAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        refusal ??= Check(input!, isNew: true);
        if (refusal is not null)
        {
            return refusal;
        }
        var secret = $"action_secret_{Base64.Encode(entropy.Bytes(32))}";
        return await idempotency.WriteAsync(http, (view, operation) =>
        {
            var environmentId = operation.EnvironmentId;
            // The replica knows every deny that this node has taken, shipped or not; the primary may not yet.
            var same = view.Query<string>($"SELECT id FROM action_endpoints WHERE {ActionEndpoint.Effective} AND type = @Value", new { environmentId, input!.Type.Value });
            if (same.Exists(other => !database.Read(local => Denied.Is(local, other))))
            {
                return Decide.Nothing(ApiError.Conflict("action_exists", "The environment has an action of this type. Change it, or delete it first."));
            }
            var (id, now) = (operation.NewId(Ids.ActionEndpoint), clock.GetUtcNow().ToUnixTimeMilliseconds());
            var made = new ActionEndpoint(id, environmentId, input.Type.Value!, ActionEndpoint.Seal(keys, id, secret), input.EndpointUrl.Value!,
                input.Status.Value ?? ActionEndpoint.Enabled, input.WhenUnreachable.Value ?? ActionEndpoint.Deny, now, now);
            return Decide.To(ApiAnswer.Created(Write(made, secret)), made.Row());
        });
    }

    public async Task<ApiAnswer> UpdateAsync(string id, HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        refusal ??= Check(input!, isNew: false);
        if (refusal is not null)
        {
            return refusal;
        }
        // The replica knows every deny that this node has taken, shipped or not; the primary may not yet.
        if (database.Read(view => ActionEndpoint.FindById(view, Caller.Of(http).EnvironmentId, id)) is null)
        {
            return ApiError.NotFound("Action", id);
        }
        return await idempotency.WriteAsync(http, (view, operation) =>
        {
            if (ActionEndpoint.FindById(view, operation.EnvironmentId, id) is not { } known)
            {
                return Decide.Nothing(ApiError.NotFound("Action", id));
            }
            var after = known with
            {
                EndpointUrl = input!.EndpointUrl.Value ?? known.EndpointUrl,
                Status = input.Status.Value ?? known.Status,
                WhenUnreachable = input.WhenUnreachable.Value ?? known.WhenUnreachable,
                UpdatedAt = Math.Max(clock.GetUtcNow().ToUnixTimeMilliseconds(), known.UpdatedAt + 1),
            };
            return Decide.To(ApiAnswer.Ok(Write(after)), after.Row());
        });
    }

    /// <summary>It is asked no more from now on: an endpoint that keeps everybody out can be taken away while the primary is gone.</summary>
    public Task<ApiAnswer> DeleteAsync(string id, HttpContext http)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        return database.RecordAsync(http, view => ActionEndpoint.FindById(view, environmentId, id) is null
            ? Decide.Nothing(ApiError.NotFound("Action", id))
            : Decide.To(ApiAnswer.NoContent, Denied.Because("deleted", id, environmentId, ids, clock.GetUtcNow())));
    }

    private ApiAnswer? Check(Input input, bool isNew)
    {
        var fields = new Fields();
        if (isNew)
        {
            fields.Required("type", input.Type);
            if (input.Type.Value is { Length: > 0 } type && type is not (Actions.Authentication or Actions.UserRegistration))
            {
                fields.Fault("type", "invalid");
            }
        }
        if (isNew || input.EndpointUrl.Is)
        {
            fields.Required("endpoint_url", input.EndpointUrl, LongestUrl);
            if (input.EndpointUrl.Value is { Length: > 0 and <= LongestUrl } url && !IsUrl(url))
            {
                fields.Fault("endpoint_url", "invalid_url");
            }
        }
        if (input.Status is { Is: true, Value: not (ActionEndpoint.Enabled or ActionEndpoint.Disabled) })
        {
            fields.Fault("status", "invalid");
        }
        if (input.WhenUnreachable is { Is: true, Value: not (ActionEndpoint.Deny or ActionEndpoint.Allow) })
        {
            fields.Fault("when_unreachable", "invalid");
        }
        return fields.Refusal;
    }

    private bool IsUrl(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.UserInfo.Length == 0 && uri.Fragment.Length == 0
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback && address.IsDev));

    private static Body Write(ActionEndpoint endpoint, string? secret = null) => new(
        "action_endpoint", endpoint.Id, endpoint.Type, endpoint.EndpointUrl, endpoint.Status, endpoint.WhenUnreachable, secret,
        DateTimeOffset.FromUnixTimeMilliseconds(endpoint.CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(endpoint.UpdatedAt));
}
