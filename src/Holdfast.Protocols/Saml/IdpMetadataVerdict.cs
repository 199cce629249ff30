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
    /// <param name="ValidUntil">The earliest of the entity's, its role's and those around it, or null; the caller has the clock.</param>
    public sealed record Accepted(
        string EntityId, string SsoUrl, bool SsoIsRedirect, string? SloUrl, IReadOnlyList<X509Certificate2> SigningCertificates,
        IReadOnlyList<string> NameIdFormats, bool WantsSignedRequests, DateTimeOffset? ValidUntil) : IdpMetadataVerdict
    {
        /// <summary>Where AuthnRequests may be posted; null when it takes redirects only.</summary>
        public string? SsoPostUrl { get; init; }

        /// <summary>Single logout by HTTP-Redirect; null when it does not offer that.</summary>
        public SamlLogoutService? SloRedirect { get; init; }

        /// <summary>Single logout by HTTP-POST; null when it does not offer that.</summary>
        public SamlLogoutService? SloPost { get; init; }

        /// <summary>What may be encrypted for it: the name identifier of a LogoutRequest.</summary>
        public IReadOnlyList<X509Certificate2> EncryptionCertificates { get; init; } = [];

        /// <summary>Whether any of the keys that it may sign with can check a signature here.</summary>
        public bool HasUsableKey => SigningCertificates.Any(SignatureAlgorithm.CanCheck);

        /// <summary>How long until it should be read again: the shortest of those around the role, or null.</summary>
        public TimeSpan? CacheDuration { get; init; }

        /// <summary>The signature of the metadata, where a key was pinned for it; else null.</summary>
        public SamlSignature? Signature { get; init; }
    }

    public sealed record Refused(SamlRefusal Why, string Detail) : IdpMetadataVerdict;
}
