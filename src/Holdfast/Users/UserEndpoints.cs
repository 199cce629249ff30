using Holdfast.Http;

namespace Holdfast.Users;

/// <summary>People: every service and route, one line each. Start reading here.</summary>
internal static class UserEndpoints
{
    /// <param name="breached">Passwords that are known to thieves; null for none.</param>
    public static void AddUsers(this IServiceCollection services, BreachedPasswords? breached, MetClaims met)
    {
        services.AddSingleton(met).AddSingleton<TellLostClaims>().AddHostedService(found => found.GetRequiredService<TellLostClaims>());
        services.AddSingleton<Acts>().AddSingleton<Invitations>().AddSingleton<PersonMails>().AddSingleton<ItemSecrets>();
        services.AddSingleton(_ => new HashQueue()).AddSingleton<PasswordHasher>().AddSingleton<PasswordPolicy>();
        services.AddSingleton(found => new PasswordLists(breached, found.GetRequiredService<ILogger<PasswordLists>>()));
    }

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

        var members = routes.MapGroup("/user_management/organization_memberships").WithTags("Organization memberships").WithMetadata(ApiKeyRequired.Yes);
        members.MapGet("", ReadMemberships.List).Produces<ListBody<MembershipBody>>();
        members.MapPost("", CreateMembership.HandleAsync).Accepts<MembershipInput>(JsonBody.AnyType).Produces<MembershipBody>(201).WithMetadata(Writes.ToPrimary);
        members.MapGet("/{id}", ReadMemberships.Get).Produces<MembershipBody>();
        members.MapPut("/{id}", ChangeMembership.UpdateAsync).Accepts<MembershipInput>(JsonBody.AnyType).Produces<MembershipBody>().WithMetadata(Writes.ToPrimary);
        members.MapDelete("/{id}", ChangeMembership.DeleteAsync).Produces(200).WithMetadata(Writes.Deny);
        members.MapPut("/{id}/deactivate", ChangeMembership.DeactivateAsync).Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<MembershipBody>().WithMetadata(Writes.Deny);
        members.MapPut("/{id}/reactivate", ChangeMembership.ReactivateAsync).Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<MembershipBody>().WithMetadata(Writes.ToPrimary);
        members.MapGet("/{omId}/groups", ReadMemberships.ListGroups).Produces<ListBody<ReadMemberships.GroupBody>>();

        var invitations = routes.MapGroup("/user_management/invitations").WithTags("Invitations").WithMetadata(ApiKeyRequired.Yes);
        invitations.MapGet("", ReadInvitations.List).Produces<ListBody<InvitationBody>>();
        invitations.MapPost("", SendInvitation.HandleAsync).Accepts<SendInvitation.Input>(JsonBody.AnyType).Produces<InvitationBody>(201).WithMetadata(Writes.ToPrimary);
        invitations.MapGet("/by_token/{token}", ReadInvitations.GetByToken).Produces<InvitationBody>();
        invitations.MapGet("/{id}", ReadInvitations.Get).Produces<InvitationBody>();
        invitations.MapPost("/{id}/accept", AnswerInvitation.AcceptAsync).Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<InvitationBody>().WithMetadata(Writes.Fact);
        invitations.MapPost("/{id}/revoke", AnswerInvitation.RevokeAsync).Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<InvitationBody>().WithMetadata(Writes.Deny);
        invitations.MapPost("/{id}/resend", AnswerInvitation.ResendAsync).Accepts<AnswerInvitation.ResendInput>(JsonBody.AnyType).Produces<InvitationBody>().WithMetadata(Writes.ToPrimary);
    }
}
