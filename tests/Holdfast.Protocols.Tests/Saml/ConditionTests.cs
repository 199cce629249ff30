using Holdfast.Protocols.Saml;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-056 to SAML-063: what a well-signed message says, and to whom, and when.</summary>
public class ConditionTests
{
    private const string Recipient = "Recipient=\"https://holdfast.example/sso/saml/acs/conn_1\"";
    private const string Destination = "Destination=\"https://holdfast.example/sso/saml/acs/conn_1\"";
    private const string Confirmation = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">";

    [Theory] // SAML-056
    [InlineData("")]
    [InlineData("Recipient=\"\"")]
    [InlineData("Recipient=\"https://holdfast.example/sso/saml/acs/conn_2\"")]
    [InlineData("Recipient=\"https://holdfast.example/sso/saml/acs/Conn_1\"")]
    [InlineData("Recipient=\"https://holdfast.example/sso/saml/acs/conn_1?x=1\"")]
    [InlineData("Recipient=\"https://evil.example/sso/saml/acs/conn_1\"")]
    [InlineData("Recipient=\"http://holdfast.example/sso/saml/acs/conn_1\"")]
    public void A_wrong_recipient_is_refused(string recipient) => Sample.Refuses(SamlRefusal.WrongRecipient, Sample.Signed(Recipient, recipient));

    [Fact] // SAML-056
    public void Scheme_and_host_may_be_in_any_case() =>
        Sample.Accepts(Sample.Signed(Recipient, "Recipient=\"HTTPS://HoldFast.Example/sso/saml/acs/conn_1\""));

    [Theory] // SAML-057
    [InlineData("Destination=\"https://holdfast.example/sso/saml/acs/conn_2\"", true)]
    [InlineData("Destination=\"\"", true)]
    [InlineData("", false)]
    public void A_wrong_destination_is_refused_and_a_signed_response_needs_one(string destination, bool evenUnsigned)
    {
        Sample.Refuses(SamlRefusal.WrongDestination, Sample.Signed(Destination, destination, Sample.OnResponse));
        if (evenUnsigned)
        {
            Sample.Refuses(SamlRefusal.WrongDestination, Sample.Signed(Destination, destination));
        }
        else
        {
            Sample.Accepts(Sample.Signed(Destination, destination));
        }
    }

    [Fact] // SAML-058
    public void A_response_to_another_request_is_refused()
    {
        Sample.Refuses(SamlRefusal.WrongRequest, Sample.Signed(), request: "_other");
        Sample.Refuses(SamlRefusal.WrongRequest, Sample.Signed(), request: null);
        Sample.Refuses(SamlRefusal.WrongRequest, Sample.Signed("conn_1\" InResponseTo=\"_request1\"/>", "conn_1\" InResponseTo=\"_other\"/>"));
        Sample.Refuses(SamlRefusal.WrongRequest, Sample.Signed("conn_1\" InResponseTo=\"_request1\"/>", "conn_1\"/>", Sample.OnResponse));
        Sample.Refuses(SamlRefusal.WrongRequest, Sample.Signed("conn_1\" InResponseTo=\"_request1\">", "conn_1\" InResponseTo=\"_other\">"));
    }

    [Fact] // SAML-065, SAML-066
    public void An_unsolicited_response_is_accepted_only_where_the_switch_allows_it()
    {
        var unsolicited = Sample.Signed(" InResponseTo=\"_request1\"");
        var allowed = Sample.Trust with { AllowUnsolicited = true };
        Sample.Refuses(SamlRefusal.UnsolicitedNotAllowed, unsolicited, request: null);
        var assertion = Sample.Accepts(unsolicited, allowed, request: null);
        Assert.Equal(("_a1", true, null), (assertion.Id, assertion.IsUnsolicited, assertion.InResponseTo));
        // The switch opens that flow only: who expects an answer takes no other, and an answer to somebody else is not unsolicited.
        Sample.Refuses(SamlRefusal.WrongRequest, unsolicited, allowed);
        Sample.Refuses(SamlRefusal.WrongRequest, Sample.Signed(), allowed, request: null);
        Sample.Refuses(SamlRefusal.WrongRequest, Sample.Signed("conn_1\" InResponseTo=\"_request1\">", "conn_1\">"), allowed, request: null);
        Assert.False(Sample.Accepts(Sample.Signed(), allowed).IsUnsolicited);
    }

