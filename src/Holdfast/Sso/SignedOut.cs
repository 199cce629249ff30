using Holdfast.Http;

namespace Holdfast.Sso;

/// <summary>The page at the end of a sign-out.</summary>
internal sealed class SignedOut : IResult
{
    public static SignedOut Everywhere { get; } = new("You are signed out.", "You can close this page.");

    /// <summary>The identity provider says that it did not end everything.</summary>
    public static SignedOut HereOnly { get; } = new(
        "You are signed out here, but perhaps not everywhere.", "Your identity provider could not end all of your sessions. On a computer that others use, close the browser.");

    private readonly string _heading;
    private readonly string _advice;

    private SignedOut(string heading, string advice) => (_heading, _advice) = (heading, advice);

    public Task ExecuteAsync(HttpContext httpContext) =>
        Pages.WriteAsync(httpContext, StatusCodes.Status200OK, _heading, $"<h1>{_heading}</h1>\n<p>{_advice}</p>");
}
