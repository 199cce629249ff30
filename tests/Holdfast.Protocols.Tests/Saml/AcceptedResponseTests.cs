using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

public class AcceptedResponseTests
{
    [Theory]
    [InlineData(SamlSigned.Assertion)]
    [InlineData(SamlSigned.Response)]
    [InlineData(SamlSigned.Both)]
    public void What_our_issuer_signs_is_accepted(SamlSigned signed)
    {
        var issue = new SamlIssue("_r1", "_a1", Sample.Idp, Sample.Sp, Sample.Acs, Sample.Request, Sample.Alice, Sample.Now)
        {
            Signed = signed,
            SessionIndex = "_s1",
            SessionNotOnOrAfter = Sample.Now.AddHours(8),
            Attributes = new Dictionary<string, IReadOnlyList<string>> { ["groups"] = ["a & b", "line\r\nbreak <c>"], ["email"] = [Sample.Alice] },
        };

        var assertion = Sample.Accepted(
            SamlResponse.Check(SamlIssuer.Issue(issue, TestKeys.Idp), Sample.Trust, Sample.Request, Sample.Now, Sample.Skew));

        Assert.Equal(("_a1", Sample.Idp, Sample.Alice, "_s1"), (assertion.Id, assertion.Issuer, assertion.NameId, assertion.SessionIndex));
        Assert.Equal(issue.NameIdFormat, assertion.NameIdFormat);
        Assert.Equal(Sample.Now.AddMinutes(5), assertion.NotOnOrAfter);
        Assert.Equal(Sample.Now.AddHours(8), assertion.SessionNotOnOrAfter);
        Assert.Equal(Sample.Request, assertion.InResponseTo);
        Assert.Equal(Sample.Now, assertion.AuthnInstant);
        Assert.Equal(["a & b", "line\r\nbreak <c>"], assertion.Attributes["groups"]);
        Assert.Equal([Sample.Alice], assertion.Attributes["email"]);
    }

    [Fact]
    public void The_sample_is_accepted_signed_either_way_or_both()
    {
        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.Signed()).NameId);
        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.Signed(how: Sample.OnResponse)).NameId);
        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.OnResponse.Sign(Sample.Signed())).NameId);
    }

    [Fact]
    public void An_assertion_signature_can_be_required()
    {
        var trust = Sample.Trust with { WantAssertionsSigned = true };
        Sample.Accepts(Sample.Signed(), trust);
        Sample.Refuses(SamlRefusal.AssertionNotSigned, Sample.Signed(how: Sample.OnResponse), trust);
    }

    [Fact]
    public void A_lapsed_certificate_still_verifies_because_it_is_pinned() =>
        Assert.True(TestKeys.Idp.NotAfter.ToUniversalTime() < Sample.Now && Sample.Accepts(Sample.Signed()).NameId == Sample.Alice);
}
