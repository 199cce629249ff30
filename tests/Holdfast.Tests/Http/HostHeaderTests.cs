using Holdfast.Protocols.Saml;

namespace Holdfast.Tests.Http;

/// <summary>What the server calls itself comes from its configuration, whatever a request says that it was sent to (OAUTH-058).</summary>
public sealed class HostHeaderTests(Shared shared) : IClassFixture<Shared>
{
    private readonly HoldfastServer _server = shared.Server;

    [Theory]
    [InlineData("Host", "evil.test")]
    [InlineData("Host", "evil.test:443")]
    [InlineData("Host", "id.holdfast.test.evil.test")]
    [InlineData("Host", "id.holdfast.test:8443")]
    [InlineData("X-Forwarded-Host", "evil.test")]
    [InlineData("Forwarded", "host=evil.test;proto=http")]
    [InlineData("X-Original-Host", "evil.test")]
    public async Task Links_and_names_are_the_server_s_own_whatever_the_request_says(string header, string said)
    {
        (string, string) lie = (header, said);
        string Somebody() => $"{SamlProvider.Unique()}@people.test";
        var connection = await _server.SamlConnectionAsync();
        var email = Somebody();
        var user = (await _server.PostAsync("/user_management/users", new { email, email_verified = true, password = AuthKit.Person.Password })).Is(201)["id"];
        async Task<Answer> AskAsync(string method, string path, string? key, object? body = null)
        {
            var answer = await _server.SendAsync(method, path, key, body, lie);
            Assert.InRange(answer.Status, 200, 399);
            foreach (var text in new[] { answer.Text, answer.Location ?? "", string.Join('\n', answer.Headers.SelectMany(h => h.Value)) })
            {
                Assert.DoesNotContain("evil", text, StringComparison.Ordinal);
                Assert.DoesNotContain("8443", text, StringComparison.Ordinal);
            }
            return answer;
        }

        Assert.StartsWith(_server.PublicUrl + "/", (await AskAsync("POST", "/user_management/password_reset", _server.A.ApiKey, new { email }))["password_reset_url"], StringComparison.Ordinal);
        Assert.StartsWith(_server.PublicUrl + "/", (await AskAsync("POST", "/user_management/invitations", _server.A.ApiKey, new { email = Somebody() }))["accept_invitation_url"], StringComparison.Ordinal);
        Assert.StartsWith(HoldfastServer.Callback + "?", (await AskAsync("POST", $"/user_management/users/{user}/impersonations", _server.A.ApiKey, new { impersonator_email = "boss@app.test", reason = "Ticket 7" }))["url"], StringComparison.Ordinal);
        Assert.Equal($"{_server.PublicUrl}/device", (await AskAsync("POST", "/user_management/authorize/device", null, new { client_id = _server.A.ClientId }))["verification_uri"]);
        var session = new AuthKit.SignedIn(_server, await AskAsync("POST", "/user_management/authenticate", null, new
        {
            grant_type = "password", client_id = _server.A.ClientId, client_secret = _server.A.ApiKey, email, password = AuthKit.Person.Password,
        }));
        Assert.Equal(_server.PublicUrl, session.Token.Issuer);
        var request = Assert.IsType<AuthnRequestRead.Request>(AuthnRequest.Read((await AskAsync("GET", connection.AuthorizePath(), null)).Sent("SAMLRequest")!));
        Assert.StartsWith(_server.PublicUrl + "/", request.Issuer, StringComparison.Ordinal);
        await AskAsync("GET", $"/sso/saml/metadata/{connection.Id}", null);
        Assert.StartsWith("/sign-in?", (await AskAsync("GET", AuthKit.Pages.Person.StartPath(_server), null)).Location, StringComparison.Ordinal);
        Assert.StartsWith(_server.PublicUrl + "/", (await AskAsync("GET", $"/connections/{connection.Id}", _server.A.ApiKey)).Json.GetProperty("saml").GetProperty("acs_url").GetString(), StringComparison.Ordinal);
    }
}
