using System.Text.Json;
using System.Text.Json.Nodes;
using Holdfast.Environments;
using Holdfast.Flags;
using Holdfast.Http;
using Holdfast.Organizations;
using Holdfast.Storage;
using Holdfast.Users;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.AuthKit;

/// <summary>Access tokens: JWTs that an application checks by itself, against the environment's published keys (RFC 7519; RS256 of RFC 7518 §3.3).</summary>
internal sealed class AccessTokens(
    Database database, EnvironmentStore environments, SigningKeys keys, JwtTemplates templates, FlagsOfSession flags, PublicAddress address, AuthKitOptions options, Ids ids, TimeProvider clock,
    ILogger<AccessTokens> log)
{
    private static readonly JsonWebTokenHandler s_writer = new() { SetDefaultTimesOnTokenCreation = false };

    /// <param name="LeftOut">Why the environment's template is not in it, as a short slug; null when it is, or there is none.</param>
    public sealed record Made(string Token, string? LeftOut);

    /// <summary>A token of a session as it is now. A template that cannot be rendered for somebody is left out: they are signed in nevertheless.</summary>
    /// <exception cref="NoSigningKeyException">Every key was denied, and no new one has come yet.</exception>
    public Made Make(OAuthClients.Client client, RefreshToken session)
    {
        var now = clock.GetUtcNow();
        var idKey = environments.IdKey(client.EnvironmentId);
        var claims = new Dictionary<string, object>(StringComparer.Ordinal);
        var leftOut = Extend(claims, client, session, idKey);
        // Ours after it, so that nothing takes their place; but for the two that a template may write.
        (claims["client_id"], claims["auth_time"]) = (client.Id, session.CreatedAt / 1000);
        claims.TryAdd("aud", client.Id);
        if (session.ActsIn is { } organization)
        {
            var roles = RoleSlugs.Read(database.Read(view => Memberships.RolesOf(view, idKey, organization, session.UserId)));
            claims["org_id"] = organization;
            claims.TryAdd("role", roles[0]);
            claims["roles"] = roles;
        }
        if (flags.On(client.EnvironmentId, session.UserId, session.ActsIn) is { Count: > 0 } on)
        {
            claims["feature_flags"] = on;
        }
        (claims["sub"], claims["sid"], claims["jti"]) = (session.UserId, session.SessionId, ids.New(""));
        if (session.Impersonator is { } impersonator)
        {
            claims["act"] = new Dictionary<string, object>(StringComparer.Ordinal) { ["sub"] = impersonator.Email };
        }
        var lifetime = database.Read(view => SignInSettings.Of(view, client.EnvironmentId, session.ActsIn)).AccessTokenLifetime is { } seconds
            ? TimeSpan.FromSeconds(seconds)
            : options.AccessTokenLifetime;
        var (end, sessionEnd) = (now + lifetime, DateTimeOffset.FromUnixTimeMilliseconds(session.ExpiresAt));
        return new Made(
            s_writer.CreateToken(new SecurityTokenDescriptor
            {
                Issuer = address.Url,
                IssuedAt = now.UtcDateTime,
                Expires = (end < sessionEnd ? end : sessionEnd).UtcDateTime,   // no token is good for longer than its session
                Claims = claims,
                SigningCredentials = keys.Signer(client.EnvironmentId) ?? throw new NoSigningKeyException(),
            }),
            leftOut);
    }

    /// <summary>Adds what the environment's template says.</summary>
    /// <returns>Why not; null when it is done, or there is none.</returns>
    private string? Extend(Dictionary<string, object> claims, OAuthClients.Client client, RefreshToken session, byte[] idKey)
    {
        if (templates.Of(client.EnvironmentId) is not { } template)
        {
            return null;
        }
        var (more, fault) = template.Render(database.Read(view => Context(view, client.EnvironmentId, session, idKey)));
        if (more is null)
        {
            AuthKitLog.TemplateLeftOut(log, client.EnvironmentId, session.SessionId, fault!);
            return fault;
        }
        foreach (var (name, value) in more)
        {
            claims[name] = value;
        }
        return null;
    }

    private static JsonObject Context(View view, string environmentId, RefreshToken session, byte[] idKey)
    {
        static JsonNode? Node<T>(T? body) => body is null ? null : JsonSerializer.SerializeToNode(body, JavaScriptJson.Options);
        var organization = session.ActsIn is { } id ? OrganizationStore.Find(view, environmentId, id) : null;
        var membership = session.ActsIn is { } there ? MembershipStore.Find(view, environmentId, Memberships.IdOf(idKey, there, session.UserId)) : null;
        return new JsonObject
        {
            ["user"] = Node(UserStore.Find(view, environmentId, session.UserId)?.ToBody()),
            ["organization"] = Node(organization is null ? null : OrganizationStore.Body(view, organization)),
            ["organization_membership"] = Node(membership?.ToBody(user: null) is { } body ? body with { OrganizationName = membership.OrganizationName } : null),
        };
    }
}
