namespace Holdfast.Tests;

/// <summary>A browser without scripts: keeps cookies, follows nothing by itself.</summary>
internal sealed class Browser(HoldfastServer server)
{
    private readonly Dictionary<string, (string Value, string Path)> _cookies = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, (string Value, string Path)> Cookies => _cookies;

    /// <summary>What the server last set, word for word.</summary>
    public IReadOnlyList<string> LastSetCookies { get; private set; } = [];

    public void Set(string name, string value) => _cookies[name] = (value, "/sso");

    public void Clear() => _cookies.Clear();

    public Browser Copy()
    {
        var copy = new Browser(server);
        foreach (var (name, cookie) in _cookies)
        {
            copy._cookies[name] = cookie;
        }
        return copy;
    }

    public Task<Answer> GetAsync(string url, params (string Name, string Value)[] headers) => SendAsync("GET", url, null, headers);

    public Task<Answer> PostAsync(string url, IEnumerable<KeyValuePair<string, string>> form, params (string Name, string Value)[] headers) =>
        SendAsync("POST", url, new FormUrlEncodedContent(form), headers);

    private async Task<Answer> SendAsync(string method, string url, HttpContent? body, (string Name, string Value)[] headers)
    {
        var path = new Uri(new Uri(server.PublicUrl), url).AbsolutePath;
        var cookies = string.Join("; ", _cookies.Where(c => path.StartsWith(c.Value.Path, StringComparison.Ordinal)).Select(c => $"{c.Key}={c.Value.Value}"));
        var answer = await server.SendAsync(method, url, null, body, cookies.Length == 0 ? headers : [.. headers, ("Cookie", cookies)]);
        LastSetCookies = answer.Headers.TryGetValues("Set-Cookie", out var set) ? [.. set] : [];
        foreach (var cookie in LastSetCookies)
        {
            var parts = cookie.Split("; ");
            var (name, value) = (parts[0][..parts[0].IndexOf('=', StringComparison.Ordinal)], parts[0][(parts[0].IndexOf('=', StringComparison.Ordinal) + 1)..]);
            if (value.Length == 0)
            {
                _cookies.Remove(name);
            }
            else
            {
                _cookies[name] = (value, parts.First(p => p.StartsWith("path=", StringComparison.OrdinalIgnoreCase))[5..]);
            }
        }
        return answer;
    }
}
