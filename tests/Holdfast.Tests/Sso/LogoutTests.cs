using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Xml.Linq;
using Holdfast.Http;
using Holdfast.Protocols.Saml;

namespace Holdfast.Tests.Sso;

/// <summary>Single logout, from either side (SAML-080, 081; API inventory §1, <c>/sso/logout</c>).</summary>
public sealed class LogoutTests(Shared shared) : IClassFixture<Shared>
{
    private const string IdpSlo = "https://idp.test/slo";
    private const string Email = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";

    private readonly HoldfastServer _server = shared.Server;

    /// <summary>A person who signed in.</summary>
    private sealed record Person(string ProfileId, string Token, string Index);

    [Fact]
    public async Task A_person_signs_out_at_the_application_and_at_the_identity_provider()
    {
        var connection = await ConnectionAsync();
        var (first, ada, other) = (await SignInAsync(connection), await SignInAsync(connection), await SignInAsync(connection, "grace@acme.test"));

        var authorized = (await _server.WithoutEffectAsync(() => _server.PostAsync("/sso/logout/authorize", new { profile_id = ada.ProfileId }))).Is(200);
        Assert.Equal($"{_server.PublicUrl}/sso/logout?token={authorized["logout_token"]}", authorized["logout_url"]);
        var browser = new Browser(_server);
        var to = (await browser.GetAsync(authorized["logout_url"]!)).Is(302);

        Assert.Equal(["1"], to.Headers.GetValues(Copied.Header));   // a deny, with its label (law 3)
        Assert.StartsWith(IdpSlo + "?", to.Location, StringComparison.Ordinal);
        var request = Assert.IsType<LogoutRequestVerdict.Accepted>(LogoutRequest.Check(
            SamlBinding.Redirect, new Uri(to.Location!).Query, await AtIdpAsync(connection), _server.Clock.GetUtcNow(), TimeSpan.FromSeconds(60)));
        Assert.True(request.Ends(new SamlSession(new SamlNameId("ada@acme.test", Email), ada.Index)));
        Assert.False(request.Ends(new SamlSession(new SamlNameId("ada@acme.test", Email), first.Index)));
        Assert.False(request.Ends(new SamlSession(new SamlNameId("grace@acme.test", Email), other.Index)));
        (await connection.ProfileAsync(ada.Token)).Is(401);
        (await connection.ProfileAsync(first.Token)).Is(200);
        (await connection.ProfileAsync(other.Token)).Is(200);

        var done = await _server.WithoutEffectAsync(() => browser.GetAsync(Answer(connection, request.Id, request.RelayState!)));
        Assert.Contains("You are signed out.", done.Is(200).Text, StringComparison.Ordinal);
        var partly = await browser.GetAsync(Answer(connection, request.Id, request.RelayState!, SamlLogoutStatus.Partial));
        Assert.Contains("perhaps not everywhere", partly.Is(200).Text, StringComparison.Ordinal);
        foreach (var (id, relayState) in new[] { ("_other", request.RelayState!), (request.Id, "another") })
        {
            await _server.RefusedAsync(() => browser.GetAsync(Answer(connection, id, relayState)), "sign_out_refused", "WrongRequest");
        }
        using var stranger = SamlProvider.MakeCertificate();
        await _server.RefusedAsync(() => browser.GetAsync(Answer(connection, request.Id, request.RelayState!, signedBy: stranger)), "sign_out_refused", "SignatureInvalid");
        await _server.RefusedAsync(() => browser.GetAsync(Answer(connection, request.Id, "")), "sign_out_refused", "RelayStateMissing");
    }

