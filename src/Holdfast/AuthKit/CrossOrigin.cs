using Holdfast.Environments;
using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.AuthKit;

/// <summary>Lets pages of registered origins call the token endpoint (Fetch §3.2; RFC 9700 §2.6). Nobody else's browser reads an answer.</summary>
internal sealed class CrossOrigin(Database database)
{
    /// <summary>What a page may send besides what it always may.</summary>
    private const string Headers = "Accept, Content-Type, Idempotency-Key, X-Request-ID";

    /// <summary>How long a browser remembers it, in seconds.</summary>
    private const string RememberedFor = "600";

    /// <summary>A browser asks before it sends. It does not say for which client: so the origin of any environment is let through to the request itself, which says it.</summary>
    public ApiAnswer Preflight(HttpContext http)
    {
        if (Admit(http, null))
        {
            var headers = http.Response.Headers;
            headers.AccessControlAllowMethods = "POST";
            headers.AccessControlAllowHeaders = Headers;
            headers.AccessControlMaxAge = RememberedFor;
        }
        return ApiAnswer.NoContent;
    }

    /// <summary>Whether the page that asks is of an origin of this environment; its browser may read the answer then.</summary>
    /// <param name="environmentId">Null for any.</param>
    public bool Admit(HttpContext http, string? environmentId)
    {
        http.Response.Headers.Vary = "Origin";
        if (http.Request.Headers.Origin is not [{ Length: > 0 and <= WebOrigin.Longest } origin] || !database.Read(view => CorsOrigins.Allows(view, environmentId, origin)))
        {
            return false;
        }
        http.Response.Headers.AccessControlAllowOrigin = origin;
        http.Response.Headers.AccessControlAllowCredentials = "true";
        http.Response.Headers.AccessControlExposeHeaders = "X-Request-ID, Retry-After";
        return true;
    }
}
