using Holdfast.Protocols.Saml;
using static Holdfast.Protocols.Tests.Saml.LogoutSample;

namespace Holdfast.Protocols.Tests.Saml;

/// <summary>SAML-035, SAML-080 and SAML-081: the signature of a query is over its characters as they came, and each stands once.</summary>
public class RedirectSignatureTests
{
    private static string Signed(string? relayState = "state", Func<string, string>? escape = null) => Query("SAMLRequest", Request, relayState, escape);

    private static void Accepts(string query, SamlTrust? trust = null) => LogoutSample.Accepts(CheckRequest(SamlBinding.Redirect, query, trust));

    private static void Refuses(SamlRefusal why, string query, SamlTrust? trust = null) => LogoutSample.Refuses(why, CheckRequest(SamlBinding.Redirect, query, trust));

    private static string LowerCase(string text) => System.Text.RegularExpressions.Regex.Replace(
        Uri.EscapeDataString(text), "%[0-9A-F]{2}", escaped => escaped.Value.ToLowerInvariant());

    [Fact] // SAML-080: ADFS writes escapes in lower case, others leave out what need not be escaped
    public void Escapes_are_verified_as_they_came()
    {
        Accepts(Signed());
        Accepts("?" + Signed());
        Accepts(Signed(escape: LowerCase));
        Accepts(Signed(escape: text => Uri.EscapeDataString(text).Replace("%2F", "/", StringComparison.Ordinal).Replace("%3A", ":", StringComparison.Ordinal)));
        Refuses(SamlRefusal.SignatureInvalid, Recased(Signed()));
        Refuses(SamlRefusal.SignatureInvalid, Signed(escape: LowerCase).Replace("%2f", "%2F", StringComparison.Ordinal).Replace("%3a", "%3A", StringComparison.Ordinal));
    }

    private static string Recased(string query) => System.Text.RegularExpressions.Regex.Replace(query, "%[0-9A-F]{2}", escaped => escaped.Value.ToLowerInvariant());

    [Fact] // SAML-080
    public void The_order_in_the_address_does_not_matter_and_that_of_the_signature_does()
    {
        var parts = Signed().Split('&');
        Accepts(string.Join('&', parts.Reverse()));
        Accepts("tenant=1&" + Signed() + "&utm=x");
        // Signed in another order: RelayState first.
        var other = $"{parts[1]}&{parts[0]}&{parts[2]}";
        var value = new Signing("").Value(System.Text.Encoding.ASCII.GetBytes(other));
        Refuses(SamlRefusal.SignatureInvalid, other + "&Signature=" + Uri.EscapeDataString(Convert.ToBase64String(value)));
    }

    [Fact] // SAML-080
    public void A_relay_state_cannot_be_added_changed_or_taken_away()
    {
        Accepts(Signed(null));
        Accepts(Signed(""));
        Refuses(SamlRefusal.SignatureInvalid, Signed(null) + "&RelayState=x");
        Refuses(SamlRefusal.SignatureInvalid, Signed(null) + "&RelayState=");
        Refuses(SamlRefusal.SignatureInvalid, Signed().Replace("&RelayState=state", "", StringComparison.Ordinal));
        Refuses(SamlRefusal.SignatureInvalid, Signed().Replace("&RelayState=state", "&RelayState=other", StringComparison.Ordinal));
    }

    [Theory] // SAML-035, SAML-080
    [InlineData("SAMLRequest=x")]
    [InlineData("SAMLResponse=x")]
    [InlineData("RelayState=x")]
    [InlineData("SigAlg=x")]
    [InlineData("Signature=x")]
    [InlineData("samlrequest=x")]
    [InlineData("SAMLRequest")]
    [InlineData("%53AMLRequest=x")]
    [InlineData("%53AMLResponse=x")]
    [InlineData("Relay%53tate=x")]
    [InlineData("signature=x")]
    [InlineData("SAMLEncoding=urn:x")]
    public void A_parameter_that_stands_twice_or_in_another_spelling_is_refused(string more)
    {
        Accepts(Signed());
        Refuses(SamlRefusal.QueryParameter, Signed() + "&" + more);
        Refuses(SamlRefusal.QueryParameter, more + "&" + Signed());
    }

