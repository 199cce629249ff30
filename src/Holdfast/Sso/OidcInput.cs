using System.Security.Cryptography;
using Holdfast.Http;
using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Sso;

/// <summary>What a connection's settings of OpenID Connect and OAuth 2.0 become by a body, on top of those that stand.</summary>
internal static class OidcInput
{
    /// <summary>A new key where a body asks for one: the connection has none, or one for another algorithm. RSA takes a while, so it is made before the transaction that keeps it.</summary>
    public static OidcClientKey? MakeKey(ConnectionInput.OidcInput? input, OidcSettings? standing)
    {
        if (input is null || Method(input, standing) != ClientAuthentication.PrivateKey)
        {
            return null;
        }
        var algorithm = Algorithm(input, standing);
        return algorithm == standing?.ClientKey?.Algorithm || !OidcClientKey.Algorithms.Contains(algorithm) ? null : OidcClientKey.Make(algorithm);
    }

    /// <param name="made">What <see cref="MakeKey"/> gave.</param>
    /// <param name="allowHttpLoopback">A provider's address may be http on loopback: in <c>dev</c>.</param>
    public static OidcSettings? Settle(ConnectionInput.OidcInput input, string type, OidcSettings? standing, OidcClientKey? made, bool allowHttpLoopback, Fields fields)
    {
        var known = OAuthProvider.Of(type);
        var (discovery, issuer, baseUrl, tenant) = known is null ? Own(input, standing, fields) : Known(input, known, standing, allowHttpLoopback, fields);
        if (discovery is null)
        {
            fields.Fault("oidc.discovery_url", "required");
        }
        else
        {
            ConnectionInput.CheckUrl(fields, known is null ? "oidc.discovery_url" : "oidc.base_url", discovery, allowHttpLoopback);
        }
        var method = Method(input, standing);
        if (method is not null && !ClientAuthentication.Methods.Contains(method))
        {
            fields.Fault("oidc.token_endpoint_auth_method", "invalid");
        }
        if (input.TokenEndpointAuthSigningAlg.Value is { } algorithm && !OidcClientKey.Algorithms.Contains(algorithm))
        {
            fields.Fault("oidc.token_endpoint_auth_signing_alg", "invalid");
        }
        if (known is { SignsSecret: true } && method is not null)
        {
            fields.Fault("oidc.token_endpoint_auth_method", "does_not_fit_connection_type");
        }
        var clientId = input.ClientId.Is || standing is null ? fields.Required("oidc.client_id", input.ClientId) : standing.ClientId;
        var apple = known is { SignsSecret: true } ? Apple(input, standing, fields) : null;
        // What proves us to one provider does not follow to another. Our own key proves nothing to who has not loaded it.
        var isElsewhere = standing is not null && (discovery != standing.DiscoveryUrl || issuer != standing.Issuer);
        var needsSecret = method != ClientAuthentication.PrivateKey && apple is null && known is not { SignsSecret: true };
        var clientSecret = !needsSecret ? null
            : input.ClientSecret.Is || standing?.ClientSecret is null || isElsewhere ? fields.Required("oidc.client_secret", input.ClientSecret, 4096)
            : standing.ClientSecret;
        if (isElsewhere && known is { SignsSecret: true } && !input.Apple.Is)
        {
            fields.Fault("oidc.apple", "required");
        }
        var scopes = input.Scopes.Value is { } given ? [.. given.OfType<string>()] : standing?.Scopes ?? known?.Scopes ?? ["openid", "profile", "email"];
        if (scopes.Count > 50 || scopes.Any(s => s.Length is 0 or > 256 || s.Any(c => c is <= ' ' or > '~' or '"' or '\\')))
        {
            fields.Fault("oidc.scopes", "invalid");
        }
        var map = input.AttributeMap.Is ? ConnectionInput.Map("oidc", input.AttributeMap.Value, fields) : standing?.AttributeMap;
        if (known is not null && (map?.Id is not null || map?.Email is not null))
        {
            fields.Fault("oidc.attribute_map", "does_not_fit_connection_type");   // another claim is not what the provider has verified
        }
        return discovery is null ? null : new OidcSettings(
            discovery, issuer, clientId, clientSecret, scopes, map, method, method == ClientAuthentication.PrivateKey ? made ?? standing?.ClientKey : null, baseUrl, tenant, apple);
    }

    private static string? Method(ConnectionInput.OidcInput input, OidcSettings? standing) =>
        input.TokenEndpointAuthMethod.Is ? input.TokenEndpointAuthMethod.Value : standing?.AuthMethod;

