using System.Text.Json;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>Makes the token that a browser signs out with, at the identity provider too.</summary>
internal sealed class AuthorizeLogout(Database database, Connections connections, ProviderDocuments documents, LogoutToken tokens, PublicAddress address)
{
    public sealed record Input(Given<string> ProfileId);

    public sealed record Body(string LogoutUrl, string LogoutToken);

    public async Task<ApiAnswer> HandleAsync(HttpContext http)
    {
        var (input, refusal) = await JsonBody.ReadAsync<Input>(http);
        if (input is null)
        {
            return refusal!;
        }
        var fields = new Fields();
        var profileId = fields.Required("profile_id", input.ProfileId, 128);
        if ((refusal = fields.Refusal) is not null)
        {
            return refusal;
        }
        var environmentId = Caller.Of(http).EnvironmentId;
        var connection = database.Read(view => SignInStore.FindProfile(view, profileId) is { } profile && profile.EnvironmentId == environmentId
            ? ConnectionStore.Find(view, environmentId, profile.ConnectionId)
            : null);
        if (connection is null)
        {
            return ApiError.NotFound("Profile", profileId);
        }
        var ready = connections.Ready(connection);
        var canEnd = ready.Settings.Saml is { } saml ? saml.IdpSloUrl is not null && ready.SpKeys.Signer is not null : documents.EndSessionEndpoint(ready) is not null;
        if (!canEnd)
        {
            return SsoErrors.NoSingleLogout;
        }
        var token = tokens.Make(environmentId, connection.Id, profileId);
        return ApiAnswer.Ok(new Body($"{address.Url}/sso/logout?token={token}", token));
    }
}

/// <summary>The token that a browser signs out with: whose profile, for a few minutes. It says nothing that its bearer could use otherwise.</summary>
internal sealed class LogoutToken(ClusterKeys keys, SsoOptions options, TimeProvider clock)
{
    private const string Purpose = "sso-logout-token";

    public string Make(string environmentId, string connectionId, string profileId) => $"{environmentId}.{keys.Seal(Purpose, environmentId, JsonSerializer.SerializeToUtf8Bytes(
        new Content(connectionId, profileId, (clock.GetUtcNow() + options.LogoutTokenLifetime).ToUnixTimeMilliseconds())))}";

    /// <summary>What a token says; null when it is not ours, was changed, or is over.</summary>
    public (string EnvironmentId, string ConnectionId, string ProfileId)? Read(string token) =>
        token.Length <= 2048 && token.Split('.', 2) is [var environmentId, var item]
        && keys.Open(Purpose, environmentId, item) is { } bytes
        && JsonSerializer.Deserialize<Content>(bytes) is { } content && content.ExpiresAt > clock.GetUtcNow().ToUnixTimeMilliseconds()
            ? (environmentId, content.ConnectionId, content.ProfileId)
            : null;

    private sealed record Content(string ConnectionId, string ProfileId, long ExpiresAt);
}
