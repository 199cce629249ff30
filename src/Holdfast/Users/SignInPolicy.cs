using Holdfast.Storage;

namespace Holdfast.Users;

/// <summary>What is asked of people who sign in. An environment has one, and an organization may ask for more, never for less.</summary>
/// <param name="Mfa">Whether a second factor is asked for; who has one is asked for it in any case.</param>
/// <param name="MfaAfterSso">Also after a sign-in at an identity provider, which by itself is trusted to have asked.</param>
/// <param name="UpdatedAt">Unix milliseconds; null for one that nobody has set.</param>
internal sealed record SignInPolicy(string Mfa, bool MfaAfterSso, long? UpdatedAt)
{
    public const string Required = "required";

    /// <summary>Who wants one may have one.</summary>
    public const string Optional = "optional";

    /// <summary>Nobody is offered one.</summary>
    public const string Off = "off";

    private sealed record Row(string Id, string Mfa, long? MfaAfterSso, long? UpdatedAt);

    /// <summary>That of an environment or an organization alone.</summary>
    public static SignInPolicy Of(View view, string environmentId, string ownerId) => Of(Rows(view, environmentId, ownerId, ownerId));

    /// <summary>What holds for a sign-in.</summary>
    /// <param name="organizationId">Null while none is chosen, or for none.</param>
    public static SignInPolicy For(View view, string environmentId, string? organizationId) => Of(Rows(view, environmentId, environmentId, organizationId));

    private static List<Row> Rows(View view, string environmentId, string one, string? other) => view.Query<Row>(
        "SELECT id AS Id, mfa AS Mfa, mfa_after_sso AS MfaAfterSso, updated_at AS UpdatedAt FROM sign_in_policies "
        + "WHERE environment_id = @environmentId AND mfa IS NOT NULL AND (id = @one OR id = @other)", new { environmentId, one, other });

    /// <summary>The stricter of each.</summary>
    private static SignInPolicy Of(List<Row> rows) => new(
        rows.Exists(r => r.Mfa == Required) ? Required : rows.Exists(r => r.Mfa == Off) ? Off : Optional,
        rows.Exists(r => r.MfaAfterSso == 1), rows.Max(r => r.UpdatedAt));
}
