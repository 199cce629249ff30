using System.Text.Json;
using Holdfast.Http;
using Holdfast.Keys;

namespace Holdfast.Sso;

/// <summary>The cookie that binds a flow to its browser.</summary>
internal sealed class FlowCookie(ClusterKeys keys, bool isHttps)
{
    private const string Purpose = "sso-flow";
    private const int ChunkLength = 3500;
    private const int MostChunks = 6;

    /// <summary>The most flows that a browser keeps; the oldest goes first.</summary>
    public const int MostFlows = 5;

    private string Prefix => isHttps ? "__Secure-holdfast-flow-" : "holdfast-flow-";

    public void Write(HttpContext http, Flow flow, TimeSpan lifetime)
    {
        var names = http.Request.Cookies.Keys.Where(k => k.StartsWith(Prefix, StringComparison.Ordinal)).ToList();
        foreach (var old in names.GroupBy(n => n[..n.LastIndexOf('-')]).OrderByDescending(g => g.Key, StringComparer.Ordinal).Skip(MostFlows - 1).SelectMany(g => g))
        {
            http.Response.Cookies.Delete(old, Options(null));
        }
        var item = keys.Seal(Purpose, "", JsonSerializer.SerializeToUtf8Bytes(flow, JavaScriptJson.Options));
        var chunks = item.Chunk(ChunkLength).Select(c => new string(c)).ToList();
        for (var i = 0; i < chunks.Count; i++)
        {
            http.Response.Cookies.Append(Name(flow.Id, i), chunks[i], Options(lifetime));
        }
    }

    /// <summary>The flow of this id, if this browser began it and it is not over; null otherwise.</summary>
    public Flow? Read(HttpContext http, string? id, DateTimeOffset now)
    {
        if (id is not { Length: > 20 and <= 80 } || !id.Contains('.', StringComparison.Ordinal))
        {
            return null;
        }
        var item = string.Concat(Enumerable.Range(0, MostChunks).Select(i => http.Request.Cookies[Name(id, i)]).TakeWhile(c => c is not null));
        return item.Length > 0
            && keys.Open(Purpose, "", item) is { } bytes
            && JsonSerializer.Deserialize<Flow>(bytes, JavaScriptJson.Options) is { } flow
            && flow.Id == id && flow.ExpiresAt > now
            ? flow
            : null;
    }

    public void Delete(HttpContext http, string id)
    {
        for (var i = 0; i < MostChunks && http.Request.Cookies.ContainsKey(Name(id, i)); i++)
        {
            http.Response.Cookies.Delete(Name(id, i), Options(null));
        }
    }

    private string Name(string id, int chunk) => $"{Prefix}{id[(id.IndexOf('.', StringComparison.Ordinal) + 1)..]}-{chunk}";

    /// <summary>An identity provider posts from its own site, so the cookie must come along across sites; which browsers allow over https only.</summary>
    private CookieOptions Options(TimeSpan? lifetime) => new()
    {
        Path = "/sso",
        HttpOnly = true,
        Secure = isHttps,
        SameSite = isHttps ? SameSiteMode.None : SameSiteMode.Lax,
        MaxAge = lifetime,
    };
}