    private static string Algorithm(ConnectionInput.OidcInput input, OidcSettings? standing) =>
        input.TokenEndpointAuthSigningAlg.Value ?? standing?.ClientKey?.Algorithm ?? "RS256";

    /// <summary>Where an organization's own identity provider is.</summary>
    private static (string? Discovery, string? Issuer, string? BaseUrl, string? Tenant) Own(ConnectionInput.OidcInput input, OidcSettings? standing, Fields fields)
    {
        var (discovery, issuer) = (standing?.DiscoveryUrl, standing?.Issuer);
        if (input.Issuer.Value is not null)
        {
            issuer = fields.Required("oidc.issuer", input.Issuer, 2048);
            discovery = ProviderMetadata.DiscoveryUrl(issuer);
        }
        if (input.DiscoveryUrl.Value is not null)
        {
            discovery = fields.Required("oidc.discovery_url", input.DiscoveryUrl, 2048);
            issuer = input.Issuer.Value;
        }
        foreach (var (name, isGiven) in new[] { ("base_url", input.BaseUrl.Value is not null), ("tenant_id", input.TenantId.Value is not null), ("apple", input.Apple.Value is not null) })
        {
            if (isGiven)
            {
                fields.Fault($"oidc.{name}", "does_not_fit_connection_type");
            }
        }
        return (discovery, issuer, null, null);
    }

    /// <summary>Where a provider is that has a table of its own.</summary>
    private static (string? Discovery, string? Issuer, string? BaseUrl, string? Tenant) Known(
        ConnectionInput.OidcInput input, OAuthProvider known, OidcSettings? standing, bool allowHttpLoopback, Fields fields)
    {
        if (input.DiscoveryUrl.Value is not null || input.Issuer.Value is not null)
        {
            fields.Fault(input.Issuer.Value is not null ? "oidc.issuer" : "oidc.discovery_url", "does_not_fit_connection_type");
        }
        var baseUrl = input.BaseUrl.Is ? fields.Optional("oidc.base_url", input.BaseUrl, 1024)?.TrimEnd('/') : standing?.BaseUrl;
        if (baseUrl is not null)
        {
            ConnectionInput.CheckUrl(fields, "oidc.base_url", baseUrl, allowHttpLoopback);
            if (baseUrl.Contains('?', StringComparison.Ordinal))
            {
                fields.Fault("oidc.base_url", "invalid_url");
            }
        }
        var tenant = input.TenantId.Is ? input.TenantId.Value : standing?.TenantId;
        if (tenant is not null && (!known.HasTenants || !Guid.TryParseExact(tenant, "D", out _)))
        {
            fields.Fault("oidc.tenant_id", known.HasTenants ? "invalid" : "does_not_fit_connection_type");
            tenant = null;
        }
        var discovery = OAuthProvider.At(known.Discovery ?? known.Plain!.Authorize, baseUrl);
        var issuer = known.Issuer is null ? null : OAuthProvider.At(known.Issuer, baseUrl);
        return tenant is null
            ? (discovery, issuer, baseUrl, null)
            : (discovery.Replace("/common/", $"/{tenant}/", StringComparison.Ordinal), issuer!.Replace("{tenantid}", tenant, StringComparison.Ordinal), baseUrl, tenant);
    }

    private static AppleKey? Apple(ConnectionInput.OidcInput input, OidcSettings? standing, Fields fields)
    {
        if (!input.Apple.Is && standing?.Apple is { } there)
        {
            return there;
        }
        if (input.Apple.Value is not { } given)
        {
            fields.Fault("oidc.apple", "required");
            return null;
        }
        var (team, id, pem) = (fields.Required("oidc.apple.team_id", given.TeamId, 64), fields.Required("oidc.apple.key_id", given.KeyId, 64), given.PrivateKey.Value ?? "");
        try
        {
            using var key = ECDsa.Create();
            if (pem.Length > 4096)
            {
                throw new ArgumentException("It is longer than any such key.");
            }
            key.ImportFromPem(pem);
            if (key.KeySize != 256 || key.ExportParameters(includePrivateParameters: true).D is null)
            {
                throw new ArgumentException("It is not a private key on P-256.");
            }
            return new AppleKey(team, new OidcClientKey(id, "ES256", Convert.ToBase64String(key.ExportPkcs8PrivateKey())));
        }
        catch (Exception fault) when (fault is CryptographicException or ArgumentException)
        {
            fields.Fault("oidc.apple.private_key", pem.Length == 0 ? "required" : "invalid_key");
            return null;
        }
    }
}
