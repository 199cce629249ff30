namespace Holdfast.AuthKit;

internal static partial class AuthKitLog
{
    [LoggerMessage(1151, LogLevel.Warning, "The JWT template of {EnvironmentId} is not in a token of {SessionId}: {Fault}")]
    public static partial void TemplateLeftOut(ILogger log, string environmentId, string sessionId, string fault);

    [LoggerMessage(1152, LogLevel.Warning, "The action {EndpointId} gave no answer that counts: {Why}")]
    public static partial void ActionUnanswered(ILogger log, string endpointId, string why);
}
