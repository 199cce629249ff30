using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Holdfast.Protocols.OpenIdConnect;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Tests;

/// <summary>A provider of OpenID Connect or OAuth 2.0 on this machine's network, in the test's hands: it does what is documented until a test has it do something else.</summary>
internal sealed class OidcStandIn : IAsyncDisposable
{
    public const string ClientId = "client-4711";
    public const string Secret = "stand-in client secret, with signs: & + %";

    private static readonly Lazy<RSA> LazyRsa = new(() => RSA.Create(2048));   // slow to make, so all tests share them
    private static readonly Lazy<RSA> LazyOther = new(() => RSA.Create(2048));
    private static readonly Lazy<ECDsa> LazyEc = new(() => ECDsa.Create(ECCurve.NamedCurves.nistP256));

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Begun> _codes = new(StringComparer.Ordinal);

    private bool _isWaitedFor;

    private OidcStandIn(HoldfastServer server, WebApplication app, string url)
    {
        (Server, _app, Url) = (server, app, url);
        Discovery = new JsonObject
        {
            ["issuer"] = url,
            ["authorization_endpoint"] = $"{url}/authorize",
            ["token_endpoint"] = $"{url}/token",
            ["jwks_uri"] = $"{url}/jwks",
            ["userinfo_endpoint"] = $"{url}/userinfo",
        };
        Keys = [Jwk(Rsa, "rsa-1"), Jwk(Ec, "ec-1")];
    }

    public static RSA Rsa => LazyRsa.Value;

    /// <summary>A key that the provider does not publish.</summary>
    public static RSA Stranger => LazyOther.Value;

    public static ECDsa Ec => LazyEc.Value;

    public string Url { get; }

    /// <summary>Whom it signs people in at; another one after a restart.</summary>
    public HoldfastServer Server { get; set; }

    /// <summary>What it says of itself; null for a provider of plain OAuth 2.0.</summary>
    public JsonObject? Discovery { get; set; }

    public List<JsonObject> Keys { get; }

