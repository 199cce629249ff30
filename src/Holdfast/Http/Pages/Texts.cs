using System.Collections.Frozen;
using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Components;

namespace Holdfast.Http.Pages;

/// <summary>What pages say, in one language: whole sentences, by keys like <c>password.title</c>. A language is a file of <c>Texts/</c>; the server finds it there by its name.</summary>
/// <remarks>A placeholder is a name in braces. Every language has the same keys and placeholders: a test compares.</remarks>
public sealed class Texts
{
    private const string Folder = "Holdfast.Http.Pages.Texts.";
    private const int MostAsked = 20;

    private static readonly FrozenDictionary<string, Texts> s_all = Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(name => name.StartsWith(Folder, StringComparison.Ordinal) && name.EndsWith(".json", StringComparison.Ordinal))
        .Select(Read).ToFrozenDictionary(t => t.Language, StringComparer.OrdinalIgnoreCase);

    private readonly FrozenDictionary<string, string> _texts;

    private Texts(string language, FrozenDictionary<string, string> texts) => (Language, _texts) = (language, texts);

    /// <summary>All languages, by their tags (BCP 47).</summary>
    public static IReadOnlyDictionary<string, Texts> All => s_all;

    public static Texts English => s_all["en"];

    public string Language { get; }

    /// <summary><c>ltr</c> or <c>rtl</c>.</summary>
    public string Direction => _texts["language.direction"];

    public IEnumerable<string> Keys => _texts.Keys;

    /// <summary>A sentence without placeholders, or with them left as they are.</summary>
    /// <exception cref="KeyNotFoundException">No page says that.</exception>
    public string this[string key] => _texts.TryGetValue(key, out var text) ? text : throw new KeyNotFoundException($"No text is called {key}.");

    /// <summary>A sentence with its placeholders filled, as plain text.</summary>
    public string Of(string key, params ReadOnlySpan<(string Name, string Value)> with)
    {
        var text = this[key];
        foreach (var (name, value) in with)
        {
            text = text.Replace($"{{{name}}}", value, StringComparison.Ordinal);
        }
        return text;
    }

    /// <summary>A sentence as HTML whose filled placeholders stand out: an address must be seen, and its direction must not turn the sentence round.</summary>
    public MarkupString Marked(string key, params ReadOnlySpan<(string Name, string Value)> with)
    {
        var text = HtmlEncoder.Default.Encode(this[key]);
        foreach (var (name, value) in with)
        {
            text = text.Replace(HtmlEncoder.Default.Encode($"{{{name}}}"), $"<bdi class=\"value\">{HtmlEncoder.Default.Encode(value)}</bdi>", StringComparison.Ordinal);
        }
        return new MarkupString(text);
    }

    /// <summary>The language for a request: of <paramref name="uiLocales"/> the first that there is (OpenID Connect Core 1.0 §3.1.2.1), else what the browser prefers, else English.</summary>
    public static Texts For(HttpContext http, string? uiLocales) =>
        (uiLocales ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(MostAsked).Select(Find).FirstOrDefault(t => t is not null)
        ?? http.Request.GetTypedHeaders().AcceptLanguage.Take(MostAsked).OrderByDescending(l => l.Quality ?? 1).Where(l => l.Quality is not 0)
            .Select(l => Find(l.Value.ToString())).FirstOrDefault(t => t is not null)
        ?? English;

    /// <summary>The language of a tag, or of what is left of it when its end is cut off (RFC 4647 §3.4).</summary>
    private static Texts? Find(string tag)
    {
        for (var rest = tag; rest.Length > 0; rest = rest.LastIndexOf('-') is > 0 and var end ? rest[..end] : "")
        {
            if (s_all.TryGetValue(rest, out var found))
            {
                return found;
            }
        }
        return null;
    }

    private static Texts Read(string resource)
    {
        using var file = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        var pages = JsonSerializer.Deserialize<Dictionary<string, Dictionary<string, string>>>(file)!;
        return new Texts(resource[Folder.Length..^".json".Length], pages
            .SelectMany(page => page.Value.Select(text => KeyValuePair.Create($"{page.Key}.{text.Key}", text.Value)))
            .ToFrozenDictionary(StringComparer.Ordinal));
    }
}
