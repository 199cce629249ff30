using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>What a verdict says about its proof: which certificate, which algorithms, and what deserves to be told.</summary>
public class EvidenceTests
{
    private const string Sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    private const string RsaSha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";

    private static SamlEvidence Of(string xml, SamlTrust trust) => Assert.IsType<SamlVerdict.Accepted>(Sample.Check(xml, trust)).Evidence;

    [Fact] // SAML-043: during a roll-over
    public void The_certificate_that_verified_is_named()
    {
        var trust = Sample.Trust with { Certificates = [TestKeys.Idp, TestKeys.Other, TestKeys.Elliptic] };
        Assert.Equal(TestKeys.Idp, Assert.Single(Of(Sample.Signed(), trust).Signatures).Certificate);
        Assert.Equal(TestKeys.Other, Assert.Single(Of(Sample.Signed(how: Sample.OnAssertion with { Key = TestKeys.Other }), trust).Signatures).Certificate);

        // The two signatures of a response may come from two keys.
        var both = Of((Sample.OnResponse with { Key = TestKeys.Elliptic, Method = Signing.More + "ecdsa-sha384" }).Sign(Sample.Signed()), trust).Signatures;
        Assert.Equal(
            [("Response", TestKeys.Elliptic, Signing.More + "ecdsa-sha384"), ("Assertion", TestKeys.Idp, Signing.More + "rsa-sha256")],
            both.Select(s => (s.Of, s.Certificate, s.Algorithm)));
        Assert.All(both, s => Assert.Equal("http://www.w3.org/2001/04/xmlenc#sha256", s.Digest));
    }

    [Theory]
    [InlineData(2020, 2030, null)]
    [InlineData(2001, 2002, SamlNote.CertificateExpired)]
    [InlineData(2030, 2031, SamlNote.CertificateNotYetValid)]
    public void A_certificate_out_of_its_dates_is_told_and_not_refused(int from, int to, SamlNote? note)
    {
        using var certificate = TestKeys.Make(2048, from, to);
        var notes = Of(Sample.Signed(how: Sample.OnAssertion with { Key = certificate }), Sample.Trust with { Certificates = [certificate] }).Notes(Sample.Now);
        Assert.Equal(note is { } one ? [one] : [], notes);
    }

    [Theory] // SAML-040
    [InlineData(RsaSha1, Sha1, true)]
    [InlineData(Signing.More + "rsa-sha256", Sha1, true)]
    [InlineData(RsaSha1, "http://www.w3.org/2001/04/xmlenc#sha256", true)]
    [InlineData(Signing.More + "rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256", false)]
    public void Every_use_of_sha1_is_noted(string method, string digest, bool isNoted)
    {
        using var certificate = TestKeys.Make(2048, 2020, 2030);
        var evidence = Of(
            Sample.Signed(how: Sample.OnAssertion with { Method = method, Digest = digest, Key = certificate }),
            Sample.Trust with { AllowSha1 = true, Certificates = [certificate] });
        Assert.Equal(isNoted, Assert.Single(evidence.Signatures).UsesSha1);
        Assert.Equal(isNoted ? [SamlNote.Sha1] : [], evidence.Notes(Sample.Now));
    }

    [Fact]
    public void Cbc_is_noted_and_gcm_is_not()
    {
        Assert.Contains(SamlNote.Cbc, Of(EncryptedAssertionTests.SignedOutside(Encrypting.Cbc), EncryptedAssertionTests.Trust).Notes(Sample.Now));
        var gcm = Of(EncryptedAssertionTests.SignedOutside(), EncryptedAssertionTests.Trust);
        Assert.DoesNotContain(SamlNote.Cbc, gcm.Notes(Sample.Now));
        Assert.Equal(
            new SamlDecryption("Assertion", TestKeys.Sp, "http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"),
            Assert.Single(gcm.Decryptions));
    }

    [Fact]
    public void A_plain_message_has_nothing_decrypted() => Assert.Empty(Of(Sample.Signed(), Sample.Trust).Decryptions);
}
