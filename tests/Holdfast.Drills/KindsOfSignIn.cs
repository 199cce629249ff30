using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using System.Xml.Linq;
using Holdfast.Protocols.Saml;
using Holdfast.Tests;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Drills;

/// <summary>One kind of coming in, or of going out, from the application's first request to its last.</summary>
/// <param name="RunAsync">Does it once, for a person of this number. Throws when a step is answered otherwise.</param>
internal sealed record KindOfSignIn(string Name, Func<int, Task> RunAsync);

/// <summary>Every kind that Single Sign-On has, each at an identity provider of its own.</summary>
internal sealed class KindsOfSignIn : IAsyncDisposable
{
    private const string Callback = HoldfastServer.Callback;
    private const string Slo = "https://idp.test/slo";

    private static readonly XNamespace Md = "urn:oasis:names:tc:SAML:2.0:metadata";
    private static readonly XNamespace Ds = "http://www.w3.org/2000/09/xmldsig#";

    private readonly List<KindOfSignIn> _all = [];
    private readonly List<OidcStandIn> _providers = [];
    private readonly List<MetadataHost> _hosts = [];
    private readonly ConcurrentDictionary<string, int> _fetches = new(StringComparer.Ordinal);

    private KindsOfSignIn(HoldfastServer server) => Server = server;

    /// <summary>Where people sign in; another one after a restart.</summary>
    public HoldfastServer Server { get; private set; }

    public IReadOnlyList<KindOfSignIn> All => _all;

    /// <summary>Makes every connection, with the primary there.</summary>
    public static async Task<KindsOfSignIn> SetUpAsync(HoldfastServer server)
    {
        var kinds = new KindsOfSignIn(server);
        await kinds.AddSamlAsync();
        await kinds.AddOpenIdAsync();
        await kinds.AddOAuthAsync();
        return kinds;
    }

    public void GoOnAt(HoldfastServer server)
    {
        Server = server;
        _providers.ForEach(p => p.Server = server);
    }

    /// <summary>What nobody should have to wait for hangs: metadata, discovery, and the keys that are known.</summary>
    public void HangDocuments()
    {
        _hosts.ForEach(h => h.Hang());
        foreach (var provider in _providers.Where(p => p.Discovery is not null))
        {
            provider.Hang("/.well-known/openid-configuration", isWaitedFor: false);
            if (!_fetches.ContainsKey(provider.Url))
            {
                provider.Hang("/jwks", isWaitedFor: false);
            }
        }
    }

    private async Task AddSamlAsync()
    {
        await AddSamlAsync("SAML, signed", []);
        await AddSamlAsync("SAML, signed request by redirect", [("sign_requests", true)]);
        await AddSamlAsync("SAML, encrypted", [], encrypted: true);
        var host = await MetadataHost.StartAsync();
        _hosts.Add(host);
        var provider = new SamlProvider();
        var metadata = MetadataHost.Of(provider, SamlProvider.Certificate);
        host.Say(metadata);
        var byUrl = await MadeAsync(provider, new { metadata_url = host.Url, metadata_keys = "overlapping" });
        _all.Add(new("SAML, metadata by URL", n => SignInAsync(byUrl with { Server = Server }, n)));
        var post = XElement.Parse(metadata);
        foreach (var service in post.Descendants(Md + "SingleSignOnService"))
        {
            service.SetAttributeValue("Binding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST");
        }
        var posting = await MadeAsync(provider, new { metadata_xml = post.ToString(SaveOptions.DisableFormatting), sign_requests = true });
        _all.Add(new("SAML, signed request by POST", n => SignInByPostAsync(posting with { Server = Server }, n)));
        await AddDomainAsync();
        var unsolicited = await Server.SamlConnectionAsync(null, "GenericSAML", ("allow_idp_initiated", true));
        _all.Add(new("SAML, begun at the identity provider", async n =>
        {
            var connection = unsolicited with { Server = Server };
            await RedeemAsync(await connection.PostAsync(new Browser(Server), connection.Response(null, Email(n)), null), n, "GenericSAML");
        }));
        var logout = await Server.SamlConnectionAsync(null, "GenericSAML", ("idp_slo_url", Slo), ("sign_requests", true));
        _all.Add(new("single logout, ours", n => SignOutAsync(logout with { Server = Server }, n, isOurs: true)));
        _all.Add(new("single logout, theirs", n => SignOutAsync(logout with { Server = Server }, n, isOurs: false)));
    }

    private async Task AddSamlAsync(string name, (string, object?)[] saml, bool encrypted = false)
    {
        var made = await Server.SamlConnectionAsync(null, "GenericSAML", saml);
        X509Certificate2? ours = null;
        _all.Add(new(name, async n =>
        {
            ours ??= encrypted ? await EncryptionKeyAsync(made.Id) : null;
            await SignInAsync(made with { Server = Server }, n, ours is null ? null : i => i with { EncryptFor = new SamlEncryption(ours) });
        }));
    }

