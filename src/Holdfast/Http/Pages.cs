using System.Text.Encodings.Web;

namespace Holdfast.Http;

/// <summary>The frame of the pages that people see: one stylesheet, no script but our own, nothing from a third party.</summary>
public static class Pages
{
    private const string Stylesheet = """
        :root { color-scheme: light dark; --ink: #1c2330; --quiet: #5a6475; --ground: #f5f6f8; --card: #fff; --line: #d9dde4; --accent: #1f5fbf; --on-accent: #fff; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e8ebf0; --quiet: #a4adbb; --ground: #14181f; --card: #1c222c; --line: #343c49; --accent: #8ab4f8; --on-accent: #0d1420; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; min-block-size: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--ink);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; padding: 16px; }
        main { inline-size: 100%; max-inline-size: 400px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 32px 24px; overflow-wrap: anywhere; }
        h1 { font-size: 20px; line-height: 1.3; margin: 0 0 12px; text-wrap: balance; }
        p { margin: 0 0 16px; }
        p:last-child { margin-block-end: 0; }
        .reference { color: var(--quiet); font-size: 14px; border-block-start: 1px solid var(--line); padding-block-start: 16px; }
        code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 14px; }
        button { font: inherit; font-weight: 600; min-block-size: 44px; inline-size: 100%; border: 0; border-radius: 8px; background: var(--accent); color: var(--on-accent); cursor: pointer; }
        button:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
        """;

    private const string ContinueScript = "document.querySelector('form[data-continue]')?.submit();";

    public static void MapPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/assets/page.css", (HttpContext http) => Asset(http, Stylesheet, "text/css")).ExcludeFromDescription();
        routes.MapGet("/assets/continue.js", (HttpContext http) => Asset(http, ContinueScript, "text/javascript")).ExcludeFromDescription();
    }

    /// <param name="body">HTML; the caller has encoded what is not its own.</param>
    /// <param name="formAction">Where forms of the page may go; nowhere by default.</param>
    public static Task WriteAsync(HttpContext http, int status, string title, string body, string formAction = "'none'")
    {
        var response = http.Response;
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action {formAction}; base-uri 'none'; frame-ancestors 'none'";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.XFrameOptions = "DENY";
        response.Headers.CacheControl = "no-store";
        return response.WriteAsync($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{HtmlEncoder.Default.Encode(title)}</title>
            <link rel="stylesheet" href="/assets/page.css">
            </head>
            <body>
            <main>
            {body}
            </main>
            </body>
            </html>
            """, http.RequestAborted);
    }

    private static Task Asset(HttpContext http, string text, string type)
    {
        http.Response.ContentType = type + "; charset=utf-8";
        http.Response.Headers.CacheControl = "public, max-age=3600";
        return http.Response.WriteAsync(text, http.RequestAborted);
    }
}