    [Fact]
    public async Task A_logout_token_lives_for_five_minutes_and_ends_what_is_there()
    {
        await using var server = await HoldfastServer.StartAsync();
        var connection = await ConnectionAsync(server);
        var ada = await SignInAsync(connection);
        var url = (await server.PostAsync("/sso/logout/authorize", new { profile_id = ada.ProfileId })).Is(200)["logout_url"]!;
        foreach (var bad in new[] { "", "?token=", "?token=x", url[url.IndexOf('?', StringComparison.Ordinal)..^2] + "AA", url[url.IndexOf('?', StringComparison.Ordinal)..] + "&token=x" })
        {
            (await server.WithoutEffectAsync(() => server.SendAsync("GET", $"/sso/logout{bad}", null))).Is(404, "logout_token_not_found");
        }
        server.Clock.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromMilliseconds(1));
        (await server.SendAsync("GET", url, null)).Is(302);
        Assert.Contains("You are signed out.", (await server.WithoutEffectAsync(() => server.SendAsync("GET", url, null))).Is(200).Text, StringComparison.Ordinal);
        server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        (await server.SendAsync("GET", url, null)).Is(404, "logout_token_not_found");
    }

    /// <summary>A link is followed again by a reload, a prefetch, or after a lost answer: it never ends a session that began since.</summary>
    [Fact] // OAUTH-046
    public async Task A_logout_token_ends_the_session_that_it_was_made_for()
    {
        var connection = await ConnectionAsync();
        var (elder, ada) = (await SignInAsync(connection), await SignInAsync(connection));
        var url = (await _server.PostAsync("/sso/logout/authorize", new { profile_id = ada.ProfileId })).Is(200)["logout_url"]!;
        var since = await SignInAsync(connection);

        (await _server.SendAsync("GET", url, null)).Is(302);
        (await _server.WithoutEffectAsync(() => _server.SendAsync("GET", url, null))).Is(200);

        (await connection.ProfileAsync(ada.Token)).Is(401);
        (await connection.ProfileAsync(elder.Token)).Is(200);
        (await connection.ProfileAsync(since.Token)).Is(200);
    }

    [Fact]
    public async Task Without_a_session_that_is_known_nobody_is_told_that_everything_has_ended()
    {
        var connection = await _server.SamlConnectionAsync();
        var ada = await SignInAsync(connection);   // before there is single logout: nothing of the session was kept
        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { idp_slo_url = IdpSlo } })).Is(200);
        var url = (await _server.PostAsync("/sso/logout/authorize", new { profile_id = ada.ProfileId })).Is(200)["logout_url"]!;

        Assert.Contains("perhaps not everywhere", (await _server.WithoutEffectAsync(() => _server.SendAsync("GET", url, null))).Is(200).Text, StringComparison.Ordinal);
        (await connection.ProfileAsync(ada.Token)).Is(200);
    }

    [Fact]
    public async Task Logout_messages_are_counted_by_connection()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(RateLimitFactor: 0.001));   // one
        var connection = await ConnectionAsync(server);
        (await server.SendAsync("GET", Slo(connection), null)).Is(400);
        (await server.SendAsync("GET", Slo(connection), null)).Is(429, "rate_limit_exceeded");
    }

    [Fact]
    public async Task Without_single_logout_there_is_no_token()
    {
        var plain = await _server.SamlConnectionAsync();
        var ada = await SignInAsync(plain);
        Assert.NotEmpty((await _server.PostAsync("/sso/logout/authorize", new { profile_id = ada.ProfileId })).IsOAuth("connection_invalid").Text);
        (await _server.PostAsync("/sso/logout/authorize", new { profile_id = "prof_x" })).Is(404, "entity_not_found");
        Assert.Equal(["profile_id required"], (await _server.PostAsync("/sso/logout/authorize", new { })).Is(422).Faults);
        (await _server.SendAsync("GET", $"/sso/saml/slo/{plain.Id}?SAMLRequest=x", null)).Is(404, "connection_not_found");
    }

    [Theory]
    [InlineData(SamlBinding.Redirect, true)]
    [InlineData(SamlBinding.Post, true)]
    [InlineData(SamlBinding.Redirect, false)]
    public async Task The_identity_provider_ends_a_person_s_sessions_and_is_answered(SamlBinding binding, bool namesSession)
    {
        var connection = await ConnectionAsync();
        var (one, two, other) = (await SignInAsync(connection), await SignInAsync(connection), await SignInAsync(connection, "grace@acme.test"));
        var unused = (await connection.FinishAsync(await connection.BeginAsync(), "ada@acme.test", i => i with { SessionIndex = one.Index })).Is(302).Sent("code")!;
        var send = Request(connection, "ada@acme.test", namesSession ? one.Index : null, binding);

        var back = (await send()).Is(302);
        Assert.Equal(["1"], back.Headers.GetValues(Copied.Header));
        var answer = Assert.IsType<LogoutResponseVerdict.Accepted>(LogoutResponse.Check(
            SamlBinding.Redirect, new Uri(back.Location!).Query, await AtIdpAsync(connection), "_request", _server.Clock.GetUtcNow(), TimeSpan.FromSeconds(60)));

        Assert.StartsWith(IdpSlo + "?", back.Location, StringComparison.Ordinal);
        Assert.Equal((SamlLogoutStatus.Success, "their state"), (answer.Status, answer.RelayState));
        (await connection.ProfileAsync(one.Token)).Is(401);
        (await connection.ProfileAsync(two.Token)).Is(namesSession ? 200 : 401);
        (await connection.ProfileAsync(other.Token)).Is(200);
        (await connection.RedeemAsync(unused)).IsOAuth("invalid_grant");
        await _server.RefusedAsync(send, "sign_out_refused", "Replayed");
    }

    [Theory] // OAUTH-046
    [InlineData("stranger", "SignatureInvalid")]
    [InlineData("issuer", "WrongIssuer")]
    [InlineData("destination", "WrongDestination")]
    [InlineData("old", "Expired")]
    [InlineData("unsigned", "SignatureMissing")]
    [InlineData("twice", "FormAmbiguous")]
    [InlineData("nothing", "FormAmbiguous")]
    [InlineData("relay", "RelayStateTooLong")]
    [InlineData("changed", "SignatureInvalid")]
    public async Task A_logout_message_that_is_not_right_ends_nothing(string wrong, string reason)
    {
        var connection = await ConnectionAsync();
        var ada = await SignInAsync(connection);
        using var stranger = SamlProvider.MakeCertificate();
        var now = _server.Clock.GetUtcNow();
        var logout = new SamlLogout(
            "_request", wrong == "issuer" ? "https://idp.test/other" : connection.Provider.EntityId, Slo(connection) + (wrong == "destination" ? "x" : ""),
            new SamlSession(new SamlNameId("ada@acme.test", Email), null), wrong == "old" ? now - TimeSpan.FromMinutes(7) : now);
        var signer = SamlSigner.With(wrong == "stranger" ? stranger : SamlProvider.Certificate);
        var url = LogoutRequest.RedirectUrl(logout, "state", signer).AbsoluteUri.Replace(Slo(connection) + "x?", Slo(connection) + "?", StringComparison.Ordinal);
        Func<Task<Answer>> send = wrong switch
        {
            "unsigned" => () => _server.SendAsync("GET", url[..url.IndexOf("&SigAlg", StringComparison.Ordinal)], null),
            "twice" => () => _server.SendAsync("GET", url + "&SAMLResponse=x", null),
            "nothing" => () => _server.SendAsync("GET", Slo(connection), null),
            "relay" => () => new Browser(_server).PostAsync(Slo(connection), [.. LogoutRequest.PostForm(logout, "", signer).Fields, new("RelayState", new string('x', 4097))]),
            "changed" => () => _server.SendAsync("GET", url.Replace("RelayState=state", "RelayState=other", StringComparison.Ordinal), null),
            _ => () => _server.SendAsync("GET", url, null),
        };

        await _server.RefusedAsync(send, "sign_out_refused", reason);
        (await connection.ProfileAsync(ada.Token)).Is(200);
        // The administrator is told about a sign-out, and not about a sign-in.
        var told = (await _server.GetAsync($"/connections/{connection.Id}/attempts/{_server.LatestAttempt.Id}")).Is(200).Json;
        Assert.StartsWith($"A message of single logout was not accepted ({reason})", told.GetProperty("summary").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, told.GetProperty("steps").GetArrayLength());

        (await Request(connection, "ada@acme.test", null, SamlBinding.Redirect)()).Is(302);
        (await connection.ProfileAsync(ada.Token)).Is(401);
    }

    [Fact]
    public async Task Logout_is_posted_where_the_identity_provider_takes_posts_alone()
    {
        var connection = await _server.SamlConnectionAsync();
        XNamespace md = "urn:oasis:names:tc:SAML:2.0:metadata";
        var metadata = XElement.Parse(SamlIssuer.Metadata(connection.Provider.EntityId, connection.Provider.SsoUrl, SamlProvider.Certificate));
        metadata.Descendants(md + "SingleSignOnService").First().AddBeforeSelf(new XElement(md + "SingleLogoutService",
            new XAttribute("Binding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"), new XAttribute("Location", IdpSlo), new XAttribute("ResponseLocation", IdpSlo + "/done")));
        (await _server.PutAsync($"/connections/{connection.Id}", new { saml = new { metadata_xml = metadata.ToString() } })).Is(200);
        var ada = await SignInAsync(connection);
        var url = (await _server.PostAsync("/sso/logout/authorize", new { profile_id = ada.ProfileId })).Is(200)["logout_url"]!;

        var (action, fields) = SamlServiceProviderTests.Form((await new Browser(_server).GetAsync(url)).Is(200));
        Assert.Equal(IdpSlo, action);
        Assert.IsType<LogoutRequestVerdict.Accepted>(LogoutRequest.Check(
            SamlBinding.Post, fields["SAMLRequest"], await AtIdpAsync(connection), _server.Clock.GetUtcNow(), TimeSpan.FromSeconds(60)));
        await SignInAsync(connection);
        (action, fields) = SamlServiceProviderTests.Form((await Request(connection, "ada@acme.test", null, SamlBinding.Post)()).Is(200));
        Assert.Equal((IdpSlo + "/done", "their state"), (action, fields["RelayState"]));
    }

    private async Task<SamlConnection> ConnectionAsync(HoldfastServer? server = null) => await (server ?? _server).SamlConnectionAsync(null, "GenericSAML", ("idp_slo_url", IdpSlo));

    private static async Task<Person> SignInAsync(SamlConnection connection, string name = "ada@acme.test")
    {
        var index = "_" + SamlProvider.Unique();
        var code = (await connection.FinishAsync(await connection.BeginAsync(), name, i => i with { SessionIndex = index })).Is(302).Sent("code")!;
        var redeemed = (await connection.RedeemAsync(code)).Is(200);
        connection.Server.Clock.Advance(TimeSpan.FromSeconds(1));   // which was the latest is by the clock
        return new Person(redeemed.Json.GetProperty("profile").GetProperty("id").GetString()!, redeemed["access_token"]!, index);
    }

    private static string Slo(SamlConnection connection) => $"{connection.Server.PublicUrl}/sso/saml/slo/{connection.Id}";

    /// <summary>What the identity provider trusts: us, by our metadata.</summary>
    private async Task<SamlTrust> AtIdpAsync(SamlConnection connection)
    {
        var metadata = XElement.Parse((await _server.SendAsync("GET", $"/sso/saml/metadata/{connection.Id}", null)).Is(200).Text);
        return new SamlTrust(metadata.Attribute("entityID")!.Value, [SamlServiceProviderTests.Key(metadata, "signing")], connection.Provider.EntityId, "https://idp.test/none") { SloUrl = IdpSlo };
    }

    private string Answer(SamlConnection connection, string id, string relayState, SamlLogoutStatus status = SamlLogoutStatus.Success, X509Certificate2? signedBy = null) =>
        LogoutResponse.RedirectUrl(
            new SamlLogoutAnswer(AuthnRequest.NewId(RandomNumberGenerator.GetBytes(16)), connection.Provider.EntityId, Slo(connection), id, status, _server.Clock.GetUtcNow()),
            relayState, SamlSigner.With(signedBy ?? SamlProvider.Certificate)).AbsoluteUri;

    private Func<Task<Answer>> Request(SamlConnection connection, string name, string? index, SamlBinding binding)
    {
        var logout = new SamlLogout("_request", connection.Provider.EntityId, Slo(connection), new SamlSession(new SamlNameId(name, Email), index), _server.Clock.GetUtcNow());
        var signer = SamlSigner.With(SamlProvider.Certificate);
        return binding == SamlBinding.Redirect
            ? () => _server.SendAsync("GET", LogoutRequest.RedirectUrl(logout, "their state", signer).AbsoluteUri, null)
            : () => new Browser(_server).PostAsync(Slo(connection), LogoutRequest.PostForm(logout, "their state", signer).Fields);
    }
}
