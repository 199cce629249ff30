using System.Security.Cryptography;
using System.Security.Cryptography.Xml;
using System.Text;
using System.Xml;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-015 to SAML-026: references, transforms and canonicalization. Here the forger even has the genuine key, where that is what it takes.</summary>
public class SignatureTemplateTests
{
    private const string Ds = "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";

    private static void Refuses(SamlRefusal why, Func<string, string> shape) =>
        Sample.Refuses(why, Sample.Signed(how: Sample.OnAssertion with { Shape = shape }));

    private static Func<string, string> Replace(string old, string with) => signature =>
    {
        Assert.Contains(old, signature, StringComparison.Ordinal);
        return signature.Replace(old, with, StringComparison.Ordinal);
    };

    [Theory] // SAML-015
    [InlineData("ID")]
    [InlineData("Id")]
    [InlineData("id")]
    [InlineData("xml:id")]
    [InlineData("x:ID")]
    public void An_id_given_twice_in_any_spelling_is_refused(string spelling)
    {
        var extra = $"<samlp:Extensions><x:Y xmlns:x=\"urn:x\" {spelling}=\"VALUE\"/></samlp:Extensions><samlp:Status>";
        string With(string value) =>
            Sample.Signed().Replace("<samlp:Status>", extra.Replace("VALUE", value, StringComparison.Ordinal), StringComparison.Ordinal);

        Sample.Accepts(With("_other"));
        Sample.Refuses(SamlRefusal.DuplicateId, With("_a1"));
        Sample.Refuses(SamlRefusal.DuplicateId, With("_r1"));
    }

    [Theory] // SAML-015, in reverse
    [InlineData("Id")]
    [InlineData("id")]
    public void The_signed_element_must_be_named_by_ID_itself(string spelling)
    {
        var xml = Xml.Change(Sample.Signed(), document =>
        {
            var assertion = document.ById("_a1");
            assertion.RemoveAttribute("ID");
            assertion.SetAttribute(spelling, "_a1");
        });
        Sample.Refuses(SamlRefusal.Malformed, xml);
    }

    [Theory] // SAML-016, SAML-017, SAML-045
    [InlineData("")]
    [InlineData("#")]
    [InlineData("_a1")]
    [InlineData("#xpointer(/)")]
    [InlineData("#xpointer(id('_a1'))")]
    [InlineData("#x'] or //*[@ID='_a1")]
    [InlineData("http://127.0.0.1/x")]
    [InlineData("file:///etc/hostname")]
    [InlineData("#_r1")]
    [InlineData("#_nobody")]
    public void A_reference_to_anything_but_the_parent_is_refused(string uri) =>
        Sample.Refuses(SamlRefusal.SignatureReference, Sample.Signed(how: Sample.OnAssertion with { Reference = uri }));

    [Fact] // SAML-045
    public void A_reference_of_100_kB_is_refused() =>
        Sample.Refuses(SamlRefusal.SignatureReference, Sample.Signed(how: Sample.OnAssertion with { Reference = "#" + new string('\'', 100_000) }));

    [Fact] // SAML-016
    public void A_missing_reference_uri_is_refused() => Refuses(SamlRefusal.SignatureReference, Replace(" URI=\"#_a1\"", ""));

    [Theory] // SAML-018
    [InlineData("#_r1")]
    [InlineData("#_a1")]
    public void More_than_one_reference_is_refused(string second) => Refuses(SamlRefusal.SignatureShape, signature =>
    {
        var document = Xml.Parse(signature);
        var reference = document.Get("Reference");
        var copy = reference.Copy();
        copy.SetAttribute("URI", second);
        reference.ParentNode!.AppendChild(copy);
        return document.OuterXml;
    });

    [Theory] // SAML-019
    [InlineData("")]
    [InlineData(Signing.Exclusive)]
    [InlineData(Signing.Exclusive + Signing.Enveloped)]
    [InlineData(Signing.Enveloped + Signing.Exclusive + Signing.Exclusive)]
    [InlineData("<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#base64\"/>" + Signing.Exclusive)]
    public void Any_other_chain_of_transforms_is_refused(string transforms)
    {
        var verdict = Sample.Check(Sample.Signed(how: Sample.OnAssertion with { Transforms = transforms }));
        Sample.Refused(SamlRefusal.SignatureShape, verdict);
    }

