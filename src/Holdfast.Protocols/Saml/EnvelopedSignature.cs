using System.Security.Cryptography;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Verifies the signature inside an element, and hands back the element as it was signed.</summary>
/// <remarks>Digest and signature are computed here by hand, so that nothing in the message chooses a key, a target or a transform: KeyInfo is never
/// read, and the only thing looked up is the element that holds the signature.</remarks>
internal static class EnvelopedSignature
{
    /// <param name="parent">A Response, an Assertion, a request or an entity's metadata.</param>
    /// <param name="signature">A child of it.</param>
    /// <param name="proof">Gets the signature, once it holds.</param>
    /// <returns>The root of a new document, parsed from the octets that were digested, without the signature. Read from nothing else.</returns>
    /// <exception cref="RefusedException"/>
    public static XmlElement Verify(XmlElement parent, XmlElement signature, SignatureTrust trust, SamlLimits limits, Proof proof)
    {
        var parts = SignedInfo.Parts(signature, ["Id"], signature.Children().Count > 2
            ? ["SignedInfo", "SignatureValue", "KeyInfo"]
            : ["SignedInfo", "SignatureValue"]);
        // The template first, so that nothing but a small SignedInfo is canonicalized for a stranger. Then everything that decides is taken from
        // the octets that the key signed.
        var octets = SignedInfo.Read(parts[0], trust.AllowSha1, limits).Method.Octets(parts[0]);
        var info = SignedInfo.Read(Reread(octets, limits), trust.AllowSha1, limits);
        if (info.Id != parent.RequiredId())
        {
            throw new RefusedException(SamlRefusal.SignatureReference, $"The signature in {parent.LocalName} is for another element.");
        }
        var signer = info.Algorithm.FindSigner(octets, SignedInfo.Base64(parts[1]), trust.Certificates, limits)
            ?? throw new RefusedException(SamlRefusal.SignatureInvalid, $"No pinned key made the signature of {parent.LocalName}.");
        var signed = info.Content.Octets(parent, without: signature);
        if (!CryptographicOperations.FixedTimeEquals(CryptographicOperations.HashData(info.DigestAlgorithm, signed), info.Digest))
        {
            throw new RefusedException(SamlRefusal.DigestInvalid, $"{parent.LocalName} was changed after it was signed.");
        }
        proof.Add(new SamlSignature(parent.LocalName, signer, info.Algorithm.Uri, info.DigestUri));
        return Reread(signed, limits);
    }

    /// <summary>The Signature that is a child of this element; null when there is none.</summary>
    /// <exception cref="RefusedException">SignatureShape: there are several.</exception>
    public static XmlElement? Find(XmlElement parent)
    {
        var signatures = parent.Children(SamlNames.Signature, "Signature").ToList();
        return signatures.Count < 2
            ? signatures.FirstOrDefault()
            : throw new RefusedException(SamlRefusal.SignatureShape, $"{parent.LocalName} holds {signatures.Count} signatures.");
    }

    /// <summary>Canonical octets can be longer than what was sent, and a canonical root can carry the declarations of all its ancestors; both
    /// are bounded by what the first reading let through.</summary>
    private static XmlElement Reread(byte[] octets, SamlLimits limits) =>
        SamlXml.Read(octets, limits with
        {
            MaxDecodedBytes = octets.Length,
            MaxAttributesPerElement = limits.MaxAttributesPerElement + limits.MaxNamespacesInScope,
            MaxNamespacesInScope = int.MaxValue,
        });
}
