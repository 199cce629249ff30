using Holdfast.Load;

namespace Holdfast.Telemetry;

/// <summary>Times each request, and begins its trace where there is a collector. Attributes are of the semantic conventions for HTTP; no path, no query and no address of a person is among them.</summary>
internal sealed class WatchRequests(RouteTimes times, TelemetryPlace place, TimeProvider clock, KeepTraces? traces)
{
    private static readonly string[] s_methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"];

    private static readonly string[] s_own = ["/peers", "/health", "/metrics"];

    public async Task HandleAsync(HttpContext http, RequestDelegate next)
    {
        var began = clock.GetTimestamp();
        var method = s_methods.Contains(http.Request.Method, StringComparer.Ordinal) ? http.Request.Method : "_OTHER";
        var isOurOwn = s_own.Any(own => http.Request.Path.StartsWithSegments(own, StringComparison.Ordinal));   // what nodes ask each other waits for news, and health is asked all the time
        var root = isOurOwn ? null : traces?.Begin(method, http.Request.Headers.TraceParent is [{ } theirs] ? theirs : null);
        var status = 500;
        try
        {
            await next(http);
            status = http.Response.StatusCode;
        }
        finally
        {
            var route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText is { } text ? "/" + text.Trim('/') : "";
            // A node that refuses for load is well, and what watches it must not keep each refusal.
            var hasFailed = status >= 500 && !http.Response.Headers.ContainsKey(LoadGate.Header);
            times.Note(route, method, status, clock.GetElapsedTime(began));
            if (root is not null)
            {
                End(root, route, method, status, hasFailed);
            }
        }
    }

    private void End(System.Diagnostics.Activity root, string route, string method, int status, bool hasFailed)
    {
        try
        {
            root.DisplayName = route.Length > 0 ? $"{method} {route}" : method;
            root.SetTag("http.request.method", method).SetTag("http.route", route).SetTag("http.response.status_code", status).SetTag("url.scheme", place.Scheme);
            if (hasFailed)
            {
                root.SetStatus(System.Diagnostics.ActivityStatusCode.Error).SetTag("error.type", status);
            }
            traces!.End(root, hasFailed);
        }
        catch (Exception)
        {
            traces!.Drop(1);   // whatever it is: no request fails for being watched
        }
    }
}
