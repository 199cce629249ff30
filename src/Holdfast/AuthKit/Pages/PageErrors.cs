using Holdfast.Http;

namespace Holdfast.AuthKit.Pages;

/// <summary>Every refusal of the hosted pages that ends where it is.</summary>
internal static class PageErrors
{
    /// <summary>The flow is not this browser's, or there is none: somebody kept the page's address, or followed somebody else's.</summary>
    public static ErrorPage NoFlow { get; } = new(StatusCodes.Status400BadRequest, "flow_not_found", "no_hosted_flow");

    /// <summary>A post that does not come from our page.</summary>
    public static ErrorPage Foreign { get; } = new(StatusCodes.Status403Forbidden, "cross_site_request", "cross_site");
}
