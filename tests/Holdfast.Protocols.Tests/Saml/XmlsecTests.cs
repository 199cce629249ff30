using System.Xml;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>An independent judge: whatever is accepted here, xmlsec1 accepts, over the same element and with the same content.</summary>
public class XmlsecTests
{
    /// <summary>Those that the judge knows: its version has no RSA-PSS.</summary>
    public static TheoryData<string> Names => [.. ProviderShapes.All.Select(shape => shape.Name)];

    private static readonly string[] s_methods = ["rsa-sha256", "rsa-sha384", "rsa-sha512", "ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512"];

    private static SamlTrust Trust(ProviderShape shape) => Sample.Trust with { IdpEntityId = shape.Issuer, AllowSha1 = shape.AllowSha1 };

    /// <summary>Every signature that our verdict rests on, asked of the judge.</summary>
    /// <returns>Whether it was accepted here.</returns>
    private static bool Judge(Xmlsec judge, string xml, SamlTrust trust)
    {
        if (Sample.Check(xml, trust) is not SamlVerdict.Accepted accepted)
        {
            return false;
        }
        foreach (var signature in accepted.Evidence.Signatures)
        {
            var root = Xml.Parse(xml).DocumentElement!;
            var id = signature.Of == "Response" ? root.GetAttribute("ID") : accepted.Assertion.Id;
            var digested = judge.Verify(xml, id, signature.Certificate);
            Assert.True(digested is not null, $"xmlsec1 does not verify the {signature.Of} of\n{xml}");
            Assert.Equal((signature.Of, id), (digested!.LocalName, digested.GetAttribute("ID")));
            var assertion = digested.Get("Assertion");
            Assert.Equal(accepted.Assertion.Id, assertion.GetAttribute("ID"));
            Assert.Equal(accepted.Assertion.NameId, assertion.Get("NameID").InnerText.Trim(' ', '\t', '\r', '\n'));
            foreach (var attribute in assertion.SelectNodes(".//*")!.Cast<XmlElement>().Where(e => e.LocalName == "Attribute"))
            {
                Assert.Contains(attribute.GetAttribute("Name"), accepted.Assertion.Attributes.Keys);
            }
        }
        return true;
    }

    [Fact] // the judge can say no
    public void What_was_changed_it_does_not_verify()
    {
        using var judge = new Xmlsec();
        Assert.NotNull(judge.Verify(Sample.Signed(), "_a1", TestKeys.Idp));
        Assert.Null(judge.Verify(Sample.Signed(), "_a1", TestKeys.Other));
        Assert.Null(judge.Verify(Sample.Signed().Replace(Sample.Alice, Sample.Mallory, StringComparison.Ordinal), "_a1", TestKeys.Idp));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_we_accept_of_a_provider_it_accepts(string name)
    {
        using var judge = new Xmlsec();
        var shape = ProviderShapes.All.Single(one => one.Name == name) with { Encryption = null };
        var original = new ProviderMessage(shape).Build();
        Assert.True(Judge(judge, original, Trust(shape)));
        var dice = new Dice(4);
        for (var i = 0; i < 12; i++)
        {
            Judge(judge, Mutation.Gently(original, dice), Trust(shape));
        }
    }

    [Fact]
    public void Every_algorithm_is_read_as_it_reads_it()
    {
        using var judge = new Xmlsec();
        foreach (var method in s_methods)
        {
            var key = method switch { "ecdsa-sha256" => TestKeys.Elliptic, "ecdsa-sha384" => TestKeys.Elliptic384, "ecdsa-sha512" => TestKeys.Elliptic521, _ => TestKeys.Idp };
            var trust = Sample.Trust with { Certificates = [key] };
            Assert.True(Judge(judge, Sample.Signed(how: Sample.OnAssertion with { Method = Signing.More + method, Key = key }), trust), method);
            // And what we write.
            var algorithm = Enum.Parse<SamlSignatureAlgorithm>(method.Replace("-", "", StringComparison.Ordinal), ignoreCase: true);
            var issue = new SamlIssue("_r1", "_a1", Sample.Idp, Sample.Sp, Sample.Acs, Sample.Request, Sample.Alice, Sample.Now) { Signed = SamlSigned.Both };
            var ours = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(SamlIssuer.Issue(issue, new SamlSigner(key, algorithm))));
            Assert.True(Judge(judge, ours, trust), method);
        }
    }

