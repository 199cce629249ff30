using System.Text.Json;
using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Sso;

/// <summary>A provider whose accounts are anybody's, as its documentation describes it: where it is, what it is asked for, what it says, and where it departs from the standard.
/// Nobody's organization vouches for such an account, so without an address that the provider says it has verified there is no sign-in.</summary>
/// <param name="Scopes">What is asked for where the connection does not say.</param>
internal sealed record OAuthProvider(string Type, IReadOnlyList<string> Scopes)
{
    /// <summary>Where its discovery document is; null for plain OAuth 2.0.</summary>
    public string? Discovery { get; init; }

    /// <summary>The issuer that the document must name.</summary>
    public string? Issuer { get; init; }

    /// <summary>Null where a discovery document says it.</summary>
    public PlainEndpoints? Plain { get; init; }

    /// <summary>It gives back a nonce in its ID token.</summary>
    public bool HasNonce { get; init; } = true;

    /// <summary>It takes a code challenge, or at least passes it over.</summary>
    public bool HasPkce { get; init; } = true;

    /// <summary>It posts its answer when it is asked for names or addresses.</summary>
    public bool AnswersByPost { get; init; }

    /// <summary>Its issuer is one for each tenant, and the document names none.</summary>
    public bool HasTenants { get; init; }

    /// <summary>Its client secret is a JWT, signed with a key that it gave.</summary>
    public bool SignsSecret { get; init; }

    /// <summary>It tells a person's name at their first sign-in only, beside its answer.</summary>
    public bool TellsNamesOnce { get; init; }

    /// <summary>Brings what it says into the standard's claims; null where they are that already.</summary>
    public Action<Dictionary<string, JsonElement>>? Settle { get; init; }

    private static readonly string[] OpenId = ["openid", "profile", "email"];

    public static readonly IReadOnlyDictionary<string, OAuthProvider> ByType = new OAuthProvider[]
    {
        new("GoogleOAuth", OpenId) { Discovery = "https://accounts.google.com/.well-known/openid-configuration", Issuer = "https://accounts.google.com" },
        new("MicrosoftOAuth", OpenId)
        {
            Discovery = "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration", Issuer = "https://login.microsoftonline.com/{tenantid}/v2.0",
            HasTenants = true, Settle = SettleMicrosoft,
        },
        new("AppleOAuth", ["openid", "name", "email"])
        {
            Discovery = "https://appleid.apple.com/.well-known/openid-configuration", Issuer = "https://appleid.apple.com",
            AnswersByPost = true, SignsSecret = true, TellsNamesOnce = true,
        },
        new("GitLabOAuth", OpenId) { Discovery = "https://gitlab.com/.well-known/openid-configuration", Issuer = "https://gitlab.com" },
        // It refuses a code verifier as a wrong client, and gives back no nonce: a flow is kept to its browser by state alone.
        new("LinkedInOAuth", OpenId)
        {
            Discovery = "https://www.linkedin.com/oauth/.well-known/openid-configuration", Issuer = "https://www.linkedin.com/oauth", HasNonce = false, HasPkce = false,
        },
        new("SlackOAuth", OpenId) { Discovery = "https://slack.com/.well-known/openid-configuration", Issuer = "https://slack.com" },
        new("SalesforceOAuth", OpenId) { Discovery = "https://login.salesforce.com/.well-known/openid-configuration", Issuer = "https://login.salesforce.com" },
        new("GitHubOAuth", ["read:user", "user:email"])
        {
            Plain = new("https://github.com/login/oauth/authorize", "https://github.com/login/oauth/access_token", "https://api.github.com/user", "https://api.github.com/user/emails",
                ClientAuthentication.Post, ReadGitHub),
        },
        new("BitbucketOAuth", ["account", "email"])
        {
            Plain = new("https://bitbucket.org/site/oauth2/authorize", "https://bitbucket.org/site/oauth2/access_token", "https://api.bitbucket.org/2.0/user",
                "https://api.bitbucket.org/2.0/user/emails", ClientAuthentication.Basic, ReadBitbucket),
        },
        new("DiscordOAuth", ["identify", "email"])
        {
            Plain = new("https://discord.com/oauth2/authorize", "https://discord.com/api/oauth2/token", "https://discord.com/api/users/@me", null, ClientAuthentication.Basic, ReadDiscord),
        },
    }.ToDictionary(p => p.Type, StringComparer.Ordinal);

    /// <summary>Null for a type that is an organization's own identity provider.</summary>
    public static OAuthProvider? Of(string connectionType) => ByType.GetValueOrDefault(connectionType);

