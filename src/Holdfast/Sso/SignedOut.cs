using Holdfast.Http.Pages;

namespace Holdfast.Sso;

/// <summary>The page at the end of a sign-out.</summary>
internal sealed class SignedOut : IResult
{
    public static SignedOut Everywhere { get; } = new("signed_out.everywhere");

    /// <summary>The identity provider says that it did not end everything.</summary>
    public static SignedOut HereOnly { get; } = new("signed_out.here_only");

    private readonly string _says;

    private SignedOut(string says) => _says = says;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var context = PageContext.Of(httpContext);
        return PageResult.Of<MessagePage>(context, StatusCodes.Status200OK,
            (nameof(MessagePage.Heading), context.Texts[_says]), (nameof(MessagePage.Advice), context.Texts[_says + "_advice"])).ExecuteAsync(httpContext);
    }
}
