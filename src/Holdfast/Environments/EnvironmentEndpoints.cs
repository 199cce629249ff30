using Holdfast.Http;

namespace Holdfast.Environments;

/// <summary>What an environment is configured with: every service and route, one line each.</summary>
internal static class EnvironmentEndpoints
{
    public static void AddEnvironments(this IServiceCollection services)
    {
        services.AddSingleton<EnvironmentStore>().AddSingleton<OAuthClients>().AddSingleton<RedirectUriStore>().AddSingleton<JwtTemplates>().AddSingleton<Freshness>();
        services.AddSingleton<SigningKeys>().AddSingleton<ManageSigningKeys>().AddSingleton<KeepSigningKeys>().AddHostedService(s => s.GetRequiredService<KeepSigningKeys>());
    }

    public static void MapEnvironments(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/sso/jwks/{clientId}", ReadKeys).WithMetadata(UnderDomains.Yes).WithTags("JWKS").Produces<JwksBody>();

        var api = routes.MapGroup("/user_management/redirect_uris").WithTags("Redirect URIs").WithMetadata(ApiKeyRequired.Yes);
        api.MapGet("", RedirectUris.List).Produces<ListBody<RedirectUris.Body>>();
        api.MapPost("", RedirectUris.CreateAsync).Accepts<RedirectUris.Input>(JsonBody.AnyType).Produces<RedirectUris.Body>(201).WithMetadata(Writes.ToPrimary);
        api.MapDelete("/{id}", RedirectUris.DeleteAsync).Produces(204).WithMetadata(Writes.Deny);

        var origins = routes.MapGroup("/user_management/cors_origins").WithTags("CORS origins").WithMetadata(ApiKeyRequired.Yes);
        origins.MapGet("", CorsOrigins.List).Produces<ListBody<CorsOrigins.Body>>();
        origins.MapPost("", CorsOrigins.CreateAsync).Accepts<CorsOrigins.Input>(JsonBody.AnyType).Produces<CorsOrigins.Body>(201).WithMetadata(Writes.ToPrimary);
        origins.MapDelete("/{id}", CorsOrigins.DeleteAsync).Produces(204).WithMetadata(Writes.Deny);

        var template = routes.MapGroup("/user_management/jwt_template").WithTags("JWT template").WithMetadata(ApiKeyRequired.Yes);
        template.MapGet("", (HttpContext http, JwtTemplates templates) => templates.Get(http)).Produces<JwtTemplates.Body>();
        template.MapPut("", (HttpContext http, JwtTemplates templates) => templates.SetAsync(http))
            .Accepts<JwtTemplates.Input>(JsonBody.AnyType).Produces<JwtTemplates.Body>().WithMetadata(Writes.ToPrimary);

        var keys = routes.MapGroup("/signing_keys").WithTags("Signing keys").WithMetadata(ApiKeyRequired.Yes);
        keys.MapGet("", (HttpContext http, ManageSigningKeys manage) => manage.List(http)).Produces<ListBody<ManageSigningKeys.Body>>();
        keys.MapPost("/rotate", (HttpContext http, ManageSigningKeys manage) => manage.RotateAsync(http))
            .Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<ManageSigningKeys.Body>().WithMetadata(Writes.ToPrimary);
        keys.MapDelete("/{id}", (string id, HttpContext http, ManageSigningKeys manage) => manage.DeleteAsync(id, http)).Produces(204).WithMetadata(Writes.Deny);
    }

    /// <summary>The public halves of an environment's signing keys (RFC 7517 §5), the next one among them.</summary>
    private static ApiAnswer ReadKeys(string clientId, HttpContext http, EnvironmentStore environments, SigningKeys keys)
    {
        if (environments.FindByClient(clientId) is not { } environmentId || !ServedUnder.Allows(http, environmentId))
        {
            return ApiError.NotFound("Client", clientId);
        }
        http.Response.Headers.CacheControl = $"public, max-age={(int)SigningKeys.CachedFor.TotalSeconds}";
        http.Response.Headers.AccessControlAllowOrigin = "*";
        return ApiAnswer.Ok(new JwksBody(keys.Published(environmentId)));
    }

    /// <summary>A JSON Web Key Set.</summary>
    internal sealed record JwksBody(IReadOnlyList<SigningKey.Jwk> Keys);
}
