namespace Holdfast.Protocols.Saml;

/// <summary>What a verified assertion says. Every value was read from the octets that the signature covers.</summary>
/// <param name="NameId">Never empty; white space at both ends is dropped, text split by CDATA is joined.</param>
/// <param name="NameIdFormat">As sent; null means unspecified. Whether a transient or unspecified one is good enough is the caller's policy.</param>
/// <param name="Id">What replay is remembered by, within one connection.</param>
/// <param name="NotOnOrAfter">Until then (plus the skew) this assertion would be accepted again, so its id must be remembered.</param>
/// <param name="SessionNotOnOrAfter">The session here must end by then; null when the identity provider does not say.</param>
/// <param name="InResponseTo">The AuthnRequest's ID; null on an unsolicited response.</param>
/// <param name="Attributes">By Name, case-sensitive, values in document order as text; one that is nil is left out.</param>
public sealed record SamlAssertion(
    string Id,
    string Issuer,
    string NameId,
    string? NameIdFormat,
    string? SessionIndex,
    DateTimeOffset NotOnOrAfter,
    DateTimeOffset? SessionNotOnOrAfter,
    string? InResponseTo,
    IReadOnlyDictionary<string, IReadOnlyList<string>> Attributes)
{
    /// <summary>When the identity provider made it, by its own clock.</summary>
    public DateTimeOffset IssueInstant { get; init; }

    /// <summary>When the user proved who they are. A caller that asked for ForceAuthn compares it with the time of its request. Null only where
    /// <see cref="SamlTrust.AllowNoAuthnStatement"/> let such an assertion pass.</summary>
    public DateTimeOffset? AuthnInstant { get; init; }

    /// <summary>The AuthnContextClassRef; null when there is none.</summary>
    public string? AuthnContext { get; init; }

    /// <summary>As sent; null means the identity provider's own name space.</summary>
    public string? NameQualifier { get; init; }

    /// <summary>As sent; never another than our entity id.</summary>
    public string? SpNameQualifier { get; init; }

    /// <summary>Nobody asked for it: nothing binds it to the browser that brought it.</summary>
    public bool IsUnsolicited => InResponseTo is null;

    /// <summary>What to keep of this sign-in, so that a logout request can be held against it.</summary>
    public SamlSession Session => new(new SamlNameId(NameId, NameIdFormat, NameQualifier, SpNameQualifier), SessionIndex);
}