    /// <summary>What it answers at a path instead of what is documented.</summary>
    public ConcurrentDictionary<string, Func<HttpContext, Task>> Paths { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether a request to the token endpoint is by its client.</summary>
    public Func<Received, Task<bool>> IsClient { get; set; } = r => Task.FromResult(
        (r.Authorization is null && r.Form.GetValueOrDefault("client_id") == ClientId && r.Form.GetValueOrDefault("client_secret") == Secret)
        || (!r.Form.ContainsKey("client_secret") && r.Authorization == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{ClientId}:{Uri.EscapeDataString(Secret)}"))));

    /// <summary>Changes what its ID token says.</summary>
    public Action<JsonObject>? Claims { get; set; }

    /// <summary>Changes the whole token.</summary>
    public Func<string, string>? Token { get; set; }

    /// <summary>Changes the token endpoint's answer.</summary>
    public Action<JsonObject>? Answer { get; set; }

    public string Algorithm { get; set; } = "RS256";

    /// <summary>What signs; null for the key of the algorithm.</summary>
    public SecurityKey? SigningKey { get; set; }

    /// <summary>What the UserInfo endpoint says; null for what it says by itself.</summary>
    public JsonNode? UserInfo { get; set; }

    /// <summary>Everything that it was asked.</summary>
    public ConcurrentQueue<Received> Requests { get; } = new();

    public sealed record Received(string Method, string Path, IReadOnlyDictionary<string, string> Form, string? Authorization, string Accept);

    /// <summary>A sign-in that has reached the provider.</summary>
    public sealed record Begun(Browser Browser, string Connection, IReadOnlyDictionary<string, string> Asked)
    {
        public string? this[string name] => Asked.GetValueOrDefault(name);
    }

    public static async Task<OidcStandIn> StartAsync(HoldfastServer server)
    {
        var url = $"http://127.0.0.1:{HoldfastServer.FreePort()}";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(url);
        var app = builder.Build();
        var made = new OidcStandIn(server, app, url);
        app.Run(made.AnswerAsync);
        await app.StartAsync();
        return made;
    }

    /// <summary>A connection that leads here.</summary>
    public async Task<string> ConnectAsync(string type = "GenericOIDC", params (string Name, object? Value)[] oidc)
    {
        var settings = new Dictionary<string, object?> { ["client_id"] = ClientId, ["client_secret"] = Secret };
        settings[type.EndsWith("OAuth", StringComparison.Ordinal) ? "base_url" : "discovery_url"] = type.EndsWith("OAuth", StringComparison.Ordinal) ? Url : Url + "/.well-known/openid-configuration";
        foreach (var (name, value) in oidc)
        {
            settings[name] = value;
        }
        return (await Server.PostAsync("/connections", new { organization_id = await Server.OrganizationAsync(), connection_type = type, name = "Acme", oidc = settings })).Is(201)["id"]!;
    }

    public Task<Answer> AuthorizeAsync(Browser browser, string? connection, params (string Name, string? Value)[] parameters)
    {
        var all = new Dictionary<string, string?>
        {
            ["client_id"] = Server.A.ClientId, ["redirect_uri"] = HoldfastServer.Callback, ["response_type"] = "code", ["connection"] = connection, ["state"] = "s t",
        };
        foreach (var (name, value) in parameters)
        {
            all[name] = value;
        }
        return browser.GetAsync(QueryHelpers.AddQueryString("/sso/authorize", all.Where(p => p.Value is not null)));
    }

    public async Task<Begun> BeginAsync(string connection, params (string Name, string? Value)[] parameters)
    {
        var browser = new Browser(Server);
        return Read(browser, connection, (await AuthorizeAsync(browser, connection, parameters)).Is(302));
    }

    public static Begun Read(Browser browser, string connection, Answer answer) =>
        new(browser, connection, QueryHelpers.ParseQuery(new Uri(answer.Location!).Query).ToDictionary(p => p.Key, p => p.Value.ToString(), StringComparer.Ordinal));

    /// <summary>The person has signed in: what they come back with.</summary>
    public Dictionary<string, string> Back(Begun begun)
    {
        var code = $"code-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
        _codes[code] = begun;
        return new Dictionary<string, string> { ["code"] = code, ["state"] = begun["state"]! };
    }

    public async Task<Answer> FinishAsync(Begun begun, Dictionary<string, string>? back = null)
    {
        var stretchesFrom = Server.Clock.StretchesFrom;
        Server.Clock.StretchesFrom = _isWaitedFor ? TimeSpan.MaxValue : stretchesFrom;   // deadlines are patient with a busy machine, unless one of them is what the test is about
        try
        {
            return await begun.Browser.GetAsync(QueryHelpers.AddQueryString(
                $"/sso/oidc/callback/{begun.Connection}", (back ?? Back(begun)).Select(p => KeyValuePair.Create(p.Key, (string?)p.Value))));
        }
        finally
        {
            Server.Clock.StretchesFrom = stretchesFrom;
        }
    }

    /// <summary>A whole sign-in.</summary>
    /// <returns>The profile.</returns>
    public async Task<System.Text.Json.JsonElement> SignInAsync(string connection)
    {
        var answer = (await FinishAsync(await BeginAsync(connection))).Is(302);
        Assert.True(answer.Sent("code") is not null, $"There is no code in {answer.Location}, after {string.Join(", ", Requests.Select(r => r.Path))}");
        return (await SamlConnection.RedeemAsync(Server, Server.A, answer.Sent("code")!, null)).Is(200).Json.GetProperty("profile");
    }

    /// <summary>Keeps a path from being answered, until the request goes away.</summary>
    /// <param name="isWaitedFor">A sign-in ends by the deadline of who asks there.</param>
    public void Hang(string path, bool isWaitedFor = true)
    {
        _isWaitedFor |= isWaitedFor;
        Paths[path] = http => Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    public void Say(string path, int status, JsonNode? json) => Paths[path] = http => WriteAsync(http, status, json?.ToJsonString() ?? "");

    /// <summary>The same for who shows the access token; 401 for everybody else.</summary>
    public void SayToBearer(string path, JsonNode json) => Paths[path] = http => http.Request.Headers.Authorization == "Bearer access-token-0815"
        ? WriteAsync(http, 200, json.ToJsonString())
        : WriteAsync(http, 401, """{"message":"Requires authentication"}""");

    public int Count(string path) => Requests.Count(r => r.Path == path);

    public static JsonObject Jwk(RSA rsa, string kid)
    {
        var p = rsa.ExportParameters(false);
        return new JsonObject { ["kty"] = "RSA", ["use"] = "sig", ["kid"] = kid, ["n"] = Base64Url.EncodeToString(p.Modulus), ["e"] = Base64Url.EncodeToString(p.Exponent) };
    }

    public static JsonObject Jwk(ECDsa ec, string kid)
    {
        var p = ec.ExportParameters(false);
        return new JsonObject { ["kty"] = "EC", ["use"] = "sig", ["kid"] = kid, ["crv"] = "P-256", ["x"] = Base64Url.EncodeToString(p.Q.X), ["y"] = Base64Url.EncodeToString(p.Q.Y) };
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        var form = http.Request.HasFormContentType
            ? (await http.Request.ReadFormAsync()).ToDictionary(f => f.Key, f => f.Value.ToString(), StringComparer.Ordinal)
            : [];
        var received = new Received(http.Request.Method, path, form, http.Request.Headers.Authorization is [{ } header] ? header : null, http.Request.Headers.Accept.ToString());
        Requests.Enqueue(received);
        if (Paths.TryGetValue(path, out var instead))
        {
            await instead(http);
        }
        else if (Discovery is not null && path.EndsWith("/.well-known/openid-configuration", StringComparison.Ordinal))
        {
            await WriteAsync(http, 200, Discovery.ToJsonString());
        }
        else if (Discovery is not null && path == "/jwks")
        {
            await WriteAsync(http, 200, new JsonObject { ["keys"] = new JsonArray([.. Keys.Select(k => k.DeepClone())]) }.ToJsonString());
        }
        else if (Discovery is not null && path == "/userinfo")
        {
            await (received.Authorization == "Bearer access-token-0815"
                ? WriteAsync(http, 200, (UserInfo ?? new JsonObject { ["sub"] = "sub-1", ["email"] = "ada@acme.test", ["given_name"] = "Ada", ["family_name"] = "Lovelace" }).ToJsonString())
                : WriteAsync(http, 401, """{"error":"invalid_token"}"""));
        }
        else if (http.Request.Method == "POST" && path.EndsWith("token", StringComparison.Ordinal))
        {
            await TokenAsync(http, received);
        }
        else
        {
            await WriteAsync(http, 404, "{}");
        }
    }

    private async Task TokenAsync(HttpContext http, Received received)
    {
        if (!await IsClient(received))
        {
            await WriteAsync(http, 401, """{"error":"invalid_client","error_description":"The client does not prove itself."}""");
            return;
        }
        var form = received.Form;
        if (form.GetValueOrDefault("grant_type") != "authorization_code" || !_codes.TryRemove(form.GetValueOrDefault("code") ?? "", out var begun)
            || form.GetValueOrDefault("redirect_uri") != begun["redirect_uri"]
            || (begun["code_challenge"] is { } challenge ? !Pkce.Matches(form.GetValueOrDefault("code_verifier") ?? "", challenge) : form.ContainsKey("code_verifier")))
        {
            await WriteAsync(http, 400, """{"error":"invalid_grant"}""");
            return;
        }
        var answer = new JsonObject { ["access_token"] = "access-token-0815", ["token_type"] = "Bearer", ["expires_in"] = 300 };
        if (Discovery is not null)
        {
            var token = MakeIdToken(begun["nonce"]);
            answer["id_token"] = Token?.Invoke(token) ?? token;
        }
        Answer?.Invoke(answer);
        if (Discovery is null && received.Accept != "application/json")
        {
            await http.Response.WriteAsync("access_token=access-token-0815&token_type=bearer");   // as GitHub does where nothing else is asked for
            return;
        }
        await WriteAsync(http, 200, answer.ToJsonString());
    }

    private string MakeIdToken(string? nonce)
    {
        var now = Server.Clock.GetUtcNow().ToUnixTimeSeconds();
        var claims = new JsonObject
        {
            ["iss"] = Discovery!["issuer"]!.GetValue<string>(), ["aud"] = ClientId, ["sub"] = "sub-1", ["iat"] = now, ["exp"] = now + 300, ["auth_time"] = now,
            ["email"] = "ada@acme.test", ["email_verified"] = true, ["given_name"] = "Ada", ["family_name"] = "Lovelace",
        };
        if (nonce is not null)
        {
            claims["nonce"] = nonce;
        }
        Claims?.Invoke(claims);
        var key = SigningKey ?? (Algorithm[0] == 'E' ? new ECDsaSecurityKey(Ec) { KeyId = "ec-1" } : new RsaSecurityKey(Rsa) { KeyId = "rsa-1" });
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(
            claims.ToJsonString(), new SigningCredentials(key, Algorithm) { CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false } });
    }

    private static Task WriteAsync(HttpContext http, int status, string json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(json);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
