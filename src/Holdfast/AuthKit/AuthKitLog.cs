namespace Holdfast.AuthKit;

/// <summary>What the log is told of sign-ins: ids and reasons.</summary>
internal static partial class AuthKitLog
{
    [LoggerMessage(1131, LogLevel.Information, "An answer of a passkey was refused in {EnvironmentId}: {Reason}")]
    public static partial void PasskeyRefused(ILogger log, string environmentId, string reason);

    [LoggerMessage(1132, LogLevel.Warning, "The passkey {FactorId} of {UserId} counts fewer signatures than before: somebody has a copy. The sign-in was refused.")]
    public static partial void PasskeyCopied(ILogger log, string userId, string factorId);
}