    /// <summary>The organization is found by a domain that is verified for it, in both ways of asking.</summary>
    private async Task AddDomainAsync()
    {
        var domain = $"{SamlProvider.Unique()}.example";
        var organization = (await Server.PostAsync("/organizations", new { name = "Routed", domain_data = new[] { new { domain, state = "verified" } } })).Is(201)["id"]!;
        var one = await Server.SamlConnectionAsync(organization);
        (await Server.PutAsync($"/connections/{one.Id}", new { domains = new[] { domain } })).Is(200);
        var two = await Server.SamlConnectionAsync(organization);
        foreach (var (name, selector) in new[] { ("routed by domain", ("domain", domain)), ("routed by organization and domain_hint", ("organization", organization)) })
        {
            _all.Add(new($"SAML, {name}", async n =>
            {
                var connection = one with { Server = Server };
                var browser = new Browser(Server);
                var begun = await connection.BeginAsync(browser, ("connection", null), selector, ("domain_hint", domain));
                await RedeemAsync(await connection.FinishAsync(begun, $"ada-{n}@{domain}"), n, "GenericSAML", domain);
            }));
        }
        Assert.NotEqual(one.Id, two.Id);
    }

    private async Task AddOpenIdAsync()
    {
        await AddOpenIdAsync("OpenID Connect, secret by header", ("token_endpoint_auth_method", "client_secret_basic"));
        await AddOpenIdAsync("OpenID Connect, secret in the form", ("token_endpoint_auth_method", "client_secret_post"));
        var byKey = await AddOpenIdAsync("OpenID Connect, private_key_jwt", ("client_secret", null), ("token_endpoint_auth_method", "private_key_jwt"));
        byKey.IsClient = r => Task.FromResult(r.Form.ContainsKey("client_assertion") && !r.Form.ContainsKey("client_secret"));
        var partial = await AddOpenIdAsync("OpenID Connect, claims by UserInfo");
        partial.Claims = c => c.Remove("email");

        // Its keys were rotated just before it signed: one fetch, which this sign-in is about, and no second one.
        var rotating = await ConnectedAsync("GenericOIDC");
        _fetches[rotating.Provider.Url] = 0;
        _all.Add(new("OpenID Connect, unknown kid: one fetch", async n =>
        {
            Server.Clock.Advance(TimeSpan.FromSeconds(6));   // so that a fetch is due again
            var kid = $"kid-{_fetches.AddOrUpdate(rotating.Provider.Url, 1, (_, count) => count + 1)}";
            rotating.Provider.Keys.Clear();
            rotating.Provider.Keys.Add(OidcStandIn.Jwk(OidcStandIn.Stranger, kid));
            rotating.Provider.SigningKey = new RsaSecurityKey(OidcStandIn.Stranger) { KeyId = kid };
            var before = rotating.Provider.Count("/jwks");
            await SignInAsync(rotating.Provider, rotating.Connection, "GenericOIDC", n);
            var fetched = rotating.Provider.Count("/jwks") - before;
            Assert.True(fetched == 1, $"{fetched} fetches of its keys");
        }));
    }

    private async Task<OidcStandIn> AddOpenIdAsync(string name, params (string, object?)[] oidc)
    {
        var (provider, connection) = await ConnectedAsync("GenericOIDC", oidc);
        _all.Add(new(name, n => SignInAsync(provider, connection, "GenericOIDC", n)));
        return provider;
    }

    private async Task<(OidcStandIn Provider, string Connection)> ConnectedAsync(string type, params (string, object?)[] oidc)
    {
        var provider = await OidcStandIn.StartAsync(Server);
        _providers.Add(provider);
        return (provider, await provider.ConnectAsync(type, oidc));
    }

    private async Task AddOAuthAsync()
    {
        foreach (var type in OAuthStandIns.Types)
        {
            var provider = await OAuthStandIns.PlayAsync(Server, type);
            _providers.Add(provider);
            var connection = await OAuthStandIns.ConnectAsync(provider, type);
            _all.Add(new(type, n => SignInAsync(provider, connection, type, n)));
        }
    }

    private async Task<SamlConnection> MadeAsync(SamlProvider provider, object saml)
    {
        var made = (await Server.PostAsync("/connections", new { organization_id = await Server.OrganizationAsync(), connection_type = "GenericSAML", name = "Acme", saml })).Is(201);
        return new SamlConnection(Server, made["id"]!, "", provider, made.Json.GetProperty("saml").GetProperty("acs_url").GetString()!);
    }

    private async Task SignInAsync(SamlConnection connection, int number, Func<SamlIssue, SamlIssue>? change = null) =>
        await RedeemAsync(await connection.FinishAsync(await connection.BeginAsync(), Email(number), change), number, "GenericSAML");

