using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Holdfast.Protocols.Saml;

namespace Holdfast.Tests.Sso;

/// <summary>What a SAML connection can be set to, and that it then does it (SAML-043, 046, 065, 066, 078, 079).</summary>
public sealed class SamlServiceProviderTests(Shared shared) : IClassFixture<Shared>
{
    private static readonly XNamespace Md = "urn:oasis:names:tc:SAML:2.0:metadata";
    private static readonly XNamespace Ds = "http://www.w3.org/2000/09/xmldsig#";

    private readonly HoldfastServer _server = shared.Server;

    [Fact]
    public async Task A_connection_shows_what_it_was_set_to()
    {
        using var second = SamlProvider.MakeCertificate();
        var connection = await _server.SamlConnectionAsync(null, "GenericSAML",
            ("sign_requests", true), ("allow_idp_initiated", true), ("allow_sha1", true), ("want_assertions_signed", true), ("idp_slo_url", "https://idp.test/slo"),
            ("sp_entity_id", "urn:elsewhere:sp"), ("acs_url", "https://elsewhere.test/acs"));
        var saml = (await _server.PutAsync($"/connections/{connection.Id}", new
        {
            saml = new { idp_certificates = new[] { SamlProvider.Certificate.ExportCertificatePem(), second.ExportCertificatePem() } },
        })).Is(200).Json.GetProperty("saml");

        Assert.All(new[] { "sign_requests", "allow_idp_initiated", "allow_sha1", "want_assertions_signed" }, name => Assert.True(saml.GetProperty(name).GetBoolean(), name));
        Assert.Equal("https://idp.test/slo", saml.GetProperty("idp_slo_url").GetString());
        Assert.Equal("urn:elsewhere:sp", saml.GetProperty("sp_entity_id").GetString());
        Assert.Equal("https://elsewhere.test/acs", saml.GetProperty("acs_url").GetString());
        Assert.Equal($"{_server.PublicUrl}/sso/saml/slo/{connection.Id}", saml.GetProperty("sp_slo_url").GetString());
        Assert.Equal(
            new[] { SamlProvider.Certificate, second }.Select(c => c.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256).ToLowerInvariant()),
            saml.GetProperty("idp_certificates").EnumerateArray().Select(c => c.GetProperty("fingerprint").GetString()));
        Assert.All(saml.GetProperty("idp_certificates").EnumerateArray(), c => Assert.Equal("2040-01-01T00:00:00.000Z", c.GetProperty("not_after").GetString()));

