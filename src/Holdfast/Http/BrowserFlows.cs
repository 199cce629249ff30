using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Holdfast.Keys;

namespace Holdfast.Http;

/// <summary>Keeps what is under way with the browser that began it, sealed in cookies: what strangers cause costs the node nothing (decision 0002), and any node can go on.</summary>
/// <param name="purpose">Of the key that seals.</param>
/// <param name="name">Of the cookies, before the flow's own.</param>
/// <param name="path">Where they are sent over plain http; over https everywhere: <c>__Host-</c> asks for that, and keeps a sibling domain from planting one.</param>
internal sealed class BrowserFlows<T>(ClusterKeys keys, string purpose, string name, string path, SameSiteMode sameSite, bool isHttps) where T : class
{
    private const int ChunkLength = 3500;
    private const int MostChunks = 7;

    /// <summary>The most flows that a browser keeps, and the most characters of them; the oldest go first. A server that takes 64 kB of headers must never be shut out by its own cookies.</summary>
    private const int MostFlows = 5;
    private const int MostCharacters = 24 * 1024;

    private string Prefix => isHttps ? $"__Host-{name}-" : $"{name}-";

    /// <param name="id">An incarnation, a dot, and what sorts by its age (as <c>Flow.NewId</c> makes it).</param>
    /// <param name="text">The application's state, which goes in as it is: escaped in JSON it could double.</param>
    public void Write(HttpContext http, string id, T flow, string? text, TimeSpan lifetime)
    {
        var rest = JsonSerializer.SerializeToUtf8Bytes(flow, JavaScriptJson.Options);
        var state = text is null ? [] : Encoding.UTF8.GetBytes(text);
        var plaintext = new byte[5 + rest.Length + state.Length];
        plaintext[0] = text is null ? (byte)0 : (byte)1;
        BinaryPrimitives.WriteInt32LittleEndian(plaintext.AsSpan(1), rest.Length);
        rest.CopyTo(plaintext, 5);
        state.CopyTo(plaintext, 5 + rest.Length);
        var chunks = keys.Seal(purpose, "", plaintext).Chunk(ChunkLength).Select(c => new string(c)).ToList();
        if (chunks.Count > MostChunks)
        {
            throw new InvalidOperationException("A flow is larger than what the longest state allows.");
        }
        var (flows, characters) = (1, chunks.Sum(c => c.Length));
        var own = NameOf(id, 0)[..^2];
        var others = http.Request.Cookies.Where(c => c.Key.StartsWith(Prefix, StringComparison.Ordinal)).GroupBy(c => c.Key[..c.Key.LastIndexOf('-')]).Where(o => o.Key != own);
        foreach (var other in others.OrderByDescending(o => o.Key, StringComparer.Ordinal))
        {
            (flows, characters) = (flows + 1, characters + other.Sum(c => c.Value.Length));
            if (flows > MostFlows || characters > MostCharacters)
            {
                foreach (var (cookie, _) in other)
                {
                    http.Response.Cookies.Delete(cookie, Options(null));
                }
            }
        }
        for (var i = 0; i < chunks.Count; i++)
        {
            http.Response.Cookies.Append(NameOf(id, i), chunks[i], Options(lifetime));
        }
        for (var i = chunks.Count; i < MostChunks && http.Request.Cookies.ContainsKey(NameOf(id, i)); i++)
        {
            http.Response.Cookies.Delete(NameOf(id, i), Options(null));   // it was longer before
        }
    }

    /// <summary>The flow of this id, if this browser began it; null otherwise. Whether it is over, and whether the id is its own, its content says.</summary>
    public (T Flow, string? Text)? Read(HttpContext http, string? id)
    {
        if (id is not { Length: > 20 and <= 80 } || !id.Contains('.', StringComparison.Ordinal))
        {
            return null;
        }
        var item = string.Concat(Enumerable.Range(0, MostChunks).Select(i => http.Request.Cookies[NameOf(id, i)]).TakeWhile(c => c is not null));
        if (item.Length == 0 || keys.Open(purpose, "", item) is not { } bytes)
        {
            return null;
        }
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(1));
        return (JsonSerializer.Deserialize<T>(bytes.AsSpan(5, length), JavaScriptJson.Options)!, bytes[0] == 0 ? null : Encoding.UTF8.GetString(bytes.AsSpan(5 + length)));
    }

    public void Delete(HttpContext http, string id)
    {
        for (var i = 0; i < MostChunks && http.Request.Cookies.ContainsKey(NameOf(id, i)); i++)
        {
            http.Response.Cookies.Delete(NameOf(id, i), Options(null));
        }
    }

    private string NameOf(string id, int chunk) => $"{Prefix}{id[(id.IndexOf('.', StringComparison.Ordinal) + 1)..]}-{chunk}";

    private CookieOptions Options(TimeSpan? lifetime) => new() { Path = isHttps ? "/" : path, HttpOnly = true, Secure = isHttps, SameSite = sameSite, MaxAge = lifetime };
}
