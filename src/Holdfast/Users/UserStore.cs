using Holdfast.Claims;
using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>Every statement on users.</summary>
internal static class UserStore
{
    /// <summary>From the claims alone: the last address known counts only while its claim names the user.</summary>
    private const string Held =
        "(SELECT c.value FROM claims c WHERE c.holder = users.id AND c.environment_id = users.environment_id "
        + $"AND c.kind = '{Claim.UserEmail}' AND c.verified = 1 ORDER BY CASE WHEN c.value = lower(users.email) THEN 0 ELSE 1 END, c.value LIMIT 1)";

    private static readonly string Columns =
        $"id AS Id, {Held} AS Email, first_name AS FirstName, last_name AS LastName, created_at AS CreatedAt, coalesce(updated_at, created_at) AS UpdatedAt, "
        + "name AS Name, email AS KnownEmail, verified_email AS VerifiedEmail, "
        + $"CASE WHEN {Claim.IsHeld(Claim.UserExternalId, "users.environment_id", "users.external_id", "users.id")} THEN external_id END AS ExternalId, "
        + "metadata AS Metadata, locale AS Locale, last_sign_in_at AS LastSignInAt";

    private static readonly string Effective = $"environment_id = @environmentId AND {Denied.NotDeleted("users.id")}";

    /// <summary>A user in effect; null when there is none, or they were deleted.</summary>
    public static UserRow? Find(View view, string environmentId, string userId) =>
        view.Find<UserRow>($"SELECT {Columns} FROM users WHERE {Effective} AND id = @userId", new { environmentId, userId });

    /// <summary>The user that an address belongs to, once both the claim and the user have arrived.</summary>
    public static UserRow? FindByAddress(View view, string environmentId, string address) =>
        Addresses.HolderOf(view, environmentId, address) is { } holder ? Find(view, environmentId, holder) : null;

    public static UserRow? FindByExternalId(View view, string environmentId, string externalId) =>
        Claim.Find(view, environmentId, Claim.UserExternalId, externalId) is { Holder: { } holder } ? Find(view, environmentId, holder) : null;

    /// <summary>Several users in effect.</summary>
    public static List<UserRow> Find(View view, string environmentId, IReadOnlyCollection<string> userIds) => userIds.Count == 0
        ? []
        : view.Query<UserRow>($"SELECT {Columns} FROM users WHERE {Effective} AND id IN @userIds", new { environmentId, userIds });

    /// <summary>A page of an environment's users. Each filter is null for all.</summary>
    /// <param name="holder">The one user that holds an address.</param>
    public static List<UserRow> List(View view, string environmentId, Page page, string? organizationId, string? holder)
    {
        // The order of a CROSS JOIN is kept: from an organization's members to their users, and not through all users of the environment.
        var members = organizationId is null
            ? ""
            : $"(SELECT user_id AS member FROM memberships WHERE organization_id = @organizationId AND {Memberships.Effective}) members CROSS JOIN ";
        var select = $"SELECT {Columns} FROM {members}users WHERE {Effective}"
            + (holder is null ? "" : " AND id = @holder")
            + (organizationId is null ? "" : " AND id = member");
        return view.Query<UserRow>(page.Sql(select), page.Parameters(view, "users", environmentId, new { organizationId, holder }));
    }

    /// <summary>The row of a new user, and the event that tells of them. Another node makes the same.</summary>
    /// <remarks>What is not known is not said: another node may know it, and its word would be replaced by none.</remarks>
    /// <param name="details">Null for a user who holds no address.</param>
    public static List<Change> Make(Act act, string userId, string email, PersonNames names, UserDetails? details)
    {
        var row = NewRow(act, userId, email, names, details);
        var values = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["environment_id"] = act.EnvironmentId, ["created_at"] = act.Time, ["email"] = email, ["updated_at"] = act.Time,
        };
        if (names is not { First: null, Last: null })
        {
            (values["first_name"], values["last_name"]) = (names.First, names.Last);
        }
        foreach (var (column, value) in new[]
        {
            ("name", row.Name), ("verified_email", row.VerifiedEmail), ("external_id", row.ExternalId), ("metadata", row.Metadata), ("locale", row.Locale),
        })
        {
            if (value is not null)
            {
                values[column] = value;
            }
        }
        return [new Change(Schema.Users, userId, values), EventRow.Of("user.created", row.ToBody(), act.EnvironmentId, act.IdKey, userId, act.Now)];
    }

    /// <summary>A new user as <see cref="Make"/> makes them.</summary>
    public static UserRow NewRow(Act act, string userId, string email, PersonNames names, UserDetails? details)
    {
        var held = details is null ? null : Addresses.Normal(email);
        return new UserRow(
            userId, held, names.First, names.Last, act.Time, act.Time, details?.Name, email, details is { IsVerified: true } ? held : null, details?.ExternalId, details?.Metadata,
            details?.Locale);
    }

    /// <summary>The mailbox of the address that a user holds is proven; nothing when it was before, or the user has not arrived.</summary>
    public static List<Change> Verify(View view, Act act, string userId, string address) =>
        Find(view, act.EnvironmentId, userId) is { IsVerified: false } row && row.Email == Addresses.Normal(address) ? Verified(act, row, address) : [];

    /// <summary>The same for an address that the user takes in this very decision.</summary>
    public static List<Change> VerifyTaken(View view, Act act, string userId, string address) =>
        Find(view, act.EnvironmentId, userId) is { } row ? Verified(act, row, address) : [];

    private static List<Change> Verified(Act act, UserRow row, string address)
    {
        var held = Addresses.Normal(address);
        var after = row with { Email = held, VerifiedEmail = held, UpdatedAt = Math.Max(act.Time, row.UpdatedAt + 1) };
        return
        [
            Change.To(Schema.Users, row.Id, ("verified_email", held), ("updated_at", after.UpdatedAt)) with { MayBeLeftOut = true },
            EventRow.Of("user.updated", after.ToBody(), act.EnvironmentId, act.IdKey, $"{row.Id}/verified/{held}/{row.UpdatedAt}", act.Now),
        ];
    }

    /// <summary>A user has signed in.</summary>
    public static Change SignedIn(Act act, string userId) => Change.To(Schema.Users, userId, ("last_sign_in_at", act.Time));
}
