using Holdfast.Claims;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>A user in effect.</summary>
/// <param name="Email">The address that they hold; null when they hold none, for instance because another user's claim came first.</param>
internal sealed record UserRow(string Id, string? Email, string? FirstName, string? LastName, long CreatedAt, long UpdatedAt);

/// <summary>Names that a person or an identity provider gave; null when none was given.</summary>
internal sealed record PersonNames(string? First, string? Last);

/// <summary>Every statement on users.</summary>
internal static class UserStore
{
    /// <summary>From the claims alone: the last address known counts only while its claim names the user.</summary>
    private const string Held =
        "(SELECT c.value FROM claims c WHERE c.holder = users.id AND c.environment_id = users.environment_id "
        + $"AND c.kind = '{Claim.UserEmail}' AND c.verified = 1 ORDER BY CASE WHEN c.value = lower(users.email) THEN 0 ELSE 1 END, c.value LIMIT 1)";

    private const string Columns =
        $"id AS Id, {Held} AS Email, first_name AS FirstName, last_name AS LastName, created_at AS CreatedAt, coalesce(updated_at, created_at) AS UpdatedAt";

    /// <summary>A user in effect; null when there is none, or they were deleted.</summary>
    public static UserRow? Find(View view, string environmentId, string userId) => Denied.IsDeleted(view, userId)
        ? null
        : view.Find<UserRow>($"SELECT {Columns} FROM users WHERE environment_id = @environmentId AND id = @userId", new { environmentId, userId });

    /// <summary>The user that an address belongs to, once both the claim and the user have arrived.</summary>
    public static UserRow? FindByAddress(View view, string environmentId, string address) =>
        Addresses.HolderOf(view, environmentId, address) is { } holder ? Find(view, environmentId, holder) : null;

    /// <summary>The row of a new user. Another node makes the same.</summary>
    public static Change Make(Act act, string userId, string? email, PersonNames names) => Change.To(Schema.Users, userId,
        ("environment_id", act.EnvironmentId), ("created_at", act.Time), ("email", email), ("first_name", names.First), ("last_name", names.Last), ("updated_at", act.Time));
}
