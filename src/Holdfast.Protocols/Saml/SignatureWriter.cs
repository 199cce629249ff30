using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Xml;

namespace Holdfast.Protocols.Saml;

/// <summary>Puts an enveloped signature into an element: RSA-SHA256, exclusive canonicalization (Core §5.4).</summary>
internal static class SignatureWriter
{
    private static readonly Canonicalization Exclusive = new(true, null);

    /// <param name="element">A Response or Assertion; the signature goes right after its Issuer, where the schema wants it.</param>
    public static void Sign(XmlElement element, RSA key, X509Certificate2 certificate)
    {
        var id = element.RequiredId();
        var digest = SHA256.HashData(Exclusive.Octets(element));
        var signature = Place(element, SamlWriter.Write(xml =>
        {
            xml.WriteStartElement("ds", "Signature", SamlNames.Signature);
            WriteSignedInfo(xml, id, digest);
            xml.WriteElementString("ds", "SignatureValue", SamlNames.Signature, "");
            WriteKeyInfo(xml, certificate.RawData);
            xml.WriteEndElement();
        }));
        // SignedInfo is canonicalized where it stands, then its value is filled in.
        var children = signature.Children();
        children[1].InnerText = Convert.ToBase64String(
            key.SignData(Exclusive.Octets(children[0]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
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

    private static void WriteSignedInfo(XmlWriter xml, string id, byte[] digest)
    {
        xml.WriteStartElement("ds", "SignedInfo", SamlNames.Signature);
        WriteAlgorithm(xml, "CanonicalizationMethod", SamlNames.ExclusiveC14n);
        WriteAlgorithm(xml, "SignatureMethod", SamlNames.RsaSha256);
        xml.WriteStartElement("ds", "Reference", SamlNames.Signature);
        xml.WriteAttributeString("URI", "#" + id);
        xml.WriteStartElement("ds", "Transforms", SamlNames.Signature);
        WriteAlgorithm(xml, "Transform", SamlNames.Enveloped);
        WriteAlgorithm(xml, "Transform", SamlNames.ExclusiveC14n);
        xml.WriteEndElement();
        WriteAlgorithm(xml, "DigestMethod", SamlNames.Sha256);
        xml.WriteElementString("ds", "DigestValue", SamlNames.Signature, Convert.ToBase64String(digest));
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteAlgorithm(XmlWriter xml, string name, string uri)
    {
        xml.WriteStartElement("ds", name, SamlNames.Signature);
        xml.WriteAttributeString("Algorithm", uri);
        xml.WriteEndElement();
    }
}
