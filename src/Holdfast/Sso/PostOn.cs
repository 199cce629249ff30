using System.Text.Encodings.Web;
using Holdfast.Http;
using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>A page whose form goes on by itself, or at a press of its button where scripts are off (SAML 2.0 Bindings §3.5.4).</summary>
/// <param name="title">What is going on, for the person who sees it for a moment.</param>
/// <param name="url">Where to; null for the address that the browser is at.</param>
internal sealed class PostOn(string title, string? url, IEnumerable<KeyValuePair<string, string>> fields) : IResult
{
    public static PostOn Of(string title, SamlPost post) => new(title, post.Url, post.Fields);

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var html = HtmlEncoder.Default;
        var inputs = string.Join('\n', fields.Select(f => $"""<input type="hidden" name="{html.Encode(f.Key)}" value="{html.Encode(f.Value)}">"""));
        // Where the form goes on to from there is for that side to say, and browsers hold its redirects against this page's policy too.
        return Pages.WriteAsync(httpContext, StatusCodes.Status200OK, title, $"""
            <h1>{html.Encode(title)}</h1>
            <form method="post"{(url is null ? "" : $" action=\"{html.Encode(url)}\"")} data-continue>
            {inputs}
            <button>Continue</button>
            </form>
            <script src="/assets/continue.js" defer></script>
            """, "'self' http: https:");
    }
}
