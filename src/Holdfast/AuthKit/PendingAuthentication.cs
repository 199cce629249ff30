using System.Text.Json;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Who somebody has proven to be, while something is still to be asked of them. Used once, and only by the node that issued it (law 5).</summary>
/// <param name="ExpiresAt">Unix milliseconds.</param>
internal sealed record PendingAuthentication(string Id, string Authority, string UserId, string? CredentialId, string Method, long ExpiresAt)
{
    private const string Purpose = "pending-authentication";
    private const int Longest = 2048;

    public static PendingAuthentication Of(Act act, SignedIn who, string method, TimeSpan lifetime) =>
        new(act.NewId(Ids.PendingAuthentication), act.Incarnation, who.UserId, who.CredentialId, method, (act.Now + lifetime).ToUnixTimeMilliseconds());

    /// <summary>On the wire.</summary>
    public string Seal(ClusterKeys keys, string environmentId) => keys.Seal(Purpose, environmentId, JsonSerializer.SerializeToUtf8Bytes(this));

    /// <summary>Null when it is not one of this environment.</summary>
    public static PendingAuthentication? Open(ClusterKeys keys, string environmentId, string token) =>
        token.Length <= Longest && keys.Open(Purpose, environmentId, token) is { } bytes ? JsonSerializer.Deserialize<PendingAuthentication>(bytes) : null;

    /// <summary>Whether it may be used by this request: it is not over, and nobody else has used it.</summary>
    public bool IsGood(View view, Act act, string? request) => Authority == act.Incarnation && ExpiresAt > act.Time
        && view.Query<Use>("SELECT id AS Id, request AS Request FROM spends WHERE id = @spend", new { spend = SpendId }) is var uses
        && uses.TrueForAll(u => request is not null && u.Request == request);

    /// <summary>It is used up.</summary>
    public Change Spent(Act act, string? request) => Change.To(Schema.Spends, SpendId,
        ("environment_id", act.EnvironmentId), ("kind", "pending_authentication"), ("request", request), ("created_at", act.Time), ("expires_at", ExpiresAt));

    private string SpendId => Caller.Hash("pending_authentication\n" + Id);

    private sealed record Use(string Id, string? Request);
}
