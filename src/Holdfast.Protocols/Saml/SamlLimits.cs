namespace Holdfast.Protocols.Saml;

/// <summary>How much of a message is read before it is refused. A value equal to a limit passes.</summary>
/// <param name="MaxDecodedBytes">The XML, in bytes, after base64 or inflation.</param>
/// <param name="MaxDepth">Elements inside each other; the root counts as 1.</param>
/// <param name="MaxAttributesPerElement">Namespace declarations count as attributes.</param>
/// <param name="MaxNamespaceChars">The namespace names of all elements and attributes, added up: exclusive canonicalization may write each of them
/// out again, so this bounds what a small message can grow to.</param>
/// <param name="MaxNamespacesInScope">Declarations on an element and its ancestors: canonicalization looks through them at every element.</param>
/// <param name="MaxPrefixes">Prefixes in one InclusiveNamespaces list.</param>
/// <param name="MaxNameIdChars">UTF-16 code units.</param>
/// <param name="MaxAttributeValues">Over all attributes of the assertion.</param>
/// <param name="MaxCertificates">Pinned keys that may be tried, and signing certificates in one metadata document.</param>
/// <param name="MaxDecryptionKeys">Keys of ours that may be tried on each EncryptedKey.</param>
/// <param name="MaxEncryptedKeys">For one encrypted element. With the limit before it, this bounds the private-key operations of a message.</param>
/// <param name="MaxRecipients">EncryptedKeys of one encrypted element, whomever they are for. A message has at most two such elements that are read: its
/// assertion and the name identifier in it.</param>
/// <param name="MaxQueryChars">The raw query of the HTTP-Redirect binding.</param>
/// <param name="MaxSessionIndexes">In one LogoutRequest.</param>
/// <param name="MaxEntities">In one metadata document.</param>
public sealed record SamlLimits(
    int MaxDecodedBytes = 512 * 1024,
    int MaxDepth = 64,
    int MaxElements = 20_000,
    int MaxAttributesPerElement = 64,
    int MaxNamespaceChars = 2_000_000,
    int MaxNamespacesInScope = 64,
    int MaxPrefixes = 64,
    int MaxNameIdChars = 1024,
    int MaxAttributeValues = 2_000,
    int MaxCertificates = 20,
    int MaxDecryptionKeys = 4,
    int MaxEncryptedKeys = 4,
    int MaxRecipients = 64,
    int MaxQueryChars = 64 * 1024,
    int MaxSessionIndexes = 1_000,
    int MaxEntities = 1_000)
{
    public static SamlLimits Default { get; } = new();

    /// <summary>The longest an assertion may still be valid, from now: replay is remembered that long. Default 24 hours.</summary>
    public TimeSpan MaxLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long a logout message is good for that does not say so itself, from its IssueInstant. Default 10 minutes: a browser carries
    /// it straight over.</summary>
    public TimeSpan MaxMessageAge { get; init; } = TimeSpan.FromMinutes(10);
}
