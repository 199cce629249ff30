using Holdfast.Http;
using Holdfast.Http.Pages;

namespace Holdfast.AuthKit.Pages;

/// <summary>The hosted pages: every page and what it stands on, one line each. Start reading here.</summary>
internal static class HostedEndpoints
{
    public static void AddHostedPages(this IServiceCollection services)
    {
        services.AddSingleton<HostedFlowCookie>().AddSingleton<Branding>().AddSingleton<ManageBranding>().AddSingleton<Visits>().AddSingleton<ToApplication>().AddSingleton<StartHosted>();
        services.AddSingleton<HomeRealm>().AddSingleton<GoToProvider>().AddSingleton<AskAddress>().AddSingleton<AskPassword>().AddSingleton<AskCode>().AddSingleton<VerifyEmail>().AddSingleton<ChooseOrganization>().AddSingleton<ContinueFromProvider>();
        services.AddSingleton<AskNewAddress>().AddSingleton<AskDetails>().AddSingleton<VerifySignUp>();
        services.AddSingleton<ShowFactor>().AddSingleton<ShowRecoveryCode>().AddSingleton<EnrollFactor>().AddSingleton<ReadRecoveryCodes>().AddSingleton<AddPasskey>().AddSingleton<SignInByPasskey>();
        services.AddSingleton<ForgotPassword>().AddSingleton<ForgotSent>().AddSingleton<ResetPassword>().AddSingleton<FollowInvitation>().AddSingleton<AcceptInvitation>();
        services.AddSingleton<FollowSwitch>().AddSingleton<SwitchOrganization>().AddSingleton<AskDeviceCode>().AddSingleton<ConfirmDevice>();
    }

    public static void MapHostedPages(this IEndpointRouteBuilder routes)
    {
        routes.MapStep<AskAddress>(AskAddress.Path, Writes.Nothing);
        routes.MapStep<AskPassword>(AskPassword.Path, Writes.Fact);
        routes.MapStep<AskCode>(AskCode.Path, Writes.Fact);
        routes.MapStep<VerifyEmail>(VerifyEmail.Path, Writes.Fact);
        routes.MapStep<ChooseOrganization>(ChooseOrganization.Path, Writes.Fact);
        routes.MapGet(GoToProvider.Path, (HttpContext http, GoToProvider go) => go.HandleAsync(http)).WithMetadata(PageRoute.Yes, Writes.Nothing).ExcludeFromDescription();
        routes.MapGet(ContinueFromProvider.Path, (HttpContext http, Visits visits, ContinueFromProvider step) => step.Onward(http) is { } onward ? Task.FromResult(onward) : visits.ContinueAsync(http, step))
            .WithMetadata(PageRoute.Yes, UnderDomains.Yes, Writes.Fact).ExcludeFromDescription();
        routes.MapStep<AskNewAddress>(AskNewAddress.Path, Writes.Nothing);
        routes.MapStep<AskDetails>(AskDetails.Path, Writes.Fact);
        routes.MapStep<VerifySignUp>(VerifySignUp.Path, Writes.Fact);
        routes.MapStep<ShowFactor>(ShowFactor.Path, Writes.Fact);
        routes.MapStep<ShowRecoveryCode>(ShowRecoveryCode.Path, Writes.Fact);
        routes.MapStep<EnrollFactor>(EnrollFactor.Path, Writes.Fact);
        routes.MapStep<ReadRecoveryCodes>(ReadRecoveryCodes.Path, Writes.Fact);
        routes.MapStep<AddPasskey>(AddPasskey.Path, Writes.Fact);
        routes.MapStep<SignInByPasskey>(SignInByPasskey.Path, Writes.Fact);
        routes.MapGet(SignInByPasskey.QuestionPath, (HttpContext http, SignInByPasskey step) => step.AskAsync(http)).WithMetadata(PageRoute.Yes, UnderDomains.Yes).ExcludeFromDescription();
        routes.MapGet(AddPasskey.QuestionPath, (HttpContext http, AddPasskey step) => step.AskAsync(http)).WithMetadata(PageRoute.Yes, UnderDomains.Yes).ExcludeFromDescription();
        routes.MapStep<ForgotPassword>(ForgotPassword.Path, Writes.Fact);
        routes.MapStep<ForgotSent>(ForgotSent.Path, Writes.Nothing);
        routes.MapGet(ResetPassword.Path, (HttpContext http, ResetPassword reset) => reset.Show(http)).WithMetadata(PageRoute.Yes, UnderDomains.Yes).ExcludeFromDescription();
        routes.MapPost(ResetPassword.Path, (HttpContext http, ResetPassword reset) => reset.TakeAsync(http)).WithMetadata(PageRoute.Yes, UnderDomains.Yes, Writes.Fact, new MostBytes(ResetPassword.MostFormBytes)).ExcludeFromDescription();
        routes.MapGet(FollowInvitation.Path, (HttpContext http, FollowInvitation follow) => follow.HandleAsync(http)).WithMetadata(PageRoute.Yes, UnderDomains.Yes).ExcludeFromDescription();
        routes.MapStep<AcceptInvitation>(AcceptInvitation.Path, Writes.Fact);
        routes.MapGet(FollowSwitch.Path, (HttpContext http, FollowSwitch follow) => follow.Handle(http)).WithMetadata(PageRoute.Yes, UnderDomains.Yes).ExcludeFromDescription();
        routes.MapStep<SwitchOrganization>(SwitchOrganization.Path, Writes.Nothing);
        routes.MapStep<ConfirmDevice>(ConfirmDevice.Path, Writes.Fact);
        routes.MapGet(AskDeviceCode.Path, (HttpContext http, AskDeviceCode device) => device.Show(http)).WithMetadata(PageRoute.Yes, UnderDomains.Yes).ExcludeFromDescription();
        routes.MapPost(AskDeviceCode.Path, (HttpContext http, AskDeviceCode device) => device.TakeAsync(http)).WithMetadata(PageRoute.Yes, UnderDomains.Yes, Writes.Nothing, new MostBytes(AskDeviceCode.MostFormBytes)).ExcludeFromDescription();
        MapBranding(routes);
    }

