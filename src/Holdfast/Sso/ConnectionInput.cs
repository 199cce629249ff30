using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>The body of creating and of changing a connection.</summary>
internal sealed record ConnectionInput(
    Given<string> OrganizationId, Given<string> ConnectionType, Given<string> Name, Given<List<string?>> Domains, Given<string> State,
    Given<ConnectionInput.SamlInput> Saml, Given<ConnectionInput.OidcInput> Oidc, Given<ConnectionInput.RoleMapInput> RoleMap)
{
    /// <summary>The most certificates that one connection pins: the work of a sign-in is bounded by it.</summary>
    public const int MostCertificates = 10;

    public sealed record SamlInput(
        Given<string> MetadataXml, Given<string> MetadataUrl, Given<string> IdpEntityId, Given<string> IdpSsoUrl, Given<List<string?>> IdpCertificates,
        Given<string> IdpSloUrl, Given<string> SpEntityId, Given<string> AcsUrl, Given<bool?> SignRequests, Given<bool?> AllowIdpInitiated,
        Given<bool?> WantAssertionsSigned, Given<bool?> AllowSha1, Given<MapInput> AttributeMap, Given<string> MetadataKeys, Given<string> MetadataAccept,
        Given<bool?> AllowCbcUnsignedResponse, Given<bool?> LoginHintAsSubject)
    {
        /// <summary>Whether it says anything of the identity provider. Then it is laid over what counts, with what was taken of metadata; else that goes on counting by itself.</summary>
        public bool IsOfProvider => MetadataXml.Is || MetadataUrl.Is || MetadataAccept.Is || IdpEntityId.Is || IdpSsoUrl.Is || IdpCertificates.Is || IdpSloUrl.Is;
    }

    public sealed record OidcInput(
        Given<string> DiscoveryUrl, Given<string> Issuer, Given<string> ClientId, Given<string> ClientSecret, Given<List<string?>> Scopes, Given<MapInput> AttributeMap,
        Given<string> TokenEndpointAuthMethod, Given<string> TokenEndpointAuthSigningAlg, Given<string> BaseUrl, Given<string> TenantId, Given<AppleInput> Apple);

    /// <param name="PrivateKey">The key's file, as Apple gives it: PEM of PKCS#8.</param>
    public sealed record AppleInput(Given<string> TeamId, Given<string> KeyId, Given<string> PrivateKey);

    public sealed record MapInput(Given<string> Id, Given<string> Email, Given<string> FirstName, Given<string> LastName, Given<string> Groups)
    {
        /// <summary>Names beyond the standard ones: the profile's <c>custom_attributes</c>.</summary>
        [JsonExtensionData]
        public IDictionary<string, JsonElement>? Others { get; init; }
    }

    public sealed record RoleMapInput(Given<string> Default, Given<List<RoleMapInput.RuleInput?>> Rules)
    {
        public sealed record RuleInput(Given<string> Group, Given<string> Role);
    }

    /// <summary>Connection types as the objects spell them.</summary>
    public static readonly IReadOnlySet<string> Types = new HashSet<string>(StringComparer.Ordinal)
    {
        "ADFSSAML", "AdpOidc", "Auth0SAML", "AzureSAML", "CasSAML", "ClassLinkSAML", "CleverOIDC", "CloudflareSAML", "CyberArkSAML", "DuoSAML", "EntraIdOIDC",
        "GenericOIDC", "GenericSAML", "GoogleOIDC", "GoogleSAML", "JumpCloudSAML", "KeycloakSAML", "LastPassSAML", "LoginGovOidc", "MiniOrangeSAML", "NetIqSAML",
        "OktaOIDC", "OktaSAML", "OneLoginSAML", "OracleSAML", "PingFederateSAML", "PingOneSAML", "RipplingSAML", "SalesforceSAML", "ShibbolethGenericSAML",
        "ShibbolethSAML", "SimpleSamlPhpSAML", "VMwareSAML",
    }.Concat(OAuthProvider.ByType.Keys).ToHashSet(StringComparer.Ordinal);

    public static bool IsSamlType(string type) => type.EndsWith("SAML", StringComparison.Ordinal);

    /// <summary>Domains in lower case and ASCII; null when none were given.</summary>
    public IReadOnlyList<string>? CheckDomains(Fields fields)
    {
        if (Domains.Value is not { } given)
        {
            return null;
        }
        var names = given.Select(OrganizationInput.Normalize).ToList();
        if (names.Count > OrganizationInput.MostDomains || names.Contains(null))
        {
            fields.Fault("domains", names.Contains(null) ? "invalid_domain" : "too_many");
        }
        return [.. names.OfType<string>().Distinct()];
    }

    /// <summary>The roles that this body asks for; null for none.</summary>
    public RoleMap? CheckRoles(Fields fields)
    {
        if (RoleMap.Value is not { } given)
        {
            return null;
        }
        var rules = given.Rules.Value ?? [];
        if (rules.Count > Sso.RoleMap.MostRules)
        {
            fields.Fault("role_map.rules", "too_many");
            return null;
        }
        if (given.Default.Value is not null && !Sso.RoleMap.IsSlug(given.Default.Value))
        {
            fields.Fault("role_map.default", "invalid");
        }
        if (rules.Any(r => !Sso.RoleMap.IsSlug(r?.Role.Value)))
        {
            fields.Fault("role_map.rules.role", "invalid");
        }
        return new RoleMap(given.Default.Value ?? Sso.RoleMap.Member, [.. rules.Select(r => new RoleMap.Rule(fields.Required("role_map.rules.group", r?.Group ?? default), r?.Role.Value ?? ""))]);
    }

    /// <summary>The SAML settings that this body asks for, on top of those that stand.</summary>
    /// <param name="metadata">The document at <c>metadata_url</c>, if it was fetched.</param>
    /// <param name="pending">What waits to be accepted; null when nothing does.</param>
    /// <param name="allowHttpLoopback">An identity provider's address may be http on loopback: in <c>dev</c>.</param>
    public static SamlSettings? Settle(
        SamlInput input, SamlSettings? standing, byte[]? metadata, MetadataDocument? pending, bool allowHttpLoopback, Fields fields)
    {
        var (entityId, ssoUrl, sloUrl) = (standing?.IdpEntityId, standing?.IdpSsoUrl, standing?.IdpSloUrl);
        var (ssoByPost, sloByPost, sloResponseUrl) = (standing?.SsoByPost ?? false, standing?.SloByPost ?? false, standing?.IdpSloResponseUrl);
        var signs = standing?.SignRequests ?? false;
        var certificates = standing?.IdpCertificates.ToList();
        metadata ??= input.MetadataXml.Value is { } xml ? Encoding.UTF8.GetBytes(xml) : null;
        if (metadata is not null)
        {
            var place = input.MetadataXml.Value is null ? "saml.metadata_url" : "saml.metadata_xml";
            switch (IdpMetadata.Read(metadata))
            {
                case IdpMetadataVerdict.Accepted read:
                    (entityId, signs) = (read.EntityId, signs | read.WantsSignedRequests);
                    Take(MetadataDocument.Of(read));
                    break;
                case IdpMetadataVerdict.Refused refused:
                    fields.Fault(place, refused.Why.ToString());
                    break;
            }
        }
        if (input.MetadataAccept.Value is { } version)
        {
            if (pending?.Version != version)
            {
                fields.Fault("saml.metadata_accept", "not_pending");
            }
            else
            {
                Take(pending);
            }
        }
        entityId = input.IdpEntityId.Is ? fields.Required("saml.idp_entity_id", input.IdpEntityId) : entityId;
        if (input.IdpSsoUrl.Is && input.IdpSsoUrl.Value != ssoUrl)
        {
            (ssoUrl, ssoByPost) = (fields.Required("saml.idp_sso_url", input.IdpSsoUrl, 2048), false);   // how the old one was spoken to says nothing of another
        }
        if (input.IdpSloUrl.Is && input.IdpSloUrl.Value != sloUrl)
        {
            (sloUrl, sloResponseUrl, sloByPost) = (fields.Optional("saml.idp_slo_url", input.IdpSloUrl, 2048), null, false);
        }
        if (input.IdpCertificates.Value is { } pems)
        {
            certificates = [.. ReadCertificates(pems, fields)];
        }
        if (entityId is null || ssoUrl is null || certificates is not { Count: > 0 })
        {
            if (fields.Refusal is null)
            {
                fields.Fault(entityId is null ? "saml.idp_entity_id" : ssoUrl is null ? "saml.idp_sso_url" : "saml.idp_certificates", "required");
            }
            return null;
        }
        if (certificates.Count > MostCertificates)
        {
            fields.Fault("saml.idp_certificates", "too_many");
        }
        CheckUrl(fields, "saml.idp_sso_url", ssoUrl, allowHttpLoopback);
        foreach (var url in new[] { sloUrl, sloResponseUrl }.OfType<string>())
        {
            CheckUrl(fields, "saml.idp_slo_url", url, allowHttpLoopback);
        }
        if (input.AcsUrl.Value is { } acs)
        {
            CheckUrl(fields, "saml.acs_url", acs, allowHttpLoopback);
        }
        if (input.MetadataKeys.Value is { } rule && !MetadataKeyRule.Are(rule))
        {
            fields.Fault("saml.metadata_keys", "invalid");
        }
        if (input.SpEntityId.Value is { } ours && string.IsNullOrWhiteSpace(ours))
        {
            fields.Fault("saml.sp_entity_id", "required");
        }
        return new SamlSettings(
            entityId, ssoUrl, sloUrl, certificates,
            input.SpEntityId.Is ? fields.Optional("saml.sp_entity_id", input.SpEntityId) : standing?.SpEntityId,
            input.AcsUrl.Is ? input.AcsUrl.Value : standing?.AcsUrl,
            input.WantAssertionsSigned.Value ?? standing?.WantAssertionsSigned ?? false,
            input.AllowSha1.Value ?? standing?.AllowSha1 ?? false,
            input.AttributeMap.Is ? Map("saml", input.AttributeMap.Value, fields) : standing?.AttributeMap,
            input.SignRequests.Value ?? signs,
            input.AllowIdpInitiated.Value ?? standing?.AllowIdpInitiated ?? false,
            ssoByPost, sloResponseUrl, sloByPost,
            input.MetadataUrl.Or(standing?.MetadataUrl), input.MetadataKeys.Value ?? standing?.MetadataKeys ?? MetadataKeyRule.Pinned,
            input.AllowCbcUnsignedResponse.Value ?? standing?.AllowCbcUnsignedResponse ?? false, input.LoginHintAsSubject.Value ?? standing?.LoginHintAsSubject ?? false);

        void Take(MetadataDocument document)
        {
            (ssoUrl, ssoByPost, certificates) = (document.SsoUrl, document.SsoByPost, [.. document.Certificates]);
            (sloUrl, sloResponseUrl, sloByPost) = (document.SloUrl, document.SloResponseUrl, document.SloByPost);
        }
    }

    internal static AttributeMap? Map(string place, MapInput? map, Fields fields) => map is null ? null : new AttributeMap(
        fields.Optional($"{place}.attribute_map.id", map.Id), fields.Optional($"{place}.attribute_map.email", map.Email),
        fields.Optional($"{place}.attribute_map.first_name", map.FirstName), fields.Optional($"{place}.attribute_map.last_name", map.LastName),
        fields.Optional($"{place}.attribute_map.groups", map.Groups), Custom($"{place}.attribute_map", map.Others, fields));

    private static Dictionary<string, string>? Custom(string place, IDictionary<string, JsonElement>? others, Fields fields)
    {
        var given = (others ?? new Dictionary<string, JsonElement>()).Where(o => o.Value.ValueKind != JsonValueKind.Null).ToList();
        if (given.Count > Sso.AttributeMap.MostCustom)
        {
            fields.Fault(place, "too_many");
            return null;
        }
        var custom = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in given)
        {
            if (!Sso.AttributeMap.IsCustomName(name) || value.ValueKind != JsonValueKind.String)
            {
                fields.Fault(Sso.AttributeMap.IsCustomName(name) ? $"{place}.{name}" : place, Sso.AttributeMap.IsCustomName(name) ? "invalid_type" : "invalid_name");
                continue;
            }
            custom[name] = fields.Required($"{place}.{name}", new Given<string>(true, value.GetString()));
        }
        return custom.Count == 0 ? null : custom;
    }

    private static List<string> ReadCertificates(List<string?> pems, Fields fields)
    {
        var read = new List<string>();
        if (pems.Count > MostCertificates)
        {
            fields.Fault("saml.idp_certificates", "too_many");
            return read;
        }
        foreach (var pem in pems)
        {
            try
            {
                var text = pem ?? "";
                using var certificate = text.Contains("-----BEGIN", StringComparison.Ordinal)
                    ? X509Certificate2.CreateFromPem(text)
                    : X509CertificateLoader.LoadCertificate(Convert.FromBase64String(text));   // as metadata has it, without the armour
                read.Add(Convert.ToBase64String(certificate.RawData));
            }
            catch (Exception fault) when (fault is CryptographicException or FormatException or ArgumentException)
            {
                fields.Fault("saml.idp_certificates", "invalid_certificate");
            }
        }
        return read;
    }

    /// <summary>Whether an identity provider may be found there: https, or http on loopback where that is allowed.</summary>
    public static bool IsSound(string url, bool allowHttpLoopback) =>
        url.Length <= 2048 && url.All(c => c is > ' ' and <= '~') && !url.Contains('#', StringComparison.Ordinal) && Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && uri.UserInfo.Length == 0 && (uri.Scheme == Uri.UriSchemeHttps || (allowHttpLoopback && uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));

    internal static void CheckUrl(Fields fields, string field, string url, bool allowHttpLoopback)
    {
        if (!IsSound(url, allowHttpLoopback))
        {
            fields.Fault(field, "invalid_url");
        }
    }
}
