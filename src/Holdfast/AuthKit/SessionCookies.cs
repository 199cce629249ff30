using System.Globalization;
using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Storage;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>Keeps the refresh token of an application without a server in a cookie that its scripts cannot read, and tells them by another that there is one.</summary>
/// <remarks>Only for public clients, and only towards registered origins: a browser sends cookies with the requests of any page.</remarks>
internal sealed class SessionCookies(Database database, PublicAddress address, TimeProvider clock)
{
    /// <summary>Readable by scripts: <c>authkit-js</c> refreshes when its client id stands in it, among dots.</summary>
    private const string Sign = "workos-has-session";

    private const int MostClients = 8;

    /// <summary>The refresh token that the browser keeps for this client; null for none.</summary>
    public string? Read(HttpContext http, string clientId) => http.Request.Cookies[NameOf(clientId)] is { Length: > 0 } token ? token : null;

    public void Write(HttpContext http, OAuthClients.Client client, RefreshToken session, string token)
    {
        var left = DateTimeOffset.FromUnixTimeMilliseconds(session.ExpiresAt) - clock.GetUtcNow();
        if (left <= TimeSpan.Zero)
        {
            return;
        }
        var settings = database.Read(view => SignInSettings.Of(view, client.EnvironmentId));
        http.Response.Cookies.Append(NameOf(client.Id), token, Options(left, isHttpOnly: true, domain: null));
        http.Response.Cookies.Append(Sign, string.Join('.', Clients(http).Where(id => id != client.Id).TakeLast(MostClients - 1).Append(client.Id)), Options(left, isHttpOnly: false, settings.CookieDomain));
    }

    /// <summary>The client's session has ended.</summary>
    public void Delete(HttpContext http, string environmentId, string clientId)
    {
        if (Read(http, clientId) is null && !Clients(http).Contains(clientId))
        {
            return;
        }
        var domain = database.Read(view => SignInSettings.Of(view, environmentId)).CookieDomain;
        http.Response.Cookies.Append(NameOf(clientId), "", Options(TimeSpan.Zero, isHttpOnly: true, domain: null));
        var others = Clients(http).Where(id => id != clientId).ToList();
        http.Response.Cookies.Append(Sign, string.Join('.', others), Options(others.Count == 0 ? TimeSpan.Zero : TimeSpan.FromDays(1), isHttpOnly: false, domain));
    }

    private CookieOptions Options(TimeSpan maxAge, bool isHttpOnly, string? domain) => new()
    {
        // The page and this server are one site (a domain and one below it): that is what this mode is for.
        SameSite = SameSiteMode.Lax,
        Secure = address.IsHttps,
        HttpOnly = isHttpOnly,
        MaxAge = maxAge,
        Domain = domain,
        Path = "/",
        IsEssential = true,
    };

    private static List<string> Clients(HttpContext http) =>
        [.. (http.Request.Cookies[Sign] ?? "").Split('.', StringSplitOptions.RemoveEmptyEntries).Where(id => id.Length <= 64 && id.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')).Distinct().Take(MostClients)];

    /// <summary>With <c>__Host-</c> a browser takes it from this host alone: no server of a domain beside or below this one plants a session of its own here (RFC 6265bis §4.1.3).</summary>
    private string NameOf(string clientId) => string.Create(CultureInfo.InvariantCulture, $"{(address.IsHttps ? "__Host-" : "")}holdfast-refresh-{clientId}");
}
