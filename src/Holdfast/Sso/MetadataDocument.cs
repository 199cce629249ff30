using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Http;
using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>What an identity provider's metadata settles of a connection: where browsers are sent, and which keys are believed.</summary>
/// <param name="Certificates">DER in base64; their order says nothing.</param>
internal sealed record MetadataDocument(
    string SsoUrl, bool SsoByPost, string? SloUrl, string? SloResponseUrl, bool SloByPost, IReadOnlyList<string> Certificates)
{
    /// <summary>How many elder versions are remembered.</summary>
    public const int MostBefore = 20;

    /// <summary>Until when the document that was taken says that it holds; null when it does not say.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? ValidUntil { get; init; }

    /// <summary>The versions that counted before this one was taken, the latest last; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Before { get; init; }

    /// <summary>The same for two that say the same: 16 hex digits.</summary>
    [JsonIgnore]
    public string Version => Caller.Hash((this with { Certificates = [.. Certificates.Distinct().Order(StringComparer.Ordinal)], ValidUntil = null, Before = null }).Write())[..16];

    public static MetadataDocument Of(IdpMetadataVerdict.Accepted read)
    {
        var logout = read.SloRedirect ?? read.SloPost;
        return new(
            read.SsoUrl, !read.SsoIsRedirect, logout?.Url, logout?.ResponseUrl, read.SloRedirect is null && read.SloPost is not null,
            [.. read.SigningCertificates.Select(c => Convert.ToBase64String(c.RawData))]);
    }

    public static MetadataDocument Of(SamlSettings saml) =>
        new(saml.IdpSsoUrl, saml.SsoByPost, saml.IdpSloUrl, saml.IdpSloResponseUrl, saml.SloByPost, saml.IdpCertificates);

    public static MetadataDocument? Read(string? json) => json is null ? null : JsonSerializer.Deserialize<MetadataDocument>(json, JavaScriptJson.Options);

    public string Write() => JsonSerializer.Serialize(this, JavaScriptJson.Options);

    /// <summary>The settings with what this says.</summary>
    public SamlSettings On(SamlSettings saml) => saml with
    {
        IdpSsoUrl = SsoUrl, SsoByPost = SsoByPost, IdpSloUrl = SloUrl, IdpSloResponseUrl = SloResponseUrl, SloByPost = SloByPost, IdpCertificates = Certificates,
    };

    /// <summary>What is another after this one, in stable words: <c>keys +1 -1, sso_url, slo_url</c>.</summary>
    public string ChangesTo(MetadataDocument next)
    {
        var (added, removed) = (next.Certificates.Except(Certificates).Count(), Certificates.Except(next.Certificates).Count());
        return string.Join(", ", new[]
        {
            added + removed == 0 ? null : $"keys +{added} -{removed}",
            (SsoUrl, SsoByPost) == (next.SsoUrl, next.SsoByPost) ? null : "sso_url",
            (SloUrl, SloResponseUrl, SloByPost) == (next.SloUrl, next.SloResponseUrl, next.SloByPost) ? null : "slo_url",
        }.OfType<string>());
    }
}

/// <summary>When a change at the metadata address is taken without an administrator (<c>saml.metadata_keys</c>).</summary>
internal static class MetadataKeyRule
{
    /// <summary>Never: it is told, and waits.</summary>
    public const string Pinned = "pinned";

    /// <summary>When the metadata is signed with a key that is believed already.</summary>
    public const string Signed = "signed";

    /// <summary>When it is so signed, or still names a key that is believed already.</summary>
    public const string Overlapping = "overlapping";

    /// <summary>Always: whoever answers at the address, over TLS, is believed.</summary>
    public const string Follow = "follow";

    public static bool Are(string word) => word is Pinned or Signed or Overlapping or Follow;
}
