using Holdfast.Http;
using Holdfast.Http.Pages;

namespace Holdfast.AuthKit.Pages;

/// <summary>The hosted pages: every page and what it stands on, one line each. Start reading here.</summary>
internal static class HostedEndpoints
{
    public static void AddHostedPages(this IServiceCollection services)
    {
        services.AddSingleton<HostedFlowCookie>().AddSingleton<Branding>().AddSingleton<Visits>().AddSingleton<ToApplication>().AddSingleton<StartHosted>();
        services.AddSingleton<AskAddress>().AddSingleton<AskPassword>().AddSingleton<VerifyEmail>().AddSingleton<ChooseOrganization>();
    }

    public static void MapHostedPages(this IEndpointRouteBuilder routes)
    {
        routes.MapStep<AskAddress>(AskAddress.Path, Writes.Nothing);
        routes.MapStep<AskPassword>(AskPassword.Path, Writes.Fact);
        routes.MapStep<VerifyEmail>(VerifyEmail.Path, Writes.Fact);
        routes.MapStep<ChooseOrganization>(ChooseOrganization.Path, Writes.Fact);
    }

    private static void MapStep<T>(this IEndpointRouteBuilder routes, string path, Writes writes) where T : Step
    {
        routes.MapGet(path, (HttpContext http, Visits visits, T step) => visits.ShowAsync(http, step)).WithMetadata(PageRoute.Yes).ExcludeFromDescription();
        routes.MapPost(path, (HttpContext http, Visits visits, T step) => visits.TakeAsync(http, step)).WithMetadata(PageRoute.Yes, writes).ExcludeFromDescription();
    }
}
