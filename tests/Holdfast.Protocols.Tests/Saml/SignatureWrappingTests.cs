using System.Xml;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-001 to SAML-014. The twin of each is the message before it was changed, which is checked first.</summary>
public class SignatureWrappingTests
{
    private static void Refuses(SamlRefusal why, string genuine, Action<XmlDocument> attack)
    {
        Assert.Equal(Sample.Alice, Sample.Accepts(genuine).NameId);
        Sample.Refuses(why, Xml.Change(genuine, attack));
    }

    [Theory] // SAML-001
    [InlineData(false, SamlRefusal.DuplicateId)]
    [InlineData(true, SamlRefusal.ElementMisplaced)]
    public void A_signed_response_moved_into_its_own_signature_is_refused(bool renames, SamlRefusal why) =>
        Refuses(why, Sample.Signed(how: Sample.OnResponse), document =>
        {
            var response = document.DocumentElement!;
            var original = response.Copy();
            original.Get("Signature").Remove();
            response.SetAttribute("ID", "_evil");
            response.Get("NameID").InnerText = Sample.Mallory;
            if (renames)
            {
                response.Get("Assertion").SetAttribute("ID", "_evilA");
            }
            response.Get("Signature").AppendChild(original);
        });

    [Fact] // SAML-001, as a following sibling of the signature (XSW2)
    public void A_signed_response_kept_beside_its_signature_is_refused() =>
        Refuses(SamlRefusal.ElementMisplaced, Sample.Signed(how: Sample.OnResponse), document =>
        {
            var response = document.DocumentElement!;
            var original = response.Copy();
            original.Get("Signature").Remove();
            response.SetAttribute("ID", "_evil");
            response.Get("Assertion").SetAttribute("ID", "_evilA");
            response.Get("NameID").InnerText = Sample.Mallory;
            response.InsertBefore(original, response.Get("Signature"));
        });

    [Fact] // SAML-002
    public void A_forged_assertion_before_the_signed_one_is_refused() =>
        Refuses(SamlRefusal.MoreThanOneAssertion, Sample.Signed(), document =>
        {
            var signed = document.ById("_a1");
            signed.ParentNode!.InsertBefore(signed.Forged("_evil"), signed);
        });

    [Fact] // SAML-003
    public void A_signed_assertion_inside_a_forged_one_is_refused() =>
        Refuses(SamlRefusal.ElementMisplaced, Sample.Signed(), document =>
        {
            var signed = document.ById("_a1");
            var forged = signed.Forged("_evil");
            signed.ParentNode!.AppendChild(forged);
            forged.AppendChild(signed.Remove());
        });

    [Fact] // SAML-004
    public void A_changed_assertion_that_keeps_the_signature_of_a_detached_one_is_refused() =>
        Refuses(SamlRefusal.MoreThanOneAssertion, Sample.Signed(), document => Detach(document, document.DocumentElement!));

    [Fact] // SAML-005
    public void The_original_hidden_inside_the_signature_is_refused() =>
        Refuses(SamlRefusal.ElementMisplaced, Sample.Signed(), document => Detach(document, document.Get("Signature")));

    [Fact] // SAML-006
    public void The_original_hidden_in_an_object_of_the_signature_is_refused() =>
        Refuses(SamlRefusal.ElementMisplaced, Sample.Signed(), document =>
            Detach(document, (XmlElement)document.Get("Signature").AppendChild(Ds(document, "Object"))!));

    [Fact] // SAML-006: an object by itself is refused too
    public void An_object_in_the_signature_is_refused() =>
        Refuses(SamlRefusal.SignatureShape, Sample.Signed(), document => document.Get("Signature").AppendChild(Ds(document, "Object")));

    [Fact] // SAML-003, XSW7
    public void A_forged_assertion_in_extensions_is_refused() =>
        Refuses(SamlRefusal.ElementMisplaced, Sample.Signed(), document =>
        {
            var extensions = document.CreateElement("samlp", "Extensions", "urn:oasis:names:tc:SAML:2.0:protocol");
            document.DocumentElement!.InsertAfter(extensions, document.Get("Issuer"));
            extensions.AppendChild(document.ById("_a1").Forged("_evil"));
        });

    [Fact] // SAML-007
    public void An_unsigned_assertion_after_the_signed_one_is_refused() =>
        Refuses(SamlRefusal.MoreThanOneAssertion, Sample.Signed(), document =>
            document.DocumentElement!.AppendChild(document.ById("_a1").Forged("_evil")));

