using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Protocols.Tests.OpenIdConnect;

/// <summary>The way to the identity provider, and back.</summary>
public sealed class AuthenticationTests
{
    private const string Challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    private static readonly ProviderMetadata s_metadata = new(
        "https://idp.example", "https://idp.example/authorize", "https://idp.example/token", "https://idp.example/keys", null, null, [], SendsIssuer: false);

    [Fact]
    public void The_request_holds_what_the_code_flow_needs()
    {
        var url = AuthenticationRequest.Url(
            s_metadata, "client a", "https://me.example/cb?x=1", ["email", "openid"], "st&te", "nonce", Challenge, "ada@acme.test", [new("prompt", "login")]);

        Assert.Equal(
            "https://idp.example/authorize?response_type=code&client_id=client%20a&redirect_uri=https%3A%2F%2Fme.example%2Fcb%3Fx%3D1"
            + "&scope=openid%20email&state=st%26te&nonce=nonce&code_challenge=" + Challenge
            + "&code_challenge_method=S256&login_hint=ada%40acme.test&prompt=login",
            url.AbsoluteUri);
    }

    [Fact]
    public void A_query_of_the_endpoint_stays()
    {
        var metadata = s_metadata with { AuthorizationEndpoint = "https://idp.example/authorize?p=b2c" };

        Assert.StartsWith(
            "https://idp.example/authorize?p=b2c&response_type=code&",
            AuthenticationRequest.Url(metadata, "c", "https://me.example", [], "s", "n", Challenge).AbsoluteUri,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_provider_does_not_take_is_left_out()
    {
        Assert.Equal(
            "https://idp.example/authorize?response_type=code&client_id=c&redirect_uri=https%3A%2F%2Fme.example&scope=read%3Auser&state=s",
            AuthenticationRequest.Url(s_metadata, "c", "https://me.example", ["read:user", "read:user"], "s", null, null).AbsoluteUri);
        Assert.EndsWith(
            "&response_mode=form_post", AuthenticationRequest.Url(s_metadata, "c", "https://me.example", [], "s", "n", Challenge, byPost: true).AbsoluteUri, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("redirect_uri")]
    [InlineData("Redirect_URI")]
    [InlineData("state")]
    [InlineData("nonce")]
    [InlineData("code_challenge_method")]
    [InlineData("response_mode")]
    [InlineData("request")]
    [InlineData("code_verifier")]
    [InlineData("client_secret")]
    public void A_connection_cannot_replace_what_keeps_the_flow_safe(string name) =>
        Assert.Throws<ArgumentException>(
            () => AuthenticationRequest.Url(s_metadata, "c", "https://me.example", [], "s", "n", Challenge, extra: [new(name, "x")]));

    [Fact]
    public void A_verifier_is_not_sent_for_its_challenge() =>
        Assert.Throws<ArgumentException>(() => AuthenticationRequest.Url(s_metadata, "c", "https://me.example", [], "s", "n", "not a challenge"));

    private static AuthenticationResponseVerdict Check(bool sendsIssuer, params (string Name, string Value)[] parameters) =>
        AuthenticationResponse.Check(
            parameters.Select(p => new KeyValuePair<string, string>(p.Name, p.Value)), "state-1", s_metadata with { SendsIssuer = sendsIssuer });

    private static void Refused(AuthenticationResponseRefusal why, AuthenticationResponseVerdict verdict) =>
        Assert.Equal(new AuthenticationResponseVerdict.Refused(why), verdict);

    [Fact]
    public void A_code_with_our_state_is_accepted()
    {
        Assert.Equal(new AuthenticationResponseVerdict.Accepted("abc"), Check(false, ("code", "abc"), ("state", "state-1")));
        Assert.Equal(
            new AuthenticationResponseVerdict.Accepted("abc"), Check(true, ("code", "abc"), ("state", "state-1"), ("iss", "https://idp.example")));
    }

    [Fact]   // OAUTH-037
    public void Another_state_or_none_is_refused()
    {
        Refused(AuthenticationResponseRefusal.StateMismatch, Check(false, ("code", "abc")));
        Refused(AuthenticationResponseRefusal.StateMismatch, Check(false, ("code", "abc"), ("state", "")));
        Refused(AuthenticationResponseRefusal.StateMismatch, Check(false, ("code", "abc"), ("state", "state-2")));
        Refused(AuthenticationResponseRefusal.StateMismatch, Check(false, ("error", "access_denied"), ("state", "state-2")));
    }

    [Fact]   // OAUTH-039
    public void The_answer_of_another_provider_is_refused()
    {
        Refused(AuthenticationResponseRefusal.IssuerMismatch, Check(false, ("code", "abc"), ("state", "state-1"), ("iss", "https://evil.example")));
        Refused(AuthenticationResponseRefusal.IssuerMismatch, Check(false, ("code", "abc"), ("state", "state-1"), ("iss", "https://idp.example/")));
        Refused(AuthenticationResponseRefusal.IssuerMismatch, Check(true, ("error", "x"), ("state", "state-1"), ("iss", "https://evil.example")));
    }

    [Fact] // OAUTH-039
    public void A_provider_that_promised_to_name_itself_must() =>
        Refused(AuthenticationResponseRefusal.IssuerMissing, Check(true, ("code", "abc"), ("state", "state-1")));

    [Fact]
    public void Repeated_parameters_and_a_missing_code_are_refused()
    {
        Refused(AuthenticationResponseRefusal.Repeated, Check(false, ("code", "abc"), ("code", "def"), ("state", "state-1")));
        Refused(AuthenticationResponseRefusal.CodeMissing, Check(false, ("state", "state-1")));
        Refused(AuthenticationResponseRefusal.CodeMissing, Check(false, ("state", "state-1"), ("code", "")));
    }

    [Fact]
    public void An_error_of_the_provider_is_passed_on() =>
        Assert.Equal(
            new AuthenticationResponseVerdict.Failed("access_denied", "No."),
            Check(false, ("error", "access_denied"), ("error_description", "No."), ("state", "state-1")));
}