    [Theory] // SAML-059
    [InlineData("holder-of-key")]
    [InlineData("sender-vouches")]
    [InlineData("Bearer")]
    public void Another_confirmation_than_a_bearers_is_refused(string method) =>
        Sample.Refuses(SamlRefusal.BearerConfirmationMissing, Sample.Signed("cm:bearer", "cm:" + method));

    [Fact] // SAML-059
    public void One_valid_bearer_among_several_confirmations_is_enough()
    {
        const string Key = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:holder-of-key\"/>";
        const string Elsewhere = Confirmation
            + "<saml:SubjectConfirmationData NotOnOrAfter=\"2026-03-01T12:07:00Z\" Recipient=\"https://other.example\"/></saml:SubjectConfirmation>";
        Sample.Accepts(Sample.Signed(Confirmation, Key + Confirmation));
        Sample.Accepts(Sample.Signed(Confirmation, Elsewhere + Confirmation));
        Sample.Refuses(SamlRefusal.WrongRecipient, Sample.Signed(Recipient, "Recipient=\"https://other.example\""));
    }

    [Fact] // SAML-059
    public void No_confirmation_is_refused()
    {
        var xml = Xml.Change(Sample.Unsigned, document => document.Get("SubjectConfirmation").Remove());
        Sample.Refuses(SamlRefusal.BearerConfirmationMissing, Sample.OnAssertion.Sign(xml));
        Sample.Refuses(SamlRefusal.BearerConfirmationMissing, Sample.Signed("<saml:SubjectConfirmationData NotOnOrAfter=\"2026-03-01T12:05:00Z\"", "<saml:SubjectConfirmationData"));
        xml = Xml.Change(Sample.Unsigned, document => document.Get("SubjectConfirmationData").Remove());
        Sample.Refuses(SamlRefusal.BearerConfirmationMissing, Sample.OnAssertion.Sign(xml));
    }

    [Fact] // the window, to the second: 11:59:00 to 12:05:00 (the confirmation), two minutes of skew either way
    public void Times_hold_up_to_the_skew_and_not_beyond()
    {
        var start = Sample.Now.AddMinutes(-1) - Sample.Skew;
        var end = Sample.Now.AddMinutes(5) + Sample.Skew;
        Sample.Accepts(Sample.Signed(), now: start);
        Sample.Refuses(SamlRefusal.NotYetValid, Sample.Signed(), now: start.AddTicks(-1));
        Sample.Accepts(Sample.Signed(), now: end.AddTicks(-1));
        Sample.Refuses(SamlRefusal.Expired, Sample.Signed(), now: end);
        var conditions = Sample.Signed("NotOnOrAfter=\"2026-03-01T12:10:00Z\"", "NotOnOrAfter=\"2026-03-01T12:01:00Z\"");
        Sample.Accepts(conditions, now: Sample.Now.AddMinutes(1) + Sample.Skew - TimeSpan.FromTicks(1));
        Sample.Refuses(SamlRefusal.Expired, conditions, now: Sample.Now.AddMinutes(1) + Sample.Skew);
    }

    [Theory]
    [InlineData("2026-03-01T12:05:00Z", 300_000)]
    [InlineData("2026-03-01T12:05:00.123Z", 300_123)]
    [InlineData("2026-03-01T12:05:00.123456789Z", 300_123)]
    [InlineData("2026-03-01T14:05:00+02:00", 300_000)]
    public void Times_are_read_in_every_form_of_UTC(string time, long milliseconds)
    {
        var end = Sample.Accepts(Sample.Signed("NotOnOrAfter=\"2026-03-01T12:05:00Z\"", $"NotOnOrAfter=\"{time}\"")).NotOnOrAfter;
        Assert.Equal(milliseconds, (long)(end - Sample.Now).TotalMilliseconds);
    }

    [Theory]
    [InlineData("2026-03-01T12:05:00")]
    [InlineData("2026-03-01")]
    [InlineData("2026-13-01T12:05:00Z")]
    [InlineData("2026-03-01T12:05:0099Z")]
    [InlineData("2026-03-01T12:05:00.Z")]
    [InlineData("tomorrow")]
    [InlineData("")]
    public void Times_of_nowhere_are_refused(string time) =>
        Sample.Refuses(SamlRefusal.Malformed, Sample.Signed("NotOnOrAfter=\"2026-03-01T12:05:00Z\"", $"NotOnOrAfter=\"{time}\""));

