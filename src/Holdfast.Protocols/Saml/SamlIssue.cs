namespace Holdfast.Protocols.Saml;

/// <summary>What a response is to say, and which parts of it are signed.</summary>
/// <param name="ResponseId">An NCName that no other message has: see <see cref="AuthnRequest.NewId"/>.</param>
/// <param name="AssertionId">The same, and not equal to it.</param>
/// <param name="Issuer">The identity provider's entity id.</param>
/// <param name="Audience">The service provider's entity id.</param>
/// <param name="AcsUrl">Destination and Recipient.</param>
/// <param name="InResponseTo">The AuthnRequest's ID; null makes an unsolicited response.</param>
public sealed record SamlIssue(
    string ResponseId, string AssertionId, string Issuer, string Audience, string AcsUrl, string? InResponseTo, string NameId, DateTimeOffset Now)
{
    public string NameIdFormat { get; init; } = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";

    /// <summary>How long the assertion is valid, from <see cref="Now"/>.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(5);

    public string? SessionIndex { get; init; }

    public DateTimeOffset? SessionNotOnOrAfter { get; init; }

    public IReadOnlyDictionary<string, IReadOnlyList<string>> Attributes { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    public SamlSigned Signed { get; init; } = SamlSigned.Assertion;

    /// <summary>Encrypts the assertion; null leaves it plain.</summary>
    public SamlEncryption? EncryptFor { get; init; }
}

/// <summary>Which elements of a response carry a signature.</summary>
public enum SamlSigned
{
    Assertion,
    Response,
    Both,
}