    [Fact] // a corpus of mutated documents; most are refused here, and what is not goes before the judge
    public void What_we_accept_of_mutated_documents_it_accepts()
    {
        using var judge = new Xmlsec();
        string[] originals = [Sample.Signed(), Sample.Signed(how: Sample.OnResponse), Sample.OnResponse.Sign(Sample.Signed())];
        var dice = new Dice(5);
        var accepted = 0;
        for (var i = 0; i < 300; i++)
        {
            var original = originals[i % originals.Length];
            var xml = i % 5 == 0 ? Mutation.Gently(original, dice) : Mutation.Structure(original, dice);
            accepted += Judge(judge, xml, Sample.Trust) ? 1 : 0;
        }
        Assert.InRange(accepted, 10, 290);
    }

    [Fact] // from the other side: what it signs, we accept
    public void What_it_signs_we_accept()
    {
        using var judge = new Xmlsec();
        foreach (var method in s_methods)
        {
            var key = method switch { "ecdsa-sha256" => TestKeys.Elliptic, "ecdsa-sha384" => TestKeys.Elliptic384, "ecdsa-sha512" => TestKeys.Elliptic521, _ => TestKeys.Idp };
            var how = new Signing("_a1", key, Signing.More + method);
            var template = Xml.Change(how.Sign(Sample.Unsigned), document =>
            {
                document.Get("DigestValue").InnerText = "";
                document.Get("SignatureValue").InnerText = "";
            });
            Assert.Equal(Sample.Alice, Sample.Accepts(judge.Sign(template, key), Sample.Trust with { Certificates = [key] }).NameId);
        }
    }

    [Theory]
    [InlineData("aes128-gcm", "aes-128")]
    [InlineData("aes256-gcm", "aes-256")]
    [InlineData("aes256-cbc", "aes-256")]
    public void What_it_encrypts_we_decrypt(string cipher, string sessionKey)
    {
        using var judge = new Xmlsec();
        var isCbc = cipher.EndsWith("cbc", StringComparison.Ordinal);
        var template = Xml.Parse(new Encrypting(Cipher: (isCbc ? Encrypting.Xenc : Encrypting.Xenc11) + cipher).Element([0], "EncryptedAssertion"));
        foreach (var value in template.SelectNodes("//*")!.Cast<XmlElement>().Where(e => e.LocalName == "CipherValue"))
        {
            value.InnerText = "";
        }
        var inner = Xml.Parse(Sample.Signed()).Get("Assertion").OuterXml;
        var encrypted = judge.Encrypt(inner, template.Get("EncryptedData").OuterXml, sessionKey, TestKeys.Sp);
        var xml = Xml.Change(Sample.Unsigned, document =>
        {
            var holder = document.CreateElement("saml", "EncryptedAssertion", "urn:oasis:names:tc:SAML:2.0:assertion");
            holder.AppendChild(document.ImportNode(Xml.Parse(encrypted).Get("EncryptedData"), deep: true));
            document.DocumentElement!.ReplaceChild(holder, document.Get("Assertion"));
        });
        xml = isCbc ? Sample.OnResponse.Sign(xml) : xml;
        Assert.Equal(Sample.Alice, Sample.Accepts(xml, EncryptedAssertionTests.Trust).NameId);
    }

    [Fact] // its version knows OAEP with SHA-1 only
    public void What_we_encrypt_it_decrypts()
    {
        using var judge = new Xmlsec();
        foreach (var bits in new[] { 128, 192, 256 })
        {
            var issue = new SamlIssue("_r1", "_a1", Sample.Idp, Sample.Sp, Sample.Acs, Sample.Request, Sample.Alice, Sample.Now)
            {
                EncryptFor = new SamlEncryption(TestKeys.Sp, bits, UseSha1Oaep: true),
            };
            var ours = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(SamlIssuer.Issue(issue, TestKeys.Idp)));
            var decrypted = judge.Decrypt(ours, TestKeys.Sp);
            Assert.Equal(Sample.Alice, judge.Verify(decrypted, "_a1", TestKeys.Idp)!.Get("NameID").InnerText);
        }
    }
}
