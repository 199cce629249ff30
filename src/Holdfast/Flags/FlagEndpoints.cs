using Holdfast.Flags.Sources;
using Holdfast.Http;
using Holdfast.Orders;
using Holdfast.Resilience;
using Holdfast.Storage;

namespace Holdfast.Flags;

/// <summary>Feature flags: every service and route, one line each. Start reading here.</summary>
internal static class FlagEndpoints
{
    /// <param name="provider">The operator's own; null for none.</param>
    /// <param name="folder">This node's disk.</param>
    public static void AddFlags(this IServiceCollection services, FlagSetting? provider, string folder, string node, Dependencies dependencies)
    {
        services.AddSingleton(s =>
        {
            var flags = new ProviderFlags(
                provider, folder, node, dependencies, s.GetRequiredService<Entropy>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<ProviderFlags>>());
            s.GetRequiredService<OrdersInForce>().Changed += orders => flags.PollsOnly = orders.PollsFlags;
            return flags;
        });
        services.AddHostedService(s => s.GetRequiredService<ProviderFlags>());
        services.AddSingleton<FlagsOfSession>().AddSingleton<FlagChanges>().AddSingleton<CreateFlag>().AddSingleton<UpdateFlag>().AddSingleton<DeleteFlag>().AddSingleton<ChangeTarget>();
    }

    public static void MapFlags(this IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("").WithTags("Feature flags").WithMetadata(ApiKeyRequired.Yes);
        var flags = api.MapGroup("/feature-flags");
        flags.MapGet("", ReadFlags.List).Produces<ListBody<FlagBody>>();
        flags.MapPost("", (HttpContext http, CreateFlag create) => create.HandleAsync(http)).Accepts<FlagInput>(JsonBody.AnyType).Produces<FlagBody>(201).WithMetadata(Writes.ToPrimary);
        flags.MapGet("/{slug}", ReadFlags.Get).Produces<FlagBody>();
        flags.MapPut("/{slug}", (string slug, HttpContext http, UpdateFlag update) => update.HandleAsync(slug, http)).Accepts<FlagInput>(JsonBody.AnyType).Produces<FlagBody>().WithMetadata(Writes.ToPrimary);
        flags.MapDelete("/{slug}", (string slug, HttpContext http, DeleteFlag delete) => delete.HandleAsync(slug, http)).Produces(204).WithMetadata(Writes.Deny);
        flags.MapPut("/{slug}/enable", (string slug, HttpContext http, UpdateFlag update) => update.EnableAsync(slug, http))
            .Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<FlagBody>().WithMetadata(Writes.ToPrimary);
        flags.MapPut("/{slug}/disable", (string slug, HttpContext http, UpdateFlag update) => update.DisableAsync(slug, http))
            .Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces<FlagBody>().WithMetadata(Writes.ToPrimary);
        flags.MapPost("/{slug}/targets/{resourceId}", (string slug, string resourceId, HttpContext http, ChangeTarget target) => target.AddAsync(slug, resourceId, http))
            .Accepts<EmptyInput>(isOptional: true, JsonBody.AnyType).Produces(204).WithMetadata(Writes.ToPrimary);
        flags.MapPut("/{slug}/targets/{resourceId}", (string slug, string resourceId, HttpContext http, ChangeTarget target) => target.SetAsync(slug, resourceId, http))
            .Accepts<ChangeTarget.Input>(JsonBody.AnyType).Produces(204).WithMetadata(Writes.ToPrimary);
        flags.MapDelete("/{slug}/targets/{resourceId}", (string slug, string resourceId, HttpContext http, ChangeTarget target) => target.RemoveAsync(slug, resourceId, http))
            .Produces(204).WithMetadata(Writes.ToPrimary);
        api.MapGet("/organizations/{organizationId}/feature-flags", ReadFlags.ListForOrganization).Produces<ListBody<FlagBody>>();
        api.MapGet("/user_management/users/{userId}/feature-flags", ReadFlags.ListForUser).Produces<ListBody<FlagBody>>();
        api.MapGet("/sdk/feature-flags", ReadFlags.Poll).Produces<IReadOnlyDictionary<string, FlagPollBody>>();
    }
}
