namespace Holdfast.AuthKit;

/// <summary>What the log is told of sign-ins: ids and reasons.</summary>
internal static partial class AuthKitLog
{
    [LoggerMessage(1131, LogLevel.Information, "An answer of a passkey was refused in {EnvironmentId}: {Reason}")]
    public static partial void PasskeyRefused(ILogger log, string environmentId, string reason);

    [LoggerMessage(1132, LogLevel.Warning, "The passkey {FactorId} of {UserId} counts fewer signatures than before: somebody has a copy. The sign-in was refused.")]
    public static partial void PasskeyCopied(ILogger log, string userId, string factorId);

    [LoggerMessage(1151, LogLevel.Warning, "The JWT template of {EnvironmentId} is not in a token of {SessionId}: {Fault}")]
    public static partial void TemplateLeftOut(ILogger log, string environmentId, string sessionId, string fault);

    [LoggerMessage(1152, LogLevel.Warning, "The action {EndpointId} gave no answer that counts: {Why}")]
    public static partial void ActionUnanswered(ILogger log, string endpointId, string why);
}
