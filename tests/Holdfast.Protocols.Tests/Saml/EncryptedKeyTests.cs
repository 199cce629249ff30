using System.Xml;
using Holdfast.Protocols.Saml;
using static Holdfast.Protocols.Tests.Saml.EncryptedAssertionTests;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-053 and SAML-055: where the key stands, whom it is for, and several keys of ours.</summary>
public class EncryptedKeyTests
{
    private static string Changed(string xml, Action<XmlDocument> change) => Xml.Change(xml, change);

    [Fact] // SAML-053
    public void The_key_is_found_inside_and_beside()
    {
        foreach (var place in Enum.GetValues<Encrypting.Place>())
        {
            Sample.Accepts(SignedInside(new(Where: place)), Trust);
            Sample.Accepts(SignedOutside(Encrypting.Modern with { Where = place }), Trust);
        }
    }

    [Theory] // SAML-053: only a neighbour can be referred to, and nothing is fetched
    [InlineData("#_other", SamlRefusal.Malformed)]
    [InlineData("#_r1", SamlRefusal.Malformed)]
    [InlineData("#xpointer(id('_ek'))", SamlRefusal.Malformed)]
    [InlineData("http://127.0.0.1/key", SamlRefusal.Malformed)]
    [InlineData("file:///etc/hostname", SamlRefusal.Malformed)]
    [InlineData("", SamlRefusal.Malformed)]
    [InlineData("#_ek", null)]
    public void A_retrieval_method_means_a_neighbour(string uri, SamlRefusal? why)
    {
        var xml = SignedInside(new(
            Where: Encrypting.Place.BesideAndReferred, Shape: s => s.Replace("URI=\"#_ek\"", $"URI=\"{uri}\"", StringComparison.Ordinal)));
        if (why is { } refusal)
        {
            Sample.Refuses(refusal, xml, Trust);
        }
        else
        {
            Sample.Accepts(xml, Trust);
        }
    }

    [Fact] // SAML-053: each of them, among keys that nobody refers to
    public void Several_retrieval_methods_mean_their_neighbours()
    {
        string Referring(params string[] ids) => SignedInside(new(Where: Encrypting.Place.BesideAndReferred, Shape: s => Changed(s, document =>
        {
            var (key, reference) = (document.Get("EncryptedKey"), document.Get("RetrievalMethod"));
            for (var i = 0; i < 10; i++)
            {
                var copy = key.Copy();
                copy.SetAttribute("Id", $"_junk{i}");
                copy.Get("CipherValue").InnerText = Convert.ToBase64String(new byte[256]);
                key.ParentNode!.InsertBefore(copy, key);
            }
            foreach (var id in ids)
            {
                var copy = reference.Copy();
                copy.SetAttribute("URI", "#" + id);
                reference.ParentNode!.AppendChild(copy);
            }
        })));
        Sample.Accepts(Referring(), Trust);
        Sample.Accepts(Referring("_junk7", "_junk0", "_junk3", "_junk3"), Trust);
        Sample.Refuses(SamlRefusal.Malformed, Referring("_junk7", "_junk0", "_junk3", "_junk4"), Trust);
    }

    [Fact] // SAML-053: and is not transformed on the way
    public void A_retrieval_method_with_transforms_is_refused() => Sample.Refuses(SamlRefusal.Malformed, SignedInside(new(
        Where: Encrypting.Place.BesideAndReferred,
        Shape: s => s.Replace("URI=\"#_ek\"/>", "URI=\"#_ek\"><ds:Transforms/></ds:RetrievalMethod>", StringComparison.Ordinal))), Trust);

    [Fact] // SAML-053: a key somewhere else in the document is not one
    public void A_key_in_another_place_is_not_looked_at() => Sample.Refuses(SamlRefusal.Malformed, Changed(
        SignedInside(new(Where: Encrypting.Place.BesideAndReferred)), document =>
        {
            var extensions = document.CreateElement("samlp", "Extensions", "urn:oasis:names:tc:SAML:2.0:protocol");
            document.DocumentElement!.InsertAfter(extensions, document.Get("Issuer"));
            extensions.AppendChild(document.Get("EncryptedKey").Remove());
        }), Trust);

    [Fact] // SAML-053
    public void A_key_for_another_recipient_is_passed_over()
    {
        string Recipients(params string?[] recipients) => SignedInside(new(Where: Encrypting.Place.Beside, Shape: s => Changed(s, document =>
        {
            var key = document.Get("EncryptedKey");
            foreach (var recipient in recipients)
            {
                var copy = key.Copy();
                if (recipient is not null)
                {
                    copy.SetAttribute("Recipient", recipient);
                }
                if (recipient != Sample.Sp)
                {
                    copy.Get("CipherValue").InnerText = Convert.ToBase64String(new byte[256]);
                }
                key.ParentNode!.AppendChild(copy);
            }
            key.Remove();
        })));
        Sample.Accepts(Recipients(Sample.Sp), Trust);
        Sample.Accepts(Recipients("https://other.example", Sample.Sp), Trust);
        Sample.Accepts(Recipients(null, Sample.Sp), Trust);
        Sample.Accepts(Recipients([.. Enumerable.Repeat("https://other.example", 63), Sample.Sp]), Trust);
        Sample.Refuses(SamlRefusal.Malformed, Recipients([.. Enumerable.Repeat("https://other.example", 64), Sample.Sp]), Trust);
        Sample.Refuses(SamlRefusal.Malformed, Recipients("https://other.example"), Trust);
    }

