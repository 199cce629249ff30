using System.Text;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Http.Pages;

namespace Holdfast.Tests.Http;

/// <summary>Whatever is sent, the answer is never 500, and a refusal is a JSON object (PLAT-010). Over the network, for half of this is the web server's part.</summary>
public sealed class RobustnessTests(RobustnessTests.OnNetwork shared) : IClassFixture<RobustnessTests.OnNetwork>
{
    private static readonly string[] Ids =
    [
        "org_01J00000000000000000000000", "x", "%ff", "%c3%28", "%ED%A0%80", "%25", "%2e%2e", "..%2f..%2fetc", "%2F", "%5c", "'%20OR%201=1--", "%22", "%3Cscript%3E",
        "%F0%9F%98%80", "%0d%0aX-Injected:%20y", new string('a', 129), new string('%', 1), string.Concat(Enumerable.Repeat("%F0%9F%98%80", 100)), "a%F0%9F%98%80".PadLeft(127 + 12, 'a'),
        new string('a', 8000),
    ];

    private static readonly string[] Queries =
    [
        "", "?", "?=", "?&&&", "?limit=x&order=%00&after=%ff", "?after=%00&limit=100", "?before=" + new string('a', 5000), "?search=%00", "?search=%25%5f%5c", "?search=%ED%A0%80",
        "?domains=,,,&domains[]=%00", "?domain=%00", "?connection_type=%00", "?organization_id=%00", "?state=%00&code=%ff&client_id=%00&grant_type=%00&redirect_uri=%00",
        "?" + string.Concat(Enumerable.Repeat("a=b&", 2000)), "?%", "?%zz=1", "?a[b][c]=d",
    ];

