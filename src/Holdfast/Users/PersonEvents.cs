using Holdfast.Events;
using Holdfast.Storage.Rows;

namespace Holdfast.Users;

/// <summary>What events tell of codes, links and sign-ins, in the shapes that the public API describes: no secret, and no failure of who has proven nothing: that is what anybody can
/// cause, and the journal is everybody's (decisions 0014, 0032).</summary>
internal static class PersonEvents
{
    public static Change MagicCodeCreated(Act act, string id, string userId, string email, DateTimeOffset until) =>
        Of(act, "magic_auth.created", new Code("magic_auth", id, userId, email, until, act.Now, act.Now), id);

    public static Change EmailVerificationCreated(Act act, string id, string userId, string email, DateTimeOffset until) =>
        Of(act, "email_verification.created", new Code("email_verification", id, userId, email, until, act.Now, act.Now), id);

    public static Change PasswordResetCreated(Act act, string id, string userId, string email, DateTimeOffset until) =>
        Of(act, "password_reset.created", new Link("password_reset", id, userId, email, until, act.Now), id);

    /// <param name="item">The link that was followed.</param>
    public static Change PasswordResetSucceeded(Act act, PendingItem item) => Of(
        act, "password_reset.succeeded",
        new Link("password_reset", item.Id, item.Subject, item.Data!, DateTimeOffset.FromUnixTimeMilliseconds(item.ExpiresAt), DateTimeOffset.FromUnixTimeMilliseconds(item.CreatedAt)), item.Id);

    /// <summary>Somebody has proven their mailbox by the code of this item.</summary>
    public static Change EmailVerified(Act act, PendingItem item) => Of(
        act, "authentication.email_verification_succeeded", new SignedIn("email_verification", "succeeded", null, null, item.Subject, item.Data!), item.Id);

    /// <summary>Somebody has signed in.</summary>
    /// <param name="type"><c>password</c>, <c>magic_auth</c> or <c>oauth</c>; Single Sign-On tells of its own.</param>
    /// <param name="sessionId">The session that it began: one session, one event.</param>
    public static Change SignInSucceeded(Act act, string type, string userId, string email, string sessionId) =>
        Of(act, $"authentication.{type}_succeeded", new SignedIn(type, "succeeded", null, null, userId, email), sessionId);

    private static Change Of(Act act, string name, object data, string derivedFrom) => EventRow.Of(name, data, act.EnvironmentId, act.IdKey, derivedFrom, act.Now);

    internal sealed record Code(string Object, string Id, string UserId, string Email, DateTimeOffset ExpiresAt, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    internal sealed record Link(string Object, string Id, string UserId, string Email, DateTimeOffset ExpiresAt, DateTimeOffset CreatedAt);

    /// <param name="IpAddress">Null, like the user agent: they would be those of whatever stands before the node.</param>
    internal sealed record SignedIn(string Type, string Status, string? IpAddress, string? UserAgent, string UserId, string Email);
}
