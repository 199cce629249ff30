using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Holdfast.Http;

namespace Holdfast.Environments;

/// <summary>What an environment adds to its access tokens: JSON, with expressions in it. <c>{{ user.email }}</c> is a value; <c>{{ user.name || 'somebody' }}</c> the first that is there.
/// Inside of quotation marks an expression is text, outside a value of its own. Nothing else: no loops, no filters, so that rendering ends, and soon (decision 0020).</summary>
internal sealed partial class JwtTemplate
{
    /// <summary>The longest template, in characters.</summary>
    public const int MostCharacters = 8192;

    /// <summary>The most expressions, and the most alternatives of one.</summary>
    public const int MostExpressions = 100;

    /// <summary>The most that it may come to, in bytes of UTF-8: a token travels in headers.</summary>
    public const int MostBytes = 3072;

    private const int MostDepth = 8;

    /// <summary>Claims that say who is signed in, until when, and what they may do: no template sets them.</summary>
    private static readonly HashSet<string> s_reserved = new(StringComparer.Ordinal)
    {
        "iss", "sub", "exp", "iat", "nbf", "jti", "sid", "act", "client_id", "auth_time", "org_id", "roles", "permissions", "entitlements", "feature_flags",
    };

    /// <summary>Claims that a template sets to what is written in it, and never to what is known of somebody.</summary>
    private static readonly string[] s_written = ["aud", "role"];

    /// <summary>What can be named, and whether it is a value that text can hold. What ends in a dot has any one name below it.</summary>
    private static readonly Dictionary<string, bool> s_paths = Paths();

    private readonly IReadOnlyList<Piece> _pieces;

    private JwtTemplate(IReadOnlyList<Piece> pieces) => _pieces = pieces;

    /// <param name="Text">What stands there; null for an expression.</param>
    /// <param name="InString">Whether the expression stands inside of quotation marks.</param>
    private sealed record Piece(string? Text, IReadOnlyList<Alternative>? Expression = null, bool InString = false);

    /// <param name="Path">Null for a literal.</param>
    private sealed record Alternative(string[]? Path, string? Literal);

    /// <summary>The template; or what is wrong with it, as a short slug.</summary>
    public static (JwtTemplate? Template, string? Fault) Parse(string content)
    {
        if (content.Length > MostCharacters)
        {
            return (null, "too_long");
        }
        var (pieces, fault) = Read(content);
        if (fault is not null)
        {
            return (null, fault);
        }
        if (Misplaced(content, pieces) is { } misplaced)
        {
            return (null, misplaced);
        }
        var template = new JwtTemplate(pieces);
        // With everything there and with nothing there: both must be claims.
        var wrong = template.Render(Sample()).Fault ?? template.Render([]).Fault;
        return wrong is null ? (template, null) : (null, wrong);
    }

    /// <summary>The claims of somebody; or why there are none, as a short slug.</summary>
    /// <param name="context">Objects <c>user</c>, <c>organization</c>, <c>organization_membership</c>; what is not there is null.</param>
    public (IReadOnlyDictionary<string, JsonElement>? Claims, string? Fault) Render(JsonObject context)
    {
        var text = new StringBuilder();
        foreach (var piece in _pieces)
        {
            if (piece.Text is { } literal)
            {
                text.Append(literal);
            }
            else if (!Write(text, piece, context))
            {
                return (null, "object_in_string");
            }
            if (text.Length > MostBytes + MostCharacters)
            {
                return (null, "too_big");
            }
        }
        return ReadClaims(text.ToString());
    }

