using System.Xml;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-087 and SAML-088: every provider's way of writing is taken, and nothing that is wrong in it.</summary>
public class ProviderTests
{
    public static TheoryData<string> Names => [.. ProviderShapes.All.Select(shape => shape.Name)];

    private static ProviderShape Shape(string name) => ProviderShapes.All.Single(shape => shape.Name == name);

    private static SamlTrust Trust(ProviderShape shape) => Sample.Trust with
    {
        IdpEntityId = shape.Issuer,
        AllowSha1 = shape.AllowSha1,
        DecryptionCertificates = [TestKeys.Sp],
    };

    private static void Refuses(SamlRefusal why, ProviderMessage message) => Sample.Refuses(why, message.Build(), Trust(message.Shape));

    [Theory] // SAML-087
    [MemberData(nameof(Names))]
    public void Its_response_is_accepted_and_read_as_it_is(string name)
    {
        var shape = Shape(name);
        var verdict = Sample.Check(new ProviderMessage(shape).Build(), Trust(shape));
        var assertion = Sample.Accepted(verdict);
        Assert.Equal((shape.AssertionId, shape.NameId, shape.NameIdFormat), (assertion.Id, assertion.NameId, assertion.NameIdFormat));
        Assert.Equal((shape.SessionIndex, shape.AuthnContext), (assertion.SessionIndex, assertion.AuthnContext));
        Assert.Equal(shape.SessionEnds ? Sample.Now.AddHours(8) : null, assertion.SessionNotOnOrAfter);
        foreach (var attributes in shape.Attributes.GroupBy(attribute => attribute.Name))
        {
            Assert.Equal(attributes.SelectMany(attribute => attribute.Values), assertion.Attributes[attributes.Key]);
        }
        var evidence = Assert.IsType<SamlVerdict.Accepted>(verdict).Evidence;
        Assert.Equal((shape.OnResponse ? 1 : 0) + (shape.OnAssertion ? 1 : 0), evidence.Signatures.Count);
        Assert.Equal(shape.Encryption is null ? 0 : 1, evidence.Decryptions.Count);
        Assert.Equal(shape.AllowSha1, evidence.Notes(Sample.Now).Contains(SamlNote.Sha1));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_it_says_wrongly_is_refused(string name)
    {
        var right = new ProviderMessage(Shape(name));
        Refuses(SamlRefusal.SignatureInvalid, right with { Key = TestKeys.Other });
        Refuses(SamlRefusal.WrongAudience, right with { Audience = "https://other.example" });
        Refuses(SamlRefusal.WrongRecipient, right with { Recipient = "https://other.example/acs" });
        Refuses(SamlRefusal.WrongDestination, right with { Destination = "https://other.example/acs" });
        Refuses(SamlRefusal.WrongIssuer, right with { Issuer = right.Shape.Issuer + "x" });
        Refuses(SamlRefusal.WrongRequest, right with { Request = "_other" });
        Refuses(SamlRefusal.StatusNotSuccess, right with { Status = "Responder" });
        Refuses(SamlRefusal.AuthnStatementMissing, right with { HasAuthn = false });
        Refuses(SamlRefusal.Expired, right with { Now = Sample.Now.AddMinutes(-10) });
        Refuses(SamlRefusal.NotYetValid, right with { Now = Sample.Now.AddMinutes(10) });
        Refuses(right.Shape.Encryption is { } how && how.Cipher.EndsWith("cbc", StringComparison.Ordinal) ? SamlRefusal.EncryptionNotAllowed : SamlRefusal.SignatureMissing, right with { IsSigned = false });
        if (right.Shape.AllowSha1)
        {
            Sample.Refuses(SamlRefusal.AlgorithmNotAllowed, right.Build(), Trust(right.Shape) with { AllowSha1 = false });
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_a_forger_makes_of_it_is_refused(string name)
    {
        var shape = Shape(name);
        var right = new ProviderMessage(shape);
        var genuine = right.Build();
        Sample.Accepts(genuine, Trust(shape));
        var trust = Trust(shape);
        void Forged(Action<XmlDocument> change, params SamlRefusal[] whys) => Assert.Contains(
            Assert.IsType<SamlVerdict.Refused>(Sample.Check(Xml.Change(genuine, change), trust)).Why, whys);

        var forgedPlain = Xml.Parse((right with { IsSigned = false, Shape = shape with { Encryption = null } }).Build()).ById(shape.AssertionId).Forged("_evil");
        if (shape.Encryption is null)
        {
            Forged(d => d.Get("NameID").InnerText = Sample.Mallory, SamlRefusal.DigestInvalid);
            Forged(d => d.Get("NameID").InnerXml = "mallory<!---->" + d.Get("NameID").InnerXml, SamlRefusal.CommentForbidden);
            Forged(d =>
            {
                var extensions = d.CreateElement(shape.Protocol, "Extensions", "urn:oasis:names:tc:SAML:2.0:protocol");
                d.DocumentElement!.InsertAfter(extensions, d.Get("Issuer"));
                var signed = d.ById(shape.AssertionId);
                d.DocumentElement.ReplaceChild(d.ImportNode(forgedPlain, true), signed);
                extensions.AppendChild(signed);
            }, SamlRefusal.ElementMisplaced);
        }
        else
        {
            if (shape.OnAssertion)
            {
                Refuses(SamlRefusal.DigestInvalid, right with { Inner = xml => Xml.Change(xml, d => d.Get("NameID").InnerText = Sample.Mallory) });
            }
            Forged(d => d.DocumentElement!.ReplaceChild(
                d.ImportNode(Xml.Parse(shape.Encryption.Element(Signing.Octets(forgedPlain.OuterXml), "EncryptedAssertion")).DocumentElement!, true), d.Get("EncryptedAssertion")),
                shape.OnResponse ? SamlRefusal.DigestInvalid : SamlRefusal.SignatureMissing);
            Forged(d => d.DocumentElement!.ReplaceChild(d.ImportNode(forgedPlain, true), d.Get("EncryptedAssertion")),
                shape.OnResponse ? SamlRefusal.DigestInvalid : SamlRefusal.SignatureMissing);
        }
        Forged(d => d.DocumentElement!.AppendChild(d.ImportNode(forgedPlain, true)), SamlRefusal.MoreThanOneAssertion);
        Forged(d => d.DocumentElement!.PrependChild(d.ImportNode(forgedPlain, true)), SamlRefusal.MoreThanOneAssertion);
        if (shape.OnResponse)
        {
            // XSW1: the whole response inside of its own signature.
            Forged(d =>
            {
                var original = d.DocumentElement!.Copy();
                original.Get("Signature").Remove();
                d.DocumentElement!.SetAttribute("ID", "_evil");
                d.Get("Signature").AppendChild(original);
            }, SamlRefusal.ElementMisplaced, SamlRefusal.DuplicateId);
        }
    }

    [Theory] // SAML-088
    [InlineData("xsi:type=\"xs:boolean\"", "true", "true")]
    [InlineData("xsi:type=\"xs:dateTime\"", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z")]
    [InlineData("xsi:type=\"xs:base64Binary\"", "AAAA", "AAAA")]
    [InlineData("xsi:type=\"evil:role\"", "x", "x")]
    [InlineData("xsi:nil=\"true\"", "", null)]
    [InlineData("xsi:nil=\"1\"", "", null)]
    [InlineData("xsi:nil=\"false\"", "x", "x")]
    public void A_typed_value_is_its_text(string type, string text, string? value)
    {
        var xml = Sample.Signed("<saml:AttributeValue>alice@example.com", $"<saml:AttributeValue xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" {type}>{text}");
        Assert.Equal(value is null ? [] : [value], Sample.Accepts(xml).Attributes["email"]);
    }
}
