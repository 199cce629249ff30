using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Events;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>What events tell of sign-ins: those that succeeded, and those that failed though the identity provider has proven who it was about. What was begun, refused without such a
/// proof, or left lying is anybody's doing, and stays with the node where it happened (decision 0014).</summary>
internal static class SignInEvents
{
    /// <param name="flowId">The flow that it ends: one flow, one event.</param>
    public static Change Succeeded(Connection connection, string email, string flowId, byte[] idKey, DateTimeOffset now) => EventRow.Of(
        "authentication.sso_succeeded",
        new Data("sso", "succeeded", null, null, null, email, new SsoData(connection.OrganizationId, connection.Id, null)),
        connection.EnvironmentId, idKey, flowId, now);

    /// <param name="email">Null where the provider's word has none.</param>
    /// <param name="reason">The attempt's stable code.</param>
    /// <param name="proof">What was proven: the assertion, or the flow whose code the provider took. Brought again and again, it is told once.</param>
    public static Change Failed(Connection connection, string? email, string reason, string message, string proof, byte[] idKey, DateTimeOffset now) => EventRow.Of(
        "authentication.sso_failed",
        new Data("sso", "failed", null, null, null, email, new SsoData(connection.OrganizationId, connection.Id, null), new ErrorData(JsonNamingPolicy.SnakeCaseLower.ConvertName(reason), message)),
        connection.EnvironmentId, idKey, $"{proof}\n{reason}", now);

    /// <param name="IpAddress">Null, like the user agent: they would be those of whatever stands before the node.</param>
    /// <param name="UserId">Null: a profile is no user yet.</param>
    internal sealed record Data(
        string Type, string Status, string? IpAddress, string? UserAgent, string? UserId, string? Email, SsoData Sso,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ErrorData? Error = null);

    internal sealed record SsoData(string? OrganizationId, string ConnectionId, string? SessionId);

    internal sealed record ErrorData(string Code, string Message);
}
