using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json.Serialization;
using Holdfast.Http;
using Holdfast.Mail;
using Holdfast.Storage;

namespace Holdfast.Dev;

/// <summary>The mail of <c>holdfast dev</c>: what would have been sent, the newest first, as a page and as JSON (contract §2). It reads what is wanted, so a mail is there when the
/// answer is, and after a restart.</summary>
internal static class Inbox
{
    private const string Path = "/dev/inbox";
    private const int Most = 100;

    internal sealed record Item([property: JsonIgnore] string Id, string To, string Subject, string Text, string Html, DateTimeOffset SentAt);

    public static void MapInbox(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Path, ListAsync).ExcludeFromDescription();
        routes.MapGet(Path + "/{id}", ShowAsync).ExcludeFromDescription();
    }

    private static async Task ListAsync(HttpContext http, Database database, Letters letters)
    {
        var items = Read(database, letters);
        if (!http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            http.Response.Headers.CacheControl = "no-store";
            await ApiAnswer.Ok(items).ExecuteAsync(http);
            return;
        }
        var rows = new StringBuilder();
        foreach (var item in items)
        {
            rows.Append(CultureInfo.InvariantCulture, $"""
                <p><a href="{Path}/{E(item.Id)}">{E(item.Subject)}</a><br><span class="quiet">to {E(item.To)}, {item.SentAt.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC</span></p>

                """);
        }
        await TestPages.ShowAsync(http, "Inbox", $"""
            <h1>Inbox</h1>
            <p class="quiet">What Holdfast would have mailed, to whomever, the newest first.</p>
            {(items.Count == 0 ? "<p>No mail yet. Sign in with a mailed code, or invite somebody.</p>" : rows)}
            """);
    }

    private static async Task ShowAsync(string id, HttpContext http, Database database, Letters letters)
    {
        if (Read(database, letters).FirstOrDefault(item => item.Id == id) is not { } item)
        {
            await TestPages.RefusedAsync(http, "There is no such mail, or not any more.", "Go back to the inbox.");
            return;
        }
        // The text, and not the HTML: that would need this page's policy to allow its styles. It says the same.
        var link = item.Text.Split('\n').FirstOrDefault(line => line.StartsWith("http", StringComparison.Ordinal));
        await TestPages.ShowAsync(http, item.Subject, string.Create(CultureInfo.InvariantCulture, $"""
            <h1>{E(item.Subject)}</h1>
            <p class="quiet">to {E(item.To)}, {item.SentAt.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC</p>
            {string.Join('\n', item.Text.Trim().Split("\n\n").Select(p => $"<p>{E(p)}</p>"))}
            {(link is null ? "" : $"<p><a href=\"{E(link)}\">Open the link</a></p>")}
            <p><a href="{Path}">Back to the inbox</a></p>
            """));
    }

    private static List<Item> Read(Database database, Letters letters) =>
    [
        .. database.Read(view => Mails.Latest(view, Most))
            .Select(row => (Row: row, Letter: letters.Write(row)))
            .Where(mail => mail.Letter is not null)
            .Select(mail => new Item(mail.Row.Id, mail.Row.Recipient, mail.Letter!.Subject, mail.Letter.Text, mail.Letter.Html, DateTimeOffset.FromUnixTimeMilliseconds(mail.Row.CreatedAt))),
    ];

    private static string E(string text) => HtmlEncoder.Default.Encode(text);
}
