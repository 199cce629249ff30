using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Holdfast.Protocols.OpenIdConnect;

namespace Holdfast.Protocols.Tests.OpenIdConnect;

public sealed class ProviderMetadataTests
{
    private const string Issuer = "https://idp.example/tenant";

    private static JsonObject Document() => new()
    {
        ["issuer"] = Issuer,
        ["authorization_endpoint"] = "https://idp.example/authorize?audience=x",
        ["token_endpoint"] = "https://idp.example/token",
        ["jwks_uri"] = "https://idp.example/keys",
        ["userinfo_endpoint"] = "https://idp.example/userinfo",
    };

    private static ProviderMetadataVerdict Read(JsonObject document, string? expected = Issuer, bool allowHttpLoopback = false) =>
        ProviderMetadata.Read(Encoding.UTF8.GetBytes(document.ToJsonString()), expected, allowHttpLoopback);

    private static void Refused(ProviderMetadataRefusal why, ProviderMetadataVerdict verdict) =>
        Assert.Equal(why, Assert.IsType<ProviderMetadataVerdict.Refused>(verdict).Why);

    [Fact]
    public void A_sound_document_is_accepted()
    {
        var metadata = Assert.IsType<ProviderMetadataVerdict.Accepted>(Read(Document())).Metadata;

        Assert.Equal(
            (Issuer, "https://idp.example/authorize?audience=x", "https://idp.example/token", "https://idp.example/keys", "https://idp.example/userinfo"),
            (metadata.Issuer, metadata.AuthorizationEndpoint, metadata.TokenEndpoint, metadata.JwksUri, metadata.UserinfoEndpoint));
        Assert.Equal(["client_secret_basic"], metadata.TokenEndpointAuthMethods);
        Assert.False(metadata.SendsIssuer);
    }

    [Theory]   // OAUTH-039
    [InlineData("https://idp.example/tenant/")]
    [InlineData("https://idp.example/other")]
    [InlineData("https://IDP.example/tenant")]
    [InlineData("https://idp.example:443/tenant")]
    public void Another_issuer_is_refused(string issuer)
    {
        var document = Document();
        document["issuer"] = issuer;

        Refused(ProviderMetadataRefusal.IssuerMismatch, Read(document));
        Assert.IsType<ProviderMetadataVerdict.Accepted>(Read(document, expected: issuer));
    }

    [Fact]   // OAUTH-040
    public void A_template_for_all_tenants_is_refused_even_when_it_was_asked_for()
    {
        var document = Document();
        document["issuer"] = "https://login.example/{tenantid}/v2.0";

        Refused(ProviderMetadataRefusal.IssuerIsTemplate, Read(document, expected: "https://login.example/{tenantid}/v2.0"));
        Refused(ProviderMetadataRefusal.IssuerIsTemplate, Read(document, expected: null));
        document["issuer"] = "https://login.example/8f3c/v2.0";
        Assert.IsType<ProviderMetadataVerdict.Accepted>(Read(document, expected: "https://login.example/8f3c/v2.0"));
    }

    [Fact]   // OAUTH-040
    public void For_a_provider_whose_accounts_are_anybody_s_its_own_template_is_taken_and_no_other()
    {
        ProviderMetadataVerdict ReadAll(string issuer, string? expected)
        {
            var document = Document();
            document["issuer"] = issuer;
            return ProviderMetadata.Read(System.Text.Encoding.UTF8.GetBytes(document.ToJsonString()), expected, allowHttpLoopback: false, allowTenants: true);
        }

        Assert.IsType<ProviderMetadataVerdict.Accepted>(ReadAll("https://login.example/{tenantid}/v2.0", "https://login.example/{tenantid}/v2.0"));
        Refused(ProviderMetadataRefusal.IssuerIsTemplate, ReadAll("https://evil.example/{tenantid}/v2.0", "https://login.example/{tenantid}/v2.0"));
        Refused(ProviderMetadataRefusal.IssuerIsTemplate, ReadAll("https://login.example/{tenantid}/v2.0", null));
        Refused(ProviderMetadataRefusal.IssuerIsTemplate, ReadAll("https://login.example/{tenant}/v2.0", "https://login.example/{tenant}/v2.0"));
    }