    [Fact]
    public void Replay_is_remembered_until_the_earlier_end()
    {
        Assert.Equal(Sample.Now.AddMinutes(5), Sample.Accepts(Sample.Signed()).NotOnOrAfter);
        var shorter = Sample.Signed("NotOnOrAfter=\"2026-03-01T12:10:00Z\"", "NotOnOrAfter=\"2026-03-01T12:03:00Z\"");
        Assert.Equal(Sample.Now.AddMinutes(3), Sample.Accepts(shorter).NotOnOrAfter);
        // A confirmation that does not hold yet may hold later: the replay must still be known then.
        var later = Sample.Signed(Confirmation, Confirmation + "<saml:SubjectConfirmationData NotOnOrAfter=\"2026-03-01T12:08:00Z\" "
            + Recipient + "/></saml:SubjectConfirmation>" + Confirmation);
        Assert.Equal(Sample.Now.AddMinutes(8), Sample.Accepts(later).NotOnOrAfter);
    }

    [Theory]
    [InlineData("2026-03-02T12:02:00Z", null)]
    [InlineData("2026-03-02T12:02:01Z", SamlRefusal.LifetimeTooLong)]
    [InlineData("9999-12-31T23:59:59Z", SamlRefusal.LifetimeTooLong)]
    public void An_assertion_that_never_ends_is_refused(string end, SamlRefusal? why)
    {
        var xml = Sample.OnAssertion.Sign(Sample.Unsigned
            .Replace("2026-03-01T12:05:00Z", end, StringComparison.Ordinal).Replace("2026-03-01T12:10:00Z", end, StringComparison.Ordinal));
        if (why is { } refusal)
        {
            Sample.Refuses(refusal, xml);
        }
        else
        {
            Sample.Accepts(xml);
        }
    }

    [Theory]
    [InlineData("<saml:Audience>https://other.example</saml:Audience>", SamlRefusal.WrongAudience)]
    [InlineData("<saml:Audience>https://holdfast.example/saml/CONN_1</saml:Audience>", SamlRefusal.WrongAudience)]
    [InlineData("", SamlRefusal.Malformed)]
    [InlineData("<saml:Audience>https://other.example</saml:Audience><saml:Audience>https://holdfast.example/saml/conn_1</saml:Audience>", null)]
    [InlineData("<saml:Audience>\n  https://holdfast.example/saml/conn_1\n</saml:Audience>", null)]
    [InlineData("<saml:Audience>https://holdfast.example/saml/conn_1</saml:Audience></saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>https://other.example</saml:Audience>", SamlRefusal.WrongAudience)]
    public void The_audience_must_be_us_in_every_restriction(string audiences, SamlRefusal? why)
    {
        var xml = Sample.Signed("<saml:Audience>https://holdfast.example/saml/conn_1</saml:Audience>", audiences);
        if (why is { } refusal)
        {
            Sample.Refuses(refusal, xml);
        }
        else
        {
            Sample.Accepts(xml);
        }
    }

    [Fact]
    public void No_audience_is_refused()
    {
        foreach (var part in new[] { "AudienceRestriction", "Conditions" })
        {
            var xml = Xml.Change(Sample.Unsigned, document => document.Get(part).Remove());
            Sample.Refuses(SamlRefusal.WrongAudience, Sample.OnAssertion.Sign(xml));
        }
    }

    [Fact]
    public void Conditions_that_are_known_pass_and_others_are_refused()
    {
        Sample.Accepts(Sample.Signed("</saml:Conditions>", "<saml:OneTimeUse/><saml:ProxyRestriction Count=\"0\"/></saml:Conditions>"));
        Sample.Refuses(SamlRefusal.ConditionUnknown, Sample.Signed("</saml:Conditions>", "<saml:Condition/></saml:Conditions>"));
        Sample.Refuses(SamlRefusal.ConditionUnknown, Sample.Signed("</saml:Conditions>", "<x:Moon xmlns:x=\"urn:x\"/></saml:Conditions>"));
    }

    [Fact]
    public void Conditions_that_end_before_they_start_are_refused() =>
        Sample.Refuses(SamlRefusal.Malformed, Sample.Signed("NotBefore=\"2026-03-01T11:59:00Z\"", "NotBefore=\"2026-03-01T12:10:00Z\""));

