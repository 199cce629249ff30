using Holdfast.AuthKit.Pages;
using Holdfast.Http;

namespace Holdfast.AuthKit;

/// <summary>AuthKit: every service and every route, one line each. Start reading here.</summary>
internal static class AuthKitEndpoints
{
    public static void AddAuthKit(this IServiceCollection services)
    {
        services.AddSingleton<AuthKitOptions>().AddSingleton<AccessTokens>().AddSingleton<RefreshTokens>().AddSingleton<BeginSession>().AddSingleton<SessionAnswer>();
        services.AddSingleton<Authenticate>().AddSingleton<GrantByCode>().AddSingleton<GrantByPassword>().AddSingleton<GrantByEmailCode>().AddSingleton<GrantByMagicCode>().AddSingleton<GrantByRefreshToken>().AddSingleton<GrantByOrganization>().AddSingleton<GrantByFactor>().AddSingleton<Passkeys>();
        services.AddSingleton<DeviceCodes>().AddSingleton<GrantByDeviceCode>().AddSingleton<Impersonations>().AddSingleton<GrantByImpersonation>().AddSingleton<EmailChanges>().AddSingleton<OrganizationSwitches>();
        services.AddSingleton<Actions>().AddSingleton<ManageActions>().AddSingleton<ManageSignInSettings>().AddSingleton<CrossOrigin>().AddSingleton<SessionCookies>();
        services.AddSingleton<MagicAuth>().AddSingleton<EmailVerifications>().AddSingleton<PasswordResets>().AddSingleton<Sessions>();
        services.AddHostedPages();
    }

