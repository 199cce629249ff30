using System.Collections.Concurrent;
using System.Security.Cryptography;
using Holdfast.Environments;
using Holdfast.Flags;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;
using Holdfast.Users;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.AuthKit;

/// <summary>Access tokens: JWTs that an application checks by itself, against the environment's published keys (RFC 7519; RS256 of RFC 7518 §3.3).</summary>
internal sealed class AccessTokens(Database database, EnvironmentStore environments, ClusterKeys keys, FlagsOfSession flags, PublicAddress address, AuthKitOptions options, Ids ids, TimeProvider clock)
{
    private static readonly JsonWebTokenHandler s_writer = new() { SetDefaultTimesOnTokenCreation = false };

    private readonly ConcurrentDictionary<string, SigningCredentials> _signers = new(StringComparer.Ordinal);

    /// <summary>A token of a session as it is now.</summary>
    public string Make(OAuthClients.Client client, RefreshToken session)
    {
        var now = clock.GetUtcNow();
        var claims = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["sub"] = session.UserId,
            ["sid"] = session.SessionId,
            ["jti"] = ids.New(""),
            ["client_id"] = client.Id,
            ["auth_time"] = session.CreatedAt / 1000,
        };
        if (session.ActsIn is { } organization)
        {
            var roles = RoleSlugs.Read(database.Read(view => Memberships.RolesOf(view, environments.IdKey(client.EnvironmentId), organization, session.UserId)));
            claims["org_id"] = organization;
            claims["role"] = roles[0];
            claims["roles"] = roles;
        }
        if (flags.On(client.EnvironmentId, session.UserId, session.ActsIn) is { Count: > 0 } on)
        {
            claims["feature_flags"] = on;
        }
        return s_writer.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = address.Url,
            Audience = client.Id,
            IssuedAt = now.UtcDateTime,
            Expires = (now + options.AccessTokenLifetime).UtcDateTime,
            Claims = claims,
            SigningCredentials = Signer(client.EnvironmentId),
        });
    }

    /// <summary>The key that signs: the one activated last. When it is denied, the next one that was published beforehand, so that denying is switching.</summary>
    private SigningCredentials Signer(string environmentId)
    {
        var key = database.Read(view => view.Find<Row>(
            $"SELECT id AS Id, private_key_sealed AS Sealed FROM signing_keys WHERE environment_id = @environmentId AND {Denied.Not("signing_keys.id")} "
            + "ORDER BY coalesce(activated_at, 0) DESC, created_at, id LIMIT 1", new { environmentId }))
            ?? throw new InvalidOperationException($"The environment {environmentId} has no signing key.");
        return _signers.GetOrAdd(key.Id, _ =>
        {
            using var rsa = RSA.Create();
            rsa.ImportPkcs8PrivateKey(keys.OpenAtRest($"signing_keys/{key.Id}/private_key", key.Sealed), out var _);
            // Of its numbers, and not of the object: each thread that signs makes an object of its own.
            return new SigningCredentials(new RsaSecurityKey(rsa.ExportParameters(includePrivateParameters: true)) { KeyId = key.Id }, SecurityAlgorithms.RsaSha256);
        });
    }

    private sealed record Row(string Id, string Sealed);
}
