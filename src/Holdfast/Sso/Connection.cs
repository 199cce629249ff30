using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>A connection as it is stored, with what denies say of it.</summary>
/// <param name="OrganizationId">Null for a provider of the whole environment's.</param>
/// <param name="State"><c>active</c>, <c>inactive</c> or <c>draft</c>.</param>
internal sealed record Connection(
    string Id, string EnvironmentId, string? OrganizationId, string ConnectionType, string Name, string State, string SettingsSealed, string? Domains,
    long CreatedAt, long UpdatedAt)
{
    public bool IsActive => State == "active";

    public string SealingPlace => PlaceOf(Id);

    public static string PlaceOf(string id) => $"connections/{id}/settings";

    public ConnectionSettings Open(ClusterKeys keys) =>
        JsonSerializer.Deserialize<ConnectionSettings>(keys.OpenAtRest(SealingPlace, SettingsSealed), JavaScriptJson.Options)!;

    public IReadOnlyList<string> DomainNames => Domains is null ? [] : JsonSerializer.Deserialize<List<string>>(Domains)!;
}

/// <summary>Where a connection lives on this server.</summary>
internal sealed record ConnectionAddresses(string PublicUrl, string ConnectionId)
{
    public string Acs => $"{PublicUrl}/sso/saml/acs/{ConnectionId}";

    /// <summary>Our entity id, which is also where our metadata is.</summary>
    public string SpMetadata => $"{PublicUrl}/sso/saml/metadata/{ConnectionId}";

    public string OidcCallback => $"{PublicUrl}/sso/oidc/callback/{ConnectionId}";

    /// <summary>Where the public half of the connection's own key is.</summary>
    public string Jwks => $"{PublicUrl}/sso/oidc/jwks/{ConnectionId}";

    /// <summary>Where the identity provider's logout messages arrive, by redirect and by post.</summary>
    public string Slo => $"{PublicUrl}/sso/saml/slo/{ConnectionId}";

    /// <summary>What the connection trusts.</summary>
    public SamlTrust Trust(SamlSettings saml, SpKeySet keys) => new(
        saml.IdpEntityId, saml.Certificates(), saml.SpEntityId ?? SpMetadata, saml.AcsUrl ?? Acs, saml.WantAssertionsSigned, saml.AllowSha1)
    {
        DecryptionCertificates = keys.Decrypting,
        AllowUnsolicited = saml.AllowIdpInitiated,
        AllowCbcUnsignedResponse = saml.AllowCbcUnsignedResponse,
        SloUrl = saml.IdpSloUrl is null ? null : Slo,
    };
}

