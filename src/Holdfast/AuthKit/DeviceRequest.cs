using System.Text.Json;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>A device that waits to be signed in: a single-use item like a mailed code. Every node has its row, so that whoever types in its code gets on anywhere; the incarnation that made it alone takes the
/// answer (law 5).</summary>
/// <param name="AskedFrom">The address that the device asked from, as the node saw it; null when it could not.</param>
/// <param name="ExpiresAt">Unix milliseconds.</param>
internal sealed record DeviceRequest(string Id, string EnvironmentId, string Authority, string ClientId, string? AskedFrom, long ExpiresAt)
{
    private sealed record Content(string ClientId, string? AskedFrom);

    public static Change Issue(Act act, string id, ClusterKeys keys, string userCode, string clientId, string? askedFrom, TimeSpan lifetime) =>
        PendingItem.Issue(act, Ids.DeviceRequest, SubjectOf(keys, userCode), userCode, JsonSerializer.Serialize(new Content(clientId, askedFrom)), lifetime, id).Row;

    /// <summary>The request that shows this code; null when there is none here, it is over, or (by a chance of some millions) two nodes have made the same one.</summary>
    /// <param name="userCode">Eight letters.</param>
    /// <param name="now">Unix milliseconds.</param>
    public static DeviceRequest? OfCode(View view, ClusterKeys keys, string userCode, long now) =>
        PendingItem.OfSubject(view, Ids.DeviceRequest, SubjectOf(keys, userCode), now) is [var only] ? Of(only) : null;

    public static DeviceRequest? Find(View view, string environmentId, string id, long now) =>
        PendingItem.FindAny(view, environmentId, id, Ids.DeviceRequest) is { } item && item.ExpiresAt > now ? Of(item) : null;

    private static DeviceRequest Of(PendingItem item)
    {
        var content = JsonSerializer.Deserialize<Content>(item.Data!)!;
        return new DeviceRequest(item.Id, item.EnvironmentId, item.Authority, content.ClientId, content.AskedFrom, item.ExpiresAt);
    }

    /// <summary>A row says no code to who reads it.</summary>
    private static string SubjectOf(ClusterKeys keys, string userCode) => Convert.ToHexStringLower(keys.Mac("device-user-code", "", userCode));
}

/// <summary>What somebody answered to a device.</summary>
/// <param name="UserId">Null for: no.</param>
internal sealed record DeviceAnswer(string? UserId, string? OrganizationId, string? CredentialId, string? FactorId, string Method)
{
    public static DeviceAnswer? Find(View view, string environmentId, string requestId) => view.Find<DeviceAnswer>(
        "SELECT user_id AS UserId, organization_id AS OrganizationId, credential_id AS CredentialId, factor_id AS FactorId, method AS Method FROM device_answers WHERE id = @requestId AND environment_id = @environmentId",
        new { requestId, environmentId });

    /// <summary>The answer of somebody who has proven who they are. The first one stays.</summary>
    /// <param name="who">Null for: no.</param>
    /// <returns>Null when it is taken; <see cref="Refusal.ItemSpent"/> when somebody has answered, <see cref="Refusal.ItemElsewhere"/> when another node decides, <see cref="Refusal.ItemExpired"/> when it is over.</returns>
    public static Decision<Refusal?> Give(View view, Act act, string requestId, SignedIn? who, string method)
    {
        Refusal? refused = DeviceRequest.Find(view, act.EnvironmentId, requestId, act.Time) is not { } request ? Refusal.ItemExpired
            : request.Authority != act.Incarnation ? Refusal.ItemElsewhere
            : Find(view, act.EnvironmentId, requestId) is not null ? Refusal.ItemSpent
            : null;
        return refused is not null ? Decide.Nothing(refused) : Decide.To(refused, Change.To(Schema.DeviceAnswers, requestId,
            ("environment_id", act.EnvironmentId), ("user_id", who?.UserId), ("organization_id", who?.OrganizationId), ("credential_id", who?.CredentialId), ("factor_id", who?.FactorId),
            ("method", method), ("created_at", act.Time), ("expires_at", act.Time + (long)(2 * DeviceCodes.Lifetime).TotalMilliseconds)));
    }
}
