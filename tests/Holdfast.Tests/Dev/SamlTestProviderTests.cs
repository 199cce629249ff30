using System.Net;
using Holdfast.Protocols.Saml;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Tests.Dev;

public sealed class SamlTestProviderTests : IAsyncDisposable
{
    private const string EntityId = TestIdentityProviderHost.PublicUrl + "/dev/idp/saml/metadata";
    private const string SsoUrl = TestIdentityProviderHost.PublicUrl + "/dev/idp/saml/sso";
    private const string Acs = TestIdentityProviderHost.PublicUrl + "/sso/saml/acs/conn_1";
    private const string SpEntityId = TestIdentityProviderHost.PublicUrl + "/saml/conn_1";

    private readonly TestIdentityProviderHost _host = new();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    private async Task<IdpMetadataVerdict.Accepted> MetadataAsync() =>
        Assert.IsType<IdpMetadataVerdict.Accepted>(IdpMetadata.Read(await _host.Browser.GetByteArrayAsync(EntityId)));

    private Uri Request(string id = "_request-1", string acs = Acs, string destination = SsoUrl, string relayState = "relay & <state>") =>
        AuthnRequest.RedirectUrl(destination, id, SpEntityId, acs, relayState, _host.Clock.GetUtcNow());

    private async Task<(string Action, Dictionary<string, string> Fields)> ShownAsync(Uri request) =>
        TestIdentityProviderHost.Form(await _host.Browser.GetStringAsync(request));

    private async Task<SamlVerdict> CheckAsync(string response, string? requestId)
    {
        var metadata = await MetadataAsync();
        return SamlResponse.Check(
            response, new SamlTrust(metadata.EntityId, metadata.SigningCertificates, SpEntityId, Acs, WantAssertionsSigned: true), requestId,
            _host.Clock.GetUtcNow(), TimeSpan.Zero);
    }

    [Fact]
    public async Task Its_metadata_can_be_read()
    {
        var metadata = await MetadataAsync();

        Assert.Equal((EntityId, SsoUrl, true), (metadata.EntityId, metadata.SsoUrl, metadata.SsoIsRedirect));
        Assert.Equal(_host.Keys.SamlCertificate.RawData, metadata.SigningCertificates.Single().RawData);
    }

    [Fact]
    public async Task A_sign_in_is_walked_from_request_to_assertion()
    {
        var (action, fields) = await ShownAsync(Request());
        Assert.Equal(("ada@acme.test", "relay & <state>"), (fields["email"], fields["RelayState"]));
        (fields["email"], fields["first_name"], fields["last_name"], fields["groups"]) = ("grace@acme.test", "Grace", "O'Hopper <&>", "Navy, Compilers");
        using var answer = await _host.Browser.PostAsync(action, new FormUrlEncodedContent(fields));
        var (acs, posted) = TestIdentityProviderHost.Form(await answer.Content.ReadAsStringAsync());

        Assert.Equal((Acs, "relay & <state>"), (acs, posted["RelayState"]));
        var assertion = Assert.IsType<SamlVerdict.Accepted>(await CheckAsync(posted["SAMLResponse"], "_request-1")).Assertion;
        Assert.Equal(("grace@acme.test", "_request-1"), (assertion.NameId, assertion.InResponseTo));
        Assert.Equal(["O'Hopper <&>"], assertion.Attributes["lastName"]);
        Assert.Equal(["Navy", "Compilers"], assertion.Attributes["groups"]);
        Assert.Equal(SamlRefusal.WrongRequest, Assert.IsType<SamlVerdict.Refused>(await CheckAsync(posted["SAMLResponse"], "_request-2")).Why);
    }

    [Fact]
    public async Task Without_a_relay_state_none_goes_back()
    {
        var (action, fields) = await ShownAsync(Request(relayState: ""));
        using var answer = await _host.Browser.PostAsync(action, new FormUrlEncodedContent(fields));

        Assert.Equal(["SAMLResponse"], TestIdentityProviderHost.Form(await answer.Content.ReadAsStringAsync()).Fields.Keys);
    }

    [Theory]
    [InlineData("https://evil.example/acs", SsoUrl)]
    [InlineData("http://127.0.0.1:4101/acs", SsoUrl)]
    [InlineData(Acs, "http://127.0.0.1:4100/dev/idp/other")]
    public async Task A_stranger_gets_no_assertion(string acs, string destination)
    {
        var message = Request(acs: acs, destination: destination).Query;
        using var shown = await _host.Browser.GetAsync(new Uri(SsoUrl + message));
        Assert.Equal(HttpStatusCode.BadRequest, shown.StatusCode);

        var (action, fields) = await ShownAsync(Request());
        fields["SAMLRequest"] = QueryHelpers.ParseQuery(message)["SAMLRequest"]!;
        using var posted = await _host.Browser.PostAsync(action, new FormUrlEncodedContent(fields));
        Assert.Equal(HttpStatusCode.BadRequest, posted.StatusCode);
        Assert.DoesNotContain("SAMLResponse", await posted.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?SAMLRequest=")]
    [InlineData("?SAMLRequest=AAAA")]
    [InlineData("?SAMLRequest=%3Cscript%3E")]
    public async Task A_request_that_cannot_be_read_is_told_so(string query)
    {
        using var shown = await _host.Browser.GetAsync(new Uri(SsoUrl + query));

        Assert.Equal(HttpStatusCode.BadRequest, shown.StatusCode);
        Assert.DoesNotContain("<script", await shown.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_is_none_brings_the_form_back()
    {
        var (action, fields) = await ShownAsync(Request());
        fields["email"] = "nobody";
        using var answer = await _host.Browser.PostAsync(action, new FormUrlEncodedContent(fields));

        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        Assert.Equal(fields, TestIdentityProviderHost.Form(await answer.Content.ReadAsStringAsync()).Fields);
    }

    [Fact]
    public async Task What_XML_cannot_hold_is_left_out()
    {
        var (action, fields) = await ShownAsync(Request());
        (fields["first_name"], fields["groups"]) = ("A\u0001d\u001Ba\uFFFF", $"{new string('x', 199)}\U0001F600\U0001F600");
        using var answer = await _host.Browser.PostAsync(action, new FormUrlEncodedContent(fields));
        var (_, posted) = TestIdentityProviderHost.Form(await answer.Content.ReadAsStringAsync());

        var assertion = Assert.IsType<SamlVerdict.Accepted>(await CheckAsync(posted["SAMLResponse"], "_request-1")).Assertion;
        Assert.Equal(["Ada"], assertion.Attributes["firstName"]);
    }

    [Fact]
    public async Task Another_folders_key_is_not_trusted()
    {
        using var otherKeys = TestIdentityProviderHost.MakeKeys();
        await using var other = new TestIdentityProviderHost(otherKeys);
        var (action, fields) = TestIdentityProviderHost.Form(await other.Browser.GetStringAsync(Request()));
        using var answer = await other.Browser.PostAsync(action, new FormUrlEncodedContent(fields));
        var (_, posted) = TestIdentityProviderHost.Form(await answer.Content.ReadAsStringAsync());

        Assert.Equal(SamlRefusal.SignatureInvalid, Assert.IsType<SamlVerdict.Refused>(await CheckAsync(posted["SAMLResponse"], "_request-1")).Why);
    }
}
