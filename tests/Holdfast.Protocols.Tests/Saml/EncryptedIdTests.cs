using Holdfast.Protocols.Saml;
using static Holdfast.Protocols.Tests.Saml.EncryptedAssertionTests;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>An EncryptedID in the subject of an assertion (Core §2.2.4).</summary>
public class EncryptedIdTests
{
    private static string Signed(Encrypting? how = null, Signing? on = null) => (on ?? Sample.OnAssertion).Sign((how ?? new()).Encrypt(Sample.Unsigned, "NameID"));

    [Fact]
    public void It_is_decrypted_out_of_signed_octets()
    {
        var accepted = Assert.IsType<SamlVerdict.Accepted>(Sample.Check(Signed(), Trust));
        Assert.Equal((Sample.Alice, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"), (accepted.Assertion.NameId, accepted.Assertion.NameIdFormat));
        Assert.Equal("NameID", accepted.Evidence.Decryptions.Single().Of);
        Sample.Accepts(Signed(on: Sample.OnResponse), Trust);
        Sample.Accepts(Signed(Encrypting.Cbc), Trust);   // the assertion's signature covers it
        Sample.Accepts(new Encrypting().Encrypt(Signed()), Trust);   // and the whole encrypted once more
    }

    [Fact]
    public void It_fails_like_an_assertion_does()
    {
        Sample.Refuses(SamlRefusal.DecryptionKeyMissing, Signed());
        Sample.Refuses(SamlRefusal.DecryptionFailed, Signed(new(For: TestKeys.Other)), Trust);
        Sample.Refuses(SamlRefusal.DecryptionFailed, Signed(new(Plain: Encrypting.Bytes("<x/>"))), Trust);
        Sample.Refuses(SamlRefusal.DecryptionFailed, Signed(new(Plain: Encrypting.Bytes(Xml.Parse(Sample.Signed()).Get("Assertion").OuterXml))), Trust);
        Sample.Refuses(SamlRefusal.EncryptionNotAllowed, Signed(new(Transport: Encrypting.Rsa15, Digest: null)), Trust);
        Sample.Refuses(SamlRefusal.DigestInvalid, new Encrypting().Encrypt(Sample.Signed(), "NameID"), Trust);
    }

    [Theory] // SAML-062 holds for what comes out, too
    [InlineData("", SamlRefusal.NameIdMissing)]
    [InlineData("<b>x</b>", SamlRefusal.Malformed)]
    public void What_comes_out_is_held_to_the_same_rules(string inside, SamlRefusal why) => Sample.Refuses(why, Signed(new(Plain: Encrypting.Bytes(
        $"<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{inside}</saml:NameID>"))), Trust);

    [Fact] // SAML-032: two readers could see two formats
    public void An_attribute_under_two_prefixes_is_refused()
    {
        string With(string attributes) => Signed(new(Plain: Encrypting.Bytes(
            $"<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" xmlns:x=\"urn:x\" {attributes}>{Sample.Alice}</saml:NameID>")));
        Sample.Refuses(SamlRefusal.DuplicateAttribute, With("Format=\"urn:a\" x:Format=\"urn:b\""), Trust);
        Assert.Equal("urn:a", Sample.Accepts(With("Format=\"urn:a\" x:Other=\"urn:b\""), Trust).NameIdFormat);
    }

    [Fact]
    public void An_encrypted_attribute_is_refused() => Sample.Refuses(
        SamlRefusal.EncryptedNotSupported, Sample.Signed("<saml:AttributeStatement>", "<saml:AttributeStatement><saml:EncryptedAttribute/>"), Trust);
}
