using Holdfast.Http;
using Holdfast.Keys;

namespace Holdfast.Organizations;

/// <summary>Organizations and their domains: every service and route, one line each. Start reading here.</summary>
internal static class OrganizationEndpoints
{
    public static void AddOrganizations(this IServiceCollection services)
    {
        services.AddSingleton<DomainLookup>().AddSingleton<DomainChecks>().AddSingleton<CustomDomains>().AddHostedService(s => s.GetRequiredService<DomainChecks>());
    }

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

        var own = routes.MapGroup("/custom_domains").WithTags("Custom domains").WithMetadata(ApiKeyRequired.Yes);
        own.MapGet("", (HttpContext http, CustomDomains custom) => custom.List(http)).Produces<ListBody<CustomDomains.Body>>();
        own.MapPost("", (HttpContext http, CustomDomains custom) => custom.CreateAsync(http))
            .Accepts<CustomDomains.Input>(JsonBody.AnyType).Produces<CustomDomains.Body>(201).WithMetadata(Writes.ToPrimary);
        own.MapPost("/{id}/verify", (string id, HttpContext http, CustomDomains custom) => custom.VerifyAsync(id, http))
            .Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<CustomDomains.Body>(201).WithMetadata(Writes.ToPrimary);
        own.MapDelete("/{id}", (string id, HttpContext http, CustomDomains custom) => custom.DeleteAsync(id, http)).Produces(204).WithMetadata(Writes.Deny);
        routes.MapGet(EdgeKey.DomainsPath, (HttpContext http, CustomDomains custom) => custom.TellEdgeAsync(http)).ExcludeFromDescription();

        var domains = routes.MapGroup("/organization_domains").WithTags("Organization domains").WithMetadata(ApiKeyRequired.Yes);
        domains.MapPost("", CreateDomain.HandleAsync).Accepts<CreateDomain.Input>(JsonBody.AnyType).Produces<OrganizationDomainBody>(201).WithMetadata(Writes.ToPrimary);
        domains.MapGet("/{id}", ReadOrganizations.GetDomain).Produces<OrganizationDomainBody>();
        domains.MapDelete("/{id}", DeleteDomain.HandleAsync).Produces(204).WithMetadata(Writes.Deny);
        domains.MapPost("/{id}/verify", VerifyDomain.HandleAsync).Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<OrganizationDomainBody>(201).WithMetadata(Writes.ToPrimary);
    }}
