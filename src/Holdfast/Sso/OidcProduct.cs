namespace Holdfast.Sso;

/// <summary>An OpenID provider's product, and where its administrator finds each setting of an application, in the product's own words.</summary>
/// <param name="Place">Where the settings of one application are.</param>
internal sealed record OidcProduct(string Name, string Place, string RedirectUri, string Credentials, string Claims, string Assignment)
{
    private static readonly OidcProduct Okta = new(
        "Okta", "Admin Console > Applications > the application", "General > Login > Sign-in redirect URIs", "General > Client Credentials",
        "Sign On > OpenID Connect ID Token, and Security > API > Authorization Servers > Claims", "Assignments");

    private static readonly OidcProduct Entra = new(
        "Microsoft Entra ID", "Entra admin center > App registrations > the application", "Authentication > Web > Redirect URIs", "Certificates & secrets",
        "Token configuration > Optional claims", "Enterprise applications > the application > Users and groups");

    private static readonly OidcProduct Google = new(
        "Google", "Google Cloud console > Google Auth Platform > Clients > the client", "Authorized redirect URIs", "Client secrets", "Data Access > scopes", "Audience");

    private static readonly Dictionary<string, OidcProduct> ByType = new(StringComparer.Ordinal)
    {
        ["OktaOIDC"] = Okta,
        ["EntraIdOIDC"] = Entra,
        ["MicrosoftOAuth"] = Entra with { Name = "Microsoft", Assignment = "Authentication > Supported account types" },
        ["GoogleOIDC"] = Google,
        ["GoogleOAuth"] = Google,
        ["AppleOAuth"] = new("Apple", "Apple Developer > Certificates, Identifiers & Profiles", "Identifiers > Services IDs > Sign in with Apple > Configure > Return URLs", "Keys",
            "Identifiers > Services IDs > Sign in with Apple", "Identifiers > Services IDs > Sign in with Apple"),
        ["GitHubOAuth"] = new("GitHub", "Settings > Developer settings > OAuth Apps > the application", "Authorization callback URL", "Client secrets",
            "the person's Settings > Emails > Primary email address", "the organization's Settings > Third-party Access"),
        ["GitLabOAuth"] = new("GitLab", "Applications > the application", "Redirect URI", "Secret", "Scopes", "Scopes"),
        ["LinkedInOAuth"] = new("LinkedIn", "Developer portal > My apps > the application", "Auth > Authorized redirect URLs", "Auth > Application credentials",
            "Products > Sign In with LinkedIn using OpenID Connect", "Products > Sign In with LinkedIn using OpenID Connect"),
        ["SlackOAuth"] = new("Slack", "api.slack.com > Your Apps > the application", "OAuth & Permissions > Redirect URLs", "Basic Information > App Credentials",
            "OAuth & Permissions > User Token Scopes", "Manage Distribution"),
        ["BitbucketOAuth"] = new("Bitbucket", "Workspace settings > OAuth consumers > the consumer", "Callback URL", "Key and Secret", "Permissions > Account > Email", "Permissions"),
        ["DiscordOAuth"] = new("Discord", "Developer Portal > Applications > the application", "OAuth2 > Redirects", "OAuth2 > Client information", "OAuth2 > scopes", "OAuth2"),
        ["SalesforceOAuth"] = new("Salesforce", "Setup > External Client App Manager > the application", "OAuth Settings > Callback URL", "OAuth Settings > Consumer Key and Secret",
            "OAuth Settings > OAuth Scopes", "Policies > Permitted Users"),
    };

    private static readonly Dictionary<string, string> OtherNames = new(StringComparer.Ordinal) { ["AdpOidc"] = "ADP", ["CleverOIDC"] = "Clever", ["LoginGovOidc"] = "Login.gov" };

    /// <summary>The product of a connection; for one whose pages we do not know, what the standard calls each setting.</summary>
    public static OidcProduct Of(string connectionType) => ByType.TryGetValue(connectionType, out var known) ? known : new(
        OtherNames.GetValueOrDefault(connectionType) ?? "the identity provider", "its settings for this client", "redirect_uris (also called callback or sign-in redirect URLs)",
        "client id, client secret and token endpoint authentication method", "scopes and claims", "who may use the application");
}