    /// <summary>An address of the provider's; where the connection has a base of its own (a self-hosted installation), that address there.</summary>
    public static string At(string url, string? baseUrl) =>
        baseUrl is null ? url : baseUrl.TrimEnd('/') + (url.IndexOf('/', "https://".Length) is var path and > 0 ? url[path..] : "");

    /// <summary>The same as a discovery document would say it.</summary>
    public ProviderMetadata? Metadata(string? baseUrl) => Plain is null ? null : new(
        new Uri(At(Plain.Authorize, baseUrl)).GetLeftPart(UriPartial.Authority), At(Plain.Authorize, baseUrl), At(Plain.Token, baseUrl), "", At(Plain.Account, baseUrl), null,
        [Plain.AuthMethod], SendsIssuer: false);

    /// <summary>An address in a Microsoft account may be any text that its tenant's administrator wrote; whether the tenant owns its domain, an optional claim says.</summary>
    private static void SettleMicrosoft(Dictionary<string, JsonElement> claims) => claims["email_verified"] = Value(claims.TryGetValue("xms_edov", out var owned) && (
        owned.ValueKind == JsonValueKind.True || (owned.ValueKind == JsonValueKind.Number && owned.TryGetInt32(out var one) && one == 1)
        || (owned.ValueKind == JsonValueKind.String && (owned.ValueEquals("1") || owned.ValueEquals("true")))));

    private static Dictionary<string, JsonElement>? ReadGitHub(JsonElement account, JsonElement? emails) =>
        emails is { ValueKind: JsonValueKind.Array } list ? Claims(account, Number(account, "id"), Text(account, "name"), Primary(list, "primary", "verified")) : null;

    private static Dictionary<string, JsonElement>? ReadBitbucket(JsonElement account, JsonElement? emails) =>
        emails is { ValueKind: JsonValueKind.Object } page && page.TryGetProperty("values", out var list) && list.ValueKind == JsonValueKind.Array
            ? Claims(account, Text(account, "uuid"), Text(account, "display_name"), Primary(list, "is_primary", "is_confirmed"))
            : null;

    private static Dictionary<string, JsonElement>? ReadDiscord(JsonElement account, JsonElement? emails) => Claims(
        account, Text(account, "id"), Text(account, "global_name"), Text(account, "email") is { } address ? (address, IsTrue(account, "verified")) : null);

    /// <summary>What an account says, with the standard's claims in front: what stands under their names in it says something else.</summary>
    private static Dictionary<string, JsonElement>? Claims(JsonElement account, string? subject, string? name, (string Address, bool IsVerified)? email)
    {
        if (subject is null)
        {
            return null;
        }
        var claims = account.EnumerateObject().ToDictionary(p => p.Name, p => p.Value, StringComparer.Ordinal);
        foreach (var standard in new[] { "sub", "email", "email_verified", "given_name", "family_name" })
        {
            claims.Remove(standard);
        }
        claims["sub"] = Value(subject);
        if (email is var (address, isVerified))
        {
            (claims["email"], claims["email_verified"]) = (Value(address), Value(isVerified));
        }
        if (name?.Trim() is { Length: > 0 } full)
        {
            var space = full.IndexOf(' ', StringComparison.Ordinal);
            claims["given_name"] = Value(space < 0 ? full : full[..space]);
            if (space > 0)
            {
                claims["family_name"] = Value(full[(space + 1)..].Trim());
            }
        }
        return claims;
    }

    /// <summary>The account's main address. Another one of it is not who the person says they are, verified or not.</summary>
    private static (string Address, bool IsVerified)? Primary(JsonElement list, string primary, string verified) => list.EnumerateArray()
        .Where(e => e.ValueKind == JsonValueKind.Object && IsTrue(e, primary) && Text(e, "email") is not null)
        .Select(e => ((string, bool)?)(Text(e, "email")!, IsTrue(e, verified))).FirstOrDefault();

    private static bool IsTrue(JsonElement json, string name) => json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private static string? Number(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)
            ? number.ToString(System.Globalization.CultureInfo.InvariantCulture)
            : null;

    private static JsonElement Value<T>(T value) => JsonSerializer.SerializeToElement(value);
}

/// <summary>A provider of plain OAuth 2.0: who signed in is asked of its API.</summary>
/// <param name="Emails">Where the account's addresses are, where the account itself does not hold them; null where it does.</param>
/// <param name="AuthMethod">How clients prove themselves.</param>
/// <param name="Read">The standard's claims from what it says of the account and of its addresses; null when it does not say who it is.</param>
internal sealed record PlainEndpoints(
    string Authorize, string Token, string Account, string? Emails, string AuthMethod, Func<JsonElement, JsonElement?, Dictionary<string, JsonElement>?> Read);