    private static readonly byte[][] Bodies =
    [
        .. new[]
        {
            "", " ", "null", "[]", "1", "\"x\"", "true", "{", "}", "{}", "{}{}", "{} x", "NaN", "{\"name\":NaN}", "{\"name\":}", "{'name':'x'}", "{\"name\":\"x\",}", "// x\n{}", "{\"name\":\"x\",\"name\":\"y\"}",
            "{\"name\":1}", "{\"name\":null}", "{\"name\":[]}", "{\"name\":{}}", "{\"name\":true}", "{\"name\":\"\\u0000\"}", "{\"name\":\"\\ud800\"}", "{\"name\":\"\\ude00\\ud83d\"}", "{\"\\ud800\":1}",
            "{\"name\":\"x\",\"metadata\":{\"\\ud800\":\"x\"}}", "{\"name\":\"x\",\"metadata\":{\"a\":\"\\udc00\"}}", "{\"name\":\"x\",\"metadata\":{\"a\":1}}", "{\"name\":\"x\",\"metadata\":[]}",
            "{\"name\":\"x\",\"metadata\":{\"a\":\"1\",\"a\":\"2\"}}", "{\"name\":\"x\",\"domains\":{}}", "{\"name\":\"x\",\"domains\":[1,null,{}]}", "{\"name\":\"x\",\"domains\":[\"\\u0000\",\"xn--\",\"..\"]}",
            "{\"name\":\"x\",\"domain_data\":[null,1,[],{\"domain\":{}}]}", "{\"name\":\"x\",\"allow_profiles_outside_organization\":\"yes\"}", "{\"name\":\"x\",\"allow_profiles_outside_organization\":1e400}",
            "{\"external_id\":1e999999999}", "{\"external_id\":123456789012345678901234567890}", "{\"uri\":\"\\u0000\"}", "{\"uri\":\"https://[\"}", "{\"uri\":\"https://xn--/\"}", "{\"uri\":\"https://a:99999/\"}",
            "{\"organization_id\":\"x\",\"connection_type\":\"GenericSAML\",\"name\":\"x\",\"saml\":1}", "{\"connection_type\":\"GenericSAML\",\"saml\":{\"idp_certificates\":[null,1]}}",
            "{\"connection_type\":\"GenericSAML\",\"saml\":{\"idp_certificates\":[null,\"x\",\"-----BEGIN CERTIFICATE-----\"]}}", "{\"connection_type\":\"GenericSAML\",\"saml\":{\"metadata_xml\":\"<!DOCTYPE x>\"}}",
            "{\"connection_type\":\"GenericSAML\",\"saml\":{\"metadata_xml\":\"\\ud800\"}}", "{\"connection_type\":\"GenericSAML\",\"saml\":{\"metadata_url\":\"file:///etc/passwd\"}}",
            "{\"connection_type\":\"GenericSAML\",\"saml\":{\"metadata_url\":\"https://169.254.169.254/\"}}", "{\"connection_type\":\"GenericSAML\",\"saml\":{\"attribute_map\":{\"id\":[]}}}",
            "{\"connection_type\":\"GenericOIDC\",\"oidc\":{\"discovery_url\":\"x\",\"scopes\":[null,\"\"]}}", "{\"connection_type\":\"GenericOIDC\",\"oidc\":{\"issuer\":\"\\u0000\",\"client_id\":{}}}",
            "{\"connection_type\":\"\\u0000\",\"state\":[]}", "{\"client_id\":1,\"code\":[],\"grant_type\":{}}", "{\"client_id\":\"\\ud800\",\"code\":\"\\ud800\",\"grant_type\":\"authorization_code\"}",
            "{\"email\":\"a\\u0000@b.test\"}", "{\"email\":\"@\"}", "{\"email\":\"a@xn--.test\",\"password\":\"\\ud800\"}", "{\"email\":\"a@b.test\",\"password\":[],\"password_hash\":{}}",
            "{\"email\":\"h@b.test\",\"password_hash\":\"$argon2id$v=19$m=99999999,t=9,p=9$AA$AA\",\"password_hash_type\":\"argon2\"}", "{\"email\":\"h@b.test\",\"locale\":\"\\u0000\",\"metadata\":{\"\":\"\"}}",
            "{\"email\":\"h@b.test\",\"password_hash\":\"$scrypt$v=1$n=16777216,r=8,p=1,kl=64$AAAAAAAAAAA$AA\",\"password_hash_type\":\"scrypt\",\"password_salt_position\":\"\"}",
            "{\"email\":\"h@b.test\",\"password_hash\":\"$2b$31$x\",\"password_hash_type\":\"bcrypt\",\"email_verified\":\"yes\",\"external_id\":\"\"}",
            "{\"user_id\":1,\"organization_id\":[],\"role_slug\":{},\"role_slugs\":\"x\"}", "{\"user_id\":\"\\u0000\",\"organization_id\":\"x\",\"role_slugs\":[null,1,\"\\ud800\"]}",
            "{\"email\":\"i@b.test\",\"expires_in_days\":1e99,\"locale\":\"xx\"}", "{\"email\":\"i@b.test\",\"expires_in_days\":-1,\"role_slug\":\"\\u0000\",\"inviter_user_id\":\"x\"}",
            "a=b&a=c", "%00=%00", "SAMLResponse=%FF&RelayState=%00", "client_id=%ED%A0%80&grant_type=authorization_code&code=%00", new string('[', 33), new string('[', 100_000), "{\"a\":" + new string('{', 50_000),
            "{\"" + new string('k', 50_000) + "\":1}", "{\"name\":\"" + new string('n', 200_000) + "\"}", "<x/>", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--b--",
        }.Select(Encoding.UTF8.GetBytes),
        [0xff], [0xef, 0xbb, 0xbf, (byte)'{', (byte)'}'], [0, 0, 0], "{\"name\":\"\xff\"}"u8.ToArray()[..^3], [.. "{\"name\":\""u8, 0xc3, 0x28, .. "\"}"u8], [.. "{\"name\":\""u8, 0xed, 0xa0, 0x80, .. "\"}"u8],
        [.. "{\""u8, 0xff, .. "\":1}"u8], Encoding.Unicode.GetBytes("{\"name\":\"x\"}"), new byte[JsonBody.MaxBytes + 1],
    ];

