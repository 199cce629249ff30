using System.Net.Http.Headers;
using System.Text;

namespace Holdfast.Tests.AuthKit;

/// <summary>How an application proves itself at the token endpoints, and what it can ask there (OAUTH-018 to OAUTH-020).</summary>
public sealed class ClientProofTests(Shared shared) : IClassFixture<Shared>
{
    private const string Token = "/user_management/authenticate";

    private readonly HoldfastServer _server = shared.Server;

    /// <summary>A request that signs somebody in, if the application proves itself; each time for somebody new.</summary>
    private async Task<Dictionary<string, string>> FieldsAsync(string? secret = null)
    {
        var email = $"{SamlProvider.Unique()}@people.test";
        var fields = new Dictionary<string, string>
        {
            ["grant_type"] = SignedIn.MagicGrant, ["client_id"] = _server.A.ClientId, ["email"] = email, ["code"] = (await SignedIn.MailCodeAsync(_server, email)).Code,
        };
        if (secret is not null)
        {
            fields["client_secret"] = secret;
        }
        return fields;
    }

    private static string Query(Dictionary<string, string> fields) => string.Join('&', fields.Select(f => $"{f.Key}={Uri.EscapeDataString(f.Value)}"));

    [Fact]
    public async Task A_secret_in_the_address_is_not_read_OAUTH_018()
    {
        var fields = await FieldsAsync();

        (await _server.WithoutEffectAsync(() => _server.SendAsync("POST", $"{Token}?client_secret={_server.A.ApiKey}", null, fields))).IsOAuth("invalid_client");
        fields["client_secret"] = _server.A.ApiKey;
        (await _server.WithoutEffectAsync(() => _server.SendAsync("POST", $"{Token}?{Query(fields)}", null))).IsOAuth("invalid_request");
        (await _server.SendAsync("POST", $"/user_management/authorize/device?client_id={_server.A.ClientId}", null)).IsOAuth("invalid_request");

        (await _server.SendAsync("POST", Token, null, fields)).Is(200);
        (await _server.SendAsync("POST", "/user_management/authorize/device", null, new { client_id = _server.A.ClientId })).Is(200);
    }

    [Theory]
    [InlineData(Token)]
    [InlineData("/sso/token")]
    public async Task Two_secrets_that_are_not_the_same_prove_nothing_OAUTH_018(string where)
    {
        var connection = await _server.SamlConnectionAsync();
        var fields = new Dictionary<string, string> { ["grant_type"] = "authorization_code", ["client_id"] = _server.A.ClientId, ["code"] = await connection.SignInAsync() };
        Task<Answer> AskAsync(string inBody, string asBearer) => _server.SendAsync("POST", where, asBearer, new Dictionary<string, string>(fields) { ["client_secret"] = inBody });

        foreach (var (inBody, asBearer) in new[] { (_server.A.ApiKey, _server.B.ApiKey), (_server.B.ApiKey, _server.A.ApiKey), (_server.A.ApiKey, "x"), ("x", _server.A.ApiKey) })
        {
            (await _server.WithoutEffectAsync(() => AskAsync(inBody, asBearer))).IsOAuth("invalid_client");
        }
        (await AskAsync(_server.A.ApiKey, _server.A.ApiKey)).Is(200);   // as the SDKs do
    }