    [Theory] // SAML-019: a second step that is not on the list
    [InlineData(Signing.Enveloped)]
    [InlineData("<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#base64\"/>")]
    [InlineData("<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"/>")]
    [InlineData("<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"/>")]
    [InlineData("<ds:Transform Algorithm=\"http://www.w3.org/2002/07/decrypt#XML\"/>")]
    public void A_transform_that_is_no_canonicalization_is_refused(string second) =>
        Sample.Refuses(SamlRefusal.AlgorithmNotAllowed, Sample.Signed(how: Sample.OnAssertion with { Transforms = Signing.Enveloped + second }));

    [Fact] // SAML-019
    public void A_thousand_transforms_are_refused() => Sample.Refuses(
        SamlRefusal.SignatureShape,
        Sample.Signed(how: Sample.OnAssertion with { Transforms = string.Concat(Enumerable.Repeat(Signing.Enveloped, 1000)) }));

    [Fact] // SAML-019
    public void Missing_transforms_are_refused() => Refuses(
        SamlRefusal.SignatureShape, Replace($"<ds:Transforms>{Signing.Enveloped}{Signing.Exclusive}</ds:Transforms>", ""));

    [Theory] // SAML-020
    [InlineData("http://www.w3.org/2006/12/xml-c14n11")]
    [InlineData("http://www.w3.org/2001/10/xml-exc-c14n#WithComments")]
    [InlineData("http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments")]
    [InlineData("http://www.w3.org/2001/10/XML-EXC-C14N#")]
    [InlineData("urn:unknown")]
    [InlineData("")]
    public void A_canonicalization_that_is_not_listed_is_refused(string uri)
    {
        Sample.Refuses(SamlRefusal.AlgorithmNotAllowed, Sample.Signed(how: Sample.OnAssertion with { C14n = uri }));
        var transforms = $"{Signing.Enveloped}<ds:Transform Algorithm=\"{uri}\"/>";
        Sample.Refuses(SamlRefusal.AlgorithmNotAllowed, Sample.Signed(how: Sample.OnAssertion with { Transforms = transforms }));
    }

    [Fact] // SAML-020
    public void A_missing_canonicalization_method_is_refused() => Refuses(
        SamlRefusal.SignatureShape, Replace($"<ds:CanonicalizationMethod Algorithm=\"{Signing.ExclusiveUri}\"/>", ""));

    [Fact] // SAML-020
    public void A_canonicalization_method_without_an_algorithm_is_refused() => Refuses(
        SamlRefusal.AlgorithmNotAllowed, Replace($"<ds:CanonicalizationMethod Algorithm=\"{Signing.ExclusiveUri}\"/>", "<ds:CanonicalizationMethod/>"));

    [Theory] // SAML-020: the framework's own signer is the other side
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Inclusive_canonicalization_is_accepted(bool ofSignedInfo, bool ofContent)
    {
        foreach (var id in new[] { "_a1", "_r1" })
        {
            var xml = FrameworkSigned(id, ofSignedInfo, ofContent ? new XmlDsigC14NTransform() : new XmlDsigExcC14NTransform());
            Assert.Equal(Sample.Alice, Sample.Accepts(xml).NameId);
            Sample.Refuses(SamlRefusal.DigestInvalid, xml.Replace($">{Sample.Alice}</saml:NameID>", $">{Sample.Mallory}</saml:NameID>", StringComparison.Ordinal));
        }
    }

    [Fact] // XML Signature §4.4.3.2: without a canonicalization it is the inclusive one
    public void The_enveloped_transform_alone_is_accepted() =>
        Assert.Equal(Sample.Alice, Sample.Accepts(FrameworkSigned("_a1", inclusive: true, null)).NameId);

    [Theory] // SAML-021
    [InlineData("1")]
    [InlineData("relative/name")]
    [InlineData(":")]
    public void A_relative_namespace_is_refused(string name)
    {
        string With(string ns) => Sample.Signed("<saml:AuthnContext>", $"<saml:AuthnContext xmlns:ns=\"{ns}\">");
        Sample.Accepts(With("urn:fine"));
        Sample.Refuses(SamlRefusal.NamespaceForbidden, With(name));
    }

    [Fact] // SAML-021
    public void The_digest_of_nothing_is_not_a_digest_of_the_assertion()
    {
        var nothing = Convert.ToBase64String(SHA256.HashData([]));
        Refuses(SamlRefusal.DigestInvalid, signature => Xml.Change(signature, document => document.Get("DigestValue").InnerText = nothing));
    }

    [Theory] // SAML-022
    [InlineData("before")]
    [InlineData("after")]
    [InlineData("wrapped")]
    public void Two_signed_infos_are_refused(string place)
    {
        Sample.Accepts(Sample.Signed());
        Sample.Refuses(SamlRefusal.SignatureShape, Xml.Change(Sample.Signed(), document =>
        {
            var info = document.Get("SignedInfo");
            var copy = info.Copy();
            copy.Get("DigestValue").InnerText = "AAAA";
            var signature = (XmlElement)info.ParentNode!;
            if (place == "wrapped")
            {
                var wrapper = document.CreateElement("x", "Wrapper", "urn:x");
                wrapper.AppendChild(copy);
                signature.AppendChild(wrapper);
            }
            else if (place == "before")
            {
                signature.InsertBefore(copy, info);
            }
            else
            {
                signature.InsertAfter(copy, info);
            }
        }));
    }

    [Theory] // SAML-023
    [InlineData("<ds:Object Id='_o'><ds:Manifest/></ds:Object>", "_o")]
    [InlineData("<ds:KeyInfo Id='_o'/>", "_o")]
    public void A_signature_over_its_own_contents_is_refused(string part, string id)
    {
        var why = part.Contains("Object", StringComparison.Ordinal) ? SamlRefusal.SignatureShape : SamlRefusal.SignatureReference;
        Sample.Refuses(why, Sample.Signed(how: Sample.OnAssertion with { Reference = "#" + id, KeyInfo = part.Replace('\'', '"') }));
    }

    [Fact] // SAML-024
    public void A_prefix_rebound_outside_the_assertion_changes_nothing_that_is_read()
    {
        var typed = Sample.Signed(
            "<saml:AttributeValue>", "<saml:AttributeValue xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\">");
        foreach (var ns in new[] { "http://www.w3.org/2001/XMLSchema", "urn:evil" })
        {
            var xml = typed.Replace("<samlp:Response ", $"<samlp:Response xmlns:xs=\"{ns}\" ", StringComparison.Ordinal);
            Assert.Equal([Sample.Alice], Sample.Accepts(xml).Attributes["email"]);
        }
    }

    [Fact] // SAML-024
    public void A_prefix_list_is_honoured_and_bounded()
    {
        string With(int count) => FrameworkSigned(
            "_a1", inclusive: false, new XmlDsigExcC14NTransform("xs saml " + string.Join(' ', Enumerable.Range(2, count - 2).Select(i => "p" + i))));

        Sample.Accepts(With(64));
        Sample.Refuses(SamlRefusal.TooManyPrefixes, With(65));
    }

    [Fact] // SAML-024
    public void A_prefix_in_the_list_is_signed_with_the_assertion()
    {
        var xml = FrameworkSigned("_a1", inclusive: false, new XmlDsigExcC14NTransform("xs"));
        Sample.Accepts(xml);
        Sample.Refuses(SamlRefusal.DigestInvalid, xml.Replace("xmlns:xs=\"urn:xs\"", "xmlns:xs=\"urn:evil\"", StringComparison.Ordinal));
    }

    [Theory] // SAML-025
    [InlineData("saml:", "a:", "xmlns:saml", "xmlns:a")]
    [InlineData("samlp:", "", "xmlns:samlp", "xmlns")]
    [InlineData("saml:", "_very.long-prefix_:", "xmlns:saml", "xmlns:_very.long-prefix_")]
    public void Prefixes_do_not_matter(string prefix, string other, string declaration, string otherDeclaration)
    {
        var xml = Sample.Unsigned
            .Replace("<" + prefix, "<" + other, StringComparison.Ordinal).Replace("</" + prefix, "</" + other, StringComparison.Ordinal)
            .Replace(declaration + "=", otherDeclaration + "=", StringComparison.Ordinal);
        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.OnAssertion.Sign(xml)).NameId);
        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.OnResponse.Sign(xml)).NameId);
    }

