using System.Security.Cryptography.X509Certificates;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-038 to SAML-045, SAML-072 and SAML-085: keys, algorithms and KeyInfo.</summary>
public class KeyTests
{
    private const string Sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    private const string RsaSha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";

    private static SamlTrust Pinned(params X509Certificate2[] certificates) => Sample.Trust with { Certificates = certificates };

    [Theory] // SAML-038, SAML-044
    [InlineData("")]
    [InlineData("<ds:KeyInfo><ds:X509Data/></ds:KeyInfo>")]
    [InlineData("<ds:KeyInfo><ds:X509Data><ds:X509Certificate>!!</ds:X509Certificate></ds:X509Data></ds:KeyInfo>")]
    [InlineData("<ds:KeyInfo><ds:X509Data><ds:X509Certificate>OTHER</ds:X509Certificate><ds:X509Certificate>IDP</ds:X509Certificate></ds:X509Data></ds:KeyInfo>")]
    [InlineData("<ds:KeyInfo><ds:X509Data><ds:X509IssuerSerial/></ds:X509Data></ds:KeyInfo>")]
    [InlineData("<ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo>")]
    [InlineData("<ds:KeyInfo><ds:RetrievalMethod URI=\"http://127.0.0.1/x\"/></ds:KeyInfo>")]
    [InlineData("<ds:KeyInfo><ds:PGPData/><ds:SPKIData/></ds:KeyInfo>")]
    public void Key_info_is_never_read(string keyInfo)
    {
        keyInfo = keyInfo.Replace("OTHER", Base64(TestKeys.Other), StringComparison.Ordinal).Replace("IDP", Base64(TestKeys.Idp), StringComparison.Ordinal);
        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.Signed(how: Sample.OnAssertion with { KeyInfo = keyInfo })).NameId);
        Sample.Refuses(SamlRefusal.SignatureInvalid, Sample.Signed(how: Sample.OnAssertion with { KeyInfo = keyInfo, Key = TestKeys.Other }));
    }

    [Fact] // SAML-038
    public void Two_key_infos_are_refused() =>
        Sample.Refuses(SamlRefusal.SignatureShape, Sample.Signed(how: Sample.OnAssertion with { KeyInfo = "<ds:KeyInfo/><ds:KeyInfo/>" }));

    [Theory] // SAML-039
    [InlineData("http://www.w3.org/2000/09/xmldsig#hmac-sha1")]
    [InlineData("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")]
    public void An_hmac_with_the_public_key_is_refused(string method) =>
        Sample.Refuses(SamlRefusal.AlgorithmNotAllowed, Sample.Signed(how: Sample.OnAssertion with { Method = method }));

    [Theory] // SAML-039
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("8")]
    public void A_shortened_hmac_is_refused(string length) =>
        Sample.Refuses(SamlRefusal.SignatureShape, Sample.Signed(how: Sample.OnAssertion with
        {
            Shape = s => s.Replace(
                $"<ds:SignatureMethod Algorithm=\"{Signing.More}rsa-sha256\"/>",
                $"<ds:SignatureMethod Algorithm=\"{Signing.More}hmac-sha256\"><ds:HMACOutputLength>{length}</ds:HMACOutputLength></ds:SignatureMethod>",
                StringComparison.Ordinal),
        }));

    [Theory] // SAML-040
    [InlineData(RsaSha1, Sha1)]
    [InlineData(Signing.More + "rsa-sha256", Sha1)]
    [InlineData(RsaSha1, "http://www.w3.org/2001/04/xmlenc#sha256")]
    public void Sha1_is_refused_unless_the_connection_allows_it(string method, string digest)
    {
        var xml = Sample.Signed(how: Sample.OnAssertion with { Method = method, Digest = digest });
        Sample.Refuses(SamlRefusal.AlgorithmNotAllowed, xml);
        Assert.Equal(Sample.Alice, Sample.Accepts(xml, Sample.Trust with { AllowSha1 = true }).NameId);
    }

    [Theory] // SAML-041
    [InlineData(Signing.More + "rsa-sha256")]
    [InlineData(Signing.More + "rsa-sha384")]
    [InlineData(Signing.More + "rsa-sha512")]
    [InlineData("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1")]
    [InlineData("http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1")]
    [InlineData("http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1")]
    public void Strong_rsa_is_accepted(string method)
    {
        Sample.Accepts(Sample.Signed(how: Sample.OnAssertion with { Method = method }));
        Sample.Refuses(SamlRefusal.SignatureInvalid, Sample.Signed(how: Sample.OnAssertion with { Method = method, Key = TestKeys.Other }));
    }

    [Theory] // SAML-041
    [InlineData("ecdsa-sha256", "P-256")]
    [InlineData("ecdsa-sha384", "P-256")]
    [InlineData("ecdsa-sha512", "P-256")]
    [InlineData("ecdsa-sha256", "P-384")]
    [InlineData("ecdsa-sha384", "P-384")]
    [InlineData("ecdsa-sha512", "P-521")]
    public void Ecdsa_is_accepted_with_a_pinned_elliptic_key_only(string method, string curve)
    {
        var key = TestKeys.Signer(curve);
        var xml = Sample.Signed(how: Sample.OnAssertion with { Method = Signing.More + method, Key = key });
        Sample.Accepts(xml, Pinned(TestKeys.Idp, key));
        Sample.Refuses(SamlRefusal.AlgorithmNotAllowed, xml, Pinned(TestKeys.Idp));
        Sample.Refuses(SamlRefusal.AlgorithmNotAllowed, Sample.Signed(), Pinned(key));
        Sample.Refuses(SamlRefusal.SignatureInvalid, xml, Pinned(TestKeys.Signer(curve == "P-256" ? "P-384" : "P-256")));
    }

    [Fact] // SAML-041
    public void An_elliptic_key_on_another_curve_is_refused()
    {
        var xml = Sample.Signed(how: Sample.OnAssertion with { Method = Signing.More + "ecdsa-sha256", Key = TestKeys.Koblitz });
        Sample.Refuses(SamlRefusal.KeyNotAllowed, xml, Pinned(TestKeys.Koblitz));
        Sample.Accepts(Sample.Signed(how: Sample.OnAssertion with { Method = Signing.More + "ecdsa-sha256", Key = TestKeys.Elliptic }), Pinned(TestKeys.Koblitz, TestKeys.Elliptic));
    }

    [Fact] // SAML-041: r and s as a DER sequence, as some libraries write them, is not what RFC 9231 says
    public void An_ecdsa_value_in_der_is_refused()
    {
        string With(Func<byte[], byte[]> change) => Xml.Change(
            Sample.Signed(how: Sample.OnAssertion with { Method = Signing.More + "ecdsa-sha256", Key = TestKeys.Elliptic }),
            d => d.Get("SignatureValue").InnerText = Convert.ToBase64String(change(Convert.FromBase64String(d.Get("SignatureValue").InnerText))));
        var trust = Pinned(TestKeys.Elliptic);
        Sample.Accepts(With(v => v), trust);
        Sample.Refuses(SamlRefusal.SignatureInvalid, With(v => [0x30, 0x44, 0x02, 0x20, .. v[..32], 0x02, 0x20, .. v[32..]]), trust);
        Sample.Refuses(SamlRefusal.SignatureInvalid, With(v => [0, .. v[..32], 0, .. v[32..]]), trust);
        Sample.Refuses(SamlRefusal.SignatureInvalid, With(_ => new byte[64]), trust);
        Sample.Refuses(SamlRefusal.SignatureInvalid, With(v => v[..63]), trust);
    }

    [Fact] // SAML-041: rsa-pss means its defaults; parameters would let the message choose
    public void Rsa_pss_is_accepted_with_its_defaults_only()
    {
        const string Pss = "http://www.w3.org/2007/05/xmldsig-more#rsa-pss";
        Sample.Accepts(Sample.Signed(how: Sample.OnAssertion with { Method = Pss }));
        Sample.Refuses(SamlRefusal.SignatureInvalid, Sample.Signed(how: Sample.OnAssertion with { Method = Pss, Key = TestKeys.Other }));
        Sample.Refuses(SamlRefusal.SignatureShape, Sample.Signed(how: Sample.OnAssertion with
        {
            Method = Pss,
            Shape = s => s.Replace($"<ds:SignatureMethod Algorithm=\"{Pss}\"/>", $"<ds:SignatureMethod Algorithm=\"{Pss}\"><p:RSAPSSParams xmlns:p=\"http://www.w3.org/2007/05/xmldsig-more#\"/></ds:SignatureMethod>", StringComparison.Ordinal),
        }));
    }

    [Theory] // SAML-041
    [InlineData("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384")]
    [InlineData("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmlenc#sha512")]
    public void Longer_digests_are_accepted(string usual, string digest) =>
        Assert.NotEqual(usual, Sample.Accepts(Sample.Signed(how: Sample.OnAssertion with { Digest = digest })).NameId);

    [Theory] // SAML-041
    [InlineData("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", "http://www.w3.org/2001/04/xmlenc#sha256")]
    [InlineData("http://www.w3.org/2000/09/xmldsig#dsa-sha1", "http://www.w3.org/2001/04/xmlenc#sha256")]
    [InlineData("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256 ", "http://www.w3.org/2001/04/xmlenc#sha256")]
    [InlineData("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#md5")]
    [InlineData("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#sha224")]
    public void Algorithms_that_are_not_listed_are_refused(string method, string digest) => Sample.Refuses(
        SamlRefusal.AlgorithmNotAllowed,
        Sample.Signed(how: Sample.OnAssertion with { Method = method, Digest = digest }),
        Sample.Trust with { AllowSha1 = true });

    [Fact]
    public void An_rsa_key_below_2048_bits_is_refused()
    {
        var xml = Sample.Signed(how: Sample.OnAssertion with { Key = TestKeys.Weak });
        Sample.Refuses(SamlRefusal.KeyNotAllowed, xml, Pinned(TestKeys.Weak));
        Sample.Refuses(SamlRefusal.SignatureInvalid, xml, Pinned(TestKeys.Weak, TestKeys.Idp));
        Sample.Accepts(Sample.Signed(), Pinned(TestKeys.Weak, TestKeys.Idp));
    }

    [Theory] // SAML-042
    [InlineData("prefix")]
    [InlineData("hex")]
    [InlineData("upper")]
    [InlineData("longer")]
    [InlineData("empty")]
    public void Only_the_digest_itself_matches(string kind)
    {
        var why = kind == "empty" ? SamlRefusal.SignatureShape : SamlRefusal.DigestInvalid;
        Sample.Refuses(why, Changed(digest => kind switch
        {
            "prefix" => Convert.ToBase64String(digest[..16]),
            "hex" => Convert.ToHexString(digest),
            "upper" => Convert.ToBase64String(digest).ToUpperInvariant(),
            "longer" => Convert.ToBase64String([.. digest, 0]),
            _ => "",
        }));
        Sample.Accepts(Changed(digest => " \n" + Convert.ToBase64String(digest).Insert(10, "\n") + " "));
    }

    [Fact] // SAML-043
    public void Certificates_roll_over()
    {
        var second = Sample.Signed(how: Sample.OnAssertion with { Key = TestKeys.Other });
        Sample.Accepts(second, Pinned(TestKeys.Idp, TestKeys.Other));
        Sample.Accepts(second, Pinned(TestKeys.Other));
        Sample.Refuses(SamlRefusal.SignatureInvalid, Sample.Signed(), Pinned(TestKeys.Other));
    }

    [Fact] // SAML-072
    public void The_same_entity_id_with_another_key_does_not_pass()
    {
        var other = Pinned(TestKeys.Other) with { AcsUrl = "https://holdfast.example/sso/saml/acs/conn_2" };
        Sample.Refuses(SamlRefusal.SignatureInvalid, Sample.Signed(), other);
        Sample.Refuses(SamlRefusal.WrongDestination, Sample.Signed(), other with { Certificates = [TestKeys.Idp] });
    }

    [Theory] // SAML-085
    [InlineData(0, SamlRefusal.KeyNotAllowed)]
    [InlineData(20, null)]
    [InlineData(21, SamlRefusal.KeyNotAllowed)]
    public void The_number_of_pinned_keys_is_bounded(int count, SamlRefusal? why)
    {
        var trust = Pinned([.. Enumerable.Repeat(TestKeys.Idp, count)]);
        if (why is { } refusal)
        {
            Sample.Refuses(refusal, Sample.Signed(), trust);
        }
        else
        {
            Sample.Accepts(Sample.Signed(), trust);
        }
    }

    /// <summary>Signed with the digest written otherwise. It is over the same octets, since the signature is not part of them.</summary>
    private static string Changed(Func<byte[], string> digest) => Sample.Signed(how: Sample.OnAssertion with
    {
        Shape = s => Xml.Change(s, d => d.Get("DigestValue").InnerText = digest(Convert.FromBase64String(d.Get("DigestValue").InnerText))),
    });

    private static string Base64(X509Certificate2 certificate) => Convert.ToBase64String(certificate.RawData);
}