    [Fact]
    public void A_wrong_issuer_is_refused() =>
        Sample.Refuses(SamlRefusal.WrongIssuer, Sample.Signed(
            "12:00:00Z\"><saml:Issuer>https://idp.example/metadata", "12:00:00Z\"><saml:Issuer>https://idp.example/Metadata"));

    [Theory] // SAML-060
    [InlineData("2026-03-01T11:00:00Z", SamlRefusal.SessionExpired)]
    [InlineData("2026-03-01T11:58:00Z", SamlRefusal.SessionExpired)]
    [InlineData("2026-03-01T12:01:00Z", null)]
    public void A_session_that_is_over_is_refused(string end, SamlRefusal? why)
    {
        var xml = Sample.Signed("SessionIndex=\"_s1\"", $"SessionIndex=\"_s1\" SessionNotOnOrAfter=\"{end}\"");
        if (why is { } refusal)
        {
            Sample.Refuses(refusal, xml);
        }
        else
        {
            Assert.Equal(Sample.Now.AddMinutes(1), Sample.Accepts(xml).SessionNotOnOrAfter);
        }
    }

    [Fact] // SAML-060: what a caller that forces authentication needs
    public void The_instant_and_context_of_authentication_are_told()
    {
        var assertion = Sample.Accepts(Sample.Signed("AuthnInstant=\"2026-03-01T12:00:00Z\"", "AuthnInstant=\"2026-02-28T12:00:00Z\""));
        Assert.Equal(Sample.Now.AddDays(-1), assertion.AuthnInstant);
        Assert.Equal("urn:oasis:names:tc:SAML:2.0:ac:classes:Password", assertion.AuthnContext);
    }

    [Theory] // SAML-061
    [InlineData("Value=\"urn:oasis:names:tc:SAML:2.0:status:Requester\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:AuthnFailed\"/></samlp:StatusCode>", "Requester / AuthnFailed")]
    [InlineData("Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:NoPassive\"/></samlp:StatusCode>", "Responder / NoPassive")]
    [InlineData("Value=\"urn:oasis:names:tc:SAML:2.0:status:success\"/>", "success")]
    [InlineData("Value=\"urn:x\u0085y\"/><samlp:StatusMessage>LONG</samlp:StatusMessage>", "urn:x y: \"<b>aaa")]
    public void Another_status_than_success_is_refused_with_its_code(string code, string detail)
    {
        code = code.Replace("LONG", "&lt;b&gt;" + new string('a', 100_000), StringComparison.Ordinal);
        foreach (var how in new[] { Sample.OnResponse, Sample.OnAssertion })
        {
            var xml = Sample.Signed("Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>", code, how);
            var refused = Assert.IsType<SamlVerdict.Refused>(Sample.Check(xml));
            Assert.Equal(SamlRefusal.StatusNotSuccess, refused.Why);
            Assert.StartsWith(detail, refused.Detail, StringComparison.Ordinal);
            Assert.True(refused.Detail.Length < 250);
        }
    }

    [Fact] // SAML-061
    public void Status_codes_nested_twenty_deep_are_refused_like_any_other()
    {
        var nested = "Value=\"a\">" + string.Concat(Enumerable.Repeat("<samlp:StatusCode Value=\"b\">", 20))
            + string.Concat(Enumerable.Repeat("</samlp:StatusCode>", 21));
        Sample.Refuses(SamlRefusal.StatusNotSuccess, Sample.Signed("Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>", nested));
    }

    [Fact] // SAML-061
    public void A_missing_status_is_refused()
    {
        foreach (var part in new[] { "Status", "StatusCode" })
        {
            Sample.Refuses(SamlRefusal.Malformed, Xml.Change(Sample.Signed(), document => document.Get(part).Remove()));
        }
    }

    [Fact] // SAML-061: an error is told as what it is, signed or not, with or without an assertion
    public void An_unsigned_error_without_an_assertion_tells_its_status()
    {
        var xml = Xml.Change(Sample.Unsigned, document => document.ById("_a1").Remove());
        Sample.Refuses(SamlRefusal.AssertionMissing, xml);
        Sample.Refuses(SamlRefusal.StatusNotSuccess, xml.Replace("status:Success", "status:Responder", StringComparison.Ordinal));
    }

