using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Links by which a mailbox gives a user another password: make one, look it up, use it once.</summary>
internal sealed class PasswordResets(
    Database database, Idempotency idempotency, Acts acts, ItemSecrets secrets, PersonMails mails, PasswordHasher hasher, PasswordPolicy policy, ForwardToAuthority authority, PublicAddress address, RateLimits limits,
    AuthKitOptions options)
{
    internal sealed record CreateInput(Given<string> Email);

    internal sealed record ConfirmInput(Given<string> Token, Given<string> NewPassword);

    internal sealed record Body(
        string Object, string Id, string UserId, string Email, string PasswordResetToken, string PasswordResetUrl, DateTimeOffset ExpiresAt, DateTimeOffset CreatedAt);

    internal sealed record ConfirmedBody(UserBody User);

    private static readonly ApiAnswer s_unknown = ApiError.NotFound("Password reset token", "");

    public async Task<ApiAnswer> CreateAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<CreateInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Email.Value is not { } email || !Addresses.IsAddress(email))
        {
            return ApiError.Validation("email", input.Email.Value is null ? "required" : "invalid_email");
        }
        var (environmentId, normal) = (Caller.Of(http).EnvironmentId, Addresses.Normal(email));
        if (limits.Count(RateLimits.ResetsPerAddress, RateLimits.KeyOf(environmentId, normal)) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var operation = await idempotency.BeginAsync(http);
        var id = operation.NewId(Ids.PasswordReset, database.Incarnation);
        var (ruling, userId, act) = await database.RecordAsync(http, view =>
        {
            var now = acts.Of(operation);
            var decision = Passwords.RequestReset(view, now, normal, secrets.Token(environmentId, id), options.ResetLifetime, id);
            return new Decision<(Ruling<string>, string?, Act)>((decision.Answer, Addresses.HolderOf(view, environmentId, normal), now),
                decision.Answer.Answer is null
                    ? decision.Changes
                    : [.. decision.Changes, .. mails.PasswordReset(view, now, id, normal, LinkTo(environmentId, id), now.Now + options.ResetLifetime, byApi: true)]);
        });
        return ruling.Answer is null
            ? ApiError.NotFound("User", email)
            : ApiAnswer.Created(Write(id, environmentId, userId!, normal, act.Time, (act.Now + options.ResetLifetime).ToUnixTimeMilliseconds()));
    }

    /// <summary>One that can still be used.</summary>
    public ApiAnswer Get(string id, HttpContext http)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        return database.Read(view => PendingItem.Find(view, act, id, Ids.PasswordReset)) is { } item
            ? ApiAnswer.Ok(Write(item.Id, item.EnvironmentId, item.Subject, item.Data!, item.CreatedAt, item.ExpiresAt))
            : ApiError.NotFound("Password reset", id);
    }

    /// <summary>Sets the password. The sessions of those that it replaces have ended.</summary>
    public async Task<IResult> ConfirmAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<ConfirmInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Token.Value is not { } token || input.NewPassword.Value is not { } password)
        {
            return ApiError.Validation(input.Token.Value is null ? "token" : "new_password", "required");
        }
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        // Whoever has no token is told nothing, and hashes nothing.
        if (database.Read(view => Find(view, act, token)) is not var (item, secret))
        {
            return s_unknown;
        }
        if (item.Authority != act.Incarnation)
        {
            return await authority.TryAsync(http, item.Authority, s_unknown, AuthKitErrors.AuthorityUnavailable) ?? s_unknown;
        }
        var owner = database.Read(view => UserStore.Find(view, act.EnvironmentId, item.Subject));
        if (await policy.CheckAsync(act.EnvironmentId, password, item.Data, [owner?.FirstName, owner?.LastName, owner?.Name], http.RequestAborted) is { Count: > 0 } faults)
        {
            return ApiError.BadRequest("password_reset_error", "The password cannot be used.", faults);
        }
        var hash = await hasher.HashAsync(act.EnvironmentId, password, http.RequestAborted);
        var ruling = await database.RecordAsync(http, view => Reset(view, acts.Of(act.EnvironmentId), item, secret, hash));
        return ruling.Answer is { } who && database.Read(view => UserStore.Find(view, act.EnvironmentId, who.UserId)) is { } user
            ? ApiAnswer.Ok(new ConfirmedBody(user.ToBody()))
            : s_unknown;
    }

    /// <summary>The link's password is set; the application and the person are told.</summary>
    /// <param name="item">As it was found before the password was hashed.</param>
    public Decision<Ruling<SignedIn>> Reset(View view, Act act, PendingItem item, string secret, string hash)
    {
        var (answer, changes) = Passwords.Reset(view, act, item.Id, secret, hash);
        return new(answer, answer.Answer is { CredentialId: { } made, UserId: var userId }
            ? [.. changes, PersonEvents.PasswordResetSucceeded(act, item), .. mails.PasswordChanged(view, act, userId, made)]
            : changes);
    }

    /// <summary>A link that can still be followed, and its secret; null when it cannot.</summary>
    public static (PendingItem Item, string Secret)? Find(View view, Act act, string token) =>
        token.Split('.') is [var id, var secret] && PendingItem.Find(view, act, id, Ids.PasswordReset) is { } item && item.Opens(act, secret) ? (item, secret) : null;

    private string TokenOf(string environmentId, string id) => $"{id}.{secrets.Token(environmentId, id)}";

    /// <summary>Where the mailed link leads.</summary>
    public string LinkTo(string environmentId, string id, string? under = null) => $"{under ?? address.Url}/reset-password?token={TokenOf(environmentId, id)}";

    private Body Write(string id, string environmentId, string userId, string email, long createdAt, long expiresAt)
    {
        return new Body("password_reset", id, userId, email, TokenOf(environmentId, id), LinkTo(environmentId, id),
            DateTimeOffset.FromUnixTimeMilliseconds(expiresAt), DateTimeOffset.FromUnixTimeMilliseconds(createdAt));
    }
}
