using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Holdfast.Sso;

/// <summary>How a connection speaks with its identity provider. Stored sealed: it holds a client secret.</summary>
/// <param name="Roles">Null while the connection says nothing of roles.</param>
internal sealed record ConnectionSettings(SamlSettings? Saml, OidcSettings? Oidc, RoleMap? Roles = null);

/// <param name="IdpCertificates">DER in base64; any of them may have signed.</param>
/// <param name="SpEntityId">Ours, where a customer's identity provider knows us by another; null for the one of this connection.</param>
/// <param name="AcsUrl">Where responses are addressed to, likewise; null for this connection's.</param>
/// <param name="SsoByPost">The identity provider takes requests by HTTP-POST alone.</param>
/// <param name="IdpSloResponseUrl">Where it wants answers to its own logout requests; null for where it takes ours.</param>
/// <param name="SloByPost">It takes logout messages by HTTP-POST alone.</param>
/// <param name="MetadataUrl">Where its metadata is read anew; null when it is not.</param>
/// <param name="MetadataKeys">When a change there is taken (<see cref="MetadataKeyRule"/>).</param>
/// <param name="AllowCbcUnsignedResponse">AES-CBC is taken though the response around it is not signed (decision 0011).</param>
/// <param name="LoginHintAsSubject">A sign-in's <c>login_hint</c> goes into the request as its Subject (Core §3.4.1). Off: many identity providers refuse a request that has one.</param>
internal sealed record SamlSettings(
    string IdpEntityId, string IdpSsoUrl, string? IdpSloUrl, IReadOnlyList<string> IdpCertificates, string? SpEntityId, string? AcsUrl,
    bool WantAssertionsSigned, bool AllowSha1, AttributeMap? AttributeMap,
    bool SignRequests = false, bool AllowIdpInitiated = false, bool SsoByPost = false, string? IdpSloResponseUrl = null, bool SloByPost = false,
    string? MetadataUrl = null, string MetadataKeys = MetadataKeyRule.Pinned, bool AllowCbcUnsignedResponse = false, bool LoginHintAsSubject = false)
{
    /// <summary>The certificates, read. They are pinned: dates and chains do not count.</summary>
    public IReadOnlyList<X509Certificate2> Certificates() => [.. IdpCertificates.Select(c => X509CertificateLoader.LoadCertificate(Convert.FromBase64String(c)))];

    /// <summary>When the last of them ends (UTC).</summary>
    public DateTimeOffset TrustedUntil => Certificates().Max(c => new DateTimeOffset(c.NotAfter.ToUniversalTime()));
}

/// <param name="DiscoveryUrl">Where the provider's document is; for plain OAuth 2.0 where people are sent.</param>
/// <param name="Issuer">The issuer that the document must name exactly; null when only the discovery URL is known.</param>
/// <param name="ClientSecret">Null where another proof stands for it.</param>
/// <param name="AuthMethod">How we prove ourselves at the token endpoint; null leaves it to what the provider lists.</param>
/// <param name="ClientKey">What <c>private_key_jwt</c> signs with; null for every other method.</param>
/// <param name="BaseUrl">Where a provider that has a table of its own is instead; null for where it is documented to be.</param>
/// <param name="TenantId">The one Microsoft tenant whose accounts are taken; null for any.</param>
/// <param name="Apple">What Apple's client secret is signed with; null for every other provider.</param>
internal sealed record OidcSettings(
    string DiscoveryUrl, string? Issuer, string ClientId, string? ClientSecret, IReadOnlyList<string> Scopes, AttributeMap? AttributeMap,
    string? AuthMethod = null, OidcClientKey? ClientKey = null, string? BaseUrl = null, string? TenantId = null, AppleKey? Apple = null);

/// <summary>A key that Apple gave to a team of developers; its name is Apple's.</summary>
internal sealed record AppleKey(string TeamId, OidcClientKey Key);

/// <summary>Which attribute or claim holds what; null leaves it to the usual names.</summary>
/// <param name="Custom">More of them, by the names that the profile's <c>custom_attributes</c> give them; null for none.</param>
internal sealed record AttributeMap(
    string? Id, string? Email, string? FirstName, string? LastName, string? Groups,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, string>? Custom = null)
{
    /// <summary>The most names beside the standard ones.</summary>
    public const int MostCustom = 50;

    /// <summary>What of all that an identity provider says has a name of its own here. It is read when a profile is shown, so a change of the map holds at once.</summary>
    public Dictionary<string, JsonElement> CustomOf(IReadOnlyDictionary<string, JsonElement> raw) => (Custom ?? new Dictionary<string, string>())
        .Where(c => raw.ContainsKey(c.Value)).ToDictionary(c => c.Key, c => raw[c.Value], StringComparer.Ordinal);

    public static bool IsCustomName(string name) => name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');
}