    public static void MapAuthKit(this IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/user_management").WithTags("AuthKit");
        api.MapGet("/authorize", (HttpContext http, StartHosted start) => start.HandleAsync(http)).WithMetadata(Writes.Nothing, UnderDomains.Yes).Produces(302);
        api.MapPost("/authenticate", (HttpContext http, Authenticate authenticate) => authenticate.HandleAsync(http)).WithMetadata(Writes.Fact, UnderDomains.Yes, OAuthParameters.Most).Produces<SessionAnswer.Body>();
        api.MapMethods("/authenticate", [HttpMethods.Options], (HttpContext http, CrossOrigin crossOrigin) => crossOrigin.Preflight(http)).WithMetadata(Writes.Nothing, UnderDomains.Yes).Produces(204);
        api.MapPost("/authorize/device", (HttpContext http, DeviceCodes devices) => devices.BeginAsync(http)).WithMetadata(Writes.Nothing, UnderDomains.Yes, OAuthParameters.Most).Produces<DeviceCodes.Body>();
        api.MapPost("/magic_auth", (HttpContext http, MagicAuth magic) => magic.CreateAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<MagicAuth.Input>(JsonBody.AnyType).Produces<MagicAuth.Body>(201).WithMetadata(Writes.Fact);
        api.MapGet("/magic_auth/{id}", (string id, HttpContext http, MagicAuth magic) => magic.Get(id, http)).WithMetadata(ApiKeyRequired.Yes).Produces<MagicAuth.Body>();
        api.MapGet("/email_verification/{id}", (string id, HttpContext http, EmailVerifications verifications) => verifications.Get(id, http)).WithMetadata(ApiKeyRequired.Yes).Produces<EmailVerifications.Body>();
        api.MapPost("/password_reset", (HttpContext http, PasswordResets resets) => resets.CreateAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<PasswordResets.CreateInput>(JsonBody.AnyType).Produces<PasswordResets.Body>(201).WithMetadata(Writes.Fact);
        api.MapGet("/password_reset/{id}", (string id, HttpContext http, PasswordResets resets) => resets.Get(id, http)).WithMetadata(ApiKeyRequired.Yes).Produces<PasswordResets.Body>();
        api.MapPost("/password_reset/confirm", (HttpContext http, PasswordResets resets) => resets.ConfirmAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<PasswordResets.ConfirmInput>(JsonBody.AnyType).Produces<PasswordResets.ConfirmedBody>().WithMetadata(Writes.Fact);
        api.MapPost("/users/{id}/email_verification/send", (string id, HttpContext http, EmailVerifications verifications) => verifications.SendAsync(id, http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<EmailVerifications.UserAnswer>().WithMetadata(Writes.Fact);
        api.MapPost("/users/{id}/email_verification/confirm", (string id, HttpContext http, EmailVerifications verifications) => verifications.ConfirmAsync(id, http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<EmailVerifications.ConfirmInput>(JsonBody.AnyType).Produces<EmailVerifications.UserAnswer>().WithMetadata(Writes.Fact);
        api.MapPost("/users/{id}/email_change/send", (string id, HttpContext http, EmailChanges changes) => changes.SendAsync(id, http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<EmailChanges.SendInput>(JsonBody.AnyType).Produces<EmailChanges.Body>().WithMetadata(Writes.Fact);
        api.MapPost("/users/{id}/email_change/confirm", (string id, HttpContext http, EmailChanges changes) => changes.ConfirmAsync(id, http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<EmailChanges.ConfirmInput>(JsonBody.AnyType).Produces<EmailChanges.ConfirmedBody>().WithMetadata(Writes.ToPrimary);
        api.MapPost("/users/{id}/impersonations", (string id, HttpContext http, Impersonations impersonations) => impersonations.CreateAsync(id, http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<Impersonations.Input>(JsonBody.AnyType).Produces<Impersonations.Body>(201).WithMetadata(Writes.Fact);
        api.MapPost("/radar_challenges", RadarChallenges.SendAsync).WithMetadata(ApiKeyRequired.Yes).Accepts<RadarChallenges.Input>(JsonBody.AnyType).Produces(201).WithMetadata(Writes.Nothing);
        api.MapGet("/radar_challenges/{id}", (string id) => RadarChallenges.Get(id)).WithMetadata(ApiKeyRequired.Yes);
        api.MapGet("/users/{id}/sessions", (string id, HttpContext http, Sessions sessions) => sessions.List(id, http)).WithMetadata(ApiKeyRequired.Yes).Produces<ListBody<SessionBody>>();
        api.MapPost("/sessions/revoke", (HttpContext http, Sessions sessions) => sessions.RevokeAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<Sessions.RevokeInput>(JsonBody.AnyType).Produces(200).WithMetadata(Writes.Deny);
        api.MapPost("/organization_switches", (HttpContext http, OrganizationSwitches switches) => switches.CreateAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<OrganizationSwitches.Input>(JsonBody.AnyType).Produces<OrganizationSwitches.Body>(201).WithMetadata(Writes.Nothing);
        api.MapGet("/sessions/logout", (HttpContext http, Sessions sessions) => sessions.SignOutAsync(http)).WithMetadata(Writes.Deny, UnderDomains.Yes).Produces(302);
        routes.MapHostedPages();

        var actions = routes.MapGroup("/actions").WithTags("Actions").WithMetadata(ApiKeyRequired.Yes);
        actions.MapGet("", (HttpContext http, ManageActions manage) => manage.List(http)).Produces<ListBody<ManageActions.Body>>();
        actions.MapPost("", (HttpContext http, ManageActions manage) => manage.CreateAsync(http))
            .Accepts<ManageActions.Input>(JsonBody.AnyType).Produces<ManageActions.Body>(201).WithMetadata(Writes.ToPrimary);
        actions.MapPut("/{id}", (string id, HttpContext http, ManageActions manage) => manage.UpdateAsync(id, http))
            .Accepts<ManageActions.Input>(JsonBody.AnyType).Produces<ManageActions.Body>().WithMetadata(Writes.ToPrimary);
        actions.MapDelete("/{id}", (string id, HttpContext http, ManageActions manage) => manage.DeleteAsync(id, http)).Produces(204).WithMetadata(Writes.Deny);

        var settings = routes.MapGroup("/sign_in_settings").WithTags("Sign-in settings").WithMetadata(ApiKeyRequired.Yes);
        settings.MapGet("", (HttpContext http, ManageSignInSettings manage) => manage.Get(http, null)).Produces<ManageSignInSettings.Body>();
        settings.MapPut("", (HttpContext http, ManageSignInSettings manage) => manage.SetAsync(http, null))
            .Accepts<ManageSignInSettings.Input>(JsonBody.AnyType).Produces<ManageSignInSettings.Body>().WithMetadata(Writes.ToPrimary);
        var ofOrganization = routes.MapGroup("/organizations/{id}/sign_in_settings").WithTags("Sign-in settings").WithMetadata(ApiKeyRequired.Yes);
        ofOrganization.MapGet("", (string id, HttpContext http, ManageSignInSettings manage) => manage.Get(http, id)).Produces<ManageSignInSettings.Body>();
        ofOrganization.MapPut("", (string id, HttpContext http, ManageSignInSettings manage) => manage.SetAsync(http, id))
            .Accepts<ManageSignInSettings.Input>(JsonBody.AnyType).Produces<ManageSignInSettings.Body>().WithMetadata(Writes.ToPrimary);
    }
}
