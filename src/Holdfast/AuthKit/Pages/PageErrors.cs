using Holdfast.Http;

namespace Holdfast.AuthKit.Pages;

/// <summary>Every refusal of the hosted pages that ends where it is.</summary>
internal static class PageErrors
{
    /// <summary>The flow is not this browser's, or there is none: somebody kept the page's address, or followed somebody else's.</summary>
    public static ErrorPage NoFlow { get; } = new(StatusCodes.Status400BadRequest, "flow_not_found", "no_hosted_flow");

    /// <summary>A link to another password that is over, was used, or is none.</summary>
    public static ErrorPage NoReset { get; } = new(StatusCodes.Status404NotFound, "reset_not_found", "no_reset");

    /// <summary>An invitation that is over, was revoked, or is none.</summary>
    public static ErrorPage NoInvitation { get; } = new(StatusCodes.Status404NotFound, "invitation_not_found", "no_invitation");

    /// <summary>A link to switch organizations that is over, or is none.</summary>
    public static ErrorPage NoSwitch { get; } = new(StatusCodes.Status404NotFound, "organization_switch_not_found", "no_switch");

    /// <summary>The environment has registered no address that a sign-in could end at.</summary>
    public static ErrorPage NoApplication { get; } = new(StatusCodes.Status400BadRequest, "no_redirect_uri", "bad_start") { Advises = "bad_start_no_redirect" };

    /// <summary>A post that does not come from our page.</summary>
    public static ErrorPage Foreign { get; } = new(StatusCodes.Status403Forbidden, "cross_site_request", "cross_site");
}