    private async Task SignInByPostAsync(SamlConnection connection, int number)
    {
        var browser = new Browser(Server);
        var page = (await browser.GetAsync(connection.AuthorizePath())).Is(200).Text;
        string Field(string name) => System.Net.WebUtility.HtmlDecode(page.Split($"name=\"{name}\" value=\"")[1].Split('"')[0]);
        using var ours = await KeyAsync(connection.Id, "signing");
        var request = Assert.IsType<AuthnRequestRead.Request>(AuthnRequest.Check(SamlBinding.Post, Field("SAMLRequest"), [ours]));
        var begun = new SamlConnection.Begun(browser, request.Id, request.Issuer, Field("RelayState"));
        await RedeemAsync(await connection.FinishAsync(begun, Email(number)), number, "GenericSAML");
    }

    private async Task SignInAsync(OidcStandIn provider, string connection, string type, int number)
    {
        var begun = await provider.BeginAsync(connection);
        var redeemed = await SamlConnection.RedeemAsync(Server, Server.A, CodeOf(await OAuthStandIns.FinishAsync(provider, type, begun)), null);
        await ShownAsync(redeemed, "ada@acme.test", type);
        Assert.True(number > 0);
    }

    /// <summary>A sign-out, after a sign-in: the profile's token ends, or the browser is sent to the identity provider with our request.</summary>
    private async Task SignOutAsync(SamlConnection connection, int number, bool isOurs)
    {
        var (browser, email, session) = (new Browser(Server), $"out-{(isOurs ? "ours" : "theirs")}-{number}@acme.test", $"_session-{Guid.CreateVersion7():N}");
        var begun = await connection.BeginAsync(browser);
        var back = await connection.FinishAsync(begun, email, i => i with { SessionIndex = session });
        var redeemed = await SamlConnection.RedeemAsync(Server, Server.A, CodeOf(back), null);
        var token = await ShownAsync(redeemed, email, "GenericSAML");
        if (isOurs)
        {
            var profile = redeemed.Json.GetProperty("profile").GetProperty("id").GetString();
            var url = (await Server.PostAsync("/sso/logout/authorize", new { profile_id = profile })).Is(200)["logout_url"]!;
            Assert.StartsWith(Slo + "?SAMLRequest=", (await Server.SendAsync("GET", url, null)).Is(302).Location, StringComparison.Ordinal);
            return;
        }
        var theirs = LogoutRequest.RedirectUrl(
            new SamlLogout($"_logout-{Guid.CreateVersion7():N}", connection.Provider.EntityId, $"{Server.PublicUrl}/sso/saml/slo/{connection.Id}",
                new SamlSession(new SamlNameId(email, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"), session), Server.Clock.GetUtcNow()),
            "", SamlSigner.With(SamlProvider.Certificate));
        Assert.StartsWith(Slo + "?SAMLResponse=", (await Server.SendAsync("GET", theirs.AbsoluteUri, null)).Is(302).Location, StringComparison.Ordinal);
        (await Server.SendAsync("GET", "/sso/profile", token)).Is(401);
    }

    private async Task RedeemAsync(Answer back, int number, string type, string domain = "acme.test") =>
        await ShownAsync(await SamlConnection.RedeemAsync(Server, Server.A, CodeOf(back), null), $"ada-{number}@{domain}", type);

    /// <summary>The application shows the token, and sees whom it is about.</summary>
    private async Task<string> ShownAsync(Answer redeemed, string email, string type)
    {
        var token = redeemed.Is(200)["access_token"]!;
        var shown = (await Server.SendAsync("GET", "/sso/profile", token)).Is(200);
        Assert.Equal((email, type), (shown["email"], shown["connection_type"]));
        return token;
    }

    private static string CodeOf(Answer back)
    {
        back.Is(302);
        Assert.StartsWith(Callback, back.Location, StringComparison.Ordinal);
        return back.Sent("code") ?? throw new InvalidOperationException($"No code came back: {back.Location}");
    }

    private static string Email(int number) => $"ada-{number}@acme.test";

    private Task<X509Certificate2> EncryptionKeyAsync(string connection) => KeyAsync(connection, "encryption");

    /// <summary>Our own key, as our metadata publishes it.</summary>
    private async Task<X509Certificate2> KeyAsync(string connection, string use)
    {
        var metadata = XElement.Parse((await Server.SendAsync("GET", $"/sso/saml/metadata/{connection}", null)).Is(200).Text);
        return X509CertificateLoader.LoadCertificate(Convert.FromBase64String(
            metadata.Descendants(Md + "KeyDescriptor").First(k => k.Attribute("use")!.Value == use).Descendants(Ds + "X509Certificate").Single().Value));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var provider in _providers)
        {
            await provider.DisposeAsync();
        }
        foreach (var host in _hosts)
        {
            await host.DisposeAsync();
        }
    }
}
