using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Who somebody has proven to be, while something is still to be asked of them. Used once, and only by the node that issued it (law 5).</summary>
/// <param name="EmailVerificationId">What is asked is the code of this verification; null when it is something else.</param>
/// <param name="ExpiresAt">Unix milliseconds.</param>
internal sealed record PendingAuthentication(string Id, string Authority, string UserId, string? CredentialId, string Method, string? EmailVerificationId, long ExpiresAt)
{
    private const string Purpose = "pending-authentication";

    public static PendingAuthentication Of(Act act, SignedIn who, string method, TimeSpan lifetime, string? emailVerificationId = null) =>
        new(act.NewId(Ids.PendingAuthentication), act.Incarnation, who.UserId, who.CredentialId, method, emailVerificationId, (act.Now + lifetime).ToUnixTimeMilliseconds());

    /// <summary>On the wire.</summary>
    public string Seal(ClusterKeys keys, string environmentId) => SealedToken.Make(keys, Purpose, environmentId, this);

    /// <summary>Null when it is not one of this environment.</summary>
    public static PendingAuthentication? Open(ClusterKeys keys, string environmentId, string token) =>
        SealedToken.Read<PendingAuthentication>(keys, Purpose, environmentId, token);

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