    [Theory] // SAML-007
    [InlineData(true)]
    [InlineData(false)]
    public void An_encrypted_assertion_beside_a_plain_one_is_refused(bool first) =>
        Refuses(SamlRefusal.MoreThanOneAssertion, Sample.Signed(), document =>
        {
            var encrypted = document.CreateElement("saml", "EncryptedAssertion", "urn:oasis:names:tc:SAML:2.0:assertion");
            document.DocumentElement!.InsertBefore(encrypted, first ? document.ById("_a1") : null);
        });

    [Theory] // SAML-008
    [InlineData(false)]
    [InlineData(true)]
    public void An_assertion_in_advice_is_never_read(bool innerIsSigned)
    {
        var inner = Sample.Unsigned.Replace("_a1", "_inner", StringComparison.Ordinal).Replace(Sample.Alice, Sample.Mallory, StringComparison.Ordinal);
        inner = innerIsSigned ? new Signing("_inner").Sign(inner) : inner;
        var advice = "</saml:Conditions><saml:Advice>" + Xml.Parse(inner).Get("Assertion").OuterXml + "</saml:Advice>";

        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.Signed("</saml:Conditions>", advice)).NameId);
        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.Signed("</saml:Conditions>", advice, Sample.OnResponse)).NameId);
    }

    [Fact] // SAML-008: the advice's signed assertion does not stand in for a missing signature
    public void A_signed_assertion_in_advice_does_not_vouch_for_the_outer_one()
    {
        var inner = Sample.Unsigned.Replace("_a1", "_inner", StringComparison.Ordinal);
        var advice = "</saml:Conditions><saml:Advice>" + Xml.Parse(new Signing("_inner").Sign(inner)).Get("Assertion").OuterXml + "</saml:Advice>";
        Sample.Refuses(SamlRefusal.SignatureMissing, Sample.Unsigned.Replace("</saml:Conditions>", advice, StringComparison.Ordinal));
    }

    [Theory] // SAML-009
    [InlineData("second signature", SamlRefusal.ElementMisplaced)]
    [InlineData("object", SamlRefusal.ElementMisplaced)]
    [InlineData("key info", SamlRefusal.ElementMisplaced)]
    [InlineData("child", SamlRefusal.StatusNotSuccess)]
    public void A_signed_error_does_not_carry_a_forged_assertion(string place, SamlRefusal why)
    {
        var error = Sample.OnResponse with { KeyInfo = "<ds:KeyInfo/>" };
        var withoutAssertion = Xml.Change(Error("Responder"), document => document.Get("Assertion").Remove());
        var signed = error.Sign(place == "child" ? Error("Responder") : withoutAssertion);
        Sample.Refuses(SamlRefusal.StatusNotSuccess, signed);
        Assert.Equal(Sample.Alice, Sample.Accepts(error.Sign(Error("Success"))).NameId);

        var forged = Xml.Parse(Sample.Unsigned).ById("_a1").Forged("_evil");
        Sample.Refuses(why, Xml.Change(signed, document =>
        {
            var made = document.ImportNode(forged, deep: true);
            var signature = document.Get("Signature");
            switch (place)
            {
                case "second signature":
                    var copy = signature.Copy();
                    copy.AppendChild(made);
                    document.DocumentElement!.AppendChild(copy);
                    break;
                case "object":
                    signature.AppendChild(Ds(document, "Object"))!.AppendChild(made);
                    break;
                case "key info":
                    signature.Get("KeyInfo").AppendChild(made);
                    break;
            }
        }));
    }

    [Theory] // SAML-010
    [InlineData("copy")]
    [InlineData("other key info")]
    [InlineData("other reference")]
    public void Two_signatures_in_one_element_are_refused(string kind) =>
        Refuses(SamlRefusal.SignatureShape, Sample.Signed(how: Sample.OnAssertion with { KeyInfo = "<ds:KeyInfo><ds:KeyName>a</ds:KeyName></ds:KeyInfo>" }), document =>
        {
            var signature = document.Get("Signature");
            var second = signature.Copy();
            if (kind == "other key info")
            {
                second.Get("KeyName").InnerText = "b";
            }
            else if (kind == "other reference")
            {
                second.Get("Reference").SetAttribute("URI", "#_r1");
            }
            signature.ParentNode!.InsertAfter(second, signature);
        });

    [Theory] // SAML-011
    [InlineData("StatusDetail")]
    [InlineData("Extensions")]
    public void A_digest_smuggled_outside_the_signature_is_not_seen(string place)
    {
        var smuggled = "<ds:Reference xmlns:ds='http://www.w3.org/2000/09/xmldsig#' URI='#_a1'><ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>";
        string Smuggle(string xml) => place == "StatusDetail"
            ? xml.Replace("</samlp:Status>", $"<samlp:StatusDetail>{smuggled}</samlp:StatusDetail></samlp:Status>", StringComparison.Ordinal)
            : xml.Replace("<samlp:Status>", $"<samlp:Extensions>{smuggled}</samlp:Extensions><samlp:Status>", StringComparison.Ordinal);

        Assert.Equal(Sample.Alice, Sample.Accepts(Smuggle(Sample.Signed())).NameId);
        Sample.Refuses(
            SamlRefusal.DigestInvalid,
            Smuggle(Xml.Change(Sample.Signed(), document => document.Get("NameID").InnerText = Sample.Mallory)));
    }

    [Fact] // SAML-011: a second DigestValue inside the Reference
    public void Two_digests_in_the_reference_are_refused() =>
        Refuses(SamlRefusal.SignatureShape, Sample.Signed(), document =>
        {
            var digest = document.Get("DigestValue");
            digest.ParentNode!.InsertBefore(digest.Copy(), digest);
        });

    [Theory] // SAML-012
    [InlineData("Issuer", SamlRefusal.WrongIssuer)]
    [InlineData("Destination", SamlRefusal.WrongDestination)]
    [InlineData("InResponseTo", SamlRefusal.WrongRequest)]
    [InlineData("Status", SamlRefusal.StatusNotSuccess)]
    public void Unsigned_values_of_the_response_must_agree(string part, SamlRefusal why) =>
        Refuses(why, Sample.Signed(), document =>
        {
            var response = document.DocumentElement!;
            switch (part)
            {
                case "Issuer":
                    response.Get("Issuer").InnerText = "https://evil.example";
                    break;
                case "Status":
                    response.Get("StatusCode").SetAttribute("Value", "urn:oasis:names:tc:SAML:2.0:status:Requester");
                    break;
                default:
                    response.SetAttribute(part, "_forged");
                    break;
            }
        });

    [Fact] // SAML-012
    public void An_unsigned_InResponseTo_does_not_stand_in_for_the_signed_one()
    {
        var unsolicited = Sample.Signed(" InResponseTo=\"_request1\"");
        Sample.Refuses(SamlRefusal.WrongRequest, Xml.Change(unsolicited, d => d.DocumentElement!.SetAttribute("InResponseTo", Sample.Request)));
        Sample.Accepts(unsolicited, Sample.Trust with { AllowUnsolicited = true }, request: null);
    }

    [Theory] // SAML-013
    [InlineData(true)]
    [InlineData(false)]
    public void Two_assertions_with_one_id_are_refused(bool forgedFirst) =>
        Refuses(SamlRefusal.DuplicateId, Sample.Signed(), document =>
        {
            var signed = document.ById("_a1");
            var wrapper = document.CreateElement("x", "Wrapper", "urn:example:wrapper");
            signed.ParentNode!.InsertBefore(wrapper, signed);
            wrapper.AppendChild(forgedFirst ? signed.Forged("_a1") : signed.Copy());
            if (!forgedFirst)
            {
                signed.ParentNode.ReplaceChild(signed.Forged("_a1"), signed);
            }
        });

    [Fact] // SAML-014
    public void No_signature_at_all_is_refused() => Sample.Refuses(SamlRefusal.SignatureMissing, Sample.Unsigned);

    [Fact] // SAML-014
    public void An_empty_signature_is_refused() =>
        Refuses(SamlRefusal.SignatureShape, Sample.Signed(), document => document.Get("Signature").RemoveAll());

    [Fact] // SAML-014: one good signature does not excuse a broken one
    public void A_broken_response_signature_beside_a_good_assertion_signature_is_refused() =>
        Refuses(SamlRefusal.DigestInvalid, Sample.OnResponse.Sign(Sample.Signed()), document =>
            document.DocumentElement!.SetAttribute("Consent", "urn:example:changed"));

    [Fact]
    public void A_signature_in_another_place_than_the_two_is_refused() =>
        Refuses(SamlRefusal.ElementMisplaced, Sample.Signed(), document => document.Get("Subject").AppendChild(document.Get("Signature").Remove()));

    private static string Error(string status) => Sample.Unsigned.Replace("status:Success", "status:" + status, StringComparison.Ordinal);

    private static XmlElement Ds(XmlDocument document, string name) => document.CreateElement("ds", name, "http://www.w3.org/2000/09/xmldsig#");

    /// <summary>Changes the assertion that holds the signature; the untouched original goes to <paramref name="place"/>.</summary>
    private static void Detach(XmlDocument document, XmlElement place)
    {
        var holder = document.ById("_a1");
        var original = holder.Copy();
        original.Get("Signature").Remove();
        holder.SetAttribute("ID", "_evil");
        holder.Get("NameID").InnerText = Sample.Mallory;
        place.AppendChild(original);
    }
}