    [Fact] // SAML-053: hints and names are there, and never read
    public void Names_and_hints_are_passed_over() => Sample.Accepts(SignedInside(new(Shape: s => Changed(s, document =>
    {
        var key = document.Get("EncryptedKey");
        key.SetAttribute("Id", "_ek");
        key.InnerXml = key.InnerXml.Replace(
            "<xenc:CipherData", "<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo><xenc:CipherData", StringComparison.Ordinal)
            + $"<xenc:ReferenceList xmlns:xenc=\"{Encrypting.Xenc}\"><xenc:DataReference URI=\"#_x\"/></xenc:ReferenceList><xenc:CarriedKeyName xmlns:xenc=\"{Encrypting.Xenc}\">a</xenc:CarriedKeyName>";
    }))), Trust);

    [Fact] // the private-key operations of one message
    public void Keys_in_a_message_are_bounded()
    {
        string Many(int n) => SignedInside(new(Where: Encrypting.Place.Beside, Shape: s => Changed(s, document =>
        {
            var key = document.Get("EncryptedKey");
            for (var i = 1; i < n; i++)
            {
                var copy = key.Copy();
                copy.Get("CipherValue").InnerText = Convert.ToBase64String(new byte[256]);
                key.ParentNode!.InsertBefore(copy, key);
            }
        })));
        Sample.Accepts(Many(4), Trust);
        Sample.Refuses(SamlRefusal.Malformed, Many(5), Trust);
        Sample.Accepts(Many(1), Trust with { DecryptionCertificates = [TestKeys.Other, TestKeys.OldSp, TestKeys.Idp, TestKeys.Sp] });
        Sample.Refuses(
            SamlRefusal.DecryptionKeyMissing, Many(1), Trust with { DecryptionCertificates = [TestKeys.Other, TestKeys.OldSp, TestKeys.Idp, TestKeys.Sp, TestKeys.Sp] });
    }

    [Fact] // SAML-055
    public void Decryption_keys_roll_over()
    {
        var toOld = SignedInside(new(For: TestKeys.OldSp));
        var both = Trust with { DecryptionCertificates = [TestKeys.Sp, TestKeys.OldSp] };
        Assert.Equal(TestKeys.OldSp, Evidence(toOld, both).Decryptions.Single().Certificate);
        Assert.Equal(TestKeys.Sp, Evidence(SignedInside(), both).Decryptions.Single().Certificate);
        Sample.Refuses(SamlRefusal.DecryptionFailed, toOld, Trust);
    }

    [Theory]
    [InlineData("<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\" />", "")]
    [InlineData("Type=\"http://www.w3.org/2001/04/xmlenc#Element\"", "Type=\"http://www.w3.org/2001/04/xmlenc#Content\"")]
    [InlineData("<ds:KeyInfo>", "<ds:KeyInfo/><ds:KeyInfo>")]
    [InlineData("<xenc:EncryptedData ", "text<xenc:EncryptedData ")]
    public void Another_shape_is_refused(string old, string with)
    {
        var xml = SignedInside(new(Shape: s =>
        {
            s = Xml.Parse(s).OuterXml;
            Assert.Contains(old, s, StringComparison.Ordinal);
            return s.Replace(old, with, StringComparison.Ordinal);
        }));
        Sample.Refuses(SamlRefusal.Malformed, xml, Trust);
    }

    [Fact] // SAML-083: depth inside of KeyInfo, and in what comes out
    public void Depth_is_bounded_inside_too()
    {
        var deep = string.Concat(Enumerable.Repeat("<x>", 100)) + string.Concat(Enumerable.Repeat("</x>", 100));
        Sample.Refuses(SamlRefusal.TooDeep, SignedInside(new(Shape: s => s.Replace("<ds:KeyInfo>", "<ds:KeyInfo>" + deep, StringComparison.Ordinal))), Trust);
        var inner = Xml.Parse(Sample.Signed()).Get("Assertion").OuterXml;
        string Deep(int depth) => SignedInside(new(Plain: Encrypting.Bytes(inner.Replace(
            "<saml:AttributeValue>", "<saml:AttributeValue>" + string.Concat(Enumerable.Repeat("<x>", depth)) + string.Concat(Enumerable.Repeat("</x>", depth)), StringComparison.Ordinal))));
        Sample.Refuses(SamlRefusal.DigestInvalid, Deep(60), Trust);
        Sample.Refuses(SamlRefusal.DecryptionFailed, Deep(61), Trust);
    }

    private static SamlEvidence Evidence(string xml, SamlTrust trust) => Assert.IsType<SamlVerdict.Accepted>(Sample.Check(xml, trust)).Evidence;
}
