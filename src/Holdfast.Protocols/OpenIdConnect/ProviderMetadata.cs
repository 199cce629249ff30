using System.Text.Json;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>What an identity provider says of itself (OpenID Connect Discovery 1.0 §3).</summary>
/// <param name="Issuer">Compared byte by byte, never as a URL.</param>
/// <param name="UserinfoEndpoint">Null when it has none.</param>
/// <param name="EndSessionEndpoint">Null when it has none (RP-Initiated Logout 1.0 §2.1).</param>
/// <param name="TokenEndpointAuthMethods">As published; <c>client_secret_basic</c> when nothing was.</param>
/// <param name="SendsIssuer">It promises an <c>iss</c> in every authentication response (RFC 9207 §3), so one without is refused.</param>
public sealed record ProviderMetadata(
    string Issuer, string AuthorizationEndpoint, string TokenEndpoint, string JwksUri, string? UserinfoEndpoint, string? EndSessionEndpoint,
    IReadOnlyList<string> TokenEndpointAuthMethods, bool SendsIssuer)
{
    /// <summary>The largest document that is read, in bytes.</summary>
    public const int MaxBytes = 256 * 1024;

    private const string WellKnown = "/.well-known/openid-configuration";

    /// <summary>Whether two documents mean the same to us, however they are written.</summary>
    public bool SaysTheSameAs(ProviderMetadata other) =>
        (this with { TokenEndpointAuthMethods = other.TokenEndpointAuthMethods }) == other && TokenEndpointAuthMethods.SequenceEqual(other.TokenEndpointAuthMethods, StringComparer.Ordinal);

    /// <summary>Where an issuer publishes its document (OpenID Connect Discovery 1.0 §4).</summary>
    public static string DiscoveryUrl(string issuer) => issuer.TrimEnd('/') + WellKnown;

    /// <summary>The issuer that a discovery URL belongs to, without a slash at its end; null when the URL is not one of discovery.</summary>
    public static string? IssuerOf(string discoveryUrl) =>
        discoveryUrl.EndsWith(WellKnown, StringComparison.Ordinal) ? discoveryUrl[..^WellKnown.Length] : null;

    /// <param name="expectedIssuer">The issuer that the connection was configured with: the document must name exactly it (§4.3). Null takes the
    /// document's own, which is safe only while an administrator looks at it.</param>
    /// <param name="allowHttpLoopback">Also takes http addresses on loopback; for <c>holdfast dev</c>.</param>
    /// <param name="allowTenants">Takes an issuer for all tenants, if it is the expected one: for a provider whose accounts are anybody's.</param>
    public static ProviderMetadataVerdict Read(ReadOnlySpan<byte> json, string? expectedIssuer, bool allowHttpLoopback, bool allowTenants = false)
    {
        if (!StrictJson.TryReadObject(json, MaxBytes, out var document))
        {
            return Refused(ProviderMetadataRefusal.Malformed, $"not one JSON object of at most {MaxBytes} bytes");
        }
        if (!document.TryGetText("issuer", out var issuer))
        {
            return Refused(ProviderMetadataRefusal.IssuerMissing, "issuer");
        }
        if (issuer.Contains('{') && !(allowTenants && issuer == expectedIssuer && TenantIssuer.Is(issuer)))
        {
            // A document for all tenants of a provider: anyone can open a tenant there, so "any of them" is no issuer.
            return Refused(ProviderMetadataRefusal.IssuerIsTemplate, $"{issuer}: use the discovery URL of your own tenant");
        }
        if (expectedIssuer is not null && issuer != expectedIssuer)
        {
            return Refused(ProviderMetadataRefusal.IssuerMismatch, $"{issuer} instead of {expectedIssuer}");
        }
        if (!IsSafe(issuer, allowHttpLoopback) || issuer.AsSpan().ContainsAny('?', '#'))
        {
            return Refused(ProviderMetadataRefusal.IssuerUnsafe, issuer);
        }
        return ReadEndpoints(document, issuer, allowHttpLoopback);
    }

    private static ProviderMetadataVerdict ReadEndpoints(JsonElement document, string issuer, bool allowHttpLoopback)
    {
        string[] names = ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"];
        var urls = new string?[names.Length];
        for (var i = 0; i < names.Length; i++)
        {
            var needed = i < 3;
            if (!document.TryGetText(names[i], out urls[i]))
            {
                if (needed)
                {
                    return Refused(ProviderMetadataRefusal.EndpointMissing, names[i]);
                }
                continue;
            }
            if (!IsSafe(urls[i]!, allowHttpLoopback) || urls[i]!.Contains('#'))
            {
                return Refused(ProviderMetadataRefusal.EndpointUnsafe, $"{names[i]}: {urls[i]}");
            }
        }
        return new ProviderMetadataVerdict.Accepted(new ProviderMetadata(
            issuer, urls[0]!, urls[1]!, urls[2]!, urls[3], urls[4],
            document.TextsOrNull("token_endpoint_auth_methods_supported") ?? ["client_secret_basic"],
            document.TryGetProperty("authorization_response_iss_parameter_supported", out var sends) && sends.ValueKind == JsonValueKind.True));
    }

    /// <summary>https, or http to this machine where allowed; no user information.</summary>
    private static bool IsSafe(string url, bool allowHttpLoopback) =>
        !url.AsSpan().ContainsAnyExceptInRange('!', '~')   // it goes into headers as it is
        && Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && uri.UserInfo.Length == 0
        && (uri.Scheme == Uri.UriSchemeHttps || (allowHttpLoopback && uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));

    private static ProviderMetadataVerdict.Refused Refused(ProviderMetadataRefusal why, string detail) => new(why, detail);
}
