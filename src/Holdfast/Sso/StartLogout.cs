using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Sso;

/// <summary>Signs a person out: ends here what their latest sign-in gave, then sends the browser to the identity provider to end its session.</summary>
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
        var ended = await database.RecordAsync(http, view => SamlSessions.LatestOf(view, connection.Connection.Id, shown.ProfileId, now) is { } latest
            ? Decide.To<SamlSessions.Row?>(latest, Denied.Because("revoked", latest.Id, shown.EnvironmentId, ids, now))
            : Decide.Nothing<SamlSessions.Row?>(null));
        if (ended is null)
        {
            return SignedOut.Everywhere;   // it ended already
        }
        var relayState = Base64.Encode(entropy.Bytes(16));
        var logout = new SamlLogout(RequestId(keys, connection.Connection, relayState), trust.SpEntityId, url, ended.Open(keys), now)
        {
            Reason = "urn:oasis:names:tc:SAML:2.0:logout:user",
        };
        if (!saml.SloByPost)
        {
            return new Back(LogoutRequest.RedirectUrl(logout, relayState, signer).AbsoluteUri);
        }
        var post = LogoutRequest.PostForm(logout, relayState, signer);
        return new PostOn("Signing out", post.Url, post.Fields);
    }
}

/// <summary>The page at the end of a sign-out.</summary>
internal sealed class SignedOut : IResult
{
    public static SignedOut Everywhere { get; } = new("You are signed out.", "You can close this page.");

    /// <summary>The identity provider says that it did not end everything.</summary>
    public static SignedOut HereOnly { get; } = new(
        "You are signed out here, but perhaps not everywhere.", "Your identity provider could not end all of your sessions. On a computer that others use, close the browser.");

    private readonly string _heading;
    private readonly string _advice;

    private SignedOut(string heading, string advice) => (_heading, _advice) = (heading, advice);

    public Task ExecuteAsync(HttpContext httpContext) =>
        Pages.WriteAsync(httpContext, StatusCodes.Status200OK, _heading, $"<h1>{_heading}</h1>\n<p>{_advice}</p>");
}
