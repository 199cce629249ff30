using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Changes the fields of a user that the body names, and no others.</summary>
internal static class UpdateUser
{
    public static async Task<ApiAnswer> HandleAsync(string id, HttpContext http, Database database, Idempotency idempotency, Acts acts, PasswordHasher hasher, PasswordPolicy policy)
    {
        var (input, refusal) = await JsonBody.ReadAsync<UserInput>(http);
        refusal ??= input!.Check(isNew: false);
        if (refusal is not null)
        {
            return refusal;
        }
        var caller = Caller.Of(http);
        // The replica knows every deny that this node has taken, shipped or not; the primary may not yet.
        if (database.Read(view => UserStore.Find(view, caller.EnvironmentId, id)) is not { } known)
        {
            return ApiError.NotFound("User", id);
        }
        var (secret, weak) = await input!.HashAsync(hasher, policy, caller.EnvironmentId, known, http.RequestAborted);
        if (weak is not null)
        {
            return weak;
        }
        var act = acts.Of(caller.EnvironmentId);
        return await idempotency.WriteAsync(http, (view, _) => Decided(view, act, id, input, secret, caller.ApiKeyId));
    }

    /// <summary>The decision: a function of the state and the input, which was checked.</summary>
    /// <param name="secret">The new password's hash; null for none.</param>
    internal static Decision<ApiAnswer> Decided(View view, Act act, string id, UserInput input, string? secret, string administratorId) =>
        UserStore.Find(view, act.EnvironmentId, id) is { } row
            ? Change(view, act, row, input, secret, administratorId)
            : Decide.Nothing(ApiError.NotFound("User", id));

    private static Decision<ApiAnswer> Change(View view, Act act, UserRow row, UserInput input, string? secret, string administratorId)
    {
        var metadata = input.Metadata.Is ? Metadata.Merge(input.Metadata.Value, row.Metadata) : row.Metadata;
        if (Metadata.Read(metadata).Count > Metadata.MostKeys)
        {
            return Decide.Nothing(Metadata.Invalid);
        }
        var changes = new List<Change>();
        var (address, isFree) = TakeAddress(view, act, row, input, changes);
        if (!isFree)
        {
            return Decide.Nothing(ApiError.BadRequest("email_not_available", "This e-mail address is not available."));
        }
        if (!UserChanges.TryClaimExternalId(view, act, input.ExternalId, row.ExternalId, row.Id, changes))
        {
            return Decide.Nothing(ApiError.BadRequest("external_id_already_used", "Another user has this external id."));
        }
        if (secret is not null)
        {
            changes.AddRange(Passwords.SetByAdministrator(view, act, row.Id, secret, administratorId, input.EmailVerified.Value == true).Changes);
        }
        else if (input.EmailVerified.Value == true)
        {
            changes.AddRange(Credential.Confirm(view, act, row.Id));
        }
        var after = row with
        {
            Email = address,
            KnownEmail = input.Email.Or(row.KnownEmail),
            VerifiedEmail = input.EmailVerified.Value switch { true => address, false => null, null => address == row.Email ? row.VerifiedEmail : null },
            FirstName = input.FirstName.Or(row.FirstName),
            LastName = input.LastName.Or(row.LastName),
            Name = input.Name.Or(row.Name),
            ExternalId = input.ExternalId.Or(row.ExternalId),
            Metadata = metadata,
            Locale = input.Locale.Or(row.Locale),
            UpdatedAt = Math.Max(act.Time, row.UpdatedAt + 1),
        };
        changes.Add(new Change(Schema.Users, row.Id, Named(row, after, input)));
        changes.Add(EventRow.Of("user.updated", after.ToBody(), act.EnvironmentId, act.IdKey, $"{row.Id}/{after.UpdatedAt}", act.Now));
        return new(ApiAnswer.Ok(after.ToBody()), changes);
    }

    /// <summary>Gives the user the address that the input names; or, when it says that their address is proven and they hold none, the last one known.</summary>
    /// <returns>The address that they hold then.</returns>
    private static (string? Address, bool IsFree) TakeAddress(View view, Act act, UserRow row, UserInput input, List<Change> changes)
    {
        var wanted = input.Email.Value ?? (row.Email is null && input.EmailVerified.Value == true ? row.KnownEmail : null);
        if (wanted is null || Addresses.Normal(wanted) == row.Email)
        {
            return (row.Email, true);
        }
        var (ruling, taken) = Addresses.ChangeTo(view, act, row.Id, wanted);
        changes.AddRange(taken);
        return (Addresses.Normal(wanted), ruling.Refused is null);
    }

    /// <summary>The columns that the input names.</summary>
    private static Dictionary<string, object?> Named(UserRow row, UserRow after, UserInput input)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["updated_at"] = after.UpdatedAt };
        void Name(string column, bool given, object? value)
        {
            if (given)
            {
                values.Add(column, value);
            }
        }
        var isNamed = input.FirstName.Is || input.LastName.Is;
        Name("first_name", isNamed, after.FirstName);
        Name("last_name", isNamed, after.LastName);
        Name("name", input.Name.Is, after.Name);
        Name("verified_email", after.VerifiedEmail != row.VerifiedEmail, after.VerifiedEmail);
        Name("external_id", input.ExternalId.Is, after.ExternalId);
        Name("metadata", input.Metadata.Is, after.Metadata);
        Name("locale", input.Locale.Is, after.Locale);
        return values;
    }
}
