using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;

namespace Holdfast.Edge;

/// <summary>What is answered first when there is too much: the smaller, the sooner.</summary>
internal enum Priority
{
    /// <summary>Sessions that go on or end, and the keys that others check them by.</summary>
    Session,

    SignIn,

    Read,

    Administration,
}

/// <summary>A request, as far as the edge needs to understand it. Pure.</summary>
/// <param name="Authority">The incarnation that a single-use item in it names; null for none.</param>
/// <param name="Key">What is to be on one node: an API key or a directory, as a hash; null for anything that may go anywhere.</param>
/// <param name="IsSafe">Whether it may be sent to another node after bytes of it were sent to one.</param>
/// <param name="Hedge">The class of route whose slowest hundredth is asked again elsewhere; null where that is not done.</param>
internal sealed record Asked(Priority Priority, string? Authority, string? Key, bool IsSafe, string? Hedge, TimeSpan First, TimeSpan Whole)
{
    private const int IncarnationLength = 12;
    private const int MostFields = 200;

    private static readonly string[] s_pages = ["/sign-in", "/sign-up", "/device", "/switch-organization", "/invite", "/reset-password", "/assets"];

    /// <param name="path">Decoded, as the node routes by it.</param>
    /// <param name="body">The whole body; empty for none.</param>
    public static Asked Of(string method, string path, string query, string? contentType, string? authorization, bool hasIdempotencyKey, ReadOnlyMemory<byte> body)
    {
        var isRead = method is "GET" or "HEAD" or "OPTIONS";
        bool Is(string prefix) => path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && (path.Length == prefix.Length || path[prefix.Length] == '/');
        bool At(string whole) => path.TrimEnd('/').Equals(whole, StringComparison.OrdinalIgnoreCase);

        var isAuthenticate = At("/user_management/authenticate");
        var isPage = s_pages.Any(Is);
        var isSignIn = isAuthenticate || isPage || Is("/sso") || Is("/user_management/authorize") || Is("/user_management/magic_auth") || Is("/user_management/password_reset")
            || Is("/user_management/email_verification") || Is("/auth");
        var fields = isSignIn ? Fields(query, contentType, isRead ? default : body) : [];
        var isRefresh = isAuthenticate && fields.GetValueOrDefault("grant_type") == "refresh_token";
        var isKeys = Is("/sso/jwks");
        var isSignOut = At("/user_management/sessions/logout") || At("/user_management/sessions/revoke") || Is("/sso/logout") || Is("/sso/saml/slo");
        var priority = isRefresh || isKeys || isSignOut ? Priority.Session
            : isSignIn ? Priority.SignIn
            : isRead || Is("/scim") || Is("/audit_logs") ? Priority.Read
            : Priority.Administration;

        var authority = isRefresh ? null : Named(fields.GetValueOrDefault("code")) ?? Named(fields.GetValueOrDefault("RelayState")) ?? Named(fields.GetValueOrDefault("state")) ?? Named(fields.GetValueOrDefault("flow"))
            ?? Named(fields.GetValueOrDefault("device_code")) ?? Named(fields.GetValueOrDefault("pending_authentication_token"));
        var isSafe = isRead || isRefresh || (hasIdempotencyKey && method == "POST" && !IsMadeHere(path));
        var hedge = !isRead || method == "OPTIONS" ? null : isKeys ? "keys" : priority == Priority.Read ? "read" : null;
        var (first, whole) = priority switch
        {
            Priority.Session => (1.5, 5.0),
            Priority.SignIn => (isSafe && !isPage ? 5.0 : isSafe ? 3.0 : 12.0, 12.0),   // an identity provider and an application's action may be asked, two seconds each
            Priority.Read => (2.5, 6.0),
            _ => (isSafe ? 7.0 : 12.0, 12.0),
        };
        return new Asked(priority, authority, KeyOf(path, authorization, isRefresh, isAuthenticate, fields), isSafe, hedge, TimeSpan.FromSeconds(isSafe ? first : whole), TimeSpan.FromSeconds(whole));
    }

    /// <summary>What one node makes by itself, under ids that are its own, or does by itself: another one does not know that it was done, whatever the key.</summary>
    private static bool IsMadeHere(string path) => path.ToLowerInvariant().Split('/', StringSplitOptions.RemoveEmptyEntries) is
        ["auth" or "ops" or "incidents", ..]
        or ["user_management", "magic_auth" or "password_reset" or "radar_challenges", ..]
        or ["user_management", "users", _, "email_verification" or "email_change" or "impersonations" or "auth_factors" or "recovery_codes", ..];

    /// <summary>A directory by its path; an API key by what it is, in the header or, at the token endpoints, in the body.</summary>
    private static string? KeyOf(string path, string? authorization, bool isRefresh, bool isAuthenticate, Dictionary<string, string> fields)
    {
        if (path.StartsWith("/scim/", StringComparison.OrdinalIgnoreCase) && path.Split('/', StringSplitOptions.RemoveEmptyEntries) is [_, _, var directory, ..])
        {
            return Hash("directory", directory);
        }
        if (isRefresh)
        {
            return null;   // any node goes on with it
        }
        if (authorization is not null && authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            return Hash("key", authorization["Bearer ".Length..]);
        }
        return isAuthenticate && fields.GetValueOrDefault("client_secret") is { Length: > 0 } secret ? Hash("key", secret) : null;
    }

    private static string Hash(string kind, string value) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{kind}\n{value}")));

    /// <summary>The incarnation before the first dot; null where none stands.</summary>
    private static string? Named(string? item) =>
        item is { Length: > IncarnationLength } && item[IncarnationLength] == '.' && item[..IncarnationLength].All(char.IsAsciiHexDigitLower) ? item[..IncarnationLength] : null;

    private static Dictionary<string, string> Fields(string query, string? contentType, ReadOnlyMemory<byte> body)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        Add(query, fields);
        var text = body.Span.TrimStart(" \t\r\n"u8);
        if (text.IsEmpty)
        {
            return fields;
        }
        if (text[0] == (byte)'{' && contentType?.Contains("form-urlencoded", StringComparison.OrdinalIgnoreCase) != true)
        {
            AddJson(body, fields);
        }
        else
        {
            Add(Encoding.UTF8.GetString(text), fields);
        }
        return fields;
    }

    private static void Add(string pairs, Dictionary<string, string> fields)
    {
        var count = 0;
        foreach (var pair in new QueryStringEnumerable(pairs))
        {
            if (++count > MostFields)
            {
                return;
            }
            fields[pair.DecodeName().ToString()] = pair.DecodeValue().ToString();
        }
    }

    /// <summary>The texts at the top. What is no JSON is the node's to refuse.</summary>
    private static void AddJson(ReadOnlyMemory<byte> body, Dictionary<string, string> fields)
    {
        try
        {
            using var json = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 32 });
            foreach (var field in json.RootElement.EnumerateObject().Take(MostFields).Where(f => f.Value.ValueKind == JsonValueKind.String))
            {
                fields[field.Name] = field.Value.GetString()!;
            }
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            // Nothing is known of it, then.
        }
    }
}
