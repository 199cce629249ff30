using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Peers;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Gives a user another address: a code is mailed there, and whoever types it in has that mailbox. The code is a fact; who holds an address from then on the primary decides.</summary>
internal sealed class EmailChanges(
    Database database, Idempotency idempotency, Acts acts, ItemSecrets secrets, PersonMails mails, ForwardToAuthority authority, RateLimits limits,
    AuthKitOptions options)
{
    internal sealed record SendInput(Given<string> NewEmail);

    internal sealed record ConfirmInput(Given<string> Code);

    internal sealed record Body(string Object, UserBody User, string NewEmail, DateTimeOffset ExpiresAt, DateTimeOffset CreatedAt);

    internal sealed record ConfirmedBody(string Object, UserBody User);

    private static readonly ApiAnswer s_notAvailable = ApiError.Conflict("email_not_available", "This e-mail address is not available.");
    private static readonly ApiAnswer s_none = ApiError.Conflict("no_pending_email_change", "No change of the e-mail address is under way.");
    private static readonly ApiAnswer s_used = ApiError.Conflict("email_change_code_previously_used", "The code was used before. Ask for a new one.");
    private static readonly ApiAnswer s_notAllowed = ApiError.Conflict("email_change_not_allowed", "This user may not sign in, and so not change their address.");
    private static readonly ApiAnswer s_tooMany = new(StatusCodes.Status429TooManyRequests, new ApiError.Coded("email_change_too_many_attempts", "Too many wrong codes. Ask for a new one."));

    public async Task<ApiAnswer> SendAsync(string id, HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<SendInput>(http);
        if (input is null)
        {
            return refusal!;
        }
        if (string.IsNullOrWhiteSpace(input.NewEmail.Value))
        {
            return ApiError.Validation("new_email", "required");
        }
        if (!Addresses.IsAddress(input.NewEmail.Value))
        {
            return ApiError.Unprocessable("invalid_email", "This is not an e-mail address.");
        }
        var (environmentId, wanted) = (Caller.Of(http).EnvironmentId, input.NewEmail.Value);
        if (database.Read(view => UserStore.Find(view, environmentId, id)) is null)
        {
            return ApiError.NotFound("User", id);
        }
        if (limits.Count(RateLimits.CodesPerUser, RateLimits.KeyOf(environmentId, id)) is { } wait)
        {
            return ApiError.TooManyRequests(wait);
        }
        var operation = await idempotency.BeginAsync(http);
        var itemId = operation.NewId(Ids.EmailChange, database.Incarnation);
        return await database.RecordAsync(http, view =>
        {
            var act = acts.Of(operation);
            if (UserStore.Find(view, environmentId, id) is not { } user)
            {
                return Decide.Nothing(ApiError.NotFound("User", id));
            }
            if (Denied.Is(view, id))
            {
                return Decide.Nothing(s_notAllowed);
            }
            if (user.Email == Addresses.Normal(wanted))
            {
                return Decide.Nothing(ApiError.Conflict("email_change_not_needed", "The user has this e-mail address already."));
            }
            if (Addresses.HolderOf(view, environmentId, wanted) is { } holder && holder != id)
            {
                return Decide.Nothing(s_notAvailable);
            }
            var (code, until) = (secrets.Code(environmentId, itemId), act.Now + options.MagicCodeLifetime);
            var (_, row) = PendingItem.Issue(act, Ids.EmailChange, id, code, wanted, options.MagicCodeLifetime, itemId);
            return Decide.To(ApiAnswer.Ok(new Body("email_change", user.ToBody(), wanted, until, act.Now)), [row, .. mails.EmailVerification(view, act, itemId, wanted, code, until, user.Locale)]);
        });
    }

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
        var (user, item, isSpent) = database.Read(view =>
            PendingItem.Latest(view, act.EnvironmentId, Ids.EmailChange, id) is [var newest, ..]
                ? (UserStore.Find(view, act.EnvironmentId, id), newest, newest.IsSpent(view))
                : (UserStore.Find(view, act.EnvironmentId, id), (PendingItem?)null, false));
        if (user is null)
        {
            return ApiError.NotFound("User", id);
        }
        if (item is null)
        {
            return s_none;
        }
        if (item.Authority != act.Incarnation)
        {
            return await authority.TryAsync(http, item.Authority, s_none, AuthKitErrors.AuthorityUnavailable) ?? s_none;
        }
        if (limits.Count(RateLimits.GuessesPerCode, item.Id) is not null)
        {
            return s_tooMany;
        }
        if (!item.Opens(act, code))
        {
            return ApiError.BadRequest("email_change_code_incorrect", "The code is not right.");
        }
        limits.GiveBack(RateLimits.GuessesPerCode, item.Id);
        return isSpent ? s_used
            : item.ExpiresAt <= act.Time ? ApiError.BadRequest("email_change_code_expired", "The code has expired. Ask for a new one.")
            : await idempotency.WriteAsync(http, (view, _) => Change(view, acts.Of(act.EnvironmentId), item));
    }

    /// <summary>The decision, on the primary's state: that alone says who holds an address.</summary>
    private Decision<ApiAnswer> Change(View view, Act act, PendingItem item)
    {
        if (UserStore.Find(view, act.EnvironmentId, item.Subject) is not { } user)
        {
            return Decide.Nothing(ApiError.NotFound("User", item.Subject));
        }
        // The replica knows what this node has taken, shipped or not: a deny, and somebody who has proven the address meanwhile.
        var (isDenied, holder) = database.Read(local => (Denied.Is(local, item.Subject), Addresses.HolderOf(local, act.EnvironmentId, item.Data!)));
        if (isDenied || Denied.Is(view, item.Subject))
        {
            return Decide.Nothing(s_notAllowed);
        }
        if (holder is not null && holder != item.Subject)
        {
            return Decide.Nothing(s_notAvailable);
        }
        if (item.IsSpent(view))
        {
            return Decide.Nothing(s_used);
        }
        var (ruling, changes) = Addresses.ChangeTo(view, act, item.Subject, item.Data!);
        if (ruling.Refused is not null)
        {
            return Decide.Nothing(s_notAvailable);
        }
        var held = Addresses.Normal(item.Data!);
        var after = user with { Email = held, KnownEmail = item.Data, VerifiedEmail = held, UpdatedAt = Math.Max(act.Time, user.UpdatedAt + 1) };
        return new(ApiAnswer.Ok(new ConfirmedBody("email_change_confirmation", after.ToBody())),
        [
            .. changes, .. Credential.Confirm(view, act, user.Id), Storage.Rows.Change.To(Schema.Users, user.Id, ("verified_email", held), ("updated_at", after.UpdatedAt)), item.Spent(act),
            EventRow.Of("user.updated", after.ToBody(), act.EnvironmentId, act.IdKey, $"{user.Id}/{after.UpdatedAt}", act.Now),
        ]);
    }
}
