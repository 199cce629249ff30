using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Holdfast.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Dev;

/// <summary>An OpenID provider that believes what it is told: code flow with PKCE for one client (OpenID Connect Core 1.0 §3.1).</summary>
internal sealed class OidcTestProvider
{
    public const string Path = "/dev/idp/oidc";

    private const string CodePurpose = "dev-idp:code";
    private const string AccessPurpose = "dev-idp:access";

    private static readonly TimeSpan s_codeLife = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_tokenLife = TimeSpan.FromMinutes(5);

    // What the authorization endpoint reads, and what its form therefore carries.
    private static readonly string[] s_carried =
        ["client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method"];

    private readonly TestIdentityProviderKeys _keys;
    private readonly OwnAddress _own;
    private readonly TimeProvider _clock;
    private readonly SigningCredentials _signing;
    private readonly JsonObject _jwks;

    public OidcTestProvider(TestIdentityProviderKeys keys, OwnAddress own, TimeProvider clock)
    {
        (_keys, _own, _clock) = (keys, own, clock);
        Issuer = own.Url(Path);
        var key = keys.OidcKey.ExportParameters(includePrivateParameters: false);
        // Derived from the key, so that another data folder's key never has the same id.
        var kid = Base64Url.EncodeToString(SHA256.HashData(key.Modulus!).AsSpan(0, 8));
        _signing = new SigningCredentials(new RsaSecurityKey(keys.OidcKey) { KeyId = kid }, SecurityAlgorithms.RsaSha256);
        _jwks = new JsonObject
        {
            ["keys"] = new JsonArray(new JsonObject
            {
                ["kty"] = "RSA", ["use"] = "sig", ["alg"] = "RS256", ["kid"] = kid,
                ["n"] = Base64Url.EncodeToString(key.Modulus), ["e"] = Base64Url.EncodeToString(key.Exponent),
            }),
        };
    }

    public string Issuer { get; }

    /// <summary>OpenID Connect Discovery 1.0 §4.2.</summary>
    public Task DiscoverAsync(HttpContext http) => JsonAsync(http, 200, new JsonObject
    {
        ["issuer"] = Issuer,
        ["authorization_endpoint"] = $"{Issuer}/authorize",
        ["token_endpoint"] = $"{Issuer}/token",
        ["jwks_uri"] = $"{Issuer}/jwks",
        ["userinfo_endpoint"] = $"{Issuer}/userinfo",
        ["response_types_supported"] = new JsonArray("code"),
        ["response_modes_supported"] = new JsonArray("query"),
        ["grant_types_supported"] = new JsonArray("authorization_code"),
        ["subject_types_supported"] = new JsonArray("public"),
        ["id_token_signing_alg_values_supported"] = new JsonArray("RS256"),
        ["token_endpoint_auth_methods_supported"] = new JsonArray("client_secret_basic", "client_secret_post"),
        ["code_challenge_methods_supported"] = new JsonArray("S256"),
        ["scopes_supported"] = new JsonArray("openid", "email", "profile", "groups"),
        ["claims_supported"] =
            new JsonArray("sub", "email", "email_verified", "given_name", "family_name", "name", "groups"),
        ["authorization_response_iss_parameter_supported"] = true,
    });

    public Task KeysAsync(HttpContext http) => JsonAsync(http, 200, _jwks);

    /// <summary>Shows the form.</summary>
    public Task ShowAsync(HttpContext http)
    {
        string Asked(string name) => http.Request.Query[name].ToString();

        if (Refusal(Asked) is { } refusal)
        {
            return AnswerAsync(http, Asked, refusal);
        }
        var hint = Asked("login_hint");
        var person = hint.Length > 0 ? TestPerson.Ada with { Email = hint } : TestPerson.Ada;
        return FormAsync(http, Asked, person, fault: null);
    }

    /// <summary>Takes the form, and sends the browser back with a code.</summary>
    public async Task SignInAsync(HttpContext http)
    {
        if (await TestPages.ReadFormAsync(http) is not { } form)
        {
            await StrangeAsync(http);
            return;
        }
        string Asked(string name) => form[name].ToString();

        if (Refusal(Asked) is { } refusal)   // once more: a post may come from anywhere
        {
            await AnswerAsync(http, Asked, refusal);
            return;
        }
        if (Asked("decision") == "refuse")
        {
            await AnswerAsync(http, Asked, ("error", "access_denied"));
            return;
        }
        var person = TestPerson.Read(form);
        if (person.Fault() is { } fault)
        {
            await FormAsync(http, Asked, person, fault);
            return;
        }
        var now = _clock.GetUtcNow();
        var grant = new Grant(person, Asked("redirect_uri"), Asked("code_challenge"), Asked("nonce"), now.ToUnixTimeSeconds());
        await AnswerAsync(http, Asked, ("code", SealedTicket.Seal(_keys.SealingKey, CodePurpose, grant, now + s_codeLife)));
    }

    /// <summary>Gives tokens for a code (RFC 6749 §4.1.3).</summary>
    public async Task TokenAsync(HttpContext http)
    {
        if (await TestPages.ReadFormAsync(http) is not { } form)
        {
            await ErrorAsync(http, 400, "invalid_request");
            return;
        }
        if (!IsClient(http.Request.Headers.Authorization.ToString(), form))
        {
            http.Response.Headers.WWWAuthenticate = "Basic realm=\"test identity provider\"";
            await ErrorAsync(http, 401, "invalid_client");
            return;
        }
        if (form["grant_type"] != "authorization_code")
        {
            await ErrorAsync(http, 400, "unsupported_grant_type");
            return;
        }
        var now = _clock.GetUtcNow();
        if (SealedTicket.Open<Grant>(_keys.SealingKey, CodePurpose, form["code"].ToString(), now) is not { } grant
            || form["redirect_uri"] != grant.RedirectUri
            || !Pkce.Matches(form["code_verifier"].ToString(), grant.Challenge))
        {
            await ErrorAsync(http, 400, "invalid_grant");
            return;
        }
        await JsonAsync(http, 200, new JsonObject
        {
            ["access_token"] = SealedTicket.Seal(_keys.SealingKey, AccessPurpose, grant.Person, now + s_tokenLife),
            ["token_type"] = "Bearer",
            ["expires_in"] = (int)s_tokenLife.TotalSeconds,
            ["id_token"] = IdTokenFor(grant, now),
        });
    }

