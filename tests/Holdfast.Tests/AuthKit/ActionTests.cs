using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Holdfast.Tests.AuthKit;

/// <summary>An application is asked before somebody signs in or signs up (decision 0020). What the official SDK makes of it, the tests of <c>tests/node</c> show.</summary>
public sealed class ActionTests
{
    /// <summary>An application's endpoint, and what it was asked.</summary>
    private sealed class Endpoint(MetadataHost host, string secret, HoldfastServer server) : IAsyncDisposable
    {
        public List<(JsonElement Body, string Signature, byte[] Raw)> Asked { get; } = [];

        public string Id { get; private set; } = "";

        public string Secret { get; private set; } = secret;

        public MetadataHost Host => host;

        public static async Task<Endpoint> StartAsync(HoldfastServer server, string type, string whenUnreachable = "deny", string verdict = "Allow", string? message = null)
        {
            var host = await MetadataHost.StartAsync();
            var endpoint = new Endpoint(host, "", server);
            var made = (await server.PostAsync("/actions", new { type, endpoint_url = host.Url, when_unreachable = whenUnreachable })).Is(201);
            (endpoint.Id, endpoint.Secret) = (made["id"]!, made["secret"]!);
            endpoint.Say(type, verdict, message);
            return endpoint;
        }

        public void Say(string type, string verdict, string? message = null) => Say(_ => Response(type, verdict, message));

        public void Say(Func<JsonElement, string> answer) => host.Answer = async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            var asked = JsonDocument.Parse(body.ToArray()).RootElement;
            lock (Asked)
            {
                Asked.Add((asked, http.Request.Headers["WorkOS-Signature"].ToString(), body.ToArray()));
            }
            await http.Response.WriteAsync(answer(asked));
        };

        /// <summary>As an SDK signs it: over the payload as JavaScript writes it.</summary>
        public string Response(string type, string verdict, string? message, string? with = null, long? at = null)
        {
            var timestamp = at ?? server.Clock.GetUtcNow().ToUnixTimeMilliseconds();
            var payload = $$"""{"timestamp":{{timestamp}},"verdict":"{{verdict}}"{{(message is null ? "" : $",\"error_message\":\"{message}\"")}}}""";
            return $$"""{ "object": "{{type}}_action_response", "payload": {{payload.Replace(",", " , ", StringComparison.Ordinal)}}, "signature": "{{Sign($"{timestamp}.{payload}", with)}}" }""";
        }

