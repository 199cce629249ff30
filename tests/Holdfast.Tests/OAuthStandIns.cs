using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Tests;

/// <summary>Providers whose accounts are anybody's, each played as its documentation has it.</summary>
internal static class OAuthStandIns
{
    public const string Tenant = "6f1f0a4e-1c1b-4c8a-9a55-0d6f6a1f7b11";

    private static readonly Lazy<ECDsa> LazyAppleKey = new(() => ECDsa.Create(ECCurve.NamedCurves.nistP256));

    public static ECDsa AppleKey => LazyAppleKey.Value;

    public static readonly string[] Types =
    [
        "GoogleOAuth", "MicrosoftOAuth", "AppleOAuth", "GitLabOAuth", "LinkedInOAuth", "SlackOAuth", "SalesforceOAuth", "GitHubOAuth", "BitbucketOAuth", "DiscordOAuth",
    ];

    public static async Task<string> ConnectAsync(OidcStandIn provider, string type) => type == "AppleOAuth"
        ? await provider.ConnectAsync(type, ("client_secret", null), ("apple", new { team_id = "TEAM123456", key_id = "KEY1234567", private_key = AppleKey.ExportPkcs8PrivateKeyPem() }))
        : await provider.ConnectAsync(type);

    public static Task<Answer> FinishAsync(OidcStandIn provider, string type, OidcStandIn.Begun begun)
    {
        if (type != "AppleOAuth")
        {
            return provider.FinishAsync(begun);
        }
        var back = provider.Back(begun);
        back["user"] = """{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"mallory@evil.test"}""";
        return begun.Browser.PostAsync($"/sso/oidc/callback/{begun.Connection}", back);
    }

    /// <summary>A provider as its documentation has it.</summary>
    public static async Task<OidcStandIn> PlayAsync(HoldfastServer server, string type)
    {
        var provider = await OidcStandIn.StartAsync(server);
        switch (type)
        {
            case "MicrosoftOAuth":
                provider.Discovery!["issuer"] = $"{provider.Url}/{{tenantid}}/v2.0";
                foreach (var key in provider.Keys)
                {
                    key["issuer"] = $"{provider.Url}/{{tenantid}}/v2.0";
                }
                provider.Claims = c =>
                {
                    (c["iss"], c["tid"], c["xms_edov"]) = ($"{provider.Url}/{Tenant}/v2.0", Tenant, true);
                    c.Remove("email_verified");
                };
                break;
            case "AppleOAuth":
                provider.Discovery!["token_endpoint_auth_methods_supported"] = new JsonArray("client_secret_post");
                provider.Claims = c =>
                {
                    c["email_verified"] = "true";   // text, as it was for years
                    c.Remove("given_name");
                    c.Remove("family_name");
                };
                provider.Discovery.Remove("userinfo_endpoint");
                provider.IsClient = r => IsAppleClientAsync(provider, AppleKey, r);
                break;
            case "LinkedInOAuth":
                provider.Discovery!["issuer"] = provider.Url + "/oauth";
                provider.Discovery["token_endpoint_auth_methods_supported"] = new JsonArray("client_secret_post");
                break;
            case "SlackOAuth":
                provider.Answer = a => a["ok"] = true;
                break;
            case "GitHubOAuth":
                provider.Discovery = null;
                provider.SayToBearer("/user", new JsonObject { ["login"] = "ada", ["id"] = 583231, ["name"] = "Ada Lovelace", ["email"] = "public@acme.test", ["email_verified"] = true });
                provider.SayToBearer("/user/emails", new JsonArray(Mail("other@acme.test", false, true), Mail("ada@acme.test", true, true)));
                break;
            case "BitbucketOAuth":
                provider.Discovery = null;
                provider.SayToBearer("/2.0/user", new JsonObject { ["uuid"] = "{8f3c1a}", ["account_id"] = "557058", ["display_name"] = "Ada Lovelace" });
                provider.SayToBearer("/2.0/user/emails", new JsonObject
                {
                    ["values"] = new JsonArray(new JsonObject { ["email"] = "ada@acme.test", ["is_primary"] = true, ["is_confirmed"] = true }),
                });
                break;
            case "DiscordOAuth":
                provider.Discovery = null;
                provider.SayToBearer("/api/users/@me", new JsonObject { ["id"] = "80351110224678912", ["global_name"] = "Ada Lovelace", ["email"] = "ada@acme.test", ["verified"] = true });
                break;
        }
        return provider;
    }

    public static async Task<bool> IsAppleClientAsync(OidcStandIn provider, ECDsa key, OidcStandIn.Received received) =>
        await new JsonWebTokenHandler().ValidateTokenAsync(received.Form.GetValueOrDefault("client_secret"), new TokenValidationParameters
        {
            IssuerSigningKey = new ECDsaSecurityKey(key) { KeyId = "KEY1234567" }, ValidIssuer = "TEAM123456", ValidAudience = provider.Url,
            LifetimeValidator = (_, until, _, _) => until > provider.Server.Clock.GetUtcNow().UtcDateTime,
        }) is { IsValid: true } secret && (string)secret.Claims["sub"] == OidcStandIn.ClientId && received.Form.GetValueOrDefault("client_id") == OidcStandIn.ClientId;

    public static JsonObject Mail(string address, bool isPrimary, bool isVerified) => new() { ["email"] = address, ["primary"] = isPrimary, ["verified"] = isVerified };
}
