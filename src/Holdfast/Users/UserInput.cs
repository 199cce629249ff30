using Holdfast.Http;

namespace Holdfast.Users;

/// <summary>The body of creating and of changing a user.</summary>
/// <param name="PasswordHash">One that was made elsewhere, with its type; instead of <paramref name="Password"/>.</param>
internal sealed record UserInput(
    Given<string> Email, Given<string> FirstName, Given<string> LastName, Given<string> Name, Given<bool?> EmailVerified, Given<Dictionary<string, string?>> Metadata,
    Given<string> ExternalId, Given<string> Locale, Given<string> Password, Given<string> PasswordHash, Given<string> PasswordHashType, Given<string> PasswordSaltPosition)
{
    public const int LongestExternalId = 128;

    /// <summary>What is wrong with it; null when nothing is.</summary>
    public ApiAnswer? Check(bool isNew)
    {
        var fields = new Fields();
        if (isNew || Email.Is)
        {
            fields.Required("email", Email, Addresses.Longest);
        }
        fields.Optional("first_name", FirstName);
        fields.Optional("last_name", LastName);
        fields.Optional("name", Name);
        if (ExternalId.Value is { } external)
        {
            if (external.Length == 0 || !external.All(char.IsAscii))
            {
                fields.Fault("external_id", external.Length == 0 ? "required" : "invalid_characters");
            }
            fields.Text("external_id", external, LongestExternalId);
        }
        CheckPasswordFields(fields);
        return fields.Refusal
            ?? (Email.Value is { } email && !Addresses.IsAddress(email) ? InvalidEmail(isNew) : null)
            ?? (Locale.Value is { } locale && !Locales.IsOne(locale) ? InvalidLocale(isNew) : null)
            ?? Http.Metadata.Check(Metadata.Value)
            ?? CheckPassword();
    }

    /// <summary>The password's hash as it is kept; null when none is given. Or the refusal.</summary>
    /// <param name="known">The user as they are, where the input does not say otherwise; null for a new one.</param>
    public async Task<(string? Secret, ApiAnswer? Refusal)> HashAsync(PasswordHasher hasher, PasswordPolicy policy, string environmentId, UserRow? known, CancellationToken ct)
    {
        if (Password.Value is { } password)
        {
            return await policy.CheckAsync(environmentId, password, Email.Value ?? known?.Email, [FirstName.Or(known?.FirstName), LastName.Or(known?.LastName), Name.Or(known?.Name)], ct) is { Count: > 0 } faults
                ? (null, ApiError.BadRequest("password_strength_error", "The password is too weak.", faults))
                : (await hasher.HashAsync(environmentId, password, ct), null);
        }
        if (PasswordHash.Value is not { } hash)
        {
            return (null, null);
        }
        return await hasher.ImportAsync(environmentId, hash, PasswordHashType.Value!, PasswordSaltPosition.Value == "prefix", ct) is { } imported
            ? (imported, null)
            : (null, ApiError.BadRequest("invalid_password_hash", $"The hash is not one of the type {PasswordHashType.Value}, or its cost is out of bounds."));
    }

    private void CheckPasswordFields(Fields fields)
    {
        if (PasswordHash.Value is not null && PasswordHashType.Value is null)
        {
            fields.Fault("password_hash_type", "required");
        }
        if (PasswordHashType.Value is { } type)
        {
            if (!Users.PasswordHash.Types.Contains(type))
            {
                fields.Fault("password_hash_type", "invalid");
            }
            else if (PasswordHash.Value is null && Password.Value is null)
            {
                fields.Fault("password_hash", "required");
            }
        }
        if (PasswordSaltPosition.Value is { } position && (position is not ("prefix" or "suffix") || (PasswordHash.Value is not null && PasswordHashType.Value is not "ssha256")))
        {
            fields.Fault("password_salt_position", "invalid");
        }
    }

    private ApiAnswer? CheckPassword() =>
        Password.Value is not null && PasswordHash.Value is not null
            ? ApiError.BadRequest("password_and_password_hash_provided", "Give a password or a hash of it, not both.")
        : Password.Value is not null && PasswordHashType.Value is not null
            ? ApiError.BadRequest("password_and_password_hash_type_provided", "A password has no type of hash.")
        : PasswordSaltPosition.Value is not null && PasswordHash.Value is null
            ? ApiError.BadRequest("password_salt_position_requires_password_hash", "The position of the salt is one in a hash, and there is none.")
        : null;

    private static ApiAnswer InvalidLocale(bool isNew) => isNew
        ? ApiError.Validation("locale", "invalid")
        : ApiError.BadRequest("invalid_locale", "A locale is a language, and perhaps a script and a region: en-US.");

    private static ApiAnswer InvalidEmail(bool isNew) =>
        isNew ? ApiError.Validation("email", "invalid_email") : ApiError.BadRequest("invalid_email", "This is not an e-mail address.");
}
