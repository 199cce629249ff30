using Holdfast.Http.Pages;

namespace Holdfast.Dev;

/// <summary>The page of <c>holdfast dev</c> that shows what all pages are made of.</summary>
internal static class Components
{
    private const string Path = "/dev/components";

    public static void MapComponents(this IEndpointRouteBuilder routes) => routes.MapGet(Path, (HttpContext http) => PageResult.Of<ComponentsPage>(
        PageContext.Of(http, Brand.None with { Accent = Accent.Read(http.Request.Query["accent"]) ?? Accent.Default }))).ExcludeFromDescription();
}
