using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Holdfast.Http;
using Holdfast.Keys;

namespace Holdfast.Sso;

/// <summary>The cookie that binds a flow to its browser.</summary>
internal sealed class FlowCookie(ClusterKeys keys, bool isHttps)
{
    private const string Purpose = "sso-flow";
    private const int ChunkLength = 3500;
    private const int MostChunks = 7;

    /// <summary>The most flows that a browser keeps, and the most characters of them; the oldest go first. A server that takes 64 kB of headers must never be shut out by its own cookies.</summary>
    public const int MostFlows = 5;
    public const int MostCharacters = 24 * 1024;

    private string Prefix => isHttps ? "__Host-holdfast-flow-" : "holdfast-flow-";

    public void Write(HttpContext http, Flow flow, TimeSpan lifetime)
    {
        // The application's state goes in as it is, after the rest: escaped in JSON it could double.
        var rest = JsonSerializer.SerializeToUtf8Bytes(flow with { State = null }, JavaScriptJson.Options);
        var state = flow.State is null ? [] : Encoding.UTF8.GetBytes(flow.State);
        var plaintext = new byte[5 + rest.Length + state.Length];
        plaintext[0] = flow.State is null ? (byte)0 : (byte)1;
        BinaryPrimitives.WriteInt32LittleEndian(plaintext.AsSpan(1), rest.Length);
        rest.CopyTo(plaintext, 5);
        state.CopyTo(plaintext, 5 + rest.Length);
        var chunks = keys.Seal(Purpose, "", plaintext).Chunk(ChunkLength).Select(c => new string(c)).ToList();
        if (chunks.Count > MostChunks)
        {
            throw new InvalidOperationException("A flow is larger than what the longest state allows.");
        }
        var (flows, characters) = (1, chunks.Sum(c => c.Length));
        var others = http.Request.Cookies.Where(c => c.Key.StartsWith(Prefix, StringComparison.Ordinal)).GroupBy(c => c.Key[..c.Key.LastIndexOf('-')]);
        foreach (var other in others.OrderByDescending(o => o.Key, StringComparer.Ordinal))
        {
            (flows, characters) = (flows + 1, characters + other.Sum(c => c.Value.Length));
            if (flows > MostFlows || characters > MostCharacters)
            {
                foreach (var (name, _) in other)
                {
                    http.Response.Cookies.Delete(name, Options(null));
                }
            }
        }
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
        if (item.Length == 0 || keys.Open(Purpose, "", item) is not { } bytes)
        {
            return null;
        }
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(1));
        var flow = JsonSerializer.Deserialize<Flow>(bytes.AsSpan(5, length), JavaScriptJson.Options)!;
        return flow.Id == id && flow.ExpiresAt > now
            ? flow with { State = bytes[0] == 0 ? null : Encoding.UTF8.GetString(bytes.AsSpan(5 + length)) }
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
        Path = isHttps ? "/" : "/sso",   // __Host- asks for "/", and keeps a sibling domain from planting one
        HttpOnly = true,
        Secure = isHttps,
        SameSite = isHttps ? SameSiteMode.None : SameSiteMode.Lax,
        MaxAge = lifetime,
    };
}