    [Fact]
    public void The_only_encoding_may_be_named() => Accepts(Signed() + "&SAMLEncoding=urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE");

    [Fact] // SAML-080
    public void What_is_unsigned_or_signed_otherwise_is_refused()
    {
        const string RsaSha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
        Refuses(SamlRefusal.SignatureMissing, Without("Signature"));
        Refuses(SamlRefusal.SignatureMissing, Without("SigAlg"));
        Refuses(SamlRefusal.QueryParameter, Without("SAMLRequest"));
        Refuses(SamlRefusal.SignatureShape, Without("Signature") + "&Signature=%21");
        Refuses(SamlRefusal.SignatureInvalid, Without("Signature") + "&Signature=");
        Refuses(SamlRefusal.SignatureInvalid, Without("Signature") + "&Signature=AAAA");
        Refuses(SamlRefusal.AlgorithmNotAllowed, Signed().Replace("rsa-sha256", "hmac-sha256", StringComparison.Ordinal));
        Refuses(SamlRefusal.SignatureInvalid, Signed().Replace("rsa-sha256", "rsa-sha512", StringComparison.Ordinal));
        var sha1 = Query("SAMLRequest", Request, "state", method: RsaSha1);
        Refuses(SamlRefusal.AlgorithmNotAllowed, sha1);
        var verdict = LogoutSample.Accepts(CheckRequest(SamlBinding.Redirect, sha1, Trust with { AllowSha1 = true }));
        Assert.Contains(SamlNote.Sha1, verdict.Evidence.Notes(Sample.Now));
    }

    private static string Without(string name) => string.Join('&', Signed().Split('&').Where(part => !part.StartsWith(name + "=", StringComparison.Ordinal)));

    [Fact] // SAML-081
    public void A_signature_inside_the_message_does_not_count_on_this_binding()
    {
        var enveloped = new Signing("_lr1").Sign(Request);
        LogoutSample.Accepts(CheckRequest(SamlBinding.Post, Post(enveloped)));
        Refuses(SamlRefusal.SignatureMissing, "SAMLRequest=" + Uri.EscapeDataString(RedirectTests.Deflated(enveloped)));
        Refuses(SamlRefusal.ElementMisplaced, Query("SAMLRequest", enveloped, "state"));
    }

    [Fact] // and one binding's message is not taken on the other
    public void The_bindings_are_not_mixed()
    {
        Refuses(SamlRefusal.QueryParameter, Post(new Signing("_lr1").Sign(Request)));
        LogoutSample.Refuses(SamlRefusal.NotBase64, CheckRequest(SamlBinding.Post, Signed()));
        LogoutSample.Refuses(SamlRefusal.EncodingNotAllowed, CheckRequest(SamlBinding.Post, RedirectTests.Deflated(Request)));
    }

    [Fact]
    public void The_query_is_bounded_and_plain()
    {
        var query = Signed();
        string Padded(int length) => query + "&x=" + new string('a', length - query.Length - 3);
        Accepts(Padded(64 * 1024));
        Refuses(SamlRefusal.QueryTooLong, Padded(64 * 1024 + 1));
        Refuses(SamlRefusal.QueryParameter, query + "&x=é");
        Refuses(SamlRefusal.QueryParameter, query + "&x=a b");
        Refuses(SamlRefusal.QueryParameter, query + "\n");
    }

    [Fact] // SAML-082: nothing is inflated before the signature holds
    public void A_bomb_is_not_inflated_for_a_stranger()
    {
        var bomb = RedirectTests.Deflated(new string(' ', 40 << 20));
        Refuses(SamlRefusal.SignatureInvalid, $"SAMLRequest={Uri.EscapeDataString(bomb)}&SigAlg={Uri.EscapeDataString(Signing.More + "rsa-sha256")}&Signature=AAAA", null);
        LogoutSample.Refuses(SamlRefusal.TooLarge, CheckRequest(
            SamlBinding.Redirect, Query("SAMLRequest", new string(' ', 600_000), null)));
    }
}