    private static (IReadOnlyDictionary<string, JsonElement>? Claims, string? Fault) ReadClaims(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = MostDepth, AllowDuplicateProperties = false });
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.EnumerateObject().Any())
            {
                return (null, "no_claims");
            }
            if (json.RootElement.EnumerateObject().Any(claim => s_reserved.Contains(claim.Name)))
            {
                return (null, "reserved_claim");
            }
            var claims = json.RootElement.EnumerateObject().Where(claim => claim.Value.ValueKind != JsonValueKind.Null)
                .ToDictionary(claim => claim.Name, claim => claim.Value.Clone(), StringComparer.Ordinal);
            return JsonSerializer.SerializeToUtf8Bytes(claims, JavaScriptJson.Options).Length > MostBytes ? (null, "too_big") : (claims, null);
        }
        catch (JsonException)
        {
            return (null, "invalid_json");
        }
    }

    /// <summary>What is wrong with where its expressions stand; null for nothing. A value is whole or escaped, so where things stand is the same for everybody.</summary>
    private static string? Misplaced(string content, IReadOnlyList<Piece> pieces)
    {
        var mark = "z";   // no hexadecimal digit: it ends no escape that the template began
        while (content.Contains(mark, StringComparison.Ordinal))
        {
            mark += mark;
        }
        try
        {
            using var json = JsonDocument.Parse(string.Concat(pieces.Select(p => p.Text ?? (p.InString ? mark : $"\"{mark}\""))), new JsonDocumentOptions { MaxDepth = MostDepth });
            return HasKey(json.RootElement, mark) ? "expression_in_key"
                : json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.EnumerateObject().Any(c => s_written.Contains(c.Name) && c.Value.GetRawText().Contains(mark, StringComparison.Ordinal)) ? "reserved_claim"
                : null;
        }
        catch (JsonException)
        {
            return "invalid_json";
        }
    }

    private static bool HasKey(JsonElement element, string mark) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().Any(p => p.Name.Contains(mark, StringComparison.Ordinal) || HasKey(p.Value, mark)),
        JsonValueKind.Array => element.EnumerateArray().Any(e => HasKey(e, mark)),
        _ => false,
    };

    private static bool Write(StringBuilder text, Piece piece, JsonObject context)
    {
        var value = piece.Expression!.Select(a => a.Literal is { } literal ? JsonValue.Create(literal) : Find(context, a.Path!)).FirstOrDefault(v => v is not null);
        if (!piece.InString)
        {
            text.Append(value?.ToJsonString(JavaScriptJson.Options) ?? "null");
            return true;
        }
        if (value is JsonObject or JsonArray)
        {
            return false;
        }
        var shown = value is null ? "" : value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();
        text.Append(JsonSerializer.Serialize(shown, JavaScriptJson.Options).AsSpan()[1..^1]);
        return true;
    }

    private static JsonNode? Find(JsonObject context, string[] path)
    {
        JsonNode? at = context;
        foreach (var name in path)
        {
            at = (at as JsonObject)?[name];
        }
        return at;
    }

    /// <summary>Text and expressions, in order. It follows the quotation marks, for an expression means something else inside of them.</summary>
    private static (IReadOnlyList<Piece> Pieces, string? Fault) Read(string content)
    {
        var pieces = new List<Piece>();
        var (inString, from) = (false, 0);
        for (var at = 0; at < content.Length; at++)
        {
            if (content[at] == '{' && at + 1 < content.Length && content[at + 1] == '{')
            {
                var end = EndOfExpression(content, at + 2);
                if (end < 0)
                {
                    return ([], "missing_end");
                }
                var (alternatives, fault) = ReadExpression(content[(at + 2)..end], inString);
                if (fault is not null)
                {
                    return ([], fault);
                }
                pieces.Add(new Piece(content[from..at]));
                pieces.Add(new Piece(null, alternatives, inString));
                if (pieces.Count > 2 * MostExpressions)
                {
                    return ([], "too_many_expressions");
                }
                (at, from) = (end + 1, end + 2);
            }
            else if (content[at] == '\\' && inString)
            {
                at++;
            }
            else if (content[at] == '"')
            {
                inString = !inString;
            }
        }
        pieces.Add(new Piece(content[from..]));
        return (pieces, null);
    }

    /// <summary>Where <c>}}</c> stands, outside of a literal; -1 when it does not.</summary>
    private static int EndOfExpression(string content, int from)
    {
        var inLiteral = false;
        for (var at = from; at + 1 < content.Length; at++)
        {
            if (content[at] == '\'')
            {
                inLiteral = !inLiteral;
            }
            else if (!inLiteral && content[at] == '}' && content[at + 1] == '}')
            {
                return at;
            }
        }
        return -1;
    }

    private static (IReadOnlyList<Alternative>? Alternatives, string? Fault) ReadExpression(string text, bool inString)
    {
        var alternatives = new List<Alternative>();
        foreach (var one in Split(text))
        {
            if (one.Length == 0)
            {
                return (null, "empty_expression");
            }
            if (one[0] == '\'')
            {
                if (one.Length < 2 || one[^1] != '\'' || one.AsSpan(1, one.Length - 2).Contains('\''))
                {
                    return (null, "invalid_literal");
                }
                alternatives.Add(new Alternative(null, one[1..^1]));
                continue;
            }
            var known = s_paths.TryGetValue(one, out var isText) || (one.LastIndexOf('.') is > 0 and var dot && Name().IsMatch(one[(dot + 1)..]) && s_paths.TryGetValue(one[..(dot + 1)], out isText));
            if (!known)
            {
                return (null, "unknown_path");
            }
            if (inString && !isText)
            {
                return (null, "object_in_string");
            }
            alternatives.Add(new Alternative(one.Split('.'), null));
        }
        return alternatives.Count is 0 ? (null, "empty_expression") : alternatives.Count > MostExpressions ? (null, "too_many_expressions") : (alternatives, null);
    }

    /// <summary>What stands between two <c>||</c>; those inside of a literal part nothing.</summary>
    private static List<string> Split(string text)
    {
        var (parts, from, inLiteral) = (new List<string>(), 0, false);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] == '\'')
            {
                inLiteral = !inLiteral;
            }
            else if (!inLiteral && text[at] == '|' && at + 1 < text.Length && text[at + 1] == '|')
            {
                parts.Add(text[from..at].Trim());
                from = ++at + 1;
            }
        }
        parts.Add(text[from..].Trim());
        return parts;
    }

    private static Dictionary<string, bool> Paths()
    {
        var paths = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var field in (string[])["id", "email", "email_verified", "first_name", "last_name", "name", "profile_picture_url", "external_id", "locale", "last_sign_in_at", "created_at", "updated_at"])
        {
            paths["user." + field] = true;
        }
        foreach (var field in (string[])["id", "name", "external_id", "stripe_customer_id", "allow_profiles_outside_organization", "created_at", "updated_at"])
        {
            paths["organization." + field] = true;
        }
        foreach (var field in (string[])["id", "user_id", "organization_id", "organization_name", "status", "created_at", "updated_at"])
        {
            paths["organization_membership." + field] = true;
        }
        foreach (var field in (string[])["user.metadata", "organization.metadata", "organization_membership.custom_attributes", "organization_membership.role"])
        {
            (paths[field], paths[field + "."]) = (false, true);
        }
        paths["organization.domains"] = paths["organization_membership.roles"] = false;
        return paths;
    }

    /// <summary>Somebody of whom everything is known.</summary>
    private static JsonObject Sample()
    {
        var context = new JsonObject();
        foreach (var (path, isText) in s_paths.Where(p => !p.Key.EndsWith('.')))
        {
            var (root, field) = (path[..path.IndexOf('.', StringComparison.Ordinal)], path[(path.IndexOf('.', StringComparison.Ordinal) + 1)..]);
            var holder = (JsonObject)(context[root] ??= new JsonObject());
            holder[field] = isText ? JsonValue.Create("x") : new JsonObject();
        }
        return context;
    }

    [GeneratedRegex(@"^[A-Za-z0-9_-]{1,64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
