using System.IO.Compression;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml;
using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-079: the AuthnRequest by HTTP-Redirect, written and read.</summary>
public class RedirectTests
{
    private const string Sso = "https://idp.example/sso?tenant=1";

    public static string Deflated(string xml)
    {
        using var bytes = new MemoryStream();
        using (var deflate = new DeflateStream(bytes, CompressionLevel.Optimal, leaveOpen: true))
        {
            deflate.Write(Encoding.UTF8.GetBytes(xml));
        }
        return Convert.ToBase64String(bytes.ToArray());
    }

    private static Dictionary<string, string> Query(Uri url) => url.Query.TrimStart('?').Split('&').Select(pair => pair.Split('=', 2))
        .ToDictionary(pair => pair[0], pair => Uri.UnescapeDataString(pair[1]), StringComparer.Ordinal);

    [Fact]
    public void A_request_is_read_as_it_was_written()
    {
        var url = AuthnRequest.RedirectUrl(Sso, "_id", Sample.Sp, Sample.Acs, "state+/=&", Sample.Now, "urn:format", forceAuthn: true);
        var query = Query(url);
        Assert.StartsWith("https://idp.example/sso?tenant=1&SAMLRequest=", url.OriginalString, StringComparison.Ordinal);
        Assert.Equal("state+/=&", query["RelayState"]);
        Assert.Equal(
            new AuthnRequestRead.Request("_id", Sample.Sp, Sample.Acs, Sso, Sample.Now, "urn:format", ForceAuthn: true, IsPassive: false),
            AuthnRequest.Read(query["SAMLRequest"]));
    }

    [Fact]
    public void A_plain_request_asks_for_nothing_special()
    {
        var query = Query(AuthnRequest.RedirectUrl("https://idp.example/sso", "_id", "a<&\"b", Sample.Acs, "", Sample.Now));
        Assert.Equal(["SAMLRequest"], query.Keys);
        var request = Assert.IsType<AuthnRequestRead.Request>(AuthnRequest.Read(query["SAMLRequest"]));
        Assert.Equal(("a<&\"b", null, false), (request.Issuer, request.NameIdFormat, request.ForceAuthn));
    }

    [Fact]
    public void A_signed_request_is_signed_over_the_query_as_sent()
    {
        using var key = TestKeys.Idp.GetRSAPrivateKey()!;
        var url = AuthnRequest.RedirectUrl("https://idp.example/sso", "_id", Sample.Sp, Sample.Acs, "state", Sample.Now, signWith: SamlSigner.With(TestKeys.Idp));
        Assert.Equal(["SAMLRequest", "RelayState", "SigAlg", "Signature"], Query(url).Keys);
        var query = url.OriginalString[(url.OriginalString.IndexOf('?', StringComparison.Ordinal) + 1)..];
        var signed = query[..query.IndexOf("&Signature=", StringComparison.Ordinal)];
        Assert.True(key.VerifyData(
            Encoding.ASCII.GetBytes(signed), Convert.FromBase64String(Query(url)["Signature"]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    [Fact]
    public void A_new_id_is_a_name_of_at_least_128_bits()
    {
        var id = AuthnRequest.NewId(Convert.FromHexString("00112233445566778899aabbccddeeff"));
        Assert.Equal("_00112233445566778899aabbccddeeff", id);
        Assert.Equal(id, XmlConvert.VerifyNCName(id));
        Assert.Throws<ArgumentException>(() => AuthnRequest.NewId(new byte[15]));
    }

    [Fact]
    public void A_relay_state_has_at_most_80_bytes()
    {
        AuthnRequest.RedirectUrl(Sso, "_id", Sample.Sp, Sample.Acs, new string('é', 40), Sample.Now);
        Assert.Throws<ArgumentException>(() => AuthnRequest.RedirectUrl(Sso, "_id", Sample.Sp, Sample.Acs, new string('a', 81), Sample.Now));
        Assert.Throws<ArgumentException>(() => AuthnRequest.RedirectUrl("javascript:alert(1)", "_id", Sample.Sp, Sample.Acs, "", Sample.Now));
    }

    [Theory]
    [InlineData(null, SamlRefusal.NotBase64)]
    [InlineData("&", SamlRefusal.NotBase64)]
    [InlineData("////", SamlRefusal.NotDeflated)]
    [InlineData("AwA=", SamlRefusal.NotDeflated)]
    public void What_is_no_request_is_refused(string? parameter, SamlRefusal why) =>
        Assert.Equal(why, Assert.IsType<AuthnRequestRead.Refused>(AuthnRequest.Read(parameter!)).Why);

    [Theory]
    [InlineData("<x/>", SamlRefusal.WrongMessage)]
    [InlineData("<x", SamlRefusal.NotXml)]
    [InlineData("<AuthnRequest xmlns='urn:oasis:names:tc:SAML:2.0:protocol' ID='_1' Version='1.1'/>", SamlRefusal.WrongVersion)]
    [InlineData("<AuthnRequest xmlns='urn:oasis:names:tc:SAML:2.0:protocol' ID='_1' Version='2.0'/>", SamlRefusal.WrongIssuer)]
    public void A_malformed_request_is_refused(string xml, SamlRefusal why) =>
        Assert.Equal(why, Assert.IsType<AuthnRequestRead.Refused>(AuthnRequest.Read(Deflated(xml))).Why);

    [Fact] // the inflation cap, at the limit and one byte over it
    public void Inflation_is_capped()
    {
        var limits = new SamlLimits(MaxDecodedBytes: 1000);
        string Padded(int bytes) => Deflated("<x>" + new string(' ', bytes - 7) + "</x>");
        Assert.Equal(SamlRefusal.WrongMessage, Assert.IsType<AuthnRequestRead.Refused>(AuthnRequest.Read(Padded(1000), limits)).Why);
        Assert.Equal(SamlRefusal.TooLarge, Assert.IsType<AuthnRequestRead.Refused>(AuthnRequest.Read(Padded(1001), limits)).Why);
        Assert.Equal(SamlRefusal.TooLarge, Assert.IsType<AuthnRequestRead.Refused>(AuthnRequest.Read(Deflated(new string('\0', 64 << 20)))).Why);
    }
}
