using Holdfast.Storage;
using Holdfast.Storage.Rows;

namespace Holdfast.Environments;

/// <summary>Times of sign-ins that an environment or an organization has set, in seconds; null where the wider one decides.</summary>
/// <param name="MaxStaleness">The oldest data that signs a person in (law 6).</param>
/// <param name="CookieDomain">The domain above this server and the environment's browser applications; an environment's only.</param>
internal sealed record SignInSettings(long? MaxStaleness, long? AccessTokenLifetime, long? SessionLifetime, string? CookieDomain)
{
    public static readonly SignInSettings None = new(null, null, null, null);

    /// <param name="subject">The id of an environment or an organization.</param>
    public static SignInSettings Of(View view, string subject) => view.Find<SignInSettings>(
        "SELECT max_staleness AS MaxStaleness, access_token_lifetime AS AccessTokenLifetime, session_lifetime AS SessionLifetime, cookie_domain AS CookieDomain "
        + "FROM sign_in_settings WHERE id = @subject", new { subject }) ?? None;

    /// <summary>What an organization's sign-ins go by: its own word, else its environment's.</summary>
    public static SignInSettings Of(View view, string environmentId, string? organizationId)
    {
        var (wide, own) = (Of(view, environmentId), organizationId is null ? None : Of(view, organizationId));
        return new SignInSettings(
            own.MaxStaleness ?? wide.MaxStaleness, own.AccessTokenLifetime ?? wide.AccessTokenLifetime, own.SessionLifetime ?? wide.SessionLifetime, wide.CookieDomain);
    }

    public Change Row(string subject, string environmentId) => Change.To(Schema.SignInSettings, subject,
        ("environment_id", environmentId), ("max_staleness", MaxStaleness), ("access_token_lifetime", AccessTokenLifetime), ("session_lifetime", SessionLifetime),
        ("cookie_domain", CookieDomain));
}