    [Fact] // SAML-025
    public void The_signature_may_have_no_prefix_or_be_declared_at_the_root()
    {
        Sample.Accepts(Sample.Signed(how: Sample.OnAssertion with
        {
            Shape = s => s.Replace("ds:", "", StringComparison.Ordinal).Replace("xmlns:ds", "xmlns", StringComparison.Ordinal),
        }));
        var atRoot = Sample.Signed().Replace(Ds, "", StringComparison.Ordinal);
        Sample.Accepts(atRoot.Replace("<samlp:Response ", $"<samlp:Response {Ds} ", StringComparison.Ordinal));
    }

    [Fact] // SAML-026
    public void A_pretty_printed_response_is_accepted_as_it_was_signed()
    {
        var pretty = Sample.Unsigned.Replace("><", ">\n  <", StringComparison.Ordinal);
        var signed = Sample.OnAssertion.Sign(pretty);
        Assert.Equal(Sample.Alice, Sample.Accepts(signed).NameId);
        // Line ends are one line feed to every XML reader (XML 1.0 §2.11).
        Assert.Equal(Sample.Alice, Sample.Accepts(signed.Replace("\n", "\r\n", StringComparison.Ordinal)).NameId);
        // White space is signed: without it, or with a written-out carriage return, it is another document.
        var assertion = signed.IndexOf("<saml:Subject>", StringComparison.Ordinal);
        Sample.Refuses(SamlRefusal.DigestInvalid, signed[..assertion] + signed[assertion..].Replace("\n  ", "", StringComparison.Ordinal));
        Sample.Refuses(SamlRefusal.DigestInvalid, signed[..assertion] + signed[assertion..].Replace("\n  ", "&#13;\n  ", StringComparison.Ordinal));
    }

