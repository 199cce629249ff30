namespace Holdfast.MultiFactor;

/// <summary>What the log is told of second factors: ids and reasons.</summary>
internal static partial class MultiFactorLog
{
    [LoggerMessage(1130, LogLevel.Warning, "All factors of the user {UserId} were taken away by an administrator: {Count}.")]
    public static partial void Reset(ILogger log, string userId, int count);
}
