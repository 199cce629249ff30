using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>A sign-in that succeeds, as it is told to administrators.</summary>
internal sealed record SucceededAttempt(string Id, AttemptFacts Facts);

/// <param name="Surface">What the identity provider said by SAML, without the person; null for OpenID Connect.</param>
/// <param name="Notes">What was let pass, in stable words.</param>
/// <param name="Oidc">The same by OpenID Connect; null for SAML, and of a release that did not keep it.</param>
internal sealed record AttemptFacts(SamlSurface? Surface, IReadOnlyList<string> Notes, bool IdpInitiated, OidcSurface? Oidc = null);
