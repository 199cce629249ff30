using Holdfast.Events;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>What events tell of second factors and passkeys: what succeeded, and a passkey that was copied. Wrong codes are anybody's doing, and fill no journal (decision 0014).</summary>
internal static class FactorEvents
{
    /// <summary>A second factor was shown. One pending authentication, one event.</summary>
    public static IReadOnlyList<Change> Succeeded(View view, Act act, PendingAuthentication pending) => UserStore.Find(view, act.EnvironmentId, pending.UserId) is { Email: { } email }
        ? [EventRow.Of("authentication.mfa_succeeded", new Success("mfa", "succeeded", null, null, pending.UserId, email), act.EnvironmentId, act.IdKey, pending.Id, act.Now)]
        : [];

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
