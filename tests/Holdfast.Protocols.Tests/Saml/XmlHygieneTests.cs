using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-027 to SAML-037: what is refused, or read one way only, before any signature matters.</summary>
public class XmlHygieneTests
{
    [Theory] // SAML-027 to SAML-031
    [InlineData("<!DOCTYPE x>")]
    [InlineData("<!DOCTYPE x []>")]
    [InlineData("<!DOCTYPE x SYSTEM 'http://127.0.0.1/x.dtd'>")]
    [InlineData("<!DOCTYPE x PUBLIC '-//X//Y' 'file:///etc/passwd'>")]
    [InlineData("<!DOCTYPE x [<!ENTITY % p SYSTEM 'http://127.0.0.1/'> %p;]>")]
    [InlineData("<!DOCTYPE x [<!ATTLIST Z foo ID #IMPLIED>]>")]
    [InlineData("<!DOCTYPE x [<!ATTLIST Assertion ID CDATA 'x'>]>")]
    [InlineData("<!DOCTYPE x [<!ENTITY id '_a1'>]>")]
    [InlineData("<!DOCTYPE x SYSTEM '\"><!--'>")]
    public void A_document_type_is_refused_at_every_entry(string doctype)
    {
        Sample.Accepts(Sample.Signed());
        Sample.Refuses(SamlRefusal.DocumentTypeForbidden, doctype + Sample.Signed());

        var metadata = IdpMetadata.Read(Encoding.UTF8.GetBytes(doctype + SamlIssuer.Metadata(Sample.Idp, "https://idp.example/sso", TestKeys.Idp)));
        Assert.Equal(SamlRefusal.DocumentTypeForbidden, Assert.IsType<IdpMetadataVerdict.Refused>(metadata).Why);

        var request = AuthnRequest.Read(RedirectTests.Deflated(doctype + "<x/>"));
        Assert.Equal(SamlRefusal.DocumentTypeForbidden, Assert.IsType<AuthnRequestRead.Refused>(request).Why);
    }

    [Fact] // SAML-030
    public void An_entity_without_a_declaration_is_not_XML() =>
        Sample.Refuses(SamlRefusal.NotXml, Sample.Signed().Replace("ID=\"_r1\"", "ID=\"&id;\"", StringComparison.Ordinal));

    [Theory] // SAML-032
    [InlineData("<saml:Assertion ", "<saml:Assertion x:ID=\"_x\" xmlns:x=\"urn:x\" ")]
    [InlineData("<samlp:Response ", "<samlp:Response samlp:Destination=\"https://evil.example\" ")]
    public void An_attribute_under_two_prefixes_is_refused(string old, string with) =>
        Sample.Refuses(SamlRefusal.DuplicateAttribute, Sample.Signed(old, with));

    [Fact] // SAML-032
    public void An_attribute_given_twice_is_not_XML() =>
        Sample.Refuses(SamlRefusal.NotXml, Sample.Signed().Replace("ID=\"_r1\"", "ID=\"_r1\" ID=\"_r2\"", StringComparison.Ordinal));

    [Fact] // SAML-032
    public void Only_attributes_without_a_namespace_are_read() =>
        Sample.Refuses(SamlRefusal.WrongRecipient, Sample.Signed("Recipient=", "saml:Recipient="));

