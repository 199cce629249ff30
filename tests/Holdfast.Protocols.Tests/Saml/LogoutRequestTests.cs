using System.Text;
using Holdfast.Protocols.Saml;
using static Holdfast.Protocols.Tests.Saml.LogoutSample;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>LogoutRequests: what the identity provider's must say, and what ours do.</summary>
public class LogoutRequestTests
{
    public static TheoryData<SamlBinding> Bindings => new(SamlBinding.Redirect, SamlBinding.Post);

    private static LogoutRequestVerdict Check(SamlBinding binding, string? replace = null, string with = "", DateTimeOffset? now = null, SamlTrust? trust = null) =>
        CheckRequest(binding, Carry(binding, With(Request, replace, with)), trust, now);

    [Theory]
    [MemberData(nameof(Bindings))]
    public void A_signed_request_is_accepted(SamlBinding binding)
    {
        var accepted = Accepts(Check(binding));
        Assert.Equal(("_lr1", Sample.Alice, Sample.Now.AddMinutes(5)), (accepted.Id, accepted.NameId.Value, accepted.NotOnOrAfter));
        Assert.Equal(["_s1"], accepted.SessionIndexes);
        Assert.Equal(binding == SamlBinding.Redirect ? "state" : null, accepted.RelayState);
        Assert.Equal(
            (binding == SamlBinding.Redirect ? "query" : "LogoutRequest", TestKeys.Idp),
            (accepted.Evidence.Signatures.Single().Of, accepted.Evidence.Signatures.Single().Certificate));
    }

    [Theory]
    [MemberData(nameof(Bindings))]
    public void It_must_be_signed_by_a_pinned_key(SamlBinding binding)
    {
        Refuses(SamlRefusal.SignatureInvalid, CheckRequest(binding, Carry(binding, Request, TestKeys.Other)));
        var unsigned = binding == SamlBinding.Post ? Post(Request) : "SAMLRequest=" + Uri.EscapeDataString(RedirectTests.Deflated(Request));
        Refuses(SamlRefusal.SignatureMissing, CheckRequest(binding, unsigned));
        Accepts(CheckRequest(binding, Carry(binding, Request, TestKeys.Other), Trust with { Certificates = [TestKeys.Idp, TestKeys.Other] }));
    }

    [Theory]
    [MemberData(nameof(Bindings))]
    public void Whoever_sent_it_and_where_to_must_be_right(SamlBinding binding)
    {
        Accepts(Check(binding, "Destination=\"https://holdfast", "Destination=\"HTTPS://Holdfast"));
        Refuses(SamlRefusal.WrongIssuer, Check(binding, "https://idp.example/metadata", "https://idp.example/other"));
        Refuses(SamlRefusal.WrongIssuer, Check(binding, "<saml:Issuer>https://idp.example/metadata</saml:Issuer>", ""));
        Refuses(SamlRefusal.WrongDestination, Check(binding, "slo/conn_1", "slo/conn_2"));
        Refuses(SamlRefusal.WrongDestination, Check(binding, "Destination=\"https://holdfast.example/sso/saml/slo/conn_1\"", ""));
        Refuses(SamlRefusal.WrongDestination, Check(binding, "Destination=\"https://holdfast.example/sso/saml/slo/conn_1\"", "Destination=\"\""));
        Refuses(SamlRefusal.WrongDestination, Check(binding, trust: Trust with { SloUrl = null }));
        Refuses(SamlRefusal.WrongVersion, Check(binding, "Version=\"2.0\"", "Version=\"1.1\""));
    }

    [Theory]
    [MemberData(nameof(Bindings))]
    public void Its_end_holds_to_the_tick(SamlBinding binding)
    {
        var end = Sample.Now.AddMinutes(5) + Sample.Skew;
        Accepts(Check(binding, now: end.AddTicks(-1)));
        Refuses(SamlRefusal.Expired, Check(binding, now: end));
        var start = Sample.Now - Sample.Skew;
        Accepts(Check(binding, now: start));
        Refuses(SamlRefusal.NotYetValid, Check(binding, now: start.AddTicks(-1)));
        // Without an end of its own it is good for ten minutes.
        const string End = " NotOnOrAfter=\"2026-03-01T12:05:00Z\"";
        Accepts(Check(binding, End, "", Sample.Now.AddMinutes(10) + Sample.Skew - TimeSpan.FromTicks(1)));
        Refuses(SamlRefusal.Expired, Check(binding, End, "", Sample.Now.AddMinutes(10) + Sample.Skew));
        Refuses(SamlRefusal.LifetimeTooLong, Check(binding, End, " NotOnOrAfter=\"2026-04-01T12:05:00Z\""));
        Refuses(SamlRefusal.Malformed, Check(binding, End, " NotOnOrAfter=\"soon\""));
    }

    [Theory]
    [InlineData("<samlp:SessionIndex>_s1</samlp:SessionIndex>", "", true)]
    [InlineData(">_s1<", ">_s2<", false)]
    [InlineData("<samlp:SessionIndex>_s1", "<samlp:SessionIndex>_s0</samlp:SessionIndex><samlp:SessionIndex>_s1", true)]
    [InlineData("alice@example.com", "mallory@example.com", false)]
    [InlineData("alice@example.com", "Alice@example.com", false)]
    [InlineData("emailAddress\"", "persistent\"", false)]
    [InlineData("<saml:NameID ", "<saml:NameID NameQualifier=\"https://idp.example/metadata\" SPNameQualifier=\"https://holdfast.example/saml/conn_1\" ", true)]
    [InlineData("<saml:NameID ", "<saml:NameID NameQualifier=\"https://other.example\" ", false)]
    public void It_ends_the_sessions_that_it_names(string replace, string with, bool ends) =>
        Assert.Equal(ends, Accepts(Check(SamlBinding.Redirect, replace, with)).Ends(Session));

