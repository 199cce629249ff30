using Holdfast.Http;

namespace Holdfast.Organizations;

/// <summary>Organizations: every route, one line each. Start reading here.</summary>
internal static class OrganizationEndpoints
{
    public static void MapOrganizations(this IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/organizations").WithTags("Organizations").WithMetadata(ApiKeyRequired.Yes);
        api.MapGet("", ReadOrganizations.List).Produces<ListBody<OrganizationBody>>();
        api.MapPost("", CreateOrganization.HandleAsync).Accepts<OrganizationInput>(JsonBody.AnyType).Produces<OrganizationBody>(201).WithMetadata(Writes.ToPrimary);
        api.MapGet("/external_id/{externalId}", ReadOrganizations.GetByExternalId).Produces<OrganizationBody>();
        api.MapGet("/{id}", ReadOrganizations.Get).Produces<OrganizationBody>();
        api.MapPut("/{id}", UpdateOrganization.HandleAsync).Accepts<OrganizationInput>(JsonBody.AnyType).Produces<OrganizationBody>().WithMetadata(Writes.ToPrimary);
        api.MapDelete("/{id}", DeleteOrganization.HandleAsync).Produces(202).WithMetadata(Writes.Deny);
        api.MapGet("/{id}/audit_log_configuration", ReadOrganizations.GetAuditLogConfiguration).Produces<ReadOrganizations.AuditLogConfigurationBody>();
    }
}