    [Fact] // SAML-032
    public void Two_prefixes_for_one_namespace_are_one_namespace()
    {
        var xml = Sample.Unsigned
            .Replace("<saml:Subject>", "<s2:Subject xmlns:s2=\"urn:oasis:names:tc:SAML:2.0:assertion\">", StringComparison.Ordinal)
            .Replace("</saml:Subject>", "</s2:Subject>", StringComparison.Ordinal);
        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.OnAssertion.Sign(xml)).NameId);
    }

    [Theory] // SAML-033
    [InlineData("alice@example.com</saml:NameID>", "<b>admin</b></saml:NameID>")]
    [InlineData("alice@example.com</saml:NameID>", "alice<b/>@example.com</saml:NameID>")]
    [InlineData("alice@example.com</saml:NameID>", "<saml:NameID>admin</saml:NameID></saml:NameID>")]
    [InlineData("alice@example.com</saml:AttributeValue>", "<b>admin</b></saml:AttributeValue>")]
    [InlineData("alice@example.com</saml:AttributeValue>", "<saml:NameID>a</saml:NameID><saml:NameID>b</saml:NameID></saml:AttributeValue>")]
    [InlineData("alice@example.com</saml:AttributeValue>", "x<saml:NameID>a</saml:NameID></saml:AttributeValue>")]
    [InlineData("<saml:Audience>https", "<saml:Audience><x/>https")]
    public void Elements_inside_text_are_refused(string old, string with) => Sample.Refuses(SamlRefusal.Malformed, Sample.Signed(old, with));

    [Fact] // SAML-033
    public void One_name_identifier_in_an_attribute_value_is_its_text()
    {
        var xml = Sample.Signed("alice@example.com</saml:AttributeValue>", "<saml:NameID NameQualifier=\"x\">opaque</saml:NameID></saml:AttributeValue>");
        Assert.Equal(["opaque"], Sample.Accepts(xml).Attributes["email"]);
    }

    [Theory] // SAML-034
    [InlineData("utf-8", false, null)]
    [InlineData("utf-8", true, "UTF-8")]
    [InlineData("utf-16LE", true, "UTF-16")]
    [InlineData("utf-16BE", true, "utf-16")]
    [InlineData("utf-16LE", false, "utf-16")]
    [InlineData("utf-16BE", false, null)]
    public void Utf8_and_utf16_are_read(string encoding, bool mark, string? declared) =>
        Assert.Equal(Sample.Alice, Sample.Accepted(Sample.Check(Encode(encoding, mark, declared))).NameId);

    [Theory] // SAML-034
    [InlineData("utf-8", false, "UTF-16")]
    [InlineData("utf-16LE", true, "UTF-8")]
    [InlineData("utf-8", false, "ISO-8859-1")]
    [InlineData("utf-8", false, "UTF-7")]
    [InlineData("utf-8", false, "windows-1252")]
    public void A_declaration_that_the_bytes_do_not_keep_is_refused(string encoding, bool mark, string declared) =>
        Sample.Refused(SamlRefusal.EncodingNotAllowed, Sample.Check(Encode(encoding, mark, declared)));

    [Theory] // SAML-034
    [InlineData(new byte[] { 0xC0, 0xAF })]        // overlong
    [InlineData(new byte[] { 0xE0, 0x80, 0xAF })]  // overlong
    [InlineData(new byte[] { 0xED, 0xA0, 0x80 })]  // a surrogate
    [InlineData(new byte[] { 0xFF })]
    [InlineData(new byte[] { 0xE2, 0x82 })]        // cut short
    public void Bytes_that_are_not_utf8_are_refused(byte[] bad)
    {
        var bytes = Encoding.UTF8.GetBytes(Sample.Signed());
        var at = bytes.AsSpan().IndexOf("alice"u8);
        Sample.Refused(SamlRefusal.EncodingNotAllowed, Sample.Check([.. bytes[..at], .. bad, .. bytes[at..]]));
    }

    [Theory] // SAML-034
    [InlineData("&#xD800;")]
    [InlineData("&#0;")]
    [InlineData("&#xFFFE;")]
    public void Characters_that_XML_cannot_carry_are_refused(string reference) =>
        Sample.Refuses(SamlRefusal.NotXml, Sample.Signed().Replace("alice", reference + "alice", StringComparison.Ordinal));

    [Fact] // SAML-034
    public void An_unpaired_surrogate_in_utf16_is_refused()
    {
        var bytes = Encode("utf-16LE", true, null);
        bytes[^3] = 0xD8;
        Sample.Refused(SamlRefusal.EncodingNotAllowed, Sample.Check(bytes));
    }

    [Theory] // SAML-036
    [InlineData("ID=\"_a1\" Version=\"2.0\"", "ID=\"_a1\" Version=\"1.1\"", SamlRefusal.WrongVersion)]
    [InlineData("ID=\"_a1\" Version=\"2.0\"", "ID=\"_a1\"", SamlRefusal.WrongVersion)]
    [InlineData("ID=\"_r1\" Version=\"2.0\"", "ID=\"_r1\" Version=\"1.1\"", SamlRefusal.WrongVersion)]
    [InlineData("ID=\"_r1\" Version=\"2.0\"", "ID=\"_r1\"", SamlRefusal.WrongVersion)]
    [InlineData("Version=\"2.0\" IssueInstant=\"2026-03-01T12:00:00Z\" Destination", "Version=\"2.0\" Destination", SamlRefusal.Malformed)]
    [InlineData("Version=\"2.0\" IssueInstant=\"2026-03-01T12:00:00Z\"><saml:Issuer>", "Version=\"2.0\"><saml:Issuer>", SamlRefusal.Malformed)]
    [InlineData("AuthnInstant=\"2026-03-01T12:00:00Z\"", "", SamlRefusal.Malformed)]
    [InlineData("<saml:Subject>", "<saml:Unknown/><saml:Subject>", SamlRefusal.Malformed)]
    [InlineData("<saml:Subject>", "<x:Unknown xmlns:x=\"urn:x\"/><saml:Subject>", SamlRefusal.Malformed)]
    [InlineData("<saml:Subject>", "text<saml:Subject>", SamlRefusal.Malformed)]
    [InlineData("</saml:Assertion>", "<saml:Conditions/></saml:Assertion>", SamlRefusal.Malformed)]
    [InlineData("<samlp:Status>", "<x:Unknown xmlns:x=\"urn:x\"/><samlp:Status>", SamlRefusal.Malformed)]
    [InlineData(" Name=\"email\"", "", SamlRefusal.Malformed)]
    public void What_the_schema_does_not_have_is_refused(string old, string with, SamlRefusal why)
    {
        Sample.Refuses(why, Sample.Signed(old, with));
        Sample.Refuses(why, Sample.Signed(old, with, Sample.OnResponse));
    }

    [Fact] // SAML-036
    public void Assertion_children_out_of_order_are_refused() => Sample.Refuses(SamlRefusal.Malformed, Sample.OnAssertion.Sign(
        Xml.Change(Sample.Unsigned, d => d.ById("_a1").InsertAfter(d.Get("Subject").Remove(), d.Get("Conditions")))));

    [Theory] // SAML-036
    [InlineData("1a")]
    [InlineData("a:b")]
    [InlineData("a b")]
    public void An_id_that_is_no_ncname_is_refused(string id)
    {
        Sample.Refuses(SamlRefusal.Malformed, Sample.Signed("ID=\"_r1\"", $"ID=\"{id}\""));
        Sample.Refuses(SamlRefusal.SignatureReference, (Sample.OnAssertion with { Id = id }).Sign(
            Sample.Unsigned.Replace("ID=\"_a1\"", $"ID=\"{id}\"", StringComparison.Ordinal)));
    }

    [Theory] // SAML-037
    [InlineData("<?xml-stylesheet href=\"http://127.0.0.1/\"?><samlp:Response ", SamlRefusal.ProcessingInstructionForbidden)]
    [InlineData("<!-- x --><samlp:Response ", SamlRefusal.CommentForbidden)]
    public void Processing_instructions_and_comments_are_refused(string with, SamlRefusal why) =>
        Sample.Refuses(why, Sample.Signed().Replace("<samlp:Response ", with, StringComparison.Ordinal));

    [Theory] // the comment and CDATA splits of a NameID
    [InlineData("mallory@example.com<!---->.evil.com", SamlRefusal.CommentForbidden)]
    [InlineData("mallory@example.com<?x?>.evil.com", SamlRefusal.ProcessingInstructionForbidden)]
    public void A_name_identifier_split_by_a_comment_is_refused(string nameId, SamlRefusal why) =>
        Sample.Refuses(why, Sample.Signed().Replace(">alice@example.com</saml:NameID>", $">{nameId}</saml:NameID>", StringComparison.Ordinal));

    [Fact]
    public void A_name_identifier_split_by_CDATA_is_joined()
    {
        var signed = Sample.Signed(">alice@example.com</saml:NameID>", ">mallory@example.com.evil.com</saml:NameID>");
        var split = signed.Replace("mallory@example.com.evil", "mallory@example.com<![CDATA[.evil]]>", StringComparison.Ordinal);
        Assert.Equal("mallory@example.com.evil.com", Sample.Accepts(split).NameId);
    }

    [Fact] // SAML-037
    public void Foreign_attributes_that_name_addresses_are_ignored() => Sample.Accepts(Sample.Signed(
        "<samlp:Response ",
        "<samlp:Response xml:base=\"http://127.0.0.1/\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"urn:x http://127.0.0.1/\" "));

    [Theory]
    [InlineData(null, SamlRefusal.NotBase64)]
    [InlineData("", SamlRefusal.NotBase64)]
    [InlineData("%%%", SamlRefusal.NotBase64)]
    [InlineData("AAA", SamlRefusal.NotBase64)]
    [InlineData("PHg+", SamlRefusal.NotXml)]
    [InlineData("PHgvPg==", SamlRefusal.WrongMessage)]
    [InlineData("AAAA", SamlRefusal.NotXml)]
    public void What_is_no_message_is_refused(string? response, SamlRefusal why) =>
        Sample.Refused(why, SamlResponse.Check(response!, Sample.Trust, Sample.Request, Sample.Now, Sample.Skew));

    [Theory] // SAML-074: neither artifacts nor SOAP are taken
    [InlineData("<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>RESPONSE</soap:Body></soap:Envelope>")]
    [InlineData("<samlp:ArtifactResponse xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_ar\" Version=\"2.0\">RESPONSE</samlp:ArtifactResponse>")]
    [InlineData("RESPONSE")]
    public void A_response_in_an_envelope_is_refused(string around)
    {
        var xml = around.Replace("RESPONSE", Sample.Signed(how: Sample.OnResponse), StringComparison.Ordinal);
        if (around == "RESPONSE")
        {
            Sample.Accepts(xml);
        }
        else
        {
            Sample.Refuses(SamlRefusal.WrongMessage, xml);
        }
        var artifact = Convert.ToBase64String([0, 4, 0, 0, .. new byte[40]]);
        Assert.IsType<SamlVerdict.Refused>(SamlResponse.Check(artifact, Sample.Trust, Sample.Request, Sample.Now, Sample.Skew));
    }

    private static byte[] Encode(string encoding, bool mark, string? declared)
    {
        Encoding encoder = encoding == "utf-8" ? new UTF8Encoding(mark) : new UnicodeEncoding(encoding.EndsWith("BE", StringComparison.Ordinal), mark);
        var declaration = declared is null ? "" : $"<?xml version=\"1.0\" encoding=\"{declared}\"?>";
        return [.. encoder.GetPreamble(), .. encoder.GetBytes(declaration + Sample.Signed())];
    }
}