    [Theory]
    [InlineData("http://idp.example/tenant")]
    [InlineData("https://idp.example/tenant?a=b")]
    [InlineData("https://idp.example/tenant#a")]
    [InlineData("https://user@idp.example/tenant")]
    [InlineData("idp.example")]
    public void An_issuer_that_is_no_plain_https_address_is_refused(string issuer)
    {
        var document = Document();
        document["issuer"] = issuer;

        Refused(ProviderMetadataRefusal.IssuerUnsafe, Read(document, expected: issuer));
    }

    [Theory]   // OAUTH-044, as far as it is decided here
    [InlineData("authorization_endpoint")]
    [InlineData("token_endpoint")]
    [InlineData("jwks_uri")]
    [InlineData("userinfo_endpoint")]
    public void An_endpoint_must_be_https(string name)
    {
        foreach (var url in new[]
        {
            "http://idp.example/x", "http://127.0.0.1/x", "javascript:alert(1)", "file:///x", "https://user:pw@idp.example/", "/x", "https://idp.example/x#f",
        })
        {
            var document = Document();
            document[name] = url;
            Refused(ProviderMetadataRefusal.EndpointUnsafe, Read(document));
        }
    }

    [Theory]
    [InlineData("authorization_endpoint", true)]
    [InlineData("token_endpoint", true)]
    [InlineData("jwks_uri", true)]
    [InlineData("userinfo_endpoint", false)]
    public void Some_endpoints_are_needed(string name, bool needed)
    {
        var document = Document();
        document.Remove(name);

        if (needed)
        {
            Refused(ProviderMetadataRefusal.EndpointMissing, Read(document));
        }
        else
        {
            Assert.IsType<ProviderMetadataVerdict.Accepted>(Read(document));
        }
    }

    [Theory]
    [InlineData("http://127.0.0.1:4100/idp", true)]
    [InlineData("http://localhost:4100/idp", true)]
    [InlineData("http://[::1]:4100/idp", true)]
    [InlineData("http://10.0.0.1/idp", false)]
    [InlineData("http://127.0.0.1.example/idp", false)]
    public void Http_on_loopback_is_allowed_where_asked_for(string issuer, bool fine)
    {
        var document = Document();
        document["issuer"] = issuer;

        Refused(ProviderMetadataRefusal.IssuerUnsafe, Read(document, issuer, allowHttpLoopback: false));
        if (fine)
        {
            Assert.IsType<ProviderMetadataVerdict.Accepted>(Read(document, issuer, allowHttpLoopback: true));
        }
        else
        {
            Refused(ProviderMetadataRefusal.IssuerUnsafe, Read(document, issuer, allowHttpLoopback: true));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("<html>")]
    [InlineData("{\"issuer\":\"a\",\"issuer\":\"b\"}")]
    [InlineData("{} {}")]
    [InlineData("{/**/}")]
    public void What_is_not_one_plain_JSON_object_is_refused(string text) =>
        Refused(ProviderMetadataRefusal.Malformed, ProviderMetadata.Read(Encoding.UTF8.GetBytes(text), null, allowHttpLoopback: false));

    [Fact]
    public void A_document_above_the_bound_is_refused()
    {
        var document = Document();
        document["more"] = new string('x', ProviderMetadata.MaxBytes);

        Refused(ProviderMetadataRefusal.Malformed, Read(document));
    }

    [Fact]
    public void A_discovery_URL_and_its_issuer_lead_to_each_other()
    {
        Assert.Equal("https://idp.example/t/.well-known/openid-configuration", ProviderMetadata.DiscoveryUrl("https://idp.example/t"));
        Assert.Equal("https://idp.example/t/.well-known/openid-configuration", ProviderMetadata.DiscoveryUrl("https://idp.example/t/"));
        Assert.Equal("https://idp.example/t", ProviderMetadata.IssuerOf("https://idp.example/t/.well-known/openid-configuration"));
        Assert.Null(ProviderMetadata.IssuerOf("https://idp.example/t"));
    }

    [Fact]
    public void A_malformed_type_is_missing_not_a_crash()
    {
        foreach (var wrong in new JsonNode?[] { 1, true, null, new JsonArray(), new JsonObject() })
        {
            var document = Document();
            document["token_endpoint"] = wrong?.DeepClone();
            Refused(ProviderMetadataRefusal.EndpointMissing, Read(document));
        }
        var lone = JsonSerializer.Serialize(Document()).Replace("idp.example/token", "idp.example/\\ud800", StringComparison.Ordinal);
        Refused(ProviderMetadataRefusal.Malformed, ProviderMetadata.Read(Encoding.UTF8.GetBytes(lone), Issuer, allowHttpLoopback: false));
    }
}
