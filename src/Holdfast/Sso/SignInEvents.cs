using Holdfast.Events;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>What events tell of sign-ins: those that succeeded. What was begun, refused or left lying is anybody's doing, and stays with the node where it happened (decision 0014).</summary>
internal static class SignInEvents
{
    /// <param name="flowId">The flow that it ends: one flow, one event.</param>
    public static Change Succeeded(Connection connection, string email, string flowId, byte[] idKey, DateTimeOffset now) => EventRow.Of(
        "authentication.sso_succeeded",
        new Data("sso", "succeeded", null, null, null, email, new SsoData(connection.OrganizationId, connection.Id, null)),
        connection.EnvironmentId, idKey, flowId, now);

    /// <param name="IpAddress">Null, like the user agent: they would be those of whatever stands before the node.</param>
    /// <param name="UserId">Null: a profile is no user yet.</param>
    internal sealed record Data(string Type, string Status, string? IpAddress, string? UserAgent, string? UserId, string Email, SsoData Sso);

    internal sealed record SsoData(string? OrganizationId, string ConnectionId, string? SessionId);
}
