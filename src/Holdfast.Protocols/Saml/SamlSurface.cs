using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>What a response says of itself, as it stands there: for telling an administrator what came in. Nothing of it is verified, so nothing may be decided by it; and
/// it holds no name identifier and no value of an attribute.</summary>
/// <param name="Times">As written: when the response was made, from when and until when its assertion holds.</param>
/// <param name="Signed">The local names of the elements that hold a signature.</param>
/// <param name="Algorithms">URIs of signature and digest algorithms.</param>
/// <param name="Certificates">SHA-256 of the certificates that the message carries, in lower-case hex.</param>
/// <param name="Encrypted">URIs of the block cipher and the key transport; empty when nothing is encrypted.</param>
/// <param name="AttributeNames">At most 50.</param>
public sealed record SamlSurface(
    string? Issuer, string? Destination, string? InResponseTo, string? Status, IReadOnlyList<string> Audiences, IReadOnlyList<string> Recipients, SamlSurface.Instants Times,
    bool HasNameId, string? NameIdFormat, IReadOnlyList<string> Signed, IReadOnlyList<string> Algorithms, IReadOnlyList<string> Certificates,
    IReadOnlyList<string> Encrypted, IReadOnlyList<string> AttributeNames)
{
    private const int LongestText = 300;
    private const int MostOfAKind = 5;
    private const int MostAttributes = 50;

    public sealed record Instants(string? Made, string? NotBefore, string? NotOnOrAfter);

    /// <summary>How many characters it holds: what is kept of strangers' messages must be counted.</summary>
    public int CountCharacters() => new[] { Audiences, Recipients, Signed, Algorithms, Certificates, Encrypted, AttributeNames }.Sum(texts => texts.Sum(t => t.Length))
        + new[] { Issuer, Destination, InResponseTo, Status, NameIdFormat, Times.Made, Times.NotBefore, Times.NotOnOrAfter }.Sum(t => t?.Length ?? 0);

    /// <param name="response">The XML in base64, as posted.</param>
    /// <returns>Null when it is no XML, or none within the bounds; it never throws.</returns>
    public static SamlSurface? Read(string response, SamlLimits? limits = null)
    {
        var bounds = limits ?? SamlLimits.Default;
        return RefusedException.Catch<SamlSurface?>(
            () => Read(SamlXml.Read(Base64Message.Decode(response, bounds.MaxDecodedBytes), bounds)),
            (_, _) => null);
    }

    /// <summary>The same of an assertion that was accepted, without reading anything again.</summary>
    public static SamlSurface Of(SamlAssertion assertion, SamlEvidence evidence, SamlTrust trust) => new(
        trust.IdpEntityId, trust.AcsUrl, assertion.InResponseTo, SamlNames.Success, [trust.SpEntityId], [trust.AcsUrl],
        new Instants(SamlTime.Write(assertion.IssueInstant), null, SamlTime.Write(assertion.NotOnOrAfter)), HasNameId: true, assertion.NameIdFormat,
        [.. evidence.Signatures.Select(s => s.Of)], [.. evidence.Signatures.SelectMany(s => new[] { s.Algorithm, s.Digest }).OfType<string>().Distinct()],
        [.. evidence.Signatures.Select(s => Fingerprint(s.Certificate)).Distinct()],
        [.. evidence.Decryptions.SelectMany(d => new[] { d.Content, d.KeyTransport }).Distinct()],
        [.. assertion.Attributes.Keys.Take(MostAttributes).Select(Cut)]);

    private static SamlSurface Read(XmlElement root)
    {
        var all = root.SelectNodes("descendant-or-self::*")!.Cast<XmlElement>().ToList();
        var assertion = all.Find(e => e.Is(SamlNames.Assertion, "Assertion"));
        var conditions = all.Find(e => e.Is(SamlNames.Assertion, "Conditions"));
        var confirmation = all.Find(e => e.Is(SamlNames.Assertion, "SubjectConfirmationData"));
        var nameId = all.Find(e => e.Is(SamlNames.Assertion, "NameID"));
        List<string> Texts(string ns, string name) => [.. all.Where(e => e.Is(ns, name)).Take(MostOfAKind).Select(e => Cut(e.InnerText.Trim()))];
        List<string> Values(string ns, string name, string attribute) =>
            [.. all.Where(e => e.Is(ns, name)).Select(e => e.Attribute(attribute)).OfType<string>().Distinct().Take(MostOfAKind).Select(Cut)];
        return new SamlSurface(
            Optional(all.Find(e => e.Is(SamlNames.Assertion, "Issuer"))?.InnerText.Trim()), Optional(root.Attribute("Destination")),
            Optional(root.Attribute("InResponseTo") ?? confirmation?.Attribute("InResponseTo")), Optional(StatusOf(all)),
            Texts(SamlNames.Assertion, "Audience"), Values(SamlNames.Assertion, "SubjectConfirmationData", "Recipient"),
            new Instants(
                Optional((assertion ?? root).Attribute("IssueInstant")), Optional(conditions?.Attribute("NotBefore")),
                Optional(conditions?.Attribute("NotOnOrAfter") ?? confirmation?.Attribute("NotOnOrAfter"))),
            nameId is not null || all.Exists(e => e.Is(SamlNames.Assertion, "EncryptedID")), Optional(nameId?.Attribute("Format")),
            [.. all.Where(e => e.Is(SamlNames.Signature, "Signature") && e.ParentNode is XmlElement).Take(MostOfAKind).Select(e => Cut(((XmlElement)e.ParentNode!).LocalName))],
            [.. Values(SamlNames.Signature, "SignatureMethod", "Algorithm"), .. Values(SamlNames.Signature, "DigestMethod", "Algorithm").Where(IsOutsideEncryption)],
            [.. all.Where(e => e.Is(SamlNames.Signature, "X509Certificate")).Take(MostOfAKind).Select(Fingerprint).OfType<string>().Distinct()],
            Values(SamlNames.Encryption, "EncryptionMethod", "Algorithm"),
            [.. all.Where(e => e.Is(SamlNames.Assertion, "Attribute")).Select(e => e.Attribute("Name")).OfType<string>().Distinct().Take(MostAttributes).Select(Cut)]);

        // OAEP names its digest in the same element; what is encrypted stands in a list of its own.
        bool IsOutsideEncryption(string uri) => all.Exists(e =>
            e.Is(SamlNames.Signature, "DigestMethod") && e.Attribute("Algorithm") == uri && e.ParentNode is XmlElement parent && parent.Is(SamlNames.Signature, "Reference"));
    }

    /// <summary>The last code below is the one that says most.</summary>
    private static string? StatusOf(List<XmlElement> all) => all.FindLast(e => e.Is(SamlNames.Protocol, "StatusCode"))?.Attribute("Value");

    private static string? Fingerprint(XmlElement element)
    {
        try
        {
            return Convert.ToHexStringLower(SHA256.HashData(Convert.FromBase64String(element.InnerText)));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static string Fingerprint(X509Certificate2 certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));

    private static string? Optional(string? text) => text is null ? null : Cut(text);

    private static string Cut(string text) =>
        string.Concat((text.Length <= LongestText ? text : text[..LongestText] + "…").Select(c => char.IsControl(c) || char.IsSurrogate(c) ? ' ' : c));
}