    private static readonly (string Name, string Value)[][] Headers =
    [
        [("Content-Type", "text/plain")], [("Content-Type", "multipart/form-data; boundary=b")], [("Content-Type", "application/x-www-form-urlencoded; charset=utf-16")], [("Content-Type", "x")],
        [("Content-Type", "application/json; charset=utf-7")], [("Accept", "application/xml")], [("Accept-Encoding", "utf-8")], [("Content-Encoding", "gzip")],
        [("Idempotency-Key", "\"'%00")], [("Idempotency-Key", new string('k', 5000))], [("X-Request-ID", "../../etc")], [("X-Request-ID", new string('r', 5000))], [("Cookie", "=;;;holdfast-flow-=x; a")],
        [("Cookie", "holdfast-flow--0=x; holdfast-flow-=; __Secure-holdfast-flow--0=y")], [("Origin", "null")], [("X-Forwarded-For", "x"), ("X-Forwarded-Proto", "https"), ("Forwarded", "for=x")],
        [("Range", "bytes=0-1")], [("If-None-Match", "*")], [("Expect", "x")], [("X-HTTP-Method-Override", "DELETE")],
    ];

    private readonly HoldfastServer _server = shared.Server;

    public sealed class OnNetwork : IAsyncLifetime
    {
        internal HoldfastServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await HoldfastServer.StartAsync(new Start(OnNetwork: true));

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Fact]
    public async Task No_route_answers_500_or_refuses_without_a_json_object()
    {
        var connection = await _server.SamlConnectionAsync();
        var faults = new List<string>();
        foreach (var route in _server.Routes.Where(r => !DescriptionTests.Template(r).StartsWith("/assets", StringComparison.Ordinal)))
        {
            var template = DescriptionTests.Template(route).Replace("{documentName}", "openapi", StringComparison.Ordinal);
            var real = Fill(template, template.StartsWith("/sso", StringComparison.Ordinal) || template.StartsWith("/connections", StringComparison.Ordinal) ? connection.Id : "org_01J00000000000000000000000");
            foreach (var method in DescriptionTests.Methods(route))
            {
                foreach (var id in template.Contains('{', StringComparison.Ordinal) ? Ids : [])
                {
                    await JudgeAsync(faults, method, Fill(template, id), null);
                }
                foreach (var query in Queries)
                {
                    await JudgeAsync(faults, method, real + query, null);
                }
                foreach (var headers in Headers)
                {
                    await JudgeAsync(faults, method, real, method == "GET" ? null : "{\"name\":\"x\"}"u8.ToArray(), headers);
                }
                foreach (var body in method == "DELETE" ? [] : method == "GET" ? Bodies[..3] : Bodies)
                {
                    await JudgeAsync(faults, method, real, body);
                    if (template.StartsWith("/sso", StringComparison.Ordinal))
                    {
                        await JudgeAsync(faults, method, real, body, ("Content-Type", "application/x-www-form-urlencoded"));
                    }
                }
            }
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults.Take(40)));
    }

    [Theory]
    [InlineData("GET", "/nothing", 404, "not_found")]
    [InlineData("GET", "/", 404, "not_found")]
    [InlineData("POST", "/organizations/x/y/z", 404, "not_found")]
    [InlineData("PATCH", "/organizations", 405, "method_not_allowed")]
    [InlineData("OPTIONS", "/organizations", 405, "method_not_allowed")]
    [InlineData("TRACE", "/organizations", 405, "method_not_allowed")]
    [InlineData("GET", "/sso/token", 405, "method_not_allowed")]
    public async Task What_does_not_exist_is_refused_as_json(string method, string path, int status, string code)
    {
        var answer = (await _server.SendAsync(method, path, _server.A.ApiKey)).Is(status, code);

        Assert.StartsWith("application/json", answer.ContentType, StringComparison.Ordinal);
        Assert.NotEmpty(answer["message"]!);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Theory]
    [InlineData("crm/7 8")]
    [InlineData("crm%2F7")]
    [InlineData("a?b#c&d+e%")]
    public async Task An_external_id_is_found_whatever_stands_in_it(string external)
    {
        var id = (await _server.PostAsync("/organizations", new { name = "Found", external_id = external })).Is(201)["id"];

        Assert.Equal(id, (await _server.GetAsync($"/organizations/external_id/{Uri.EscapeDataString(external)}?x=y/z")).Is(200)["id"]);
    }

    [Fact]
    public async Task A_path_with_a_nul_never_reaches_us()
    {
        // The web server refuses it by itself, without a body.
        Assert.Equal((400, 0), await _server.SendAsync("GET", "/organizations/a%00b", _server.A.ApiKey) is var answer ? (answer.Status, answer.Bytes.Length) : default);
    }

    [Fact]
    public async Task Every_answer_has_a_request_id_and_a_sane_one_is_kept()
    {
        Assert.Equal("abc-1.2_3", (await _server.GetAsync("/organizations", ("X-Request-ID", "abc-1.2_3"))).Headers.GetValues("X-Request-ID").Single());
        foreach (var theirs in new[] { "a b", new string('x', 129), "<script>" })
        {
            Assert.StartsWith("req_", (await _server.GetAsync("/nothing", ("X-Request-ID", theirs))).Headers.GetValues("X-Request-ID").Single(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("{\"name\":\"x\",\"name\":\"y\"}")]
    [InlineData("{\"name\":\"x\",\"metadata\":{\"a\":\"1\",\"a\":\"2\"}}")]
    [InlineData("{\"name\":\"\\ud800\"}")]
    [InlineData("{\"name\":\"x\",\"metadata\":{\"a\":\"\\udc00\"}}")]
    [InlineData("{\"name\":\"x\",\"ignored\":\"\\udc00\"}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("{\"name\":NaN}")]
    [InlineData("{\"name\":\"x\"} x")]
    public async Task Json_that_two_parsers_read_differently_is_refused(string body)
    {
        (await _server.WithoutEffectAsync(() => _server.PostAsync("/organizations", body))).Is(400, "invalid_json");
        (await _server.PostAsync("/organizations", "{\"name\":\"x\",\"ignored\":\"y\"}")).Is(201);
    }

    [Fact]
    public async Task Utf8_that_is_none_is_refused()
    {
        byte[] body = [.. "{\"name\":\"a"u8, 0xc3, 0x28, .. "\"}"u8];
        (await _server.WithoutEffectAsync(() => _server.PostAsync("/organizations", body))).Is(400, "invalid_json");
    }

    [Theory]
    [InlineData("{\"name\":1}", "name invalid_type")]
    [InlineData("{\"name\":[]}", "name invalid_type")]
    [InlineData("{\"name\":\"x\",\"allow_profiles_outside_organization\":\"yes\"}", "allow_profiles_outside_organization invalid_type")]
    [InlineData("{\"name\":\"x\",\"metadata\":{\"a\":1}}", "metadata.a invalid_type")]
    [InlineData("{\"name\":\"x\",\"domain_data\":[{\"domain\":1}]}", "domain_data[0].domain invalid_type")]
    [InlineData("{\"name\":\"x\",\"external_id\":1e999999}", "external_id invalid_type")]
    [InlineData("{\"name\":null}", "name required")]
    [InlineData("{}", "name required")]
    [InlineData("", "name required")]
    [InlineData("{\"name\":\"  \"}", "name required")]
    [InlineData("{\"name\":\"a\\u0000b\"}", "name invalid_characters")]
    public async Task What_is_wrong_with_a_field_is_said(string body, string fault)
    {
        var answer = (await _server.WithoutEffectAsync(() => _server.PostAsync("/organizations", body))).Is(422, "invalid_request_parameters");

        Assert.Equal([fault], answer.Faults);
        Assert.Equal("Validation failed.", answer["message"]);
    }

    [Theory]
    [InlineData(32, 201)]
    [InlineData(33, 400)]
    public async Task Json_is_read_to_a_depth_of_32(int depth, int status)
    {
        var body = "{\"name\":\"deep\",\"ignored\":" + new string('[', depth - 1) + new string(']', depth - 1) + "}";

        (await _server.PostAsync("/organizations", body)).Is(status);
    }

    [Theory]
    [InlineData(0, 201)]
    [InlineData(1, 413)]
    public async Task A_body_has_a_largest_size(int beyond, int status)
    {
        var body = Encoding.UTF8.GetBytes("{\"name\":\"large\"}".PadRight(JsonBody.MaxBytes + beyond));

        var answer = (await _server.PostAsync("/organizations", body)).Is(status);
        Assert.Equal(status == 413 ? "payload_too_large" : null, answer.Json.TryGetProperty("code", out var code) ? code.GetString() : null);
        // The same without a length in front.
        (await _server.PostAsync("/organizations", new StreamContent(new Trickle(body)))).Is(status);
    }

    [Fact]
    public async Task A_post_that_is_no_form_is_told_so()
    {
        var connection = await _server.SamlConnectionAsync();
        (await _server.SendAsync("POST", connection.AcsUrl, null, "{}")).Is(415, "unsupported_media_type");
        (await _server.SendAsync("POST", "/sso/authorize", null, "x", ("Content-Type", "multipart/form-data; boundary=x"))).Is(415, "unsupported_media_type");
        var many = string.Join('&', Enumerable.Range(0, 101).Select(i => $"f{i}=x"));
        (await _server.SendAsync("POST", connection.AcsUrl, null, many, ("Content-Type", "application/x-www-form-urlencoded"))).Is(400, "bad_request");
    }

    private static string Fill(string template, string id) => System.Text.RegularExpressions.Regex.Replace(template, @"\{\w+\}", id.Replace("$", "$$", StringComparison.Ordinal));

    private async Task JudgeAsync(List<string> faults, string method, string path, byte[]? body, params (string Name, string Value)[] headers)
    {
        var place = $"{method} {(path.Length > 120 ? path[..120] : path)} {(body is null ? "" : Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(80, body.Length))))} {string.Join(' ', headers.Select(h => $"{h.Name}: {h.Value[..Math.Min(40, h.Value.Length)]}"))}";
        Answer answer;
        try
        {
            answer = await _server.SendAsync(method, path, _server.A.ApiKey, body, headers);
        }
        catch (HttpRequestException fault)
        {
            faults.Add($"{place}: {fault.Message}");
            return;
        }
        if (answer.Status >= 500)
        {
            faults.Add($"{place}: {answer.Status} {answer.Text}");
        }
        else if (answer.Status >= 400)
        {
            try
            {
                if (answer.Json.ValueKind != JsonValueKind.Object)
                {
                    faults.Add($"{place}: {answer.Status}, no object: {answer.Text}");
                }
            }
            catch (JsonException) when (IsForm(path) && answer.Text.StartsWith("<!DOCTYPE html>", StringComparison.Ordinal))
            {
                // A page that shows its form again says beside the field what is wrong.
            }
            catch (JsonException)
            {
                faults.Add($"{place}: {answer.Status}, no JSON: '{answer.Text}'");
            }
        }
        if (answer.Headers.Contains("X-Injected"))
        {
            faults.Add($"{place}: a header was injected");
        }
    }

    private bool IsForm(string path) =>
        _server.Routes.Any(r => r.Metadata.GetMetadata<PageRoute>() is not null && DescriptionTests.Template(r) is var template
            && (template.IndexOf('{', StringComparison.Ordinal) is var at && at > 0 ? path.StartsWith(template[..at], StringComparison.Ordinal) : template == path.Split('?')[0]));

    /// <summary>A body whose length nobody knows before.</summary>
    private sealed class Trickle(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
