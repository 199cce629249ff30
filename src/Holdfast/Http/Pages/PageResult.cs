using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;

namespace Holdfast.Http.Pages;

/// <summary>Answers with a page, and with what keeps it safe: no script but our own, no frame, nothing kept, nothing told to others.</summary>
/// <param name="component">A <see cref="PageComponent"/>.</param>
/// <param name="parameters">Of the component, besides its context.</param>
public sealed class PageResult(Type component, PageContext context, int status = StatusCodes.Status200OK, params IEnumerable<(string Name, object? Value)> parameters) : IResult
{
    private string _formAction = "'none'";
    private string _referrerPolicy = "no-referrer";

    /// <summary>Says where forms of the page may go, as a policy says it; without, they go nowhere.</summary>
    public PageResult WithFormAction(string sources)
    {
        _formAction = sources;
        return this;
    }

    /// <summary>The page's forms come back here, and lead on to an application or an identity provider from there.</summary>
    /// <remarks>Browsers hold the redirects after a post against the policy, too, and where they end is not ours to say. The page's own server is told its address:
    /// else the browser would not say whence a post comes.</remarks>
    /// <param name="tellsAddress">False where the address holds a secret.</param>
    public PageResult WithForms(bool isHttps, bool tellsAddress = true)
    {
        _referrerPolicy = tellsAddress ? "same-origin" : "no-referrer";
        return WithFormAction(isHttps ? "'self' https: http://127.0.0.1:* http://localhost:*" : "'self' http: https:");
    }

    public static PageResult Of<T>(PageContext context, int status = StatusCodes.Status200OK, params IEnumerable<(string Name, object? Value)> parameters) where T : PageComponent =>
        new(typeof(T), context, status, parameters);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var services = httpContext.RequestServices;
        var html = await RenderAsync(services);
        var (response, isHttps) = (httpContext.Response, services.GetRequiredService<PublicAddress>().IsHttps);
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action {_formAction}; base-uri 'none'; frame-ancestors 'none'";
        response.Headers["Referrer-Policy"] = _referrerPolicy;
        response.Headers.XFrameOptions = "DENY";
        response.Headers.CacheControl = "no-store";
        response.Headers.ContentLanguage = context.Texts.Language;
        if (isHttps)
        {
            response.Headers.StrictTransportSecurity = "max-age=63072000";
        }
        await response.WriteAsync(html, Encoding.UTF8, httpContext.RequestAborted);
    }

    private async Task<string> RenderAsync(IServiceProvider services)
    {
        await using var renderer = new HtmlRenderer(services, services.GetRequiredService<ILoggerFactory>());
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { [nameof(PageComponent.Page)] = context };
        foreach (var (name, value) in parameters)
        {
            values.TryAdd(name, value);   // what a page says itself comes before what all of them say
        }
        return await renderer.Dispatcher.InvokeAsync(async () => (await renderer.RenderComponentAsync(component, ParameterView.FromDictionary(values))).ToHtmlString());
    }
}
