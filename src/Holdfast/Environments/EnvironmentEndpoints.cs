using System.Text.Json;
using Holdfast.Http;
using Holdfast.Storage;

namespace Holdfast.Environments;

/// <summary>What an environment is configured with: every service and route, one line each.</summary>
internal static class EnvironmentEndpoints
{
    public static void AddEnvironments(this IServiceCollection services) => services.AddSingleton<EnvironmentStore>().AddSingleton<OAuthClients>().AddSingleton<RedirectUriStore>();

    public static void MapEnvironments(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/sso/jwks/{clientId}", ReadKeys).WithTags("JWKS").Produces<JwksBody>();

        var api = routes.MapGroup("/user_management/redirect_uris").WithTags("Redirect URIs").WithMetadata(ApiKeyRequired.Yes);
        api.MapGet("", RedirectUris.List).Produces<ListBody<RedirectUris.Body>>();
        api.MapPost("", RedirectUris.CreateAsync).Accepts<RedirectUris.Input>(JsonBody.AnyType).Produces<RedirectUris.Body>(201).WithMetadata(Writes.ToPrimary);
        api.MapDelete("/{id}", RedirectUris.DeleteAsync).Produces(204).WithMetadata(Writes.Deny);
    }

    /// <summary>The public halves of an environment's signing keys (RFC 7517 §5), the next one among them.</summary>
    private static ApiAnswer ReadKeys(string clientId, HttpContext http, EnvironmentStore environments, Database database)
    {
        if (environments.FindByClient(clientId) is not { } environmentId)
        {
            return ApiError.NotFound("Client", clientId);
        }
        var keys = database.Read(view => view.Query<string>(
            $"SELECT public_jwk FROM signing_keys WHERE environment_id = @environmentId AND {Denied.Not("signing_keys.id")} ORDER BY created_at, id", new { environmentId }));
        http.Response.Headers.CacheControl = "public, max-age=300";
        http.Response.Headers.AccessControlAllowOrigin = "*";
        return ApiAnswer.Ok(new JwksBody([.. keys.Select(k => JsonSerializer.Deserialize<SigningKey.Jwk>(k, JavaScriptJson.Options)!)]));
    }

    /// <summary>A JSON Web Key Set.</summary>
    internal sealed record JwksBody(IReadOnlyList<SigningKey.Jwk> Keys);
}
