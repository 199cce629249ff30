using System.Globalization;
using System.Numerics;
using System.Text;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Codes of six digits for an address: make one, look it up. The application may mail it by itself.</summary>
internal sealed class MagicAuth(Database database, Idempotency idempotency, ClusterKeys keys, Acts acts, RateLimits limits, AuthKitOptions options, Entropy entropy)
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
        if (input.Email.Value is not { } email || !Addresses.IsOne(email))
        {
            return ApiError.Validation("email", input.Email.Value is null ? "required" : "invalid_email");
        }
        var address = Addresses.Normal(email);
        if (limits.Count(RateLimits.MagicCodesPerAddress, Caller.Hash($"{Caller.Of(http).EnvironmentId}\n{address}")) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var operation = await idempotency.BeginAsync(http);
        var digits = operation.RequestId is { } request ? ClusterKeys.Mac(operation.Key, "code", request) : entropy.Bytes(32);   // a repeat gives the same
        var code = (new BigInteger(digits, isUnsigned: true) % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);
        var (made, userId) = await database.RecordAsync(http, view =>
        {
            var act = acts.Of(operation);
            var (id, row) = PendingItem.Issue(act, Ids.MagicCode, address, code, keys.SealAtRest(PlaceOf(operation.EnvironmentId), Encoding.ASCII.GetBytes(code)), options.MagicCodeLifetime, operation.Anew().NewId(Ids.MagicCode));
            return Decide.To((new Made(id, act.Time, (act.Now + options.MagicCodeLifetime).ToUnixTimeMilliseconds()), UserOf(view, act, address)), row);
        });
        return ApiAnswer.Created(Write(made, userId, address, code));
    }

    /// <summary>One that can still be used.</summary>
    public ApiAnswer Get(string id, HttpContext http)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        var (item, userId) = database.Read(view => PendingItem.Find(view, act, id, Ids.MagicCode) is { } found ? (found, UserOf(view, act, found.Subject)) : (null, ""));
        return item?.Data is { } kept
            ? ApiAnswer.Ok(Write(new Made(item.Id, item.CreatedAt, item.ExpiresAt), userId, item.Subject, Encoding.ASCII.GetString(keys.OpenAtRest(PlaceOf(item.EnvironmentId), kept))))
            : ApiError.NotFound("Magic auth", id);
    }

    private sealed record Made(string Id, long CreatedAt, long ExpiresAt);

    /// <summary>Whose address it is; nobody's is that of the user whom proving it would make.</summary>
    private static string UserOf(View view, Act act, string address) =>
        Addresses.HolderOf(view, act.EnvironmentId, address) ?? Addresses.NewHolder(view, act, address).UserId;

    private static string PlaceOf(string environmentId) => $"pending_items/{environmentId}/code";

    private static Body Write(Made made, string userId, string address, string code)
    {
        var created = DateTimeOffset.FromUnixTimeMilliseconds(made.CreatedAt);
        return new Body("magic_auth", made.Id, userId, address, DateTimeOffset.FromUnixTimeMilliseconds(made.ExpiresAt), code, created, created);
    }
}
