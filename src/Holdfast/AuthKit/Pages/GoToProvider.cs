using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Sso;
using Holdfast.Storage;

namespace Holdfast.AuthKit.Pages;

/// <summary>The way from a page under a custom domain to an identity provider. Providers know the public address alone and send people back there, so what binds the sign-in to the browser must be a cookie of the
/// public address: the browser goes there with the request, sealed, and from there to the provider. Whoever follows somebody else's link signs in at the provider, and ends at a page whose flow is not their browser's.</summary>
internal sealed class GoToProvider(Database database, Connections connections, StartSignIn signIns, ClusterKeys keys, PublicAddress address, TimeProvider clock)
{
    public const string Path = "/sign-in/provider";

    private static readonly TimeSpan s_lifetime = TimeSpan.FromMinutes(10);

    private const string Purpose = "provider-request";

    /// <param name="ExpiresAt">Unix milliseconds.</param>
    internal sealed record Content(string ConnectionId, AuthorizationRequest Request, long ExpiresAt);

    public string LinkFor(ReadyConnection connection, AuthorizationRequest request)
    {
        var content = new Content(connection.Connection.Id, request, (clock.GetUtcNow() + s_lifetime).ToUnixTimeMilliseconds());
        return $"{address.Url}{Path}?to={SealedToken.Make(keys, Purpose, request.EnvironmentId, content)}";
    }

    public async Task<IResult> HandleAsync(HttpContext http) =>
        SealedToken.Read<Content>(keys, Purpose, http.Request.Query["to"].ToString()) is not var (environmentId, content) || content.ExpiresAt <= clock.GetUtcNow().ToUnixTimeMilliseconds() ? PageErrors.NoFlow
        : database.Read(view => ConnectionStore.Find(view, environmentId, content.ConnectionId)) is { IsActive: true } connection ? await signIns.BeginAsync(http, connections.Ready(connection), content.Request)
        : content.Request.Back("connection_unlinked", "The connection is not active.");
}
