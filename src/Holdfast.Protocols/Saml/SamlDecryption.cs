using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Protocols.Saml;

/// <summary>One element that was decrypted.</summary>
/// <param name="Of">What came out: "Assertion" or "NameID".</param>
/// <param name="Certificate">Ours, whose key it was encrypted for: while the old one still shows up, it must not be retired.</param>
/// <param name="Content">The URI of the block cipher (XML Encryption 1.1 §5.2).</param>
/// <param name="KeyTransport">The URI of the key transport (§5.5).</param>
public sealed record SamlDecryption(string Of, X509Certificate2 Certificate, string Content, string KeyTransport);
