using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>What one connection trusts; built from its stored configuration, never from a message.</summary>
/// <param name="IdpEntityId">The Issuer that is expected, compared character by character.</param>
/// <param name="Certificates">The pinned keys. Any of them may have signed, so that a rollover needs no moment in common. Only the public key
/// counts: dates and chain are not checked, because a pinned certificate is trusted by configuration and identity providers let theirs lapse.</param>
/// <param name="SpEntityId">Our entity id: the Audience.</param>
/// <param name="AcsUrl">Where responses arrive: Recipient and Destination. From configuration, not from request headers.</param>
/// <param name="WantAssertionsSigned">Refuse an assertion that only the response's signature covers.</param>
/// <param name="AllowSha1">Accept rsa-sha1 and sha1 digests, for one identity provider that knows nothing else.</param>
/// <param name="AllowNoAuthnStatement">Accept an assertion that names a user but does not say when they signed in, which Profiles §4.1.4.2 forbids
/// and some home-made identity providers send. Two are always refused.</param>
public sealed record SamlTrust(
    string IdpEntityId,
    IReadOnlyList<X509Certificate2> Certificates,
    string SpEntityId,
    string AcsUrl,
    bool WantAssertionsSigned = false,
    bool AllowSha1 = false,
    bool AllowNoAuthnStatement = false);
