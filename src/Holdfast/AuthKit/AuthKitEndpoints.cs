using Holdfast.AuthKit.Pages;
using Holdfast.Http;

namespace Holdfast.AuthKit;

/// <summary>AuthKit: every service and every route, one line each. Start reading here.</summary>
internal static class AuthKitEndpoints
{
    public static void AddAuthKit(this IServiceCollection services)
    {
        services.AddSingleton<AuthKitOptions>().AddSingleton<AccessTokens>().AddSingleton<RefreshTokens>().AddSingleton<BeginSession>().AddSingleton<SessionAnswer>();
        services.AddSingleton<Authenticate>().AddSingleton<GrantByCode>().AddSingleton<GrantByPassword>().AddSingleton<GrantByEmailCode>().AddSingleton<GrantByMagicCode>().AddSingleton<GrantByRefreshToken>().AddSingleton<GrantByOrganization>();
        services.AddSingleton<ItemSecrets>().AddSingleton<MagicAuth>().AddSingleton<EmailVerifications>().AddSingleton<PasswordResets>().AddSingleton<Sessions>();
        services.AddHostedPages();
    }

    public static void MapAuthKit(this IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/user_management").WithTags("AuthKit");
        api.MapGet("/authorize", (HttpContext http, StartHosted start) => start.HandleAsync(http)).WithMetadata(Writes.Nothing).Produces(302);
        api.MapPost("/authenticate", (HttpContext http, Authenticate authenticate) => authenticate.HandleAsync(http)).WithMetadata(Writes.Fact).Produces<SessionAnswer.Body>();
        api.MapPost("/magic_auth", (HttpContext http, MagicAuth magic) => magic.CreateAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<MagicAuth.Input>(JsonBody.AnyType).Produces<MagicAuth.Body>(201).WithMetadata(Writes.Fact);
        api.MapGet("/magic_auth/{id}", (string id, HttpContext http, MagicAuth magic) => magic.Get(id, http)).WithMetadata(ApiKeyRequired.Yes).Produces<MagicAuth.Body>();
        api.MapGet("/email_verification/{id}", (string id, HttpContext http, EmailVerifications verifications) => verifications.Get(id, http)).WithMetadata(ApiKeyRequired.Yes).Produces<EmailVerifications.Body>();
        api.MapPost("/password_reset", (HttpContext http, PasswordResets resets) => resets.CreateAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<PasswordResets.CreateInput>(JsonBody.AnyType).Produces<PasswordResets.Body>(201).WithMetadata(Writes.Fact);
        api.MapGet("/password_reset/{id}", (string id, HttpContext http, PasswordResets resets) => resets.Get(id, http)).WithMetadata(ApiKeyRequired.Yes).Produces<PasswordResets.Body>();
        api.MapPost("/password_reset/confirm", (HttpContext http, PasswordResets resets) => resets.ConfirmAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<PasswordResets.ConfirmInput>(JsonBody.AnyType).Produces<PasswordResets.ConfirmedBody>().WithMetadata(Writes.Fact);
        api.MapGet("/users/{id}/sessions", (string id, HttpContext http, Sessions sessions) => sessions.List(id, http)).WithMetadata(ApiKeyRequired.Yes).Produces<ListBody<Sessions.Body>>();
        api.MapPost("/sessions/revoke", (HttpContext http, Sessions sessions) => sessions.RevokeAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<Sessions.RevokeInput>(JsonBody.AnyType).Produces(200).WithMetadata(Writes.Deny);
        api.MapGet("/sessions/logout", (HttpContext http, Sessions sessions) => sessions.SignOutAsync(http)).WithMetadata(Writes.Deny).Produces(302);
        routes.MapHostedPages();
    }
}
