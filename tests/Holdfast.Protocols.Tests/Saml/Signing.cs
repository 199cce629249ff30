using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Security.Cryptography.Xml;
using System.Xml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>Signs an element of a document, well or in any wrong way a test asks for. It shares no code with what it tests.</summary>
/// <param name="Id">The ID of the element that gets the signature and, unless <paramref name="Reference"/> says otherwise, is signed.</param>
/// <param name="Prefixes">An InclusiveNamespaces PrefixList for the exclusive transform; null has none.</param>
/// <param name="Shape">Changes the whole Signature element before SignedInfo is signed.</param>
internal sealed record Signing(
    string Id,
    X509Certificate2? Key = null,
    string Method = Signing.More + "rsa-sha256",
    string Digest = "http://www.w3.org/2001/04/xmlenc#sha256",
    string? Reference = null,
    string Transforms = Signing.Enveloped + Signing.Exclusive,
    string C14n = Signing.ExclusiveUri,
    string KeyInfo = "",
    string? Prefixes = null,
    Func<string, string>? Shape = null)
{
    public const string More = "http://www.w3.org/2001/04/xmldsig-more#";
    public const string ExclusiveUri = "http://www.w3.org/2001/10/xml-exc-c14n#";
    public const string Enveloped = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
    public const string Exclusive = "<ds:Transform Algorithm=\"" + ExclusiveUri + "\"/>";

    private string Chain => Prefixes is null ? Transforms
        : Enveloped + $"<ds:Transform Algorithm=\"{ExclusiveUri}\"><ec:InclusiveNamespaces xmlns:ec=\"{ExclusiveUri}\" PrefixList=\"{Prefixes}\"/></ds:Transform>";

    public string Sign(string xml)
    {
        var document = Xml.Parse(xml);
        var element = document.ById(Id);
        var digest = Convert.ToBase64String(CryptographicOperations.HashData(Hash(Digest), Octets(element.OuterXml, Prefixes)));
        var signature =
            $"""
            <ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{C14n}"/><ds:SignatureMethod Algorithm="{Method}"/><ds:Reference URI="{Reference ?? "#" + Id}"><ds:Transforms>{Chain}</ds:Transforms><ds:DigestMethod Algorithm="{Digest}"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>{KeyInfo}</ds:Signature>
            """;
        signature = Shape is null ? signature : Shape(signature);
        var made = (XmlElement)document.ImportNode(Xml.Parse(signature).DocumentElement!, deep: true);
        element.InsertAfter(made, element.FirstChild);
        if (made.Find("SignedInfo") is { } info && made.Find("SignatureValue") is { } value)
        {
            value.InnerText = Convert.ToBase64String(Value(Octets(info.OuterXml)));
        }
        return document.OuterXml;
    }

    /// <summary>Exclusive canonicalization of an element by itself.</summary>
    public static byte[] Octets(string element, string? prefixes = null)
    {
        var transform = new XmlDsigExcC14NTransform(prefixes ?? "");
        transform.LoadInput(Xml.Parse(element));
        using var stream = (MemoryStream)transform.GetOutput(typeof(Stream));
        return stream.ToArray();
    }

    public byte[] Value(byte[] octets)
    {
        var key = Key ?? TestKeys.Idp;
        if (Method.Contains("hmac", StringComparison.Ordinal))
        {
            return HMACSHA256.HashData(key.RawData, octets);   // the attack: the public certificate as the secret
        }
        if (key.GetECDsaPrivateKey() is { } elliptic)
        {
            return elliptic.SignData(octets, Hash(Method));
        }
        var padding = Method.Contains("MGF1", StringComparison.Ordinal) || Method.EndsWith("#rsa-pss", StringComparison.Ordinal) ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;
        return key.GetRSAPrivateKey()!.SignData(octets, Hash(Method), padding);
    }

    private static HashAlgorithmName Hash(string uri) =>
        uri.Contains("sha384", StringComparison.Ordinal) ? HashAlgorithmName.SHA384
        : uri.Contains("sha512", StringComparison.Ordinal) ? HashAlgorithmName.SHA512
        : uri.Contains("sha1", StringComparison.Ordinal) ? HashAlgorithmName.SHA1
        : HashAlgorithmName.SHA256;
}
