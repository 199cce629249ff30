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
        services.AddSingleton<ForgotPassword>().AddSingleton<ForgotSent>().AddSingleton<ResetPassword>().AddSingleton<FollowInvitation>().AddSingleton<AcceptInvitation>();
    }

    public static void MapHostedPages(this IEndpointRouteBuilder routes)
    {
        routes.MapStep<AskAddress>(AskAddress.Path, Writes.Nothing);
        routes.MapStep<AskPassword>(AskPassword.Path, Writes.Fact);
        routes.MapStep<VerifyEmail>(VerifyEmail.Path, Writes.Fact);
        routes.MapStep<ChooseOrganization>(ChooseOrganization.Path, Writes.Fact);
        routes.MapStep<ForgotPassword>(ForgotPassword.Path, Writes.Fact);
        routes.MapStep<ForgotSent>(ForgotSent.Path, Writes.Nothing);
        routes.MapGet(ResetPassword.Path, (HttpContext http, ResetPassword reset) => reset.Show(http)).WithMetadata(PageRoute.Yes).ExcludeFromDescription();
        routes.MapPost(ResetPassword.Path, (HttpContext http, ResetPassword reset) => reset.TakeAsync(http)).WithMetadata(PageRoute.Yes, Writes.Fact).ExcludeFromDescription();
        routes.MapGet(FollowInvitation.Path, (HttpContext http, FollowInvitation follow) => follow.Handle(http)).WithMetadata(PageRoute.Yes).ExcludeFromDescription();
        routes.MapStep<AcceptInvitation>(AcceptInvitation.Path, Writes.Fact);
    }

    private static void MapStep<T>(this IEndpointRouteBuilder routes, string path, Writes writes) where T : Step
    {
        routes.MapGet(path, (HttpContext http, Visits visits, T step) => visits.ShowAsync(http, step)).WithMetadata(PageRoute.Yes).ExcludeFromDescription();
        routes.MapPost(path, (HttpContext http, Visits visits, T step) => visits.TakeAsync(http, step)).WithMetadata(PageRoute.Yes, writes).ExcludeFromDescription();
    }
}