    private static void MapBranding(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("").WithTags("Branding").WithMetadata(ApiKeyRequired.Yes);
        api.MapGet("/branding", (HttpContext http, ManageBranding manage) => manage.Get(http)).Produces<ManageBranding.Body>();
        api.MapPut("/branding", (HttpContext http, ManageBranding manage) => manage.UpdateAsync(http))
            .Accepts<ManageBranding.Input>(JsonBody.AnyType).Produces<ManageBranding.Body>().WithMetadata(Writes.ToPrimary);
        api.MapGet("/organizations/{id}/branding", (string id, HttpContext http, ManageBranding manage) => manage.Get(http, id)).Produces<ManageBranding.Body>();
        api.MapPut("/organizations/{id}/branding", (string id, HttpContext http, ManageBranding manage) => manage.UpdateAsync(http, id))
            .Accepts<ManageBranding.Input>(JsonBody.AnyType).Produces<ManageBranding.Body>().WithMetadata(Writes.ToPrimary);
        routes.MapGet($"{Branding.LogoPath}/{{id}}", (string id, HttpContext http, ManageBranding manage) => manage.SendLogo(id, http)).WithMetadata(PageRoute.Yes, UnderDomains.Yes).ExcludeFromDescription();
    }

    private static void MapStep<T>(this IEndpointRouteBuilder routes, string path, Writes writes) where T : Step
    {
        routes.MapGet(path, (HttpContext http, Visits visits, T step) => visits.ShowAsync(http, step)).WithMetadata(PageRoute.Yes, UnderDomains.Yes).ExcludeFromDescription();
        routes.MapPost(path, (HttpContext http, Visits visits, T step) => visits.TakeAsync(http, step)).WithMetadata(PageRoute.Yes, UnderDomains.Yes, writes, new MostBytes(Visits.MostFormBytes)).ExcludeFromDescription();
    }
}
