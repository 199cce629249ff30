using Holdfast.Http.Pages;
using Holdfast.Protocols.Saml;

namespace Holdfast.Sso;

/// <summary>A page whose form goes on by itself, or at a press of its button where scripts are off (SAML 2.0 Bindings §3.5.4).</summary>
/// <param name="says">What is going on, for the person who sees it for a moment: names a text of <c>post_on</c>.</param>
/// <param name="url">Where to; null for the address that the browser is at.</param>
internal sealed class PostOn(string says, string? url, IEnumerable<KeyValuePair<string, string>> fields) : IResult
{
    public const string SigningIn = "post_on.signing_in";
    public const string SigningOut = "post_on.signing_out";

    public static PostOn Of(string says, SamlPost post) => new(says, post.Url, post.Fields);

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var context = PageContext.Of(httpContext);
        var page = PageResult.Of<PostOnPage>(context, StatusCodes.Status200OK,
            (nameof(PostOnPage.Heading), context.Texts[says]), (nameof(PostOnPage.Action), url), (nameof(PostOnPage.Fields), fields));
        // Where the form goes on to from there is for that side to say, and browsers hold its redirects against this page's policy too.
        return page.WithFormAction("'self' http: https:").ExecuteAsync(httpContext);
    }
}
