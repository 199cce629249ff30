using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Sso;

/// <summary>Signs a person out: ends here what the sign-in gave that the token names, then sends the browser to the identity provider to end its session. By OpenID Connect only
/// the provider's session ends: what the sign-in gave here lives out its minutes.</summary>
/// <remarks>SAML 2.0 Profiles §4.4; OpenID Connect RP-Initiated Logout 1.0 §2.</remarks>
internal sealed class StartLogout(
    Database database, Connections connections, ProviderDocuments documents, LogoutToken tokens, ClusterKeys keys, Ids ids, Entropy entropy, TimeProvider clock)
{
    private const string Purpose = "saml-logout";

    /// <summary>The id of the request that goes out with a relay state: whoever shows one can be answered without anything being kept.</summary>
    public static string RequestId(ClusterKeys keys, Connection connection, string relayState) =>
        AuthnRequest.NewId(keys.Mac(Purpose, connection.EnvironmentId, connection.Id, relayState).AsSpan(0, 20));

    public async Task<IResult> HandleAsync(HttpContext http)
    {
        if (http.Request.Query["token"] is not [{ } token] || tokens.Read(token) is not { } shown
            || connections.Find(shown.ConnectionId) is not { } connection || connection.Connection.EnvironmentId != shown.EnvironmentId)
        {
            return SsoErrors.NoLogout;
        }
        if (connection.Settings.Oidc is { } oidc)
        {
            return documents.EndSessionEndpoint(connection) is { } end
                ? new Back(QueryHelpers.AddQueryString(end, "client_id", oidc.ClientId))
                : SsoErrors.NoLogout;
        }
        if (connection is not { Settings.Saml: { IdpSloUrl: { } url } saml, Trust: { } trust, SpKeys.Signer: { } signer })
        {
            return SsoErrors.NoLogout;
        }
        var now = clock.GetUtcNow();
        if (shown.SessionId is not { } sessionId)
        {
            return SignedOut.HereOnly;   // nobody knows of a session
        }
        // Its row may not have come here yet; the deny does not need it.
        var (isNew, session) = await database.RecordAsync(http, view => Denied.Is(view, sessionId)
            ? Decide.Nothing((false, (SamlSessions.Row?)null))
            : Decide.To((true, SamlSessions.Find(view, connection.Connection.Id, sessionId)), Denied.Because("revoked", sessionId, shown.EnvironmentId, ids, now)));
        if (session is null)
        {
            return isNew ? SignedOut.HereOnly : SignedOut.Everywhere;   // a repeat, most likely: it ended before
        }
        var relayState = Base64.Encode(entropy.Bytes(16));
        var logout = new SamlLogout(RequestId(keys, connection.Connection, relayState), trust.SpEntityId, url, session.Open(keys), now)
        {
            Reason = "urn:oasis:names:tc:SAML:2.0:logout:user",
        };
        return saml.SloByPost
            ? PostOn.Of(PostOn.SigningOut, LogoutRequest.PostForm(logout, relayState, signer))
            : new Back(LogoutRequest.RedirectUrl(logout, relayState, signer).AbsoluteUri);
    }
}
