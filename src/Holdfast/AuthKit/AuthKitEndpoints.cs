using Holdfast.Http;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>AuthKit: every service and every route, one line each. Start reading here.</summary>
internal static class AuthKitEndpoints
{
    public static void AddAuthKit(this IServiceCollection services)
    {
        services.AddSingleton<AuthKitOptions>().AddSingleton<Acts>().AddSingleton<AccessTokens>().AddSingleton<RefreshTokens>().AddSingleton<BeginSession>().AddSingleton<SessionAnswer>();
        services.AddSingleton<Authenticate>().AddSingleton<GrantByCode>().AddSingleton<GrantByMagicCode>().AddSingleton<GrantByRefreshToken>().AddSingleton<GrantByOrganization>();
        services.AddSingleton<MagicAuth>().AddSingleton<Sessions>();
    }

    public static void MapAuthKit(this IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/user_management").WithTags("AuthKit");
        api.MapPost("/authenticate", (HttpContext http, Authenticate authenticate) => authenticate.HandleAsync(http)).WithMetadata(Writes.Fact).Produces<SessionAnswer.Body>();
        api.MapPost("/magic_auth", (HttpContext http, MagicAuth magic) => magic.CreateAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<MagicAuth.Input>(JsonBody.AnyType).Produces<MagicAuth.Body>(201).WithMetadata(Writes.Fact);
        api.MapGet("/magic_auth/{id}", (string id, HttpContext http, MagicAuth magic) => magic.Get(id, http)).WithMetadata(ApiKeyRequired.Yes).Produces<MagicAuth.Body>();
        api.MapGet("/users/{id}/sessions", (string id, HttpContext http, Sessions sessions) => sessions.List(id, http)).WithMetadata(ApiKeyRequired.Yes).Produces<ListBody<Sessions.Body>>();
        api.MapPost("/sessions/revoke", (HttpContext http, Sessions sessions) => sessions.RevokeAsync(http)).WithMetadata(ApiKeyRequired.Yes)
            .Accepts<Sessions.RevokeInput>(JsonBody.AnyType).Produces(200).WithMetadata(Writes.Deny);
        api.MapGet("/sessions/logout", (HttpContext http, Sessions sessions) => sessions.SignOutAsync(http)).WithMetadata(Writes.Deny).Produces(302);
    }
}