        public string Sign(string text, string? with = null) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.ASCII.GetBytes(with ?? Secret), Encoding.UTF8.GetBytes(text)));

        public ValueTask DisposeAsync() => host.DisposeAsync();
    }

    private static Task<HoldfastServer> StartAsync() => HoldfastServer.StartAsync(new Start(IsDev: true, Clock: new HeldClock { StretchesFrom = TimeSpan.FromSeconds(3) }));

    private static async Task<Answer> TryAsync(HoldfastServer server, string email) =>
        await SignedIn.AskAsync(server, SignedIn.MagicGrant, ("email", email), ("code", (await SignedIn.MailCodeAsync(server, email)).Code), ("ip_address", "203.0.113.7"), ("user_agent", "Test/1"));

    [Fact]
    public async Task Whoever_it_allows_is_signed_in_and_it_is_told_who_that_is()
    {
        await using var server = await StartAsync();
        await using var endpoint = await Endpoint.StartAsync(server, "authentication");
        var organization = await server.OrganizationAsync();
        var user = (await server.PostAsync("/user_management/users", new { email = "ada@people.test", email_verified = true })).Is(201)["id"];
        (await server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);

        var session = new SignedIn(server, (await TryAsync(server, "ada@people.test")).Is(200));

        var (body, signature, raw) = Assert.Single(endpoint.Asked);
        Assert.Equal(("authentication_action_context", user, organization, "203.0.113.7", "Test/1", "MagicAuth", server.PublicUrl), (body.GetProperty("object").GetString(), body.GetProperty("user").GetProperty("id").GetString(),
            body.GetProperty("organization").GetProperty("id").GetString(), body.GetProperty("ip_address").GetString(), body.GetProperty("user_agent").GetString(), body.GetProperty("authentication_method").GetString(), body.GetProperty("issuer").GetString()));
        Assert.Equal(organization, body.GetProperty("organization_membership").GetProperty("organization_id").GetString());
        Assert.StartsWith("action_execution_", body.GetProperty("id").GetString(), StringComparison.Ordinal);
        var time = server.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        Assert.Equal($"t={time}, v1={endpoint.Sign($"{time}.{Encoding.UTF8.GetString(raw)}")}", signature);
        (await session.RefreshAsync()).Is(200);
        Assert.Single(endpoint.Asked);   // a session that goes on is no sign-in
    }

    [Fact]
    public async Task Whomever_it_denies_is_told_its_words_and_nothing_is_used_up()
    {
        await using var server = await StartAsync();
        await using var endpoint = await Endpoint.StartAsync(server, "authentication", verdict: "dEnY", message: "Not on Sundays.");
        var user = (await server.PostAsync("/user_management/users", new { email = "ada@people.test", email_verified = true })).Is(201)["id"];
        var (_, code) = await SignedIn.MailCodeAsync(server, "ada@people.test");
        Task<Answer> Try() => SignedIn.AskAsync(server, SignedIn.MagicGrant, ("email", "ada@people.test"), ("code", code));

        Assert.Equal("Not on Sundays.", (await Try()).IsOAuth("access_denied")["error_description"]);

        await server.ToldAsync();
        var told = (await server.GetAsync("/events?events=action.authentication.denied")).Is(200).Json.GetProperty("data")[0].GetProperty("data");
        Assert.Equal((endpoint.Id, "authentication", "Deny", user, "ada@people.test"), (told.GetProperty("action_endpoint_id").GetString(), told.GetProperty("type").GetString(),
            told.GetProperty("verdict").GetString(), told.GetProperty("user_id").GetString(), told.GetProperty("email").GetString()));
        Assert.Equal(endpoint.Asked[0].Body.GetProperty("id").GetString(), told.GetProperty("action_execution_id").GetString());
        Assert.Equal(0, server.Events("session.created"));
        endpoint.Say("authentication", "Allow");
        (await Try()).Is(200);
        (await Try()).Is(400, "one_time_code_previously_used");
    }

    [Fact]
    public async Task Before_a_user_is_made_it_is_asked_and_a_no_makes_none()
    {
        await using var server = await StartAsync();
        await using var signUps = await Endpoint.StartAsync(server, "user_registration", verdict: "Deny");
        await using var signIns = await Endpoint.StartAsync(server, "authentication");
        (await server.PostAsync("/user_management/users", new { email = "known@people.test", email_verified = true })).Is(201);

        (await TryAsync(server, "known@people.test")).Is(200);
        Assert.Empty(signUps.Asked);
        (await TryAsync(server, "new@people.test")).IsOAuth("access_denied");
        Assert.Equal((1, 1, 1), (signUps.Asked.Count, signIns.Asked.Count, server.Events("user.created")));
        await server.ToldAsync();
        var told = (await server.GetAsync("/events?events=action.user_registration.denied")).Is(200).Json.GetProperty("data")[0].GetProperty("data");
        Assert.Equal(("new@people.test", false), (told.GetProperty("email").GetString(), told.TryGetProperty("user_id", out _)));

        signUps.Say("user_registration", "Allow");
        (await TryAsync(server, "new@people.test")).Is(200);
        var data = signUps.Asked[^1].Body;
        Assert.Equal(("user_registration_action_context", "user_data", "new@people.test"), (data.GetProperty("object").GetString(), data.GetProperty("user_data").GetProperty("object").GetString(), data.GetProperty("user_data").GetProperty("email").GetString()));
        Assert.Equal((2, 2, 2), (signUps.Asked.Count, signIns.Asked.Count, server.Events("user.created")));
    }

    [Fact]
    public async Task Every_way_to_sign_in_asks_and_its_code_is_good_until_it_was_answered()
    {
        await using var server = await StartAsync();
        await using var endpoint = await Endpoint.StartAsync(server, "authentication", verdict: "Deny");
        var saml = await server.SamlConnectionAsync();
        var user = (await server.PostAsync("/user_management/users", new { email = "ada@people.test", password = "correct horse battery staple" })).Is(201)["id"];
        Task<Answer> ByCode(string code) => SignedIn.AskAsync(server, "authorization_code", ("code", code));

        (await ByCode(await saml.SignInAsync())).IsOAuth("access_denied");
        endpoint.Say("authentication", "Allow");
        (await ByCode(await saml.SignInAsync())).Is(200);
        Assert.Equal("SSO", endpoint.Asked[^1].Body.GetProperty("authentication_method").GetString());
        var mailbox = (await SignedIn.AskAsync(server, "password", ("email", "ada@people.test"), ("password", "correct horse battery staple"))).Is(403, "email_verification_required");
        Assert.Equal(2, endpoint.Asked.Count);   // not before the mailbox is proven
        var code = (await server.GetAsync($"/user_management/email_verification/{mailbox["email_verification_id"]}")).Is(200)["code"];
        (await SignedIn.AskAsync(server, "urn:workos:oauth:grant-type:email-verification:code", ("code", code), ("pending_authentication_token", mailbox["pending_authentication_token"]))).Is(200);
        (await SignedIn.AskAsync(server, "password", ("email", "ada@people.test"), ("password", "correct horse battery staple"))).Is(200);
        foreach (var name in new[] { "one", "two" })
        {
            var organization = await server.OrganizationAsync();
            (await server.PostAsync("/user_management/organization_memberships", new { user_id = user, organization_id = organization })).Is(201);
        }
        var choice = (await SignedIn.AskAsync(server, "password", ("email", "ada@people.test"), ("password", "correct horse battery staple"))).Is(403, "organization_selection_required");
        Assert.Equal(4, endpoint.Asked.Count);   // nor before the organization is chosen
        var chosen = choice.Json.GetProperty("organizations")[1].GetProperty("id").GetString();
        (await SignedIn.AskAsync(server, "urn:workos:oauth:grant-type:organization-selection", ("organization_id", chosen), ("pending_authentication_token", choice["pending_authentication_token"]))).Is(200);
        Assert.Equal(chosen, endpoint.Asked[^1].Body.GetProperty("organization").GetProperty("id").GetString());
    }

    [Fact]
    public async Task What_is_no_answer_counts_as_the_endpoint_s_setting_says()
    {
        await using var server = await StartAsync();
        await using var endpoint = await Endpoint.StartAsync(server, "authentication");
        var now = server.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        (string What, Func<JsonElement, string> Answer)[] cases =
        [
            ("garbage", _ => "<html>"), ("nothing", _ => ""), ("a list", _ => "[]"), ("null", _ => "null"), ("no payload", _ => """{"object":"authentication_action_response"}"""),
            ("another secret", _ => endpoint.Response("authentication", "Allow", null, with: "other")),
            ("another type", _ => endpoint.Response("user_registration", "Allow", null)),
            ("another verdict", _ => endpoint.Response("authentication", "Maybe", null)),
            ("an old answer", _ => endpoint.Response("authentication", "Allow", null, at: now - 301_000)),
            ("one from the future", _ => endpoint.Response("authentication", "Allow", null, at: now + 301_000)),
            ("a changed verdict", _ => endpoint.Response("authentication", "Deny", null).Replace("Deny", "Allow", StringComparison.Ordinal)),
            ("a signature in capitals", _ => endpoint.Response("authentication", "Allow", null) is var r ? r[..r.LastIndexOf(": \"", StringComparison.Ordinal)] + r[r.LastIndexOf(": \"", StringComparison.Ordinal)..].ToUpperInvariant() : ""),
            ("two verdicts", _ => endpoint.Response("authentication", "Allow", null).Replace("\"verdict\"", "\"verdict\":\"Deny\",\"verdict\"", StringComparison.Ordinal)),
            ("a timestamp in words", _ => endpoint.Response("authentication", "Allow", null).Replace($"{now}", $"\"{now}\"", StringComparison.Ordinal)),
            ("too much", _ => new string(' ', 70_000) + endpoint.Response("authentication", "Allow", null)),
            ("too deep", _ => new string('[', 100)),
        ];
        foreach (var (what, answer) in cases)
        {
            endpoint.Say(answer);
            var refused = await TryAsync(server, $"{SamlProvider.Unique()}@people.test");   // one code each: of one address, only the latest count
            Assert.True(refused.Status == 400, what);
            Assert.Equal("This person may not sign in.", refused.IsOAuth("access_denied")["error_description"]);
        }
        (await server.PutAsync($"/actions/{endpoint.Id}", new { when_unreachable = "allow" })).Is(200);
        foreach (var (what, answer) in cases)
        {
            endpoint.Say(answer);
            Assert.True((await TryAsync(server, $"{SamlProvider.Unique()}@people.test")).Status == 200, what);
        }
        foreach (var status in new[] { 302, 404, 500 })
        {
            endpoint.Host.Answer = http =>
            {
                (http.Response.StatusCode, http.Response.Headers.Location) = (status, endpoint.Host.Url);
                return Task.CompletedTask;
            };
            (await TryAsync(server, $"{SamlProvider.Unique()}@people.test")).Is(200);
        }
    }

    [Fact]
    public async Task One_that_hangs_holds_nobody_else_and_its_own_for_two_seconds_at_most()
    {
        await using var server = await HoldfastServer.StartAsync(new Start(IsDev: true));   // the deadline is stretched: nothing here may be for it
        await using var endpoint = await Endpoint.StartAsync(server, "authentication");
        var waiting = await SignedIn.ByMagicCodeAsync(server, "grace@people.test");
        endpoint.Host.Hang();
        var hanging = TryAsync(server, "ada@people.test");
        await endpoint.Host.Hung.Task;

        (await waiting.RefreshAsync()).Is(200);
        (await server.PostAsync("/user_management/magic_auth", new { email = "bob@people.test" })).Is(201);
        (await server.PostAsync("/user_management/sessions/revoke", new { session_id = waiting.SessionId })).Is(200);
        Assert.False(hanging.IsCompleted);
        Assert.Contains("action", (await server.GetAsync("/health")).Is(200).Json.GetProperty("tenant_dependencies").EnumerateArray().Select(d => d.GetProperty("kind").GetString()));
        endpoint.Host.Release();
        await hanging;
    }

    [Fact]
    public async Task Past_its_deadline_it_is_unreachable()
    {
        await using var server = await StartAsync();   // two seconds are two seconds here
        await using var endpoint = await Endpoint.StartAsync(server, "authentication");
        endpoint.Host.Hang();
        (await TryAsync(server, "ada@people.test")).IsOAuth("access_denied");
        endpoint.Host.Release();
    }

    [Fact]
    public async Task The_guard_stands_before_it_and_the_endpoint_s_setting_after()
    {
        await using var server = await HoldfastServer.StartAsync();   // no exceptions from the guard
        foreach (var (type, url) in new[] { ("authentication", "https://127.0.0.1/x"), ("user_registration", "https://169.254.169.254/latest") })
        {
            (await server.PostAsync("/actions", new { type, endpoint_url = url })).Is(201);
        }
        (await TryAsync(server, "ada@people.test")).IsOAuth("access_denied");
        (await server.PostAsync("/actions", new { type = "authentication", endpoint_url = "http://127.0.0.1/x" })).Is(422);
    }

    [Fact]
    public async Task Actions_are_made_listed_changed_and_deleted_and_the_secret_is_told_once()
    {
        await using var server = await HoldfastServer.StartAsync();
        var made = (await server.PostAsync("/actions", new { type = "authentication", endpoint_url = "https://app.test/action" })).Is(201);

        Assert.Equal(("action_endpoint", "enabled", "deny"), (made["object"], made["status"], made["when_unreachable"]));
        Assert.DoesNotContain(made["secret"]!, server.Everything(), StringComparison.Ordinal);
        (await server.PostAsync("/actions", new { type = "authentication", endpoint_url = "https://app.test/other" })).Is(409, "action_exists");
        var changed = (await server.PutAsync($"/actions/{made["id"]}", new { status = "disabled", endpoint_url = "https://app.test/other" })).Is(200);
        Assert.Equal(("disabled", "https://app.test/other", "deny"), (changed["status"], changed["endpoint_url"], changed["when_unreachable"]));
        await SignedIn.ByMagicCodeAsync(server, "ada@people.test");   // nobody is asked
        Assert.DoesNotContain("secret", (await server.GetAsync("/actions")).Is(200).Text, StringComparison.Ordinal);
        foreach (var (body, faults) in new (object, string[])[]
        {
            (new { }, ["type required", "endpoint_url required"]), (new { type = "x", endpoint_url = "x" }, ["type invalid", "endpoint_url invalid_url"]),
            (new { type = "authentication", endpoint_url = "https://u:p@app.test/" }, ["endpoint_url invalid_url"]), (new { type = "authentication", endpoint_url = "https://app.test/#x" }, ["endpoint_url invalid_url"]),
            (new { type = "authentication", endpoint_url = "https://app.test", status = "x", when_unreachable = "x" }, ["status invalid", "when_unreachable invalid"]),
        })
        {
            Assert.Equal(faults, (await server.WithoutEffectAsync(() => server.PostAsync("/actions", body))).Is(422).Faults);
        }
        (await server.DeleteAsync($"/actions/{made["id"]}")).Is(204);
        (await server.DeleteAsync($"/actions/{made["id"]}")).Is(404, "entity_not_found");
        (await server.PutAsync($"/actions/{made["id"]}", new { status = "enabled" })).Is(404, "entity_not_found");
        (await server.PostAsync("/actions", new { type = "authentication", endpoint_url = "https://app.test/action" })).Is(201);
    }
}
