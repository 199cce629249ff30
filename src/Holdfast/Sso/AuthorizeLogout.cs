using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>Makes the token that a browser signs out with, at the identity provider too.</summary>
internal sealed class AuthorizeLogout(Database database, Connections connections, ProviderDocuments documents, LogoutToken tokens, PublicAddress address, TimeProvider clock)
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
        var session = database.Read(view => SamlSessions.LatestOf(view, connection.Id, profileId, clock.GetUtcNow()));
        var token = tokens.Make(environmentId, connection.Id, session?.Id);
        return ApiAnswer.Ok(new Body($"{address.Url}/sso/logout?token={token}", token));
    }
}
