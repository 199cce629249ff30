using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Protocols.OpenIdConnect;

/// <summary>A client proves itself by a JWT that it signs (RFC 7523 §2.2 and §3; OpenID Connect Core 1.0 §9, <c>private_key_jwt</c>).</summary>
public static class ClientAssertion
{
    /// <summary>The form's <c>client_assertion_type</c>.</summary>
    public const string Type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    /// <summary>How long one is good for: it is made for the one request that carries it.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    /// <param name="audience">The provider's token endpoint.</param>
    /// <param name="id">Something that was never used before: the provider may refuse a repetition.</param>
    public static string Make(SigningCredentials signing, string clientId, string audience, string id, DateTimeOffset now) =>
        Sign(signing, clientId, clientId, audience, id, now);

    /// <summary>Apple's client secret: the same JWT, whose issuer is the developer's team.</summary>
    public static string MakeForTeam(SigningCredentials signing, string teamId, string clientId, string audience, DateTimeOffset now) =>
        Sign(signing, teamId, clientId, audience, null, now);

    private static string Sign(SigningCredentials signing, string issuer, string subject, string audience, string? id, DateTimeOffset now)
    {
        var claims = new Dictionary<string, object>
        {
            ["iss"] = issuer, ["sub"] = subject, ["aud"] = audience, ["iat"] = now.ToUnixTimeSeconds(), ["exp"] = (now + Lifetime).ToUnixTimeSeconds(),
        };
        if (id is not null)
        {
            claims["jti"] = id;
        }
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(JsonSerializer.Serialize(claims), signing);
    }
}
