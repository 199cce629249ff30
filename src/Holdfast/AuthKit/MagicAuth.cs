using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Codes of six digits for an address: make one, look it up. The application may mail it by itself.</summary>
internal sealed class MagicAuth(Database database, Idempotency idempotency, Acts acts, ItemSecrets secrets, PersonMails mails, RateLimits limits, AuthKitOptions options)
{
    internal sealed record Input(Given<string> Email);

    internal sealed record Body(
        string Object, string Id, string UserId, string Email, DateTimeOffset ExpiresAt, string Code, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    public async Task<ApiAnswer> CreateAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Email.Value is not { } email || !Addresses.IsAddress(email))
        {
            return ApiError.Validation("email", input.Email.Value is null ? "required" : "invalid_email");
        }
        var address = Addresses.Normal(email);
        if (limits.Count(RateLimits.MagicCodesPerAddress, RateLimits.KeyOf(Caller.Of(http).EnvironmentId, address)) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var operation = await idempotency.BeginAsync(http);
        var id = operation.NewId(Ids.MagicCode, database.Incarnation);
        var (act, userId) = await database.RecordAsync(http, view =>
        {
            var now = acts.Of(operation);
            var code = secrets.Code(operation.EnvironmentId, id);
            var issued = MagicCode.Issue(now, address, code, options.MagicCodeLifetime, id);
            return new Decision<(Act, string)>((now, UserOf(view, now, address)),
                [.. issued.Changes, .. mails.MagicCode(view, now, id, address, code, now.Now + options.MagicCodeLifetime, byApi: true)]);
        });
        return ApiAnswer.Created(Write(id, operation.EnvironmentId, userId, address, act.Time, (act.Now + options.MagicCodeLifetime).ToUnixTimeMilliseconds()));
    }

    /// <summary>One that can still be used.</summary>
    public ApiAnswer Get(string id, HttpContext http)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        var (item, userId) = database.Read(view => PendingItem.Find(view, act, id, Ids.MagicCode) is { } found ? (found, UserOf(view, act, found.Subject)) : (null, ""));
        return item is null ? ApiError.NotFound("Magic auth", id) : ApiAnswer.Ok(Write(item.Id, item.EnvironmentId, userId, item.Subject, item.CreatedAt, item.ExpiresAt));
    }

    /// <summary>Whose address it is; nobody's is that of the user whom proving it would make.</summary>
    private static string UserOf(View view, Act act, string address) =>
        Addresses.HolderOf(view, act.EnvironmentId, address) ?? Addresses.NewHolder(view, act, address).UserId;

    private Body Write(string id, string environmentId, string userId, string address, long createdAt, long expiresAt)
    {
        var created = DateTimeOffset.FromUnixTimeMilliseconds(createdAt);
        return new Body("magic_auth", id, userId, address, DateTimeOffset.FromUnixTimeMilliseconds(expiresAt), secrets.Code(environmentId, id), created, created);
    }
}
