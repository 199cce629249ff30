using Holdfast.Events;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>What events tell of second factors, passkeys and codes that prove a mailbox: what succeeded, a passkey that was copied, and who has proven one thing and not the next. Of who has proven
/// nothing nothing is told: that is anybody's doing, and fills no journal (decisions 0014, 0032).</summary>
internal static class FactorEvents
{
    /// <summary>A second factor was shown. One pending authentication, one event.</summary>
    public static IReadOnlyList<Change> Succeeded(View view, Act act, PendingAuthentication pending) => UserStore.Find(view, act.EnvironmentId, pending.UserId) is { Email: { } email }
        ? [EventRow.Of("authentication.mfa_succeeded", new Success("mfa", "succeeded", null, null, pending.UserId, email), act.EnvironmentId, act.IdKey, pending.Id, act.Now)]
        : [];

    /// <summary>Who has shown the first factor has no right code for the second. One pending authentication, one event, however often they guess.</summary>
    public static IReadOnlyList<Change> Failed(View view, Act act, PendingAuthentication pending) =>
        Once(view, act, "authentication.mfa_failed", "mfa", pending, new Failure.Why("mfa_challenge_failed", "The code of the second factor was not right."));

    /// <summary>Who has shown the password has no right code for the mailbox. The same.</summary>
    public static IReadOnlyList<Change> MailboxFailed(View view, Act act, PendingAuthentication pending) => Once(
        view, act, "authentication.email_verification_failed", "email_verification", pending, new Failure.Why("email_verification_code_incorrect", "The code that was mailed was not the one that was typed in."));

    private static IReadOnlyList<Change> Once(View view, Act act, string name, string type, PendingAuthentication pending, Failure.Why why)
    {
        var told = EventRow.Of(
            name, new Failure(type, "failed", null, null, pending.UserId, UserStore.Find(view, act.EnvironmentId, pending.UserId)?.Email, why), act.EnvironmentId, act.IdKey, pending.Id, act.Now);
        return view.Find<long>("SELECT count(*) FROM events WHERE id = @Id", new { told.Id }) > 0 ? [] : [told];
    }

    /// <summary>A passkey signed in, or was found to be a copy. One answer, one event.</summary>
    public static IReadOnlyList<Change> OfPasskey(View view, Act act, string ceremonyId, string userId, Ruling<SignedIn> ruling)
    {
        var email = UserStore.Find(view, act.EnvironmentId, userId)?.Email;
        return ruling switch
        {
            { Answer: not null } when email is not null =>
                [EventRow.Of("authentication.passkey_succeeded", new Success("passkey", "succeeded", null, null, userId, email), act.EnvironmentId, act.IdKey, ceremonyId, act.Now)],
            { Refused: Refusal.PasskeyCopied } =>
                [EventRow.Of("authentication.passkey_failed", new Failure("passkey", "failed", null, null, userId, email, new Failure.Why("sign_count_regressed", "The passkey counts fewer signatures than before.")),
                    act.EnvironmentId, act.IdKey, ceremonyId, act.Now)],
            _ => [],
        };
    }

    /// <param name="IpAddress">Null, like the user agent: they would be those of whatever stands before the node.</param>
    internal sealed record Success(string Type, string Status, string? IpAddress, string? UserAgent, string UserId, string Email);

    internal sealed record Failure(string Type, string Status, string? IpAddress, string? UserAgent, string UserId, string? Email, Failure.Why Error)
    {
        internal sealed record Why(string Code, string Message);
    }
}
