using Holdfast.Storage;

namespace Holdfast.Environments;

/// <summary>Every statement on redirect URIs.</summary>
public sealed class RedirectUriStore(Database database)
{
    internal const string Columns = "id AS Id, uri AS Uri, is_default AS IsDefault, created_at AS CreatedAt, updated_at AS UpdatedAt";

    internal static readonly string Effective = $"environment_id = @environmentId AND present = 1 AND {Http.Denied.Not("redirect_uris.id")}";

    /// <summary>Whether a sign-in may end at this address: exactly as registered (RFC 9700 §2.1), but for the port of a loopback literal (RFC 8252 §7.3).</summary>
    public bool Allows(string environmentId, string uri) => database.Read(view => Allows(view, environmentId, uri));

    /// <summary>The same, in a state that the caller reads.</summary>
    public static bool Allows(View view, string environmentId, string uri)
    {
        if (view.Find<long>($"SELECT count(*) FROM redirect_uris WHERE {Effective} AND uri = @uri", new { environmentId, uri }) > 0)
        {
            return true;
        }
        return RedirectUri.WithoutLoopbackPort(uri) is { } bare
            && view.Query<string>($"SELECT uri FROM redirect_uris WHERE {Effective} AND (uri LIKE 'http://127.0.0.1%' OR uri LIKE 'http://[::1]%')", new { environmentId })
                .Any(registered => RedirectUri.WithoutLoopbackPort(registered) == bare);
    }

    /// <summary>Where a sign-in ends that did not begin at the application; null when none is registered.</summary>
    public string? Default(string environmentId) => database.Read(view => view.Find<string>(
        $"SELECT uri FROM redirect_uris WHERE {Effective} ORDER BY is_default DESC, created_at, id LIMIT 1", new { environmentId }));

    internal List<RedirectUri> List(string environmentId, Http.Page page) => database.Read(view => view.Query<RedirectUri>(
        page.Sql($"SELECT {Columns} FROM redirect_uris WHERE {Effective}"), page.Parameters(view, "redirect_uris", environmentId)));
}

/// <summary>A redirect URI and its rules.</summary>
internal sealed record RedirectUri(string Id, string Uri, long IsDefault, long CreatedAt, long UpdatedAt)
{
    /// <summary>The longest that is taken, in characters.</summary>
    public const int MaxLength = 2048;

    /// <summary>Whether an address may be registered: absolute, https (or http to loopback), without fragment, user info or anything that two parsers read differently.</summary>
    public static bool MayRegister(string text) =>
        text.Length is > 0 and <= MaxLength
        && text.All(c => c is > ' ' and < '\u007f' and not '\\')
        && System.Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && !text.Contains('#', StringComparison.Ordinal) && !text.Contains('@', StringComparison.Ordinal)
        && (text.StartsWith("https://", StringComparison.Ordinal) || (text.StartsWith("http://", StringComparison.Ordinal) && IsLoopback(uri)))
        && uri.Host.Length > 0 && uri.HostNameType is not UriHostNameType.Unknown
        && !text.Split('?')[0].Split('/').Any(IsDots);

    /// <summary>Whether a segment of a path is <c>.</c> or <c>..</c> for anybody: as it stands, escaped, or with parameters behind it.</summary>
    private static bool IsDots(string segment) => System.Uri.UnescapeDataString(segment).Split(';')[0] is "." or "..";

    private static bool IsLoopback(Uri uri) => uri.Host == "localhost" || (System.Net.IPAddress.TryParse(uri.Host.Trim('[', ']'), out var ip) && System.Net.IPAddress.IsLoopback(ip));

    /// <summary>A loopback literal's address without its port; null for anything else. The name <c>localhost</c> is not a literal.</summary>
    public static string? WithoutLoopbackPort(string uri)
    {
        foreach (var host in (string[])["http://127.0.0.1", "http://[::1]"])
        {
            if (uri.StartsWith(host, StringComparison.Ordinal))
            {
                var rest = uri.AsSpan(host.Length);
                if (rest.StartsWith(":"))
                {
                    var digits = rest[1..].IndexOfAnyExceptInRange('0', '9');
                    rest = digits is 0 or > 5 ? rest : rest[(digits < 0 ? rest.Length : digits + 1)..];
                }
                return rest.IsEmpty || rest[0] is '/' or '?' ? host + rest.ToString() : null;
            }
        }
        return null;
    }
}
