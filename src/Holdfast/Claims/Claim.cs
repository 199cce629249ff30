using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Claims;

/// <summary>Who a unique value belongs to: (environment, kind, value) → holder, with a term that rises whenever it changes hands (architecture §2).</summary>
/// <param name="Holder">An id; null after it was given up.</param>
/// <param name="Verified">1 when the value is proven to be the holder's, else 0.</param>
internal sealed record Claim(string? Holder, long Term, long Verified)
{
    /// <summary>External ids of organizations.</summary>
    public const string OrganizationExternalId = "organization.external_id";

    /// <summary>Customers' ids at the billing provider.</summary>
    public const string StripeCustomer = "organization.stripe_customer_id";

    /// <summary>Domains that are verified for an organization.</summary>
    public const string VerifiedDomain = "organization.domain";

    /// <summary>Addresses of users.</summary>
    public const string UserEmail = "user.email";

    /// <summary>External ids of users.</summary>
    public const string UserExternalId = "user.external_id";

    /// <summary>Profiles of Single Sign-On, by their id: which user they are.</summary>
    public const string UserSsoProfile = "user.sso_profile";

    /// <summary>Invitations, by their id: who accepted.</summary>
    public const string Invitation = "invitation";

    /// <summary>Slugs of feature flags.</summary>
    public const string FlagSlug = "flag.slug";

    /// <summary>Names under which environments are served; of no environment.</summary>
    public const string CustomDomain = "environment.custom_domain";

    /// <summary>The claim on a value; null when nobody ever had it.</summary>
    public static Claim? Find(View view, string environmentId, string kind, string value) => view.Find<Claim>(
        "SELECT holder AS Holder, term AS Term, verified AS Verified FROM claims WHERE environment_id = @environmentId AND kind = @kind AND value = @value",
        new { environmentId, kind, value });

    /// <summary>Whether somebody other than <paramref name="holder"/> holds the value now: given up and deleted holders hold nothing.</summary>
    public static bool IsTaken(View view, string environmentId, string kind, string value, string holder) =>
        Find(view, environmentId, kind, value) is { Holder: { } other } && other != holder && !Denied.Is(view, other);

    /// <summary>A condition in SQL: the row of this table and column holds the value in it. Of two that took one apart, one does.</summary>
    public static string IsHeld(string kind, string environment, string value, string holder) =>
        $"EXISTS (SELECT 1 FROM claims c WHERE c.environment_id = {environment} AND c.kind = '{kind}' AND c.value = {value} AND c.holder = {holder})";

    /// <summary>Gives the value to a holder. The caller has seen that it is not taken.</summary>
    public static Change Give(View view, string environmentId, byte[] idKey, string kind, string value, string holder, bool verified) =>
        Pass(view, environmentId, idKey, kind, value, holder, verified);

    /// <summary>Gives the value up; null when somebody else holds it, who must not lose it by that.</summary>
    public static Change? GiveUp(View view, string environmentId, byte[] idKey, string kind, string value, string holder) =>
        Find(view, environmentId, kind, value)?.Holder == holder ? Pass(view, environmentId, idKey, kind, value, null, verified: false) : null;

    private static Change Pass(View view, string environmentId, byte[] idKey, string kind, string value, string? holder, bool verified)
    {
        var term = (Find(view, environmentId, kind, value)?.Term ?? 0) + 1;
        return Give(environmentId, idKey, kind, value, holder, term, verified);
    }

    /// <summary>The same under a term that the caller has found out.</summary>
    public static Change Give(string environmentId, byte[] idKey, string kind, string value, string? holder, long term, bool verified) => Change.To(
        Schema.Claims, Ids.Derived("claim_", idKey, kind, value),
        ("holder", holder), ("term", term), ("verified", verified), ("environment_id", environmentId), ("kind", kind), ("value", value));
}
