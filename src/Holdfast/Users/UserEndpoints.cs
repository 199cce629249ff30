using Holdfast.Http;

namespace Holdfast.Users;

/// <summary>People: every service and route, one line each. Start reading here.</summary>
internal static class UserEndpoints
{
    public static void AddUsers(this IServiceCollection services) => services.AddSingleton<Acts>().AddSingleton<PasswordHasher>();

    public static void MapUsers(this IEndpointRouteBuilder routes)
    {
        var users = routes.MapGroup("/user_management/users").WithTags("Users").WithMetadata(ApiKeyRequired.Yes);
        users.MapGet("", ReadUsers.List).Produces<ListBody<UserBody>>();
        users.MapPost("", CreateUser.HandleAsync).Accepts<UserInput>(JsonBody.AnyType).Produces<UserBody>(201).WithMetadata(Writes.ToPrimary);
        users.MapGet("/external_id/{externalId}", ReadUsers.GetByExternalId).Produces<UserBody>();
        users.MapGet("/{id}", ReadUsers.Get).Produces<UserBody>();
        users.MapPut("/{id}", UpdateUser.HandleAsync).Accepts<UserInput>(JsonBody.AnyType).Produces<UserBody>().WithMetadata(Writes.ToPrimary);
        users.MapDelete("/{id}", DeleteUser.HandleAsync).Produces(200).WithMetadata(Writes.Deny);
        users.MapGet("/{id}/identities", ReadUsers.ListIdentities).Produces<IReadOnlyList<ReadUsers.IdentityBody>>();
    }
}
