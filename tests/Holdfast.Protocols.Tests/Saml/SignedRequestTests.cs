using System.Text;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-079: signed AuthnRequests, by either binding, with each algorithm.</summary>
public class SignedRequestTests
{
    private const string Sso = "https://idp.example/sso?tenant=1";

    private static Uri Redirect(SamlSigner? signer, string relayState = "state") =>
        AuthnRequest.RedirectUrl(Sso, "_id", Sample.Sp, Sample.Acs, relayState, Sample.Now, signWith: signer);

    private static SamlPost Post(SamlSigner? signer, string relayState = "state") =>
        AuthnRequest.PostForm(Sso, "_id", Sample.Sp, Sample.Acs, relayState, Sample.Now, "urn:format", forceAuthn: true, signer);

    private static string Query(Uri url) => url.OriginalString[url.OriginalString.IndexOf('?', StringComparison.Ordinal)..];

    private static AuthnRequestRead.Request Accepts(AuthnRequestRead read) => Assert.IsType<AuthnRequestRead.Request>(read);

    private static void Refuses(SamlRefusal why, AuthnRequestRead read) => Assert.Equal(why, Assert.IsType<AuthnRequestRead.Refused>(read).Why);

    [Theory]
    [InlineData(SamlSignatureAlgorithm.RsaSha256, "RSA")]
    [InlineData(SamlSignatureAlgorithm.RsaSha384, "RSA")]
    [InlineData(SamlSignatureAlgorithm.RsaSha512, "RSA")]
    [InlineData(SamlSignatureAlgorithm.RsaPssSha256, "RSA")]
    [InlineData(SamlSignatureAlgorithm.RsaPssSha384, "RSA")]
    [InlineData(SamlSignatureAlgorithm.RsaPssSha512, "RSA")]
    [InlineData(SamlSignatureAlgorithm.EcdsaSha256, "P-256")]
    [InlineData(SamlSignatureAlgorithm.EcdsaSha384, "P-384")]
    [InlineData(SamlSignatureAlgorithm.EcdsaSha512, "P-521")]
    public void A_request_is_signed_with_the_algorithm_that_was_chosen(SamlSignatureAlgorithm algorithm, string key)
    {
        var certificate = TestKeys.Signer(key);
        var signer = new SamlSigner(certificate, algorithm);
        Assert.Equal("_id", Accepts(AuthnRequest.Check(SamlBinding.Redirect, Query(Redirect(signer)), [certificate])).Id);
        var posted = Post(signer).Fields[0].Value;
        var request = Accepts(AuthnRequest.Check(SamlBinding.Post, posted, [certificate]));
        Assert.Equal(("_id", Sample.Sp, Sample.Acs, Sso, "urn:format", true), (request.Id, request.Issuer, request.AcsUrl, request.Destination, request.NameIdFormat, request.ForceAuthn));

        Refuses(SamlRefusal.SignatureInvalid, AuthnRequest.Check(SamlBinding.Redirect, Query(Redirect(signer)), [Another(key)]));
        Refuses(SamlRefusal.SignatureInvalid, AuthnRequest.Check(SamlBinding.Post, posted, [Another(key)]));
    }

    private static System.Security.Cryptography.X509Certificates.X509Certificate2 Another(string key) =>
        key == "RSA" ? TestKeys.Other : TestKeys.Signer(key == "P-256" ? "P-384" : "P-256");

    [Fact]
    public void A_signer_takes_a_key_of_its_algorithms_kind_only()
    {
        Assert.Throws<ArgumentException>(() => new SamlSigner(TestKeys.Idp, SamlSignatureAlgorithm.EcdsaSha256));
        Assert.Throws<ArgumentException>(() => new SamlSigner(TestKeys.Elliptic, SamlSignatureAlgorithm.RsaSha256));
        using var publicOnly = System.Security.Cryptography.X509Certificates.X509CertificateLoader.LoadCertificate(TestKeys.Idp.RawData);
        Assert.Throws<ArgumentException>(() => SamlSigner.With(publicOnly));
        Assert.Equal("_id", Accepts(AuthnRequest.Check(SamlBinding.Redirect, Query(Redirect(SamlSigner.With(TestKeys.Elliptic))), [TestKeys.Elliptic])).Id);
    }

    [Fact]
    public void A_posted_request_has_its_signature_where_the_schema_wants_it()
    {
        var post = Post(SamlSigner.With(TestKeys.Idp));
        Assert.Equal((Sso, "SAMLRequest", "RelayState", "state"), (post.Url, post.Fields[0].Key, post.Fields[1].Key, post.Fields[1].Value));
        var root = Xml.Parse(Encoding.UTF8.GetString(Convert.FromBase64String(post.Fields[0].Value))).DocumentElement!;
        Assert.Equal(["Issuer", "Signature", "NameIDPolicy"], root.ChildNodes.Cast<System.Xml.XmlElement>().Select(e => e.LocalName));
        Assert.Equal(Sso, root.GetAttribute("Destination"));
        Assert.Single(Post(null, "").Fields);
    }

    [Fact]
    public void Where_a_signature_is_asked_for_an_unsigned_request_is_refused()
    {
        Refuses(SamlRefusal.SignatureMissing, AuthnRequest.Check(SamlBinding.Redirect, Query(Redirect(null)), [TestKeys.Idp]));
        Refuses(SamlRefusal.SignatureMissing, AuthnRequest.Check(SamlBinding.Post, Post(null).Fields[0].Value, [TestKeys.Idp]));
        Accepts(AuthnRequest.Check(SamlBinding.Redirect, Query(Redirect(null)), null));
        Accepts(AuthnRequest.Check(SamlBinding.Post, Post(null).Fields[0].Value, null));
    }

    [Fact]
    public void A_changed_request_is_refused()
    {
        var signer = SamlSigner.With(TestKeys.Idp);
        var xml = Encoding.UTF8.GetString(Convert.FromBase64String(Post(signer).Fields[0].Value)).Replace(Sample.Acs, "https://evil.example/", StringComparison.Ordinal);
        Refuses(SamlRefusal.DigestInvalid, AuthnRequest.Check(SamlBinding.Post, Convert.ToBase64String(Encoding.UTF8.GetBytes(xml)), [TestKeys.Idp]));
        var query = Query(Redirect(signer));
        Refuses(SamlRefusal.SignatureInvalid, AuthnRequest.Check(SamlBinding.Redirect, query.Replace("RelayState=state", "RelayState=other", StringComparison.Ordinal), [TestKeys.Idp]));
        Refuses(SamlRefusal.SignatureInvalid, AuthnRequest.Check(SamlBinding.Redirect, query.Replace("RelayState=state&", "", StringComparison.Ordinal), [TestKeys.Idp]));
    }

    [Fact]
    public void The_relay_state_and_the_address_are_checked_on_post_too()
    {
        Assert.Throws<ArgumentException>(() => Post(null, new string('a', 81)));
        Assert.Throws<ArgumentException>(() => AuthnRequest.PostForm("javascript:alert(1)", "_id", Sample.Sp, Sample.Acs, "", Sample.Now));
    }
}
