using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Puts an enveloped signature into an element, with exclusive canonicalization (Core §5.4).</summary>
internal static class SignatureWriter
{
    private static readonly Canonicalization Exclusive = new(true, null);

    /// <summary>The octets of an element by itself, as exclusive canonicalization writes them: with every namespace that it uses.</summary>
    public static byte[] Octets(XmlElement element) => Exclusive.Octets(element);

    /// <param name="element">A message or Assertion; the signature goes right after its Issuer, where the schema wants it.</param>
    public static void Sign(XmlElement element, SamlSigner signer)
    {
        var id = element.RequiredId();
        var digest = signer.Digest(Exclusive.Octets(element));
        var signature = Place(element, SamlWriter.Write(xml =>
        {
            xml.WriteStartElement("ds", "Signature", SamlNames.Signature);
            WriteSignedInfo(xml, id, digest, signer);
            xml.WriteElementString("ds", "SignatureValue", SamlNames.Signature, "");
            WriteKeyInfo(xml, signer.Certificate.RawData);
            xml.WriteEndElement();
        }));
        // SignedInfo is canonicalized where it stands, then its value is filled in.
        var children = signature.Children();
        children[1].InnerText = Convert.ToBase64String(signer.Sign(Exclusive.Octets(children[0])));
    }

    public static void WriteKeyInfo(XmlWriter xml, ReadOnlySpan<byte> certificate)
    {
        xml.WriteStartElement("ds", "KeyInfo", SamlNames.Signature);
        xml.WriteStartElement("ds", "X509Data", SamlNames.Signature);
        xml.WriteElementString("ds", "X509Certificate", SamlNames.Signature, Convert.ToBase64String(certificate));
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static XmlElement Place(XmlElement element, byte[] signature)
    {
        var made = element.OwnerDocument.ImportNode(SamlXml.Read(signature, SamlLimits.Default), deep: true);
        element.InsertAfter(made, element.Child(SamlNames.Assertion, "Issuer"));
        return (XmlElement)made;
    }

    private static void WriteSignedInfo(XmlWriter xml, string id, byte[] digest, SamlSigner signer)
    {
        xml.WriteStartElement("ds", "SignedInfo", SamlNames.Signature);
        xml.WriteAlgorithm("ds", "CanonicalizationMethod", SamlNames.Signature, SamlNames.ExclusiveC14n);
        xml.WriteAlgorithm("ds", "SignatureMethod", SamlNames.Signature, signer.AlgorithmUri);
        xml.WriteStartElement("ds", "Reference", SamlNames.Signature);
        xml.WriteAttributeString("URI", "#" + id);
        xml.WriteStartElement("ds", "Transforms", SamlNames.Signature);
        xml.WriteAlgorithm("ds", "Transform", SamlNames.Signature, SamlNames.Enveloped);
        xml.WriteAlgorithm("ds", "Transform", SamlNames.Signature, SamlNames.ExclusiveC14n);
        xml.WriteEndElement();
        xml.WriteAlgorithm("ds", "DigestMethod", SamlNames.Signature, signer.DigestUri);
        xml.WriteElementString("ds", "DigestValue", SamlNames.Signature, Convert.ToBase64String(digest));
        xml.WriteEndElement();
        xml.WriteEndElement();
    }
}
