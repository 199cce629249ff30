namespace Holdfast.Users;

/// <summary>A user on the wire.</summary>
internal sealed record UserBody(
    string Object, string Id, string Email, bool EmailVerified, string? FirstName, string? LastName, string? Name, string? ProfilePictureUrl, string? ExternalId,
    IReadOnlyDictionary<string, string> Metadata, DateTimeOffset? LastSignInAt, string? Locale, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    private static readonly Dictionary<string, string> s_none = [];

    public static UserBody Of(UserRow row) => new(
        "user", row.Id, row.Email ?? "", row.Email is not null, row.FirstName, row.LastName, row.FirstName is null && row.LastName is null ? null : $"{row.FirstName} {row.LastName}".Trim(),
        null, null, s_none, null, null, DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(row.UpdatedAt));
}