    [Theory] // SAML-026
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("&#13;\n")]
    public void Base64_in_the_signature_may_be_wrapped(string lineEnd)
    {
        var xml = Sample.Signed(how: Sample.OnAssertion with
        {
            KeyInfo = "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>\nAAAA\nBBBB\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
        });
        var value = Xml.Parse(xml).Get("SignatureValue").InnerText;
        var wrapped = string.Join(lineEnd, value.Chunk(64).Select(line => new string(line)));
        Assert.Equal(Sample.Alice, Sample.Accepts(xml.Replace(value, lineEnd + wrapped + lineEnd, StringComparison.Ordinal)).NameId);
    }

    [Fact]
    public void The_response_in_base64_may_be_wrapped()
    {
        var wrapped = Convert.ToBase64String(Encoding.UTF8.GetBytes(Sample.Signed()), Base64FormattingOptions.InsertLineBreaks);
        Sample.Accepted(SamlResponse.Check(wrapped, Sample.Trust, Sample.Request, Sample.Now, Sample.Skew));
    }

    /// <summary>The sample, with a prefix at the root that nothing uses, signed by the framework's own class.</summary>
    private static string FrameworkSigned(string id, bool inclusive, Transform? content)
    {
        var document = Xml.Parse(Sample.Unsigned.Replace("<samlp:Response ", "<samlp:Response xmlns:xs=\"urn:xs\" ", StringComparison.Ordinal));
        var element = document.ById(id);
        var signer = new SignedXml(document) { SigningKey = System.Security.Cryptography.X509Certificates.RSACertificateExtensions.GetRSAPrivateKey(TestKeys.Idp) };
        signer.SignedInfo!.CanonicalizationMethod = inclusive ? SignedXml.XmlDsigC14NTransformUrl : SignedXml.XmlDsigExcC14NTransformUrl;
        signer.SignedInfo.SignatureMethod = SignedXml.XmlDsigRSASHA256Url;
        var reference = new Reference("#" + id) { DigestMethod = SignedXml.XmlDsigSHA256Url };
        reference.AddTransform(new XmlDsigEnvelopedSignatureTransform());
        if (content is not null)
        {
            reference.AddTransform(content);
        }
        signer.AddReference(reference);
        signer.ComputeSignature();
        element.InsertAfter(document.ImportNode(signer.GetXml(), true), element.FirstChild);
        return document.OuterXml;
    }
}
