using System.Text.Json.Serialization;

namespace Holdfast.Users;

/// <summary>An invitation: what the API shows of it. What an event tells of it is the same without the token, and so without the link.</summary>
/// <param name="State"><c>pending</c>, <c>accepted</c>, <c>revoked</c> or <c>expired</c>.</param>
/// <param name="RoleSlug">Of the membership, once there is one; null when it is to no organization.</param>
internal sealed record InvitationBody(
    string Object, string Id, string Email, string State, DateTimeOffset? AcceptedAt, DateTimeOffset? RevokedAt, DateTimeOffset ExpiresAt, string? OrganizationId,
    string? InviterUserId, string? AcceptedUserId, string? RoleSlug, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Token,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? AcceptInvitationUrl);

/// <summary>An invitation as it is stored, with what became of it.</summary>
/// <param name="AcceptedUserId">Who holds the claim on it: of two that accepted it apart, one.</param>
/// <param name="MemberRoles">The roles of the membership that came of it; null for the default, or while there is none.</param>
internal sealed record InvitationRow(
    string Id, string Email, string? OrganizationId, string? RoleSlug, string? InviterUserId, string TokenSealed, long CreatedAt, long UpdatedAt, long ExpiresAt,
    long? AcceptedAt = null, string? AcceptedUserId = null, long? RevokedAt = null, string? MemberRoles = null)
{
    public const string Pending = "pending";
    public const string Accepted = "accepted";
    public const string Revoked = "revoked";
    public const string Expired = "expired";

    /// <summary>What became of it. Whoever accepted is a member, so that comes first: an administrator must see it.</summary>
    public string StateAt(DateTimeOffset now) =>
        AcceptedUserId is not null ? Accepted : RevokedAt is not null ? Revoked : ExpiresAt <= now.ToUnixTimeMilliseconds() ? Expired : Pending;

    /// <param name="token">Null for an event.</param>
    public InvitationBody ToBody(DateTimeOffset now, string? token, string? url) => new(
        "invitation", Id, Email, StateAt(now), Time(AcceptedUserId is null ? null : AcceptedAt), Time(RevokedAt), DateTimeOffset.FromUnixTimeMilliseconds(ExpiresAt),
        OrganizationId, InviterUserId, AcceptedUserId,
        OrganizationId is null ? null : MemberRoles is null ? RoleSlug ?? RoleSlugs.Default : RoleSlugs.Read(MemberRoles)[0],
        DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(UpdatedAt), token, url);

    /// <summary>The same, changed now.</summary>
    public InvitationRow Touched(Act act) => this with { UpdatedAt = Math.Max(act.Time, UpdatedAt + 1) };

    private static DateTimeOffset? Time(long? at) => at is { } time ? DateTimeOffset.FromUnixTimeMilliseconds(time) : null;
}
