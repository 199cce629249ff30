using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>An administrator makes a user, and vouches for the address.</summary>
internal static class CreateUser
{
    public static async Task<ApiAnswer> HandleAsync(HttpContext http, Idempotency idempotency, Acts acts, PasswordHasher hasher, PasswordPolicy policy)
    {
        var (input, refusal) = await JsonBody.ReadAsync<UserInput>(http);
        refusal ??= input!.Check(isNew: true);
        if (refusal is not null)
        {
            return refusal;
        }
        var caller = Caller.Of(http);
        var (secret, weak) = await input!.HashAsync(hasher, policy, caller.EnvironmentId, null, http.RequestAborted);
        if (weak is not null)
        {
            return weak;
        }
        var act = acts.Of(caller.EnvironmentId);
        return await idempotency.WriteAsync(http, (view, _) => Decided(view, act, input, secret, caller.ApiKeyId));
    }

    /// <summary>The decision: a function of the state and the input, which was checked.</summary>
    /// <param name="secret">The password's hash; null for none.</param>
    internal static Decision<ApiAnswer> Decided(View view, Act act, UserInput input, string? secret, string administratorId)
    {
        var details = new UserDetails(
            input.EmailVerified.Value == true, input.Name.Value, input.ExternalId.Value, input.Metadata.Value is { } metadata ? Metadata.Merge(metadata) : null, input.Locale.Value);
        var (made, changes) = ProveAddress.ByAdministrator(view, act, input.Email.Value!, new PersonNames(input.FirstName.Value, input.LastName.Value), details);
        if (made.Answer is not { UserId: var userId })
        {
            return Refused("email_not_available", "This e-mail address is not available.");
        }
        var all = changes.ToList();
        if (!UserChanges.TryClaimExternalId(view, act, input.ExternalId, null, userId, all))
        {
            return Refused("external_id_already_used", "Another user has this external id.");
        }
        if (secret is not null)
        {
            all.Add(Credential.Make(act, userId, Credential.Password, secret, details.IsVerified ? Proof.Administrator : Proof.Unproven, administratorId, []));
        }
        return new(ApiAnswer.Created(UserStore.NewRow(act, userId, input.Email.Value!, new PersonNames(input.FirstName.Value, input.LastName.Value), details).ToBody()), all);
    }

    private static Decision<ApiAnswer> Refused(string code, string message) =>
        Decide.Nothing(ApiError.BadRequest("user_creation_error", "The user was not created.", [new ApiError.Reason(code, message)]));
}