/// <summary>A connection as the API shows it.</summary>
internal sealed record ConnectionBody(
    string Object, string Id, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? OrganizationId, string ConnectionType, string Name, string State, string Status,
    IReadOnlyList<ConnectionBody.DomainBody> Domains, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ConnectionBody.SamlBody? Saml,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ConnectionBody.OidcBody? Oidc,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] RoleMap? RoleMap)
{
    internal sealed record DomainBody(string Object, string Id, string Domain);

    /// <summary>What an administrator copies to the identity provider, and what was pasted from it.</summary>
    /// <param name="SpSloUrl">Null while the identity provider's own logout address is not known.</param>
    internal sealed record SamlBody(
        string AcsUrl, string SpEntityId, string SpMetadataUrl, string? SpSloUrl, string IdpEntityId, string IdpSsoUrl, string? IdpSloUrl,
        IReadOnlyList<CertificateBody> IdpCertificates, bool SignRequests, bool AllowIdpInitiated, bool WantAssertionsSigned, bool AllowSha1,
        bool AllowCbcUnsignedResponse, MetadataBody? Metadata);

    /// <summary>What is known from the identity provider's metadata address.</summary>
    /// <param name="Fault">Why the last reading could not be used; null when it could. What was taken before it goes on counting.</param>
    /// <param name="Pending">A change that waits for <c>metadata_accept</c>; null when none does.</param>
    internal sealed record MetadataBody(string Url, string Keys, DateTimeOffset? TakenAt, string? Fault, DateTimeOffset? FaultSince, PendingBody? Pending)
    {
        public static MetadataBody? Of(SamlSettings saml, MetadataState? state)
        {
            static DateTimeOffset? At(long? time) => time is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null;
            return saml.MetadataUrl is not { } url ? null : new MetadataBody(
                url, saml.MetadataKeys, At(state?.TakenAt), state?.Fault, At(state?.FaultSince),
                state?.Pending is { } pending
                    ? new PendingBody(
                        pending.Document.Version, pending.Why, At(pending.Since)!.Value, pending.Document.SsoUrl, pending.Document.SloUrl,
                        CertificateBody.Of(pending.Document.On(saml)))
                    : null);
        }
    }

    /// <param name="Version">What <c>metadata_accept</c> takes: this change, and no later one.</param>
    internal sealed record PendingBody(
        string Version, string Why, DateTimeOffset Since, string IdpSsoUrl, string? IdpSloUrl, IReadOnlyList<CertificateBody> IdpCertificates);

    /// <param name="Fingerprint">SHA-256 of the certificate, in hex.</param>
    internal sealed record CertificateBody(string Fingerprint, DateTimeOffset NotAfter)
    {
        public static IReadOnlyList<CertificateBody> Of(SamlSettings saml) =>
        [
            .. saml.Certificates().Select(c => new CertificateBody(
                c.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256).ToLowerInvariant(), c.NotAfter.ToUniversalTime())),
        ];
    }

    /// <param name="DiscoveryUrl">Null for a provider of plain OAuth 2.0, which has none.</param>
    /// <param name="TokenEndpointAuthMethod">As chosen; null leaves it to what the provider lists.</param>
    /// <param name="JwksUri">The connection's own key, for a provider that wants <c>private_key_jwt</c>; null for every other method.</param>
    internal sealed record OidcBody(
        string RedirectUri, string? DiscoveryUrl, string ClientId, IReadOnlyList<string> Scopes, string? TokenEndpointAuthMethod, string? JwksUri, string? BaseUrl);

    /// <param name="settings">As they count.</param>
    /// <param name="metadata">Null when nothing was read yet.</param>
    public static ConnectionBody Of(Connection connection, ConnectionSettings settings, string publicUrl, MetadataState? metadata = null)
    {
        var here = new ConnectionAddresses(publicUrl, connection.Id);
        return new ConnectionBody(
            "connection", connection.Id, connection.OrganizationId, connection.ConnectionType, connection.Name, connection.State,
            connection.IsActive ? "linked" : "unlinked",
            [.. connection.DomainNames.Select(d => new DomainBody("connection_domain", Ids.Derived(Ids.ConnectionDomain, [], connection.Id, d), d))],
            DateTimeOffset.FromUnixTimeMilliseconds(connection.CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(connection.UpdatedAt),
            settings.Saml is { } saml
                ? new SamlBody(saml.AcsUrl ?? here.Acs, saml.SpEntityId ?? here.SpMetadata, here.SpMetadata, saml.IdpSloUrl is null ? null : here.Slo,
                    saml.IdpEntityId, saml.IdpSsoUrl, saml.IdpSloUrl,
                    CertificateBody.Of(saml), saml.SignRequests, saml.AllowIdpInitiated, saml.WantAssertionsSigned, saml.AllowSha1,
                    saml.AllowCbcUnsignedResponse, MetadataBody.Of(saml, metadata))
                : null,
            settings.Oidc is { } oidc
                ? new OidcBody(here.OidcCallback, OAuthProvider.Of(connection.ConnectionType)?.Plain is null ? oidc.DiscoveryUrl : null, oidc.ClientId, oidc.Scopes, oidc.AuthMethod,
                    oidc.ClientKey is null ? null : here.Jwks, oidc.BaseUrl)
                : null,
            settings.Roles);
    }
}
