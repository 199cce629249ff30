namespace Holdfast.Users;

/// <summary>A person: what the API shows of them.</summary>
/// <param name="Email">The address that they hold, or else the last one known of them.</param>
/// <param name="EmailVerified">Whether they hold it and its mailbox is proven.</param>
internal sealed record UserBody(
    string Object, string Id, string? FirstName, string? LastName, string? Name, string? ProfilePictureUrl, string Email, bool EmailVerified, string? ExternalId,
    IReadOnlyDictionary<string, string> Metadata, DateTimeOffset? LastSignInAt, string? Locale, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>A user in effect.</summary>
/// <param name="Email">The address that they hold; null when they hold none, for instance because another user's claim came first.</param>
/// <param name="KnownEmail">The last one known.</param>
/// <param name="VerifiedEmail">The address whose mailbox is proven; null for none.</param>
internal sealed record UserRow(
    string Id, string? Email, string? FirstName, string? LastName, long CreatedAt, long UpdatedAt, string? Name = null, string? KnownEmail = null, string? VerifiedEmail = null,
    string? ExternalId = null, string? Metadata = null, string? Locale = null, long? LastSignInAt = null)
{
    public bool IsVerified => Email is not null && Email == VerifiedEmail;

    public UserBody ToBody() => new(
        "user", Id, FirstName, LastName, Name ?? (FirstName is null && LastName is null ? null : $"{FirstName} {LastName}".Trim()), null,
        Email ?? KnownEmail ?? "", IsVerified, ExternalId, Http.Metadata.Read(Metadata),
        LastSignInAt is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null, Locale,
        DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(UpdatedAt));
}

/// <summary>Names that a person or an identity provider gave; null when none was given.</summary>
internal sealed record PersonNames(string? First, string? Last);

/// <summary>What else is known of a user when they are made; null where nothing is.</summary>
/// <param name="IsVerified">Whether the mailbox of their address is proven.</param>
/// <param name="Metadata">As it is stored.</param>
internal sealed record UserDetails(bool IsVerified, string? Name = null, string? ExternalId = null, string? Metadata = null, string? Locale = null);