    [Fact]
    public void A_session_without_an_index_ends_only_with_all_of_them()
    {
        var session = Session with { SessionIndex = null };
        Assert.False(Accepts(Check(SamlBinding.Post)).Ends(session));
        Assert.True(Accepts(Check(SamlBinding.Post, "<samlp:SessionIndex>_s1</samlp:SessionIndex>")).Ends(session));
        Assert.Equal(Session, Sample.Accepts(Sample.Signed()).Session);
    }

    [Theory]
    [InlineData("<saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">alice@example.com</saml:NameID>", "", SamlRefusal.Malformed)]
    [InlineData(">alice@example.com<", "><", SamlRefusal.NameIdMissing)]
    [InlineData("<saml:NameID ", "<saml:NameID SPNameQualifier=\"https://other.example\" ", SamlRefusal.WrongNameQualifier)]
    [InlineData("_s1</samlp:SessionIndex>", "</samlp:SessionIndex>", SamlRefusal.Malformed)]
    [InlineData("<samlp:SessionIndex>", "<x/><samlp:SessionIndex>", SamlRefusal.Malformed)]
    [InlineData("ID=\"_lr1\"", "ID=\"_lr1\" Id=\"_lr1\"", SamlRefusal.DuplicateId)]
    public void What_the_schema_does_not_have_is_refused(string replace, string with, SamlRefusal why) => Refuses(why, Check(SamlBinding.Redirect, replace, with));

    [Theory]
    [MemberData(nameof(Bindings))]
    public void An_encrypted_name_is_decrypted(SamlBinding binding)
    {
        string Encrypted(Encrypting how) => Carry(binding, how.Encrypt(Request, "NameID"));
        Assert.True(Accepts(CheckRequest(binding, Encrypted(new()))).Ends(Session));
        Assert.True(Accepts(CheckRequest(binding, Encrypted(Encrypting.Cbc))).Ends(Session));   // the message's signature covers it
        Refuses(SamlRefusal.DecryptionFailed, CheckRequest(binding, Encrypted(new(For: TestKeys.Other))));
        Refuses(SamlRefusal.DecryptionKeyMissing, CheckRequest(binding, Encrypted(new()), Trust with { DecryptionCertificates = [] }));
    }

    [Fact]
    public void Another_message_is_refused()
    {
        Refuses(SamlRefusal.WrongMessage, CheckRequest(SamlBinding.Post, Post(Sample.Signed())));
        Refuses(SamlRefusal.QueryParameter, CheckRequest(SamlBinding.Redirect, Carry(SamlBinding.Redirect, Response)));
        Refuses(SamlRefusal.NotBase64, CheckRequest(SamlBinding.Post, null!));
        Refuses(SamlRefusal.QueryParameter, CheckRequest(SamlBinding.Redirect, null!));
        Refuses(SamlRefusal.DocumentTypeForbidden, CheckRequest(SamlBinding.Post, Post("<!DOCTYPE x>" + Request)));
        Refuses(SamlRefusal.DocumentTypeForbidden, CheckRequest(SamlBinding.Redirect, Carry(SamlBinding.Redirect, "<!DOCTYPE x>" + Request)));
    }

    [Fact]
    public void Session_indexes_are_bounded()
    {
        string Many(int n) => Carry(SamlBinding.Post, With(Request, "</samlp:SessionIndex>", "</samlp:SessionIndex>" + string.Concat(Enumerable.Repeat("<samlp:SessionIndex>x</samlp:SessionIndex>", n - 1))));
        Accepts(CheckRequest(SamlBinding.Post, Many(1_000)));
        Refuses(SamlRefusal.Malformed, CheckRequest(SamlBinding.Post, Many(1_001)));
    }

    [Theory]
    [InlineData(SamlBinding.Redirect, false)]
    [InlineData(SamlBinding.Redirect, true)]
    [InlineData(SamlBinding.Post, false)]
    [InlineData(SamlBinding.Post, true)]
    public void What_we_write_is_what_we_accept(SamlBinding binding, bool isEncrypted)
    {
        var logout = new SamlLogout("_lr9", Sample.Idp, Slo, Session, Sample.Now)
        {
            Reason = "urn:oasis:names:tc:SAML:2.0:logout:user",
            EncryptFor = isEncrypted ? new SamlEncryption(TestKeys.Sp) : null,
        };
        var signer = new SamlSigner(TestKeys.Elliptic, SamlSignatureAlgorithm.EcdsaSha256);
        var message = binding == SamlBinding.Redirect
            ? LogoutRequest.RedirectUrl(logout, "state+/=", signer).Query
            : LogoutRequest.PostForm(logout, "state", signer).Fields[0].Value;
        var accepted = Accepts(CheckRequest(binding, message, Trust with { Certificates = [TestKeys.Elliptic] }));
        Assert.True(accepted.Ends(Session));
        Assert.Equal(("_lr9", Sample.Now.AddMinutes(5)), (accepted.Id, accepted.NotOnOrAfter));
        Assert.Equal(binding == SamlBinding.Redirect ? "state+/=" : null, accepted.RelayState);
        if (binding == SamlBinding.Post)
        {
            var xml = Encoding.UTF8.GetString(Convert.FromBase64String(message));
            Assert.Equal(!isEncrypted, xml.Contains(Sample.Alice, StringComparison.Ordinal));
            Assert.Contains("Reason=\"urn:oasis:names:tc:SAML:2.0:logout:user\"", xml, StringComparison.Ordinal);
        }
    }
}
