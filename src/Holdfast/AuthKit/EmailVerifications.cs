using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Codes that prove the mailbox of a user: made, looked up so that the application can mail them by itself, and typed in.</summary>
internal sealed class EmailVerifications(
    Database database, Idempotency idempotency, Acts acts, ItemSecrets secrets, PersonMails mails, ForwardToAuthority authority, RateLimits limits, AuthKitOptions options)
{
    internal sealed record Body(
        string Object, string Id, string UserId, string Email, DateTimeOffset ExpiresAt, string Code, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    internal sealed record ConfirmInput(Given<string> Code);

    internal sealed record UserAnswer(UserBody User);

    private static readonly ApiAnswer s_wrong = ApiError.BadRequest("email_verification_code_incorrect", "The code is not right.");
    private static readonly ApiAnswer s_expired = ApiError.BadRequest("email_verification_code_expired", "The code has expired. Ask for a new one.");

    /// <summary>One that can still be used, of a user who is there. That of a sign-up is nobody's to see.</summary>
    public ApiAnswer Get(string id, HttpContext http)
    {
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        if (database.Read(view => PendingItem.Find(view, act, id, Ids.EmailVerification)) is not { Data: { } address } item || !item.Subject.StartsWith(Ids.User, StringComparison.Ordinal))
        {
            return ApiError.NotFound("Email verification", id);
        }
        var created = DateTimeOffset.FromUnixTimeMilliseconds(item.CreatedAt);
        return ApiAnswer.Ok(new Body("email_verification", item.Id, item.Subject, address, DateTimeOffset.FromUnixTimeMilliseconds(item.ExpiresAt),
            secrets.Code(item.EnvironmentId, item.Id), created, created));
    }

    /// <summary>Makes a code for the address that the user holds.</summary>
    public async Task<ApiAnswer> SendAsync(string id, HttpContext http)
    {
        var environmentId = Caller.Of(http).EnvironmentId;
        if (database.Read(view => UserStore.Find(view, environmentId, id)) is not { } known)
        {
            return ApiError.NotFound("User", id);
        }
        if (!known.IsVerified && limits.Count(RateLimits.CodesPerUser, RateLimits.KeyOf(environmentId, id)) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var operation = await idempotency.BeginAsync(http);
        var itemId = operation.NewId(Ids.EmailVerification, database.Incarnation);
        var code = secrets.Code(environmentId, itemId);
        return await database.RecordAsync(http, view => (UserStore.Find(view, environmentId, id), acts.Of(operation)) switch
        {
            (null, _) => Decide.Nothing(ApiError.NotFound("User", id)),
            ({ IsVerified: true }, _) => Decide.Nothing(ApiError.BadRequest("email_already_verified", "The user's e-mail address is verified already.")),
            ({ Email: null }, _) => Decide.Nothing(ApiError.BadRequest("email_not_available", "The user holds no e-mail address: another user has it.")),
            ({ Email: { } address } user, var act) => Decide.To(ApiAnswer.Ok(new UserAnswer(user.ToBody())),
            [
                VerifyAddress.Issue(act, id, address, code, options.MagicCodeLifetime, itemId),
                .. mails.EmailVerification(view, act, itemId, address, code, act.Now + options.MagicCodeLifetime, user.Locale, id),
            ]),
        });
    }

    /// <summary>Whoever has the code has the mailbox.</summary>
    public async Task<IResult> ConfirmAsync(string id, HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<ConfirmInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (input.Code.Value is not { Length: > 0 and <= 64 } code)
        {
            return ApiError.Validation("code", input.Code.Value is null ? "required" : "invalid");
        }
        var act = acts.Of(Caller.Of(http).EnvironmentId);
        var (user, sent) = database.Read(view => (UserStore.Find(view, act.EnvironmentId, id), PendingItem.Latest(view, act.EnvironmentId, Ids.EmailVerification, id)));
        if (user is null)
        {
            return ApiError.NotFound("User", id);
        }
        if (user.IsVerified)
        {
            return ApiError.BadRequest("email_previously_verified", "The user's e-mail address is verified already.");
        }
        var whose = RateLimits.KeyOf(act.EnvironmentId, id);
        if (sent is not [var newest, ..])
        {
            return s_wrong;
        }
        // Where the newest was made all guesses are counted: at each node by itself there would be as many for each.
        if (newest.Authority != act.Incarnation && ForwardedRequest.Of(http) is null)
        {
            return await authority.TryAsync(http, newest.Authority, s_expired, AuthKitErrors.AuthorityUnavailable) ?? s_expired;
        }
        (RateLimit, string)[] guesses = [(RateLimits.GuessesPerCode, newest.Id), (RateLimits.GuessesPerAddress, whose)];
        if (limits.IsOneTooMany(guesses))
        {
            return ApiError.TooManyRequests(60);
        }
        if (sent.Find(i => i.Opens(act, code)) is not { } item)
        {
            return s_wrong;
        }
        limits.GiveBack(guesses);
        if (item.Authority != act.Incarnation)
        {
            return s_expired;   // an elder one of another node: the newest is good
        }
        return await database.RecordAsync(http, view =>
        {
            var now = acts.Of(act.EnvironmentId);
            var (changes, refused) = VerifyAddress.Redeem(view, now, item.Id, code, id);
            if (changes is not null)
            {
                var after = UserStore.Find(view, act.EnvironmentId, id)!;
                var proven = after with { VerifiedEmail = after.Email, UpdatedAt = Math.Max(now.Time, after.UpdatedAt + 1) };
                return new Decision<ApiAnswer>(ApiAnswer.Ok(new UserAnswer(proven.ToBody())), changes);
            }
            return Decide.Nothing(refused switch
            {
                Refusal.ItemExpired => s_expired,
                Refusal.ItemSpent => ApiError.BadRequest("email_verification_code_previously_used", "The code was used before. Ask for a new one."),
                _ => s_wrong,
            });
        });
    }
}
