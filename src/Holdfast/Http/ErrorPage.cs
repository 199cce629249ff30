using System.Text.Encodings.Web;

namespace Holdfast.Http;

/// <summary>An honest page for a person whose request cannot go on: what happened, what to do, and a reference. For a program the same as JSON.</summary>
/// <param name="heading">What happened, in one plain sentence.</param>
/// <param name="advice">What to do now.</param>
/// <param name="code">For programs.</param>
/// <param name="reference">What support can look up; null for the request's id.</param>
public sealed class ErrorPage(int status, string code, string heading, string advice, string? reference = null) : IResult
{
    public int Status { get; } = status;

    public string Code { get; } = code;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var id = reference ?? httpContext.TraceIdentifier;
        if (!httpContext.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            await new ApiAnswer(Status, new { code = Code, message = $"{heading} {advice}", reference = id }).ExecuteAsync(httpContext);
            return;
        }
        var html = HtmlEncoder.Default;
        await Pages.WriteAsync(httpContext, Status, heading, $"""
            <h1>{html.Encode(heading)}</h1>
            <p>{html.Encode(advice)}</p>
            <p class="reference">Reference <code>{html.Encode(id)}</code></p>
            """);
    }
}
