using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>What one connection trusts; built from its stored configuration, never from a message.</summary>
/// <param name="IdpEntityId">The Issuer that is expected, compared character by character.</param>
/// <param name="Certificates">The pinned keys. Any of them may have signed, so that a rollover needs no moment in common; the verdict's evidence
/// says which did. Only the public key counts: dates and chain are not checked, because a pinned certificate is trusted by configuration and
/// identity providers let theirs lapse.</param>
/// <param name="SpEntityId">Our entity id: the Audience.</param>
/// <param name="AcsUrl">Where responses arrive: Recipient and Destination. From configuration, not from request headers.</param>
/// <param name="WantAssertionsSigned">Refuse an assertion that only the response's signature covers.</param>
/// <param name="AllowSha1">Accept rsa-sha1 and sha1 digests, for one identity provider that knows nothing else. Each use is noted in the
/// evidence.</param>
/// <param name="AllowNoAuthnStatement">Accept an assertion that names a user but does not say when they signed in, which Profiles §4.1.4.2 forbids
/// and some home-made identity providers send. Two are always refused.</param>
public sealed record SamlTrust(
    string IdpEntityId,
    IReadOnlyList<X509Certificate2> Certificates,
    string SpEntityId,
    string AcsUrl,
    bool WantAssertionsSigned = false,
    bool AllowSha1 = false,
    bool AllowNoAuthnStatement = false)
{
    /// <summary>Our keys that assertions may be encrypted for, each with its RSA private key; the newest first, as they are tried in this order.
    /// At most <see cref="SamlLimits.MaxDecryptionKeys"/>. None: what is encrypted is refused.</summary>
    public IReadOnlyList<X509Certificate2> DecryptionCertificates { get; init; } = [];

    /// <summary>Accept a response that nobody asked for (Profiles §4.1.5), when the caller expects no request. Its origin is the identity
    /// provider, but nothing binds it to the browser that brings it: the caller says so to the application.</summary>
    public bool AllowUnsolicited { get; init; }

    /// <summary>Accept AES-CBC around a signed assertion in an unsigned response. Whoever holds a copy of such a message may then find out what is in it, by many questions: as much
    /// as if it were not encrypted at all, and no more.</summary>
    public bool AllowCbcUnsignedResponse { get; init; }

    /// <summary>Where logout messages arrive: their Destination. Null: they are refused.</summary>
    public string? SloUrl { get; init; }

    internal SignatureTrust Signatures => new(Certificates, AllowSha1);
}
