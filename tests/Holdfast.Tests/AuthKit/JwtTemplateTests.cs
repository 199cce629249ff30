using System.Text.Json;

namespace Holdfast.Tests.AuthKit;

/// <summary>What an environment adds to its access tokens (OAUTH-033).</summary>
public sealed class JwtTemplateTests(Shared shared) : IClassFixture<Shared>
{
    private const string Path = "/user_management/jwt_template";

    private readonly HoldfastServer _server = shared.Server;

    private static string Somebody() => $"{SamlProvider.Unique()}@people.test";

    private Task<Answer> SetAsync(string content) => _server.PutAsync(Path, new { content });

    [Fact]
    public async Task There_is_none_until_it_is_set_and_then_it_is_what_was_set()
    {
        (await _server.SendAsync("GET", Path, _server.B.ApiKey)).Is(404, "entity_not_found");

        var set = (await _server.SendAsync("PUT", Path, _server.B.ApiKey, new { content = """{"a":1}""" })).Is(200);
        var read = (await _server.SendAsync("GET", Path, _server.B.ApiKey)).Is(200);

        Assert.Equal(("jwt_template", """{"a":1}"""), (set["object"], set["content"]));
        Assert.Equal(set.Text, read.Text);
        Assert.Equal(set["created_at"], (await _server.SendAsync("PUT", Path, _server.B.ApiKey, new { content = """{"a":2}""" })).Is(200)["created_at"]);
    }

