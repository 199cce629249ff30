using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Who somebody has proven to be, while something is still to be asked of them. Used once, only by the node that issued it (law 5), and for that one next step.</summary>
/// <param name="EmailVerificationId">What is asked is the code of this verification; null when it is something else.</param>
/// <param name="ExpiresAt">Unix milliseconds.</param>
/// <param name="OrganizationId">Where they sign in to, as far as that is settled.</param>
/// <param name="FactorId">The second factor that they have shown; null for none.</param>
/// <param name="Next">What is asked; null in one that an elder release issued.</param>
/// <param name="FactorIds">The factors of which one is asked: what is enrolled from now on is none of them.</param>
internal sealed record PendingAuthentication(
    string Id, string Authority, string UserId, string? CredentialId, string Method, string? EmailVerificationId, long ExpiresAt, string? OrganizationId = null,
    string? FactorId = null, string? Next = null, IReadOnlyList<string>? FactorIds = null)
{
    public const string Mailbox = "mailbox";
    public const string Organization = "organization";

    /// <summary>A factor that they have is to be shown.</summary>
    public const string Factor = "factor";

    /// <summary>They have none, and must have one.</summary>
    public const string Enrollment = "enrollment";

    /// <summary>At a hosted page: they look at their new recovery codes.</summary>
    public const string RecoveryCodes = "recovery_codes";

    /// <summary>At a hosted page: they are offered a passkey.</summary>
    public const string Passkey = "passkey";

    /// <summary>At a hosted page: they say whether a device is signed in as them.</summary>
    public const string Device = "device";

    private const string Purpose = "pending-authentication";

    public static PendingAuthentication Of(
        Act act, SignedIn who, string method, TimeSpan lifetime, string next, string? emailVerificationId = null, IReadOnlyList<string>? factorIds = null) => new(
        act.NewId(Ids.PendingAuthentication), act.Incarnation, who.UserId, who.CredentialId, method, emailVerificationId, (act.Now + lifetime).ToUnixTimeMilliseconds(),
        who.OrganizationId, who.FactorId, next, factorIds);

    /// <summary>Who they are, as far as it is proven.</summary>
    public SignedIn Who => new(UserId, CredentialId, OrganizationId, FactorId: FactorId);

    /// <summary>Whether it asks for this. None of them stands in for another.</summary>
    public bool Asks(string step) => (Next ?? (EmailVerificationId is null ? Organization : Mailbox)) == step;

    /// <summary>On the wire.</summary>
    public string Seal(ClusterKeys keys, string environmentId) => SealedToken.MakeFor(keys, Purpose, environmentId, Authority, this);

    /// <summary>Null when it is not one of this environment.</summary>
    public static PendingAuthentication? Open(ClusterKeys keys, string environmentId, string token) =>
        SealedToken.ReadFor<PendingAuthentication>(keys, Purpose, environmentId, token, p => p.Authority);

    /// <summary>Whether it may be used by this request: it is not over, nobody else has used it, and what it rests upon stands: the user, their password, the factor that they showed.</summary>
    public bool IsGood(View view, Act act, string? request) => Authority == act.Incarnation && ExpiresAt > act.Time
        && view.Query<Use>("SELECT id AS Id, request AS Request FROM spends WHERE id = @spend", new { spend = SpendId }) is var uses
        && uses.TrueForAll(u => request is not null && u.Request == request)
        && !Denied.Is(view, UserId)
        && (CredentialId is null || !Credential.IsReset(Credential.Of(view, act.EnvironmentId, UserId), CredentialId))
        && (FactorId is null || !Users.Factor.IsOver(view, act.EnvironmentId, FactorId));

    /// <summary>Whether it asks somebody who had no app to set one up, and they have another than this by now: that one is what is asked for.</summary>
    public bool IsOvertaken(View view, string environmentId, string factorId) =>
        Asks(Enrollment) && Users.Factor.Of(view, environmentId, UserId, Users.Factor.Totp).Exists(f => f.Id != factorId);

    /// <summary>It is used up.</summary>
    public Change Spent(Act act, string? request) => Change.To(Schema.Spends, SpendId,
        ("environment_id", act.EnvironmentId), ("kind", "pending_authentication"), ("request", request), ("created_at", act.Time), ("expires_at", ExpiresAt));

    private string SpendId => Caller.Hash("pending_authentication\n" + Id);

    private sealed record Use(string Id, string? Request);
}