    [Fact]
    public async Task A_secret_by_Basic_is_none_and_what_needs_one_is_refused_OAUTH_018()
    {
        var fields = await FieldsAsync();
        foreach (var pair in new[] { $"{_server.A.ClientId}:{_server.A.ApiKey}", $":{_server.A.ApiKey}", _server.A.ApiKey })
        {
            (await _server.WithoutEffectAsync(() => _server.SendAsync("POST", Token, null, fields, ("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)))))).IsOAuth("invalid_client");
        }
        (await _server.SendAsync("POST", Token, null, fields, ("Authorization", "bearer " + _server.A.ApiKey))).Is(200);   // RFC 9110 §11.1: the scheme in any case
    }

    [Theory]
    [InlineData("client_credentials")]
    [InlineData("implicit")]
    [InlineData("urn:ietf:params:oauth:grant-type:jwt-bearer")]
    [InlineData("urn:ietf:params:oauth:grant-type:saml2-bearer")]
    [InlineData("urn:ietf:params:oauth:grant-type:token-exchange")]
    [InlineData("Refresh_Token")]
    [InlineData("refresh_token ")]
    public async Task A_grant_that_is_not_on_the_list_is_none_OAUTH_019(string grant)
    {
        var session = await SignedIn.ByMagicCodeAsync(_server, $"{SamlProvider.Unique()}@people.test");
        (string, string?)[] more = [("refresh_token", session.RefreshToken), ("assertion", session.AccessToken), ("subject_token", session.AccessToken)];

        (await _server.WithoutEffectAsync(() => SignedIn.AskAsync(_server, grant, more))).IsOAuth("invalid_request");
        (await _server.WithoutEffectAsync(() => SignedIn.AskAsync(_server, grant, [.. more, ("client_secret", null)]))).IsOAuth("invalid_client");
        (await session.RefreshAsync()).Is(200);
    }

    [Theory]
    [InlineData("password")]
    [InlineData(SignedIn.MagicGrant)]
    [InlineData("urn:workos:oauth:grant-type:email-verification:code")]
    [InlineData(Person.OrganizationGrant)]
    [InlineData(Person.FactorGrant)]
    public async Task A_client_without_a_secret_has_three_grants_OAUTH_019(string grant)
    {
        (await _server.WithoutEffectAsync(() => SignedIn.AskAsync(_server, grant, ("client_secret", null), ("email", "ada@people.test"), ("password", Person.Password), ("code", "123456"))))
            .IsOAuth("invalid_client");
        (await SignedIn.AskAsync(_server, "refresh_token", ("client_secret", null), ("refresh_token", "x"))).IsOAuth("invalid_grant");
    }

    [Fact]
    public async Task No_parameter_stands_in_a_request_twice_OAUTH_020()
    {
        var fields = await FieldsAsync(_server.A.ApiKey);
        foreach (var (name, value) in fields)
        {
            var twice = new FormUrlEncodedContent(fields.Append(KeyValuePair.Create(name, value)));
            (await _server.WithoutEffectAsync(() => _server.SendAsync("POST", Token, null, twice))).IsOAuth("invalid_request");
            var json = string.Join(',', fields.Append(KeyValuePair.Create(name, value)).Select(f => $"\"{f.Key}\":\"{f.Value}\""));
            Assert.Equal(400, (await _server.WithoutEffectAsync(() => _server.SendAsync("POST", Token, null, $"{{{json}}}"))).Status);
        }
        (await _server.SendAsync("POST", Token, null, new FormUrlEncodedContent(fields))).Is(200);
    }

    [Fact]
    public async Task A_request_is_a_form_or_json_of_64_kB_by_post_and_its_answer_is_kept_by_nobody_OAUTH_020_OAUTH_021()
    {
        var fields = await FieldsAsync(_server.A.ApiKey);
        var parts = new MultipartFormDataContent();
        foreach (var (name, value) in fields)
        {
            parts.Add(new StringContent(value), name);
        }
        Assert.InRange((await _server.WithoutEffectAsync(() => _server.SendAsync("POST", Token, null, parts))).Status, 400, 415);
        foreach (var type in new[] { "application/x-www-form-urlencoded", "application/json" })
        {
            var large = new ByteArrayContent(Encoding.ASCII.GetBytes(type.EndsWith("json", StringComparison.Ordinal) ? "{}".PadRight((64 * 1024) + 1) : "a=" + new string('x', 64 * 1024)))
            {
                Headers = { ContentType = new MediaTypeHeaderValue(type) },
            };
            (await _server.WithoutEffectAsync(() => _server.SendAsync("POST", Token, null, large))).Is(413);
        }
        (await _server.SendAsync("GET", $"{Token}?{Query(fields)}", null)).Is(405);

        var answer = (await _server.SendAsync("POST", Token, null, fields)).Is(200);
        Assert.True(answer.Headers.CacheControl!.NoStore);
        Assert.Equal("Origin", answer.Headers.Vary.Single());
        Assert.True((await _server.SendAsync("POST", Token, null, fields)).Is(400).Headers.CacheControl!.NoStore);
    }
}