        var plain = (await _server.GetAsync($"/connections/{(await _server.SamlConnectionAsync()).Id}")).Is(200).Json.GetProperty("saml");
        Assert.All(new[] { "sign_requests", "allow_idp_initiated", "allow_sha1", "want_assertions_signed" }, name => Assert.False(plain.GetProperty(name).GetBoolean(), name));
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (plain.GetProperty("idp_slo_url").ValueKind, plain.GetProperty("sp_slo_url").ValueKind));
    }

    [Theory]
    [InlineData("sign_requests", "yes", "saml.sign_requests invalid_type")]
    [InlineData("idp_slo_url", "http://idp.test/slo", "saml.idp_slo_url invalid_url")]
    [InlineData("acs_url", "javascript:alert(1)", "saml.acs_url invalid_url")]
    [InlineData("sp_entity_id", " ", "saml.sp_entity_id required")]
    [InlineData("metadata_xml", "<x/>", "saml.metadata_xml IdentityProviderMissing")]
    public async Task What_a_connection_cannot_be_is_said_by_field(string name, string value, string fault)
    {
        var connection = await _server.SamlConnectionAsync();
        var answer = (await _server.WithoutEffectAsync(() => _server.PutAsync($"/connections/{connection.Id}", new { saml = new Dictionary<string, object> { [name] = value } }))).Is(422);

        Assert.Equal([fault], answer.Faults);
    }

    [Fact]
    public async Task Any_of_several_certificates_may_have_signed()
    {
        using var next = SamlProvider.MakeCertificate();
        using var stranger = SamlProvider.MakeCertificate();
        var connection = await _server.SamlConnectionAsync();
        (await _server.PutAsync($"/connections/{connection.Id}", new
        {
            saml = new { idp_certificates = new[] { SamlProvider.Certificate.ExportCertificatePem(), next.ExportCertificatePem() } },
        })).Is(200);
        foreach (var (signer, status) in new[] { (SamlProvider.Certificate, 302), (next, 302), (stranger, 400) })
        {
            var begun = await connection.BeginAsync();
            (await connection.PostAsync(begun.Browser, connection.Response(begun, "ada@acme.test", null, signer), begun.RelayState)).Is(status);
        }
    }

    [Fact]
    public async Task Our_metadata_has_both_keys_and_is_an_environment_s_own()
    {
        var (one, other) = (await _server.SamlConnectionAsync(null, "GenericSAML", ("idp_slo_url", "https://idp.test/slo"), ("sign_requests", true)), await _server.SamlConnectionAsync());
        var (xml, plain) = (await MetadataAsync(one), await MetadataAsync(other));

        Assert.Equal(one.AcsUrl, xml.Descendants(Md + "AssertionConsumerService").Single().Attribute("Location")!.Value);
        Assert.Equal(["signing", "encryption"], xml.Descendants(Md + "KeyDescriptor").Select(k => k.Attribute("use")!.Value));
        Assert.NotEqual(Key(xml, "signing").Thumbprint, Key(xml, "encryption").Thumbprint);
        Assert.Equal(Key(xml, "signing").Thumbprint, Key(plain, "signing").Thumbprint);
        Assert.Equal(2, xml.Descendants(Md + "SingleLogoutService").Count());
        Assert.Empty(plain.Descendants(Md + "SingleLogoutService"));
        Assert.Equal(("true", "false"), (Sp(xml).Attribute("AuthnRequestsSigned")!.Value, Sp(plain).Attribute("AuthnRequestsSigned")!.Value));
        Assert.DoesNotContain(other.Id, xml.ToString(), StringComparison.Ordinal);

        var organization = (await _server.SendAsync("POST", "/organizations", _server.B.ApiKey, new { name = "B" })).Is(201)["id"];
        var theirs = (await _server.SendAsync("POST", "/connections", _server.B.ApiKey, new
        {
            organization_id = organization, connection_type = "GenericSAML", name = "B",
            saml = new { idp_entity_id = "https://b.test", idp_sso_url = "https://b.test/sso", idp_certificates = new[] { SamlProvider.Certificate.ExportCertificatePem() } },
        })).Is(201);
        var foreign = XElement.Parse((await _server.SendAsync("GET", theirs.Json.GetProperty("saml").GetProperty("sp_metadata_url").GetString()!, null)).Is(200).Text);
        Assert.NotEqual(Key(xml, "signing").Thumbprint, Key(foreign, "signing").Thumbprint);
    }

    [Fact]
    public async Task Our_keys_are_made_once_and_sealed_in_their_rows()
    {
        await using var server = await HoldfastServer.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => server.SamlConnectionAsync()));

        var rows = server.Storage.Database.Read(v => v.Query<KeyRow>("SELECT id AS Id, purpose AS Purpose, private_key_sealed AS Sealed FROM saml_keys ORDER BY purpose"));
        Assert.Equal(["encryption", "signing"], rows.Select(r => r.Purpose));
        var keys = (Holdfast.Keys.ClusterKeys)server.Services.GetService(typeof(Holdfast.Keys.ClusterKeys))!;
        Assert.NotEmpty(keys.OpenAtRest($"saml_keys/{rows[0].Id}/private_key", rows[0].Sealed));
        Assert.Throws<System.Security.Cryptography.CryptographicException>(() => keys.OpenAtRest($"saml_keys/{rows[1].Id}/private_key", rows[0].Sealed));
    }

    [Fact] // SAML-049; what is accepted then, the library's tests show
    public async Task Cbc_in_an_unsigned_response_is_tried_by_the_connection_s_switch_alone()
    {
        var connection = await _server.SamlConnectionAsync();
        using var ours = Key(await MetadataAsync(connection), "encryption");
        foreach (var (allowed, reason) in new[] { (false, "EncryptionNotAllowed"), (true, "DecryptionFailed"), (false, "EncryptionNotAllowed") })
        {
            var shown = (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { allow_cbc_unsigned_response = allowed } })).Is(200).Json.GetProperty("saml");
            Assert.Equal(allowed, shown.GetProperty("allow_cbc_unsigned_response").GetBoolean());
            var begun = await connection.BeginAsync();
            var relabelled = Convert.ToBase64String(Encoding.UTF8.GetBytes(
                Encoding.UTF8.GetString(Convert.FromBase64String(connection.Response(begun, "ada@acme.test", i => i with { EncryptFor = new SamlEncryption(ours) })))
                    .Replace("http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2001/04/xmlenc#aes256-cbc", StringComparison.Ordinal)));
            await _server.RefusedAsync(() => connection.PostAsync(begun.Browser, relabelled, begun.RelayState), "sign_in_refused", reason);
        }
    }

    [Theory]
    [InlineData(SamlSigned.Assertion)]
    [InlineData(SamlSigned.Response)]
    [InlineData(SamlSigned.Both)]
    public async Task An_assertion_may_be_encrypted_for_our_published_key(SamlSigned signed)
    {
        var connection = await _server.SamlConnectionAsync();
        using var ours = Key(await MetadataAsync(connection), "encryption");
        using var stranger = SamlProvider.MakeCertificate();

        var accepted = await connection.FinishAsync(await connection.BeginAsync(), "ada@acme.test", i => i with { Signed = signed, EncryptFor = new SamlEncryption(ours) });
        Assert.Equal("ada@acme.test", (await connection.RedeemAsync(accepted.Is(302).Sent("code")!)).Is(200).Json.GetProperty("profile").GetProperty("idp_id").GetString());

        var begun = await connection.BeginAsync();
        await _server.RefusedAsync(
            () => connection.FinishAsync(begun, "ada@acme.test", i => i with { Signed = signed, EncryptFor = new SamlEncryption(stranger) }), "sign_in_refused", "DecryptionFailed");
    }

    [Fact]
    public async Task A_request_is_signed_when_the_connection_says_so()
    {
        var connection = await _server.SamlConnectionAsync(null, "GenericSAML", ("sign_requests", true));
        using var ours = Key(await MetadataAsync(connection), "signing");
        using var stranger = SamlProvider.MakeCertificate();
        var to = new Uri((await new Browser(_server).GetAsync(connection.AuthorizePath())).Is(302).Location!);

        Assert.IsType<AuthnRequestRead.Request>(AuthnRequest.Check(SamlBinding.Redirect, to.Query, [ours]));
        Assert.IsType<AuthnRequestRead.Refused>(AuthnRequest.Check(SamlBinding.Redirect, to.Query, [stranger]));
        await connection.SignInAsync();

        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { sign_requests = false } })).Is(200);
        Assert.Null((await new Browser(_server).GetAsync(connection.AuthorizePath())).Is(302).Sent("Signature"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_request_is_posted_where_the_identity_provider_takes_posts_alone(bool signs)
    {
        var connection = await _server.SamlConnectionAsync();
        var metadata = XElement.Parse(SamlIssuer.Metadata(connection.Provider.EntityId, "https://idp.test/sso", SamlProvider.Certificate));
        metadata.Descendants(Md + "SingleSignOnService").First(s => s.Attribute("Binding")!.Value.EndsWith("HTTP-Redirect", StringComparison.Ordinal)).Remove();
        metadata.Descendants(Md + "SingleSignOnService").Single().SetAttributeValue("Location", "https://idp.test/sso?a=b&c=1");
        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { metadata_xml = metadata.ToString(), sign_requests = signs } })).Is(200);

        var browser = new Browser(_server);
        var (action, fields) = Form((await browser.GetAsync(connection.AuthorizePath(), ("Accept", "text/html"))).Is(200));
        Assert.Equal("https://idp.test/sso?a=b&c=1", action);
        using var ours = Key(await MetadataAsync(connection), "signing");
        var request = Assert.IsType<AuthnRequestRead.Request>(AuthnRequest.Check(SamlBinding.Post, fields["SAMLRequest"], signs ? [ours] : null));

        var begun = new SamlConnection.Begun(browser, request.Id, request.Issuer, fields["RelayState"]);
        (await connection.FinishAsync(begun)).Is(302);
    }

    [Fact]
    public async Task What_begins_at_the_identity_provider_ends_at_the_default_redirect_uri_once_where_it_is_switched_on()
    {
        var connection = await _server.SamlConnectionAsync();
        var response = connection.Response(null, "ada@acme.test");
        await _server.RefusedAsync(() => connection.PostAsync(new Browser(_server), response, null), "idp_initiated_sso_disabled", "Unsolicited");

        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { allow_idp_initiated = true } })).Is(200);
        foreach (var relayState in new[] { null, "", "https://evil.test/", "deep/link", "javascript:alert(1)", new string('x', 10_000) })
        {
            var landed = (await connection.PostAsync(new Browser(_server), connection.Response(null, "ada@acme.test"), relayState)).Is(302);
            Assert.StartsWith(HoldfastServer.Callback + "?", landed.Location, StringComparison.Ordinal);
            Assert.Equal((null, "true"), (landed.Sent("state"), landed.Sent("idp_initiated")));
            Assert.DoesNotContain("evil", landed.Location, StringComparison.Ordinal);
            (await connection.RedeemAsync(landed.Sent("code")!)).Is(200);
        }
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => connection.PostAsync(new Browser(_server), response, null))));
        Assert.Single(answers, a => a.Status == 302);
        await _server.RefusedAsync(() => connection.PostAsync(new Browser(_server), response, null), "sign_in_refused", "Replayed");

        // What answers a request of ours is not somebody's to bring unasked; and a sign-in of ours goes on as ever.
        var begun = await connection.BeginAsync();
        await _server.RefusedAsync(() => connection.PostAsync(new Browser(_server), connection.Response(begun, "ada@acme.test"), null), "sign_in_refused", "WrongRequest");
        await _server.RefusedAsync(() => connection.PostAsync(new Browser(_server), connection.Response(begun, "ada@acme.test"), begun.RelayState), "flow_not_found", "FlowNotFound");
        (await connection.FinishAsync(begun)).Is(302);

        (await _server.PutAsync($"/connections/{connection.Id}", new { state = "inactive" })).Is(200);
        Assert.Equal("connection_unlinked", (await connection.PostAsync(new Browser(_server), connection.Response(null, "ada@acme.test"), null)).Is(302).Sent("error"));
    }

    [Fact]
    public async Task An_assertion_that_nobody_asked_for_is_used_once_over_a_restart()
    {
        var data = Directory.CreateTempSubdirectory("holdfast-test-").FullName;
        try
        {
            Holdfast.Environments.NewEnvironment a, b;
            SamlConnection connection;
            string response;
            await using (var server = await HoldfastServer.StartAsync(new Start(Data: data)))
            {
                (a, b) = (server.A, server.B);
                connection = await server.SamlConnectionAsync(null, "GenericSAML", ("allow_idp_initiated", true));
                response = connection.Response(null, "ada@acme.test");
                (await connection.PostAsync(new Browser(server), response, null)).Is(302);
            }
            await using var next = await HoldfastServer.StartAsync(new Start(Data: data), a, b);
            var here = connection with { Server = next };
            await next.RefusedAsync(() => here.PostAsync(new Browser(next), response, null), "sign_in_refused", "Replayed");
            (await here.PostAsync(new Browser(next), here.Response(null, "ada@acme.test"), null)).Is(302);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private async Task<XElement> MetadataAsync(SamlConnection connection) =>
        XElement.Parse((await _server.SendAsync("GET", $"/sso/saml/metadata/{connection.Id}", null)).Is(200).Text);

    /// <summary>Where a page's form goes, and with what.</summary>
    internal static (string Action, Dictionary<string, string> Fields) Form(Answer page)
    {
        string Decoded(Group group) => WebUtility.HtmlDecode(group.Value);
        return (
            Decoded(Regex.Match(page.Text, "<form method=\"post\" action=\"([^\"]*)\"").Groups[1]),
            Regex.Matches(page.Text, "<input type=\"hidden\" name=\"([^\"]*)\" value=\"([^\"]*)\" ?/?>").ToDictionary(m => Decoded(m.Groups[1]), m => Decoded(m.Groups[2])));
    }

    private static XElement Sp(XElement metadata) => metadata.Descendants(Md + "SPSSODescriptor").Single();

    internal static X509Certificate2 Key(XElement metadata, string use) => X509CertificateLoader.LoadCertificate(Convert.FromBase64String(
        metadata.Descendants(Md + "KeyDescriptor").Single(k => k.Attribute("use")!.Value == use).Descendants(Ds + "X509Certificate").Single().Value));

    private sealed record KeyRow(string Id, string Purpose, string Sealed);
}
