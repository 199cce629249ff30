using System.Text;
using System.Text.Encodings.Web;

namespace Holdfast.Dev;

/// <summary>The pages of the test identity providers: plain forms that need no script.</summary>
internal static class TestPages
{
    public const string StylePath = "/dev/idp/style.css";

    private const string Style = """
        :root { color-scheme: light dark; --ground: #fbfcfd; --card: #fff; --text: #1a2430; --quiet: #52606d; --line: #8693a0; --accent: #1f5fbf; --on-accent: #fff; --bad: #b3261e; }
        @media (prefers-color-scheme: dark) {
          :root { --ground: #11171d; --card: #1a222b; --text: #e8edf2; --quiet: #a9b5c1; --line: #6b7986; --accent: #8ab8ff; --on-accent: #0c1a2e; --bad: #ffb4ab; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; padding: 24px 16px; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
        main { max-inline-size: 400px; margin: 0 auto; overflow-wrap: anywhere; }
        h1 { font-size: 24px; line-height: 1.25; margin: 0 0 8px; }
        p { margin: 0 0 16px; }
        .quiet { color: var(--quiet); overflow-wrap: anywhere; }
        label { display: block; font-weight: 600; margin-block-end: 4px; }
        .field { margin-block-end: 16px; }
        .hint { font-weight: 400; color: var(--quiet); }
        input { inline-size: 100%; min-block-size: 44px; padding: 8px 12px; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
        input[aria-invalid] { border: 2px solid var(--bad); }
        .error { color: var(--bad); margin: 4px 0 0; }
        button { inline-size: 100%; min-block-size: 44px; padding: 8px 16px; font: inherit; font-weight: 600; border: 1px solid var(--accent); border-radius: 8px; background: var(--accent); color: var(--on-accent); cursor: pointer; }
        button.second { margin-block-start: 12px; background: transparent; color: var(--text); border-color: var(--line); }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

        """;

    public static Task StyleAsync(HttpContext http)
    {
        http.Response.ContentType = "text/css; charset=utf-8";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        return http.Response.WriteAsync(Style);
    }

    /// <returns>What was posted; null when it is no form that can be read.</returns>
    public static async Task<IFormCollection?> ReadFormAsync(HttpContext http)
    {
        if (!http.Request.HasFormContentType)
        {
            return null;
        }
        try
        {
            return await http.Request.ReadFormAsync(http.RequestAborted);
        }
        catch (InvalidDataException)   // characters that no browser sends, or more fields than the server takes
        {
            return null;
        }
    }

    /// <summary>The sign-in form, filled with <paramref name="person"/>.</summary>
    /// <param name="action">Where it is posted.</param>
    /// <param name="client">Who asked, to be shown.</param>
    /// <param name="carried">What comes back with the post as it is.</param>
    /// <param name="fault">What is wrong with the address; null when nothing is.</param>
    /// <param name="mayRefuse">Offers a second button that sends the browser back with a no.</param>
    public static Task SignInAsync(
        HttpContext http, string action, string client, IEnumerable<KeyValuePair<string, string>> carried, TestPerson person, string? fault,
        bool mayRefuse)
    {
        var refuse = mayRefuse ? "\n<button class=\"second\" name=\"decision\" value=\"refuse\" formnovalidate>Refuse the sign-in</button>" : "";
        var invalid = fault is null ? "" : " aria-invalid=\"true\" aria-describedby=\"email-error\" autofocus";
        var error = fault is null ? "" : $"<p class=\"error\" id=\"email-error\" role=\"alert\">{E(fault)}</p>";
        return WriteAsync(http, fault is null ? 200 : 422, fault is null ? "Sign in" : "Error: sign in", $"""
            <h1>Sign in as anyone</h1>
            <p class="quiet">This is Holdfast’s test identity provider. It stands in for your customer’s, and believes what you type. Asked by {E(client)}.</p>
            <form method="post" action="{E(action)}">
            {Hidden(carried)}<div class="field">
            <label for="email">Email</label>
            <input id="email" name="email" type="email" required autocomplete="off" autocapitalize="none" spellcheck="false" value="{E(person.Email)}"{invalid}>
            {error}</div>
            <div class="field"><label for="first_name">First name</label><input id="first_name" name="first_name" autocomplete="off" value="{E(person.FirstName)}"></div>
            <div class="field"><label for="last_name">Last name</label><input id="last_name" name="last_name" autocomplete="off" value="{E(person.LastName)}"></div>
            <div class="field"><label for="groups">Groups <span class="hint">(separated by commas)</span></label><input id="groups" name="groups" autocomplete="off" value="{E(string.Join(", ", person.Groups))}"></div>
            <button name="decision" value="sign_in">Sign in</button>{refuse}
            </form>
            """);
    }

    /// <summary>Hands a message on by a form with one button (SAML 2.0 Bindings §3.5).</summary>
    public static Task PostOnAsync(HttpContext http, string action, IEnumerable<KeyValuePair<string, string>> carried) =>
        WriteAsync(http, 200, "Continue", $"""
            <h1>One more step</h1>
            <p>The answer is ready to go back to <span class="quiet">{E(new Uri(action).Authority)}</span>.</p>
            <form method="post" action="{E(action)}">
            {Hidden(carried)}<button>Continue</button>
            </form>
            """);

    /// <summary>Any other page.</summary>
    /// <param name="main">HTML; the caller has encoded what is not its own.</param>
    public static Task ShowAsync(HttpContext http, string title, string main) => WriteAsync(http, 200, title, main);

    /// <summary>A request that cannot be answered anywhere else than here.</summary>
    public static Task RefusedAsync(HttpContext http, string what, string whatNow) =>
        WriteAsync(http, 400, "This request cannot be answered", $"""
            <h1>This request cannot be answered</h1>
            <p>{E(what)}</p>
            <p>{E(whatNow)}</p>
            """);

    private static string E(string text) => HtmlEncoder.Default.Encode(text);

    private static StringBuilder Hidden(IEnumerable<KeyValuePair<string, string>> carried)
    {
        var html = new StringBuilder();
        foreach (var (name, value) in carried)
        {
            html.Append("<input type=\"hidden\" name=\"").Append(E(name)).Append("\" value=\"").Append(E(value)).Append("\">\n");
        }
        return html;
    }

    private static Task WriteAsync(HttpContext http, int status, string title, string main)
    {
        var response = http.Response;
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        // Browsers hold form-action against every redirect after a post, and the last of them leads to the application, wherever that is.
        response.Headers.ContentSecurityPolicy =
            "default-src 'none'; style-src 'self'; form-action http: https:; base-uri 'none'; frame-ancestors 'none'";
        response.Headers.CacheControl = "no-store";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.XContentTypeOptions = "nosniff";
        return response.WriteAsync($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{E(title)} – holdfast dev</title>
            <link rel="stylesheet" href="{StylePath}">
            </head>
            <body>
            <main>
            {main}
            </main>
            </body>
            </html>

            """);
    }
}
