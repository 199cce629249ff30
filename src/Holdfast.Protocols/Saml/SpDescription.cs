using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>What our metadata says (Metadata §2.4.4).</summary>
/// <param name="EntityId">Ours, or the one that a customer's identity provider already knows from elsewhere.</param>
/// <param name="AcsUrl">Where responses are posted to; the same holds for it.</param>
/// <param name="ValidUntil">The document's.</param>
public sealed record SpDescription(string EntityId, string AcsUrl, DateTimeOffset ValidUntil)
{
    /// <summary>How often to look for a new one; null says nothing.</summary>
    public TimeSpan? CacheDuration { get; init; }

    /// <summary>In order of preference; none leaves the choice to the identity provider.</summary>
    public IReadOnlyList<string> NameIdFormats { get; init; } = [];

    public bool WantAssertionsSigned { get; init; } = true;

    /// <summary>What we sign requests and logout messages with, now or soon: during a roll-over the next one stands here first.</summary>
    public IReadOnlyList<X509Certificate2> SigningCertificates { get; init; } = [];

    /// <summary>Whether AuthnRequests are signed; null: they are when there is a key for it.</summary>
    public bool? AuthnRequestsSigned { get; init; }

    /// <summary>What assertions may be encrypted for. Many identity providers take the first; during a roll-over that is the new one, once every
    /// node has its private key.</summary>
    public IReadOnlyList<X509Certificate2> EncryptionCertificates { get; init; } = [];

    /// <summary>Where logout messages arrive, by both bindings; null: there is no single logout.</summary>
    public string? SloUrl { get; init; }
}