    /// <summary>OpenID Connect Core 1.0 §5.3.</summary>
    public Task UserInfoAsync(HttpContext http)
    {
        const string bearer = "Bearer ";
        var given = http.Request.Headers.Authorization.ToString();
        if (given.StartsWith(bearer, StringComparison.OrdinalIgnoreCase)
            && SealedTicket.Open<TestPerson>(_keys.SealingKey, AccessPurpose, given[bearer.Length..].Trim(), _clock.GetUtcNow()) is { } person)
        {
            return JsonAsync(http, 200, person.Claims());
        }
        http.Response.Headers.WWWAuthenticate = "Bearer error=\"invalid_token\"";
        return ErrorAsync(http, 401, "invalid_token");
    }

    /// <returns>Null when the request is sound; else the parameter that tells why not.</returns>
    private static (string Name, string Value)? Refusal(Func<string, string> asked)
    {
        var fault =
            asked("response_type") != "code" ? "unsupported_response_type"
            : !asked("scope").Split(' ').Contains("openid") ? "invalid_scope"
            : asked("code_challenge_method") != "S256" || !Pkce.IsChallenge(asked("code_challenge")) ? "invalid_request"
            : null;
        return fault is null ? null : ("error", fault);
    }

    private Task FormAsync(HttpContext http, Func<string, string> asked, TestPerson person, string? fault) =>
        IsOurs(asked)
            ? TestPages.SignInAsync(
                http, $"{Path}/authorize", asked("client_id"), s_carried.Select(name => KeyValuePair.Create(name, asked(name))), person, fault,
                mayRefuse: true)
            : StrangeAsync(http);

    /// <summary>Sends the browser back, but only to where it may go.</summary>
    private Task AnswerAsync(HttpContext http, Func<string, string> asked, (string Name, string Value) answer)
    {
        if (!IsOurs(asked))
        {
            return StrangeAsync(http);
        }
        var target = new Uri(asked("redirect_uri")).AbsoluteUri;
        var query = new QueryString().Add(answer.Name, answer.Value).Add("iss", Issuer);
        if (asked("state") is { Length: > 0 } state)
        {
            query = query.Add("state", state);
        }
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        http.Response.Redirect(target.Contains('?') ? $"{target}&{query.Value![1..]}" : target + query);
        return Task.CompletedTask;
    }

    private bool IsOurs(Func<string, string> asked) =>
        asked("client_id") == TestIdentityProviderKeys.ClientId && _own.Holds(asked("redirect_uri"));

    private Task StrangeAsync(HttpContext http) => TestPages.RefusedAsync(
        http,
        "It names another client than this provider knows, or asks to go back to somewhere else than this Holdfast.",
        $"Use the client id {TestIdentityProviderKeys.ClientId} and a redirect URI under {_own.PublicUrl}.");

    /// <summary>client_secret_basic or client_secret_post, not both (RFC 6749 §2.3).</summary>
    private bool IsClient(string authorization, IFormCollection form)
    {
        const string basic = "Basic ";
        var (id, secret) = (form["client_id"].ToString(), form["client_secret"].ToString());
        if (authorization.StartsWith(basic, StringComparison.OrdinalIgnoreCase))
        {
            if (secret.Length > 0)
            {
                return false;
            }
            try
            {
                var pair = Encoding.UTF8.GetString(Convert.FromBase64String(authorization[basic.Length..])).Split(':', 2);
                if (pair.Length != 2)
                {
                    return false;
                }
                (id, secret) = (FormDecoded(pair[0]), FormDecoded(pair[1]));
            }
            catch (FormatException)
            {
                return false;
            }
        }
        return id == TestIdentityProviderKeys.ClientId
            && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(_keys.ClientSecret));
    }

    private static string FormDecoded(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));

    private string IdTokenFor(Grant grant, DateTimeOffset now)
    {
        var claims = grant.Person.Claims();
        claims["iss"] = Issuer;
        claims["aud"] = TestIdentityProviderKeys.ClientId;
        claims["iat"] = now.ToUnixTimeSeconds();
        claims["exp"] = (now + s_tokenLife).ToUnixTimeSeconds();
        claims["auth_time"] = grant.SignedInAt;
        if (grant.Nonce.Length > 0)
        {
            claims["nonce"] = grant.Nonce;
        }
        return new JsonWebTokenHandler().CreateToken(claims.ToJsonString(), _signing);
    }

    private static Task ErrorAsync(HttpContext http, int status, string error) => JsonAsync(http, status, new JsonObject { ["error"] = error });

    private static Task JsonAsync(HttpContext http, int status, JsonObject json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.Headers.CacheControl = "no-store";
        return http.Response.WriteAsync(json.ToJsonString());
    }

    /// <summary>What a code stands for.</summary>
    /// <param name="SignedInAt">Seconds since 1970.</param>
    private sealed record Grant(TestPerson Person, string RedirectUri, string Challenge, string Nonce, long SignedInAt);
}