    [Fact]
    public async Task Its_claims_stand_in_every_token_and_follow_the_person()
    {
        var email = Somebody();
        var organization = (await _server.PostAsync("/organizations", new { name = "Acme \"& Söhne\"", metadata = new { tier = "gold" } })).Is(201)["id"]!;
        var user = (await _server.PostAsync("/user_management/users", new { email, email_verified = true, first_name = "Ada", metadata = new { color = "a\"b\\c" } })).Is(201)["id"];
        (await _server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization, role_slug = "admin" })).Is(201);
        (await SetAsync("""
            {
              "full": "{{ user.first_name }} {{ user.last_name || 'of {{nobody}}' }}", "mail": {{ user.email }}, "proven": {{user.email_verified}},
              "color": "<{{user.metadata.color}}>", "org": {{ organization.name || 'none' }}, "tier": "{{ organization.metadata.tier || 'free' }}", "all": {{ user.metadata }},
              "role": "authenticated", "aud": "other", "nothing": {{ user.external_id }}, "membership": {{ organization_membership.role }}
            }
            """)).Is(200);

        var session = await SignedIn.ByMagicCodeAsync(_server, email);
        using var claims = Payload(session.AccessToken);
        var read = claims.RootElement;

        Assert.Equal(("Ada of {{nobody}}", email, true), (read.GetProperty("full").GetString(), read.GetProperty("mail").GetString(), read.GetProperty("proven").GetBoolean()));
        Assert.Equal(("<a\"b\\c>", "Acme \"& Söhne\"", "gold"), (read.GetProperty("color").GetString(), read.GetProperty("org").GetString(), read.GetProperty("tier").GetString()));
        Assert.Equal(("authenticated", "other"), (read.GetProperty("role").GetString(), read.GetProperty("aud").GetString()));
        Assert.Equal(("a\"b\\c", "admin"), (read.GetProperty("all").GetProperty("color").GetString(), read.GetProperty("membership").GetProperty("slug").GetString()));
        Assert.False(read.TryGetProperty("nothing", out _));   // a null is left out
        Assert.Equal((session.UserId, organization), (read.GetProperty("sub").GetString(), read.GetProperty("org_id").GetString()));
        Assert.False(session.Answer.Headers.Contains("Holdfast-Jwt-Template-Left-Out"));

        (await _server.PutAsync($"/user_management/users/{user}", new { first_name = "Augusta" })).Is(200);
        using var later = Payload((await session.RefreshAsync()).Is(200)["access_token"]!);
        Assert.StartsWith("Augusta ", later.RootElement.GetProperty("full").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "invalid_json")]
    [InlineData("{}", "no_claims")]
    [InlineData("[1]", "no_claims")]
    [InlineData("{\"a\": }", "invalid_json")]
    [InlineData("{\"a\":1,\"a\":2}", "invalid_json")]
    [InlineData("{\"a\": {{ user.email }", "missing_end")]
    [InlineData("{\"a\": \"{{ user.email \"}", "missing_end")]
    [InlineData("{\"a\": {{ }}}", "empty_expression")]
    [InlineData("{\"a\": {{ user.email || }}}", "empty_expression")]
    [InlineData("{\"a\": {{ user.password }}}", "unknown_path")]
    [InlineData("{\"a\": {{ user }}}", "unknown_path")]
    [InlineData("{\"a\": {{ environment.id }}}", "unknown_path")]
    [InlineData("{\"a\": {{ user.email.x }}}", "unknown_path")]
    [InlineData("{\"a\": {{ 'x }}}", "missing_end")]
    [InlineData("{\"a\": {{ 'x' y }}}", "invalid_literal")]
    [InlineData("{\"a\": {{ user.email | upper }}}", "unknown_path")]
    [InlineData("{\"a\": \"{{ user.metadata }}\"}", "object_in_string")]
    [InlineData("{\"a\": \"{{ organization.domains }}\"}", "object_in_string")]
    [InlineData("{\"sub\": \"somebody\"}", "reserved_claim")]
    [InlineData("{\"iss\": 1, \"a\": 1}", "reserved_claim")]
    [InlineData("{\"exp\": 99999999999}", "reserved_claim")]
    [InlineData("{\"sid\": \"session_1\"}", "reserved_claim")]
    [InlineData("{\"act\": {\"sub\":\"boss\"}}", "reserved_claim")]
    [InlineData("{\"client_id\": \"client_1\"}", "reserved_claim")]
    [InlineData("{\"auth_time\": 1}", "reserved_claim")]
    [InlineData("{\"org_id\": {{ user.metadata.org }}}", "reserved_claim")]
    [InlineData("{\"roles\": [\"admin\"]}", "reserved_claim")]
    [InlineData("{\"permissions\": []}", "reserved_claim")]
    [InlineData("{\"entitlements\": []}", "reserved_claim")]
    [InlineData("{\"feature_flags\": []}", "reserved_claim")]
    [InlineData("{\"role\": \"{{ user.metadata.role }}\"}", "reserved_claim")]
    [InlineData("{\"role\": {{ user.metadata.role || 'authenticated' }}}", "reserved_claim")]
    [InlineData("{\"aud\": [\"a\", {{ user.metadata.aud }}]}", "reserved_claim")]
    [InlineData("{\"{{ 'jti' }}\": 1}", "expression_in_key")]
    [InlineData("{\"a{{ user.external_id }}\": 1}", "expression_in_key")]
    [InlineData("{\"zz\": [{ {{ user.external_id || 'k' }}: 1}]}", "expression_in_key")]
    [InlineData("{\"ro\\u006{{ 'c' }}e\": 1}", "invalid_json")]
    [InlineData("{\"a\":[[[[[[[[[1]]]]]]]]]}", "invalid_json")]
    public async Task One_that_could_not_be_rendered_or_takes_the_place_of_who_is_signed_in_is_refused(string content, string fault) =>
        Assert.Equal([$"content {fault}"], (await _server.WithoutEffectAsync(() => SetAsync(content))).Is(422, "invalid_request_parameters").Faults);

    [Fact]
    public async Task Its_size_and_the_number_of_its_expressions_are_bounded()
    {
        var at = new string('x', 3072 - "{\"a\":\"\"}".Length);
        (await SetAsync($$"""{"a":"{{at}}"}""")).Is(200);
        Assert.Equal(["content too_big"], (await SetAsync($$"""{"a":"{{at}}x"}""")).Is(422).Faults);
        Assert.Equal(["content too_long"], (await SetAsync($$"""{"a":"{{new string(' ', 8192)}}"}""")).Is(422).Faults);
        Assert.Equal(["content too_many_expressions"], (await SetAsync("{\"a\":\"" + string.Concat(Enumerable.Repeat("{{user.id}}", 101)) + "\"}")).Is(422).Faults);
        Assert.Equal(["content required"], (await _server.PutAsync(Path, new { })).Is(422).Faults);
        Assert.Equal(["content invalid_type"], (await _server.PutAsync(Path, new { content = 1 })).Is(422).Faults);
    }

    [Fact]
    public async Task For_whom_it_comes_to_too_much_it_is_left_out_and_they_are_signed_in()
    {
        var (little, much) = (Somebody(), Somebody());
        foreach (var (email, length) in new[] { (little, 10), (much, 600) })
        {
            (await _server.PostAsync("/user_management/users", new { email, email_verified = true, metadata = new { a = new string('m', length) } })).Is(201);
        }
        (await SetAsync("{\"a\":\"" + string.Concat(Enumerable.Repeat("{{user.metadata.a}}", 6)) + "\"}")).Is(200);

        var (fits, isTooBig) = (await SignedIn.ByMagicCodeAsync(_server, little), await SignedIn.ByMagicCodeAsync(_server, much));

        Assert.Equal(new string('m', 60), fits.Claim("a"));
        Assert.Null(isTooBig.Claim("a"));
        Assert.Equal("too_big", isTooBig.Answer.Headers.GetValues("Holdfast-Jwt-Template-Left-Out").Single());
        (await isTooBig.RefreshAsync()).Is(200);
    }

    [Fact]
    public async Task What_a_person_is_called_becomes_no_claim_of_its_own()
    {
        var email = Somebody();
        (await _server.PostAsync("/user_management/users", new { email, email_verified = true, first_name = "\",\"role\":\"owner\",\"x\":\"{{user.id}}" })).Is(201);
        (await SetAsync("""{"name":"{{user.first_name}}"}""")).Is(200);

        var session = await SignedIn.ByMagicCodeAsync(_server, email);

        Assert.Equal("\",\"role\":\"owner\",\"x\":\"{{user.id}}", session.Claim("name"));
        Assert.Null(session.Claim("role"));
    }

    private static JsonDocument Payload(string token) => JsonDocument.Parse(Microsoft.IdentityModel.Tokens.Base64UrlEncoder.DecodeBytes(token.Split('.')[1]));
}
