using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Holdfast.Storage;

namespace Holdfast.Mail;

/// <summary>A mail's words: the same twice, as text and as HTML.</summary>
internal sealed record Letter(string SenderName, string Subject, string Text, string Html);

/// <summary>Writes what is mailed, in the person's language. The words are in <c>Texts/</c>, one file a language, whole sentences with places for values; HTML is made of them here,
/// without pictures, links to a third party, or anything that a mailbox would fetch.</summary>
internal sealed partial class Letters(Database database, Mails mails)
{
    private const string Fallback = "en";

    /// <summary>The longest that a name in a text may be: of organizations and people, who choose it themselves.</summary>
    private const int LongestName = 80;

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
    };

    private static readonly Dictionary<string, Language> s_languages = ReadAll();

    /// <summary>Languages that there are texts in.</summary>
    internal static IReadOnlyCollection<string> Languages => s_languages.Keys;

    /// <summary>Null when a younger release knows how to write this one.</summary>
    public Letter? Write(MailRow row)
    {
        var sender = database.Read(view => MailSettings.Of(view, row.EnvironmentId)).SenderName;
        return MailKind.Find(row.Kind) is { } kind ? Write(kind, row.Locale, sender, mails.ValuesOf(row), row.CreatedAt) : null;
    }

    /// <param name="values">Names, a code, a link; <c>until</c> in Unix milliseconds.</param>
    /// <param name="createdAt">Unix milliseconds.</param>
    internal static Letter Write(MailKind kind, string? locale, string sender, IReadOnlyDictionary<string, string> values, long createdAt)
    {
        var (name, language) = Find(locale);
        var shown = values.ToDictionary(v => v.Key, v => v.Key is "link" or "code" ? v.Value : Name(v.Value), StringComparer.Ordinal);
        shown["app"] = Name(sender);
        if (values.TryGetValue("until", out var until) && long.TryParse(until, NumberStyles.None, CultureInfo.InvariantCulture, out var at))
        {
            shown["until"] = language.Write(DateTimeOffset.FromUnixTimeMilliseconds(at));
            shown["minutes"] = ((at - createdAt) / 60_000).ToString(CultureInfo.InvariantCulture);
        }
        var words = language.Mails[FormOf(kind, shown)];
        string Fill(string text) => Place().Replace(text, place => shown.GetValueOrDefault(place.Groups[1].Value, ""));
        var (subject, heading) = (Fill(words.Subject), Fill(words.Heading));
        var (before, after) = (words.Before.Select(Fill).ToList(), words.After.Select(Fill).Append(Fill(language.Ending)).ToList());
        var (code, link) = (shown.GetValueOrDefault("code"), words.Button is null ? null : shown.GetValueOrDefault("link"));
        return new Letter(shown["app"], subject,
            string.Join("\n\n", [heading, .. before, .. code is null ? [] : (string[])[code], .. link is null ? [] : (string[])[$"{words.Button}:\n{link}"], .. after]) + "\n",
            Html(name, heading, before, code, link, words.Button, after));
    }

    /// <summary>An invitation reads differently with an organization, and with somebody who invites: whole sentences, not glued ones.</summary>
    private static string FormOf(MailKind kind, Dictionary<string, string> values) => kind != MailKind.Invitation
        ? kind.Name
        : kind.Name + (values.ContainsKey("inviter") ? "_inviter" : "") + (values.ContainsKey("organization") ? "_organization" : "");

    private static string Html(string language, string heading, List<string> before, string? code, string? link, string? button, List<string> after)
    {
        var e = HtmlEncoder.Default;
        var html = new StringBuilder($"""
            <!doctype html>
            <html lang="{language}">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>{e.Encode(heading)}</title>
            </head>
            <body style="margin:0;padding:24px 16px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
            <main style="max-width:480px;margin:0 auto">
            <h1 style="font-size:22px;line-height:1.3;margin:0 0 16px">{e.Encode(heading)}</h1>

            """);
        void Paragraph(string text, string style = "margin:0 0 16px") => html.Append("<p style=\"").Append(style).Append("\">").Append(e.Encode(text)).Append("</p>\n");
        before.ForEach(text => Paragraph(text));
        if (code is not null)
        {
            Paragraph(code, "margin:0 0 16px;font:700 32px/1.2 ui-monospace,Menlo,Consolas,monospace;letter-spacing:4px");
        }
        if (link is not null)
        {
            html.Append("<p style=\"margin:0 0 16px\"><a href=\"").Append(e.Encode(link)).Append(
                "\" style=\"display:inline-block;padding:12px 20px;border-radius:8px;background:#1f5fbf;color:#ffffff;font-weight:600;text-decoration:none\">")
                .Append(e.Encode(button!)).Append("</a></p>\n");
            Paragraph(link, "margin:0 0 16px;font-size:14px;overflow-wrap:anywhere");
        }
        after.ForEach(text => Paragraph(text, "margin:0 0 16px;font-size:14px"));
        return html.Append("</main>\n</body>\n</html>\n").ToString();
    }

    /// <summary>A name as it may stand in a line: nothing that begins another one, and not without end.</summary>
    private static string Name(string text)
    {
        var line = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).Trim();
        return line.Length <= LongestName ? line : string.Concat(line.AsSpan(0, char.IsHighSurrogate(line[LongestName - 1]) ? LongestName - 1 : LongestName), "…");
    }

    private static (string Name, Language Language) Find(string? locale) =>
        locale?.Split('-', '_')[0].ToLowerInvariant() is { } name && s_languages.TryGetValue(name, out var found) ? (name, found) : (Fallback, s_languages[Fallback]);

    private static Dictionary<string, Language> ReadAll()
    {
        const string Prefix = "mail.";
        var assembly = Assembly.GetExecutingAssembly();
        var languages = new Dictionary<string, Language>(StringComparer.Ordinal);
        foreach (var resource in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            using var text = assembly.GetManifestResourceStream(resource)!;
            languages.Add(resource[Prefix.Length..], JsonSerializer.Deserialize<Language>(text, s_json)!);
        }
        return languages;
    }

    /// <summary>One language's file.</summary>
    /// <param name="Date">With <c>{day}</c>, <c>{month}</c>, <c>{year}</c>.</param>
    /// <param name="Ending">Stands under every mail.</param>
    internal sealed record Language(string Date, IReadOnlyList<string> Months, string Ending, IReadOnlyDictionary<string, Wording> Mails)
    {
        public string Write(DateTimeOffset at) => Date
            .Replace("{day}", at.UtcDateTime.Day.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{month}", Months[at.UtcDateTime.Month - 1], StringComparison.Ordinal)
            .Replace("{year}", at.UtcDateTime.Year.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    /// <summary>One mail's words. The code, or the button, stands between those before and those after.</summary>
    internal sealed record Wording(string Subject, string Heading, IReadOnlyList<string> Before, IReadOnlyList<string> After, string? Button = null);

    [GeneratedRegex(@"\{([a-z]+)\}")]
    private static partial Regex Place();
}
