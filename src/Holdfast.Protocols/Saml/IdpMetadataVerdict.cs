using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>What came of reading an identity provider's metadata.</summary>
public abstract record IdpMetadataVerdict
{
    private IdpMetadataVerdict()
    {
    }

    /// <param name="SsoUrl">For HTTP-Redirect; where it offers none, for HTTP-POST.</param>
    /// <param name="SsoIsRedirect">False: AuthnRequests must be posted there.</param>
    /// <param name="SloUrl">For HTTP-Redirect, else HTTP-POST; null when it has neither.</param>
    /// <param name="SigningCertificates">All that it may sign with, each once, in document order; never empty.</param>
    /// <param name="WantsSignedRequests">WantAuthnRequestsSigned.</param>
    /// <param name="ValidUntil">The document's, or null; the caller has the clock.</param>
    public sealed record Accepted(
        string EntityId, string SsoUrl, bool SsoIsRedirect, string? SloUrl, IReadOnlyList<X509Certificate2> SigningCertificates,
        IReadOnlyList<string> NameIdFormats, bool WantsSignedRequests, DateTimeOffset? ValidUntil) : IdpMetadataVerdict;

    public sealed record Refused(SamlRefusal Why, string Detail) : IdpMetadataVerdict;
}