    [Theory] // SAML-062
    [InlineData("alice@example.com</saml:NameID>", "</saml:NameID>", SamlRefusal.NameIdMissing)]
    [InlineData("alice@example.com</saml:NameID>", " \n </saml:NameID>", SamlRefusal.NameIdMissing)]
    [InlineData("alice@example.com</saml:NameID>", "a\tb</saml:NameID>", SamlRefusal.NameIdNotAllowed)]
    [InlineData("<saml:NameID ", "<saml:NameID SPNameQualifier=\"https://other.example\" ", SamlRefusal.WrongNameQualifier)]
    public void A_name_identifier_that_names_nobody_here_is_refused(string old, string with, SamlRefusal why) =>
        Sample.Refuses(why, Sample.Signed(old, with));

    [Fact] // SAML-062
    public void A_name_identifier_for_us_is_accepted_without_the_space_around_it()
    {
        Sample.Accepts(Sample.Signed("<saml:NameID ", "<saml:NameID SPNameQualifier=\"https://holdfast.example/saml/conn_1\" "));
        Assert.Equal(Sample.Alice, Sample.Accepts(Sample.Signed("alice@example.com</saml:NameID>", "\n  alice@example.com\n</saml:NameID>")).NameId);
        var transient = Sample.Signed("SAML:1.1:nameid-format:emailAddress", "SAML:2.0:nameid-format:transient");
        Assert.Equal("urn:oasis:names:tc:SAML:2.0:nameid-format:transient", Sample.Accepts(transient).NameIdFormat);
    }

    [Fact] // SAML-062
    public void A_missing_subject_or_name_is_refused()
    {
        foreach (var part in new[] { "NameID", "Subject" })
        {
            Sample.Refuses(SamlRefusal.NameIdMissing, Sample.OnAssertion.Sign(Xml.Change(Sample.Unsigned, document => document.Get(part).Remove())));
        }
    }

    [Fact] // SAML-063
    public void None_or_two_authentications_are_refused()
    {
        Sample.Accepts(Sample.Signed());
        Sample.Refuses(SamlRefusal.AuthnStatementMissing, Sample.OnAssertion.Sign(
            Xml.Change(Sample.Unsigned, document => document.Get("AuthnStatement").Remove())));
        Sample.Refuses(SamlRefusal.MoreThanOneAuthnStatement, Sample.OnAssertion.Sign(
            Xml.Change(Sample.Unsigned, document => document.ById("_a1").AppendChild(document.Get("AuthnStatement").Copy()))));
    }

    [Fact] // SAML-063: a connection may do without, but not with two
    public void A_connection_can_allow_no_authentication_statement()
    {
        var trust = Sample.Trust with { AllowNoAuthnStatement = true };
        var none = Sample.OnAssertion.Sign(Xml.Change(Sample.Unsigned, document => document.Get("AuthnStatement").Remove()));
        Assert.Null(Sample.Accepts(none, trust).AuthnInstant);
        Assert.NotNull(Sample.Accepts(Sample.Signed(), trust).AuthnInstant);
        var two = Xml.Change(Sample.Unsigned, document => document.ById("_a1").AppendChild(document.Get("AuthnStatement").Copy()));
        Sample.Refuses(SamlRefusal.MoreThanOneAuthnStatement, Sample.OnAssertion.Sign(two), trust);
    }

    [Fact] // SAML-088
    public void Attributes_are_text_whatever_their_type()
    {
        const string Values =
            """
            <saml:AttributeValue xsi:type="xs:boolean">true</saml:AttributeValue><saml:AttributeValue xsi:nil="true"/><saml:AttributeValue/><saml:AttributeValue>alice@example.com
            """;
        var xml = Sample.OnAssertion.Sign(Sample.Unsigned
            .Replace("<saml:AttributeValue>alice@example.com", Values, StringComparison.Ordinal)
            .Replace("<saml:Assertion ", "<saml:Assertion xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ", StringComparison.Ordinal)
            .Replace("</saml:AttributeStatement>", "<saml:Attribute Name=\"EMAIL\"/></saml:AttributeStatement><saml:AttributeStatement><saml:Attribute Name=\"email\"><saml:AttributeValue>z</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>", StringComparison.Ordinal));
        var attributes = Sample.Accepts(xml).Attributes;
        Assert.Equal(["true", "", Sample.Alice, "z"], attributes["email"]);
        Assert.Empty(attributes["EMAIL"]);
    }
}
