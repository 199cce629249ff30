using Microsoft.AspNetCore.Http.Features;

namespace Holdfast.Http;

/// <summary>A path as it was sent.</summary>
internal static class RawPath
{
    /// <summary>The path's last segment as the caller meant it: routing leaves an encoded slash encoded, and so takes two values for one.</summary>
    public static string? LastSegment(HttpContext http) =>
        http.Features.Get<IHttpRequestFeature>()?.RawTarget is { Length: > 0 } target && target[0] == '/' && target.Split('?')[0] is var path && path[^1] != '/'
            ? Uri.UnescapeDataString(path[(path.LastIndexOf('/') + 1)..])
            : null;
}
