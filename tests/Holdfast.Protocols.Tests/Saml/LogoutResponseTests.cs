using Holdfast.Protocols.Saml;
using static Holdfast.Protocols.Tests.Saml.LogoutSample;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>LogoutResponses: what the identity provider's must say, and what ours do.</summary>
public class LogoutResponseTests
{
    public static TheoryData<SamlBinding> Bindings => new(SamlBinding.Redirect, SamlBinding.Post);

    private static LogoutResponseVerdict Check(SamlBinding binding, string? replace = null, string with = "", DateTimeOffset? now = null) =>
        CheckResponse(binding, Carry(binding, With(Response, replace, with)), now: now);

    [Theory]
    [MemberData(nameof(Bindings))]
    public void A_signed_response_to_our_request_is_accepted(SamlBinding binding)
    {
        var accepted = Accepts(Check(binding));
        Assert.Equal(("_lr2", SamlLogoutStatus.Success, ""), (accepted.Id, accepted.Status, accepted.StatusDetail));
        Assert.Equal(binding == SamlBinding.Redirect ? "state" : null, accepted.RelayState);
        Assert.Equal(TestKeys.Idp, accepted.Evidence.Signatures.Single().Certificate);
    }

    [Theory]
    [MemberData(nameof(Bindings))]
    public void Each_part_that_is_wrong_is_refused_by_its_name(SamlBinding binding)
    {
        Refuses(SamlRefusal.WrongRequest, Check(binding, "_logout1", "_logout2"));
        Refuses(SamlRefusal.WrongRequest, Check(binding, " InResponseTo=\"_logout1\"", ""));
        Refuses(SamlRefusal.WrongRequest, CheckResponse(binding, Carry(binding, With(Response, " InResponseTo=\"_logout1\"", "")), request: null!));
        Refuses(SamlRefusal.WrongIssuer, Check(binding, "https://idp.example/metadata", "https://evil.example"));
        Refuses(SamlRefusal.WrongDestination, Check(binding, "slo/conn_1", "slo/conn_2"));
        Refuses(SamlRefusal.WrongVersion, Check(binding, "Version=\"2.0\"", ""));
        Refuses(SamlRefusal.Malformed, Check(binding, "<samlp:Status>", "<x/><samlp:Status>"));
        Refuses(SamlRefusal.Malformed, Check(binding, "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>", ""));
        Refuses(SamlRefusal.SignatureInvalid, CheckResponse(binding, Carry(binding, Response, TestKeys.Other)));
        Refuses(SamlRefusal.SignatureMissing, CheckResponse(
            binding, binding == SamlBinding.Post ? Post(Response) : "SAMLResponse=" + Uri.EscapeDataString(RedirectTests.Deflated(Response))));
    }

    [Fact]
    public void An_old_one_is_refused()
    {
        Accepts(Check(SamlBinding.Post, now: Sample.Now.AddMinutes(10) + Sample.Skew - TimeSpan.FromTicks(1)));
        Refuses(SamlRefusal.Expired, Check(SamlBinding.Post, now: Sample.Now.AddMinutes(10) + Sample.Skew));
    }

    [Theory] // Core §3.7.2 gives NotOnOrAfter no place in an answer: it makes its life neither longer nor shorter
    [InlineData("2026-03-01T18:00:00Z")]
    [InlineData("2026-03-01T11:00:00Z")]
    public void It_does_not_say_itself_how_long_it_is_good_for(string end)
    {
        LogoutResponseVerdict At(DateTimeOffset now) => Check(SamlBinding.Post, " InResponseTo=", $" NotOnOrAfter=\"{end}\" InResponseTo=", now);
        Accepts(At(Sample.Now));
        Refuses(SamlRefusal.Expired, At(Sample.Now.AddMinutes(10) + Sample.Skew));
    }

    [Theory]
    [InlineData("Responder\"/>", SamlLogoutStatus.Failed, "Responder")]
    [InlineData("Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:PartialLogout\"/></samlp:StatusCode>", SamlLogoutStatus.Partial, "Responder / PartialLogout")]
    [InlineData("Success\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:PartialLogout\"/></samlp:StatusCode>", SamlLogoutStatus.Partial, "PartialLogout")]
    [InlineData("Success\"><samlp:StatusCode Value=\"urn:x\"/></samlp:StatusCode>", SamlLogoutStatus.Success, "")]
    public void The_status_is_told_and_not_judged(string with, SamlLogoutStatus status, string detail)
    {
        var accepted = Accepts(Check(SamlBinding.Redirect, "Success\"/>", with));
        Assert.Equal((status, detail), (accepted.Status, accepted.StatusDetail));
    }

    [Fact] // a Response of a sign-in, well signed, is no answer to a logout
    public void Another_message_is_refused()
    {
        Refuses(SamlRefusal.WrongMessage, CheckResponse(SamlBinding.Post, Post(Sample.Signed(how: Sample.OnResponse))));
        Sample.Refused(SamlRefusal.WrongMessage, SamlResponse.Check(
            Carry(SamlBinding.Post, Response), Sample.Trust, Sample.Request, Sample.Now, Sample.Skew));
    }

    [Theory]
    [InlineData(SamlBinding.Redirect, SamlLogoutStatus.Success)]
    [InlineData(SamlBinding.Redirect, SamlLogoutStatus.Partial)]
    [InlineData(SamlBinding.Post, SamlLogoutStatus.Failed)]
    [InlineData(SamlBinding.Post, SamlLogoutStatus.Success)]
    public void What_we_write_is_what_we_accept(SamlBinding binding, SamlLogoutStatus status)
    {
        var answer = new SamlLogoutAnswer("_lr8", Sample.Idp, Slo, OurRequest, status, Sample.Now);
        var signer = SamlSigner.With(TestKeys.Idp);
        var message = binding == SamlBinding.Redirect
            ? LogoutResponse.RedirectUrl(answer, "", signer).Query
            : LogoutResponse.PostForm(answer, "state", signer).Fields[0].Value;
        var accepted = Accepts(CheckResponse(binding, message));
        Assert.Equal(("_lr8", status, null), (accepted.Id, accepted.Status, accepted.RelayState));
    }

    [Fact] // the identity provider's own relay state: longer than it may be is no reason to leave the logout unanswered
    public void A_relay_state_is_given_back_as_it_came()
    {
        var state = new string('é', 500);
        var answer = new SamlLogoutAnswer("_lr8", Sample.Idp, Slo, OurRequest, SamlLogoutStatus.Success, Sample.Now);
        var url = LogoutResponse.RedirectUrl(answer, state, SamlSigner.With(TestKeys.Idp));
        Assert.Equal(state, Accepts(CheckResponse(SamlBinding.Redirect, url.Query)).RelayState);
        Assert.Equal(state, LogoutResponse.PostForm(answer, state, SamlSigner.With(TestKeys.Idp)).Fields[1].Value);
        var logout = new SamlLogout("_lr9", Sample.Idp, Slo, Session, Sample.Now);
        Assert.Throws<ArgumentException>(() => LogoutRequest.RedirectUrl(logout, state, SamlSigner.With(TestKeys.Idp)));
        Assert.Throws<ArgumentException>(() => LogoutRequest.PostForm(logout, state, SamlSigner.With(TestKeys.Idp)));
    }
}
