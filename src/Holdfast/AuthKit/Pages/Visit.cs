using Holdfast.Http.Pages;
using Holdfast.Peers;
using Microsoft.Extensions.Primitives;

namespace Holdfast.AuthKit.Pages;

/// <summary>A browser at one page of its flow.</summary>
internal sealed class Visit(HttpContext http, HostedFlow flow, IReadOnlyDictionary<string, StringValues> form, PageContext context, HostedFlowCookie cookie, bool isHttps)
{
    public HttpContext Http { get; } = http;

    public HostedFlow Flow { get; } = flow;

    public Texts Texts => context.Texts;

    /// <summary>Where they sign in from, and what the environment's actions have said of them in this request. Of a request that another node sent on, the place is not known.</summary>
    public SignInOrigin Origin { get; } = SignInOrigin.Of(ForwardedRequest.Of(http) is null ? http.Connection.RemoteIpAddress?.ToString() : null, http.Request.Headers.UserAgent);

    /// <summary>A field that was posted; null when it is empty, or was sent twice.</summary>
    public string? this[string name] => form.TryGetValue(name, out var values) && values is [{ Length: > 0 } value] ? value : null;

    /// <summary>A page. Its forms lead back here.</summary>
    public IResult Page<T>(params IEnumerable<(string Name, object? Value)> parameters) where T : HostedPage => Page<T>(StatusCodes.Status200OK, null, parameters);

    /// <summary>The page again, with what is wrong beside its field. What was typed stays, but for passwords and codes.</summary>
    public IResult Again<T>(Fault fault, params IEnumerable<(string Name, object? Value)> parameters) where T : HostedPage
    {
        if (fault.RetryAfter is { } seconds)
        {
            Http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        return Page<T>(fault.RetryAfter is null ? StatusCodes.Status422UnprocessableEntity : StatusCodes.Status429TooManyRequests, fault, parameters);
    }

    /// <summary>The page again, because what was answered could not be taken now: it may be sent once more.</summary>
    public IResult Away<T>(Fault fault, params IEnumerable<(string Name, object? Value)> parameters) where T : HostedPage
    {
        Http.Response.Headers.RetryAfter = "1";
        return Page<T>(StatusCodes.Status503ServiceUnavailable, fault, parameters);
    }

    /// <summary>Goes on to another page, with the flow as it is now.</summary>
    public IResult GoOn(string path, HostedFlow next)
    {
        cookie.Write(Http, next);
        return new SeeOther(AddressOf(path, next.Id));
    }

    /// <summary>A page that says how it ended.</summary>
    /// <param name="heading">Names a text, as <paramref name="advice"/> does.</param>
    public IResult Message(string heading, string advice) => PageResult.Of<MessagePage>(context, StatusCodes.Status200OK,
        (nameof(MessagePage.Heading), Texts[heading]), (nameof(MessagePage.Advice), Texts[advice]));

    /// <summary>A page for somebody whom the application does not want to sign in.</summary>
    /// <param name="why">In the application's words.</param>
    public IResult Refused(string why) => PageResult.Of<MessagePage>(context, StatusCodes.Status403Forbidden,
        (nameof(MessagePage.Heading), Texts["fault.not_admitted"]), (nameof(MessagePage.Advice), why), (nameof(MessagePage.IsFault), true));

    public static string AddressOf(string path, string flowId) => $"{path}?flow={Uri.EscapeDataString(flowId)}";

    private PageResult Page<T>(int status, Fault? fault, IEnumerable<(string Name, object? Value)> parameters) where T : HostedPage => PageResult.Of<T>(context, status,
        [(nameof(HostedPage.Form), new FormSeal(Flow.Id, Flow.FormToken)), (nameof(HostedPage.Fault), fault), (nameof(HostedPage.Address), Flow.Address), (nameof(HostedPage.Notice), Flow.Notice), .. parameters])
        .WithForms(isHttps);
}

/// <summary>What is wrong with an answer, in the page's language.</summary>
/// <param name="Field">Beside which it stands.</param>
/// <param name="RetryAfter">Seconds, when it was tried too often.</param>
public sealed record Fault(string Field, string Text, int? RetryAfter = null);

/// <summary>What stands in each form of a flow.</summary>
public sealed record FormSeal(string FlowId, string Token);

/// <summary>On to another page by GET, after a post (RFC 9110 §15.4.4; for credentials RFC 9700 §4.12).</summary>
internal sealed class SeeOther(string url) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status303SeeOther;
        httpContext.Response.Headers.Location = url;
        httpContext.Response.Headers["Referrer-Policy"] = "no-referrer";
        httpContext.Response.Headers.CacheControl = "no-store";
        return Task.CompletedTask;
    }
}
